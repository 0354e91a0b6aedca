"""Training by REST."""
