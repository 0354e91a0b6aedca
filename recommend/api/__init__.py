"""The REST API of the pipeline, and the pieces that the layers above build theirs from."""
