"""Language-model engines: chat requests in, results out. See `types` for the contract."""
