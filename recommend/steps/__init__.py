"""The steps of a run, a module each: `do` does what it can by itself, and returns what it asks of a language model."""
