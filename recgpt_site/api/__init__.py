"""The REST API: what all its parts share, and the answers that join the layers."""
