"""Population jobs: the pipeline for every shopper that a query chooses, over any number of workers."""
