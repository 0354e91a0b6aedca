"""PostgreSQL, Valkey and a language model from pip-installed binaries, for whoever has none of their own."""
