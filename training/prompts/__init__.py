"""Prompts of the curriculum, each a folder of versions; `recommend.prompts` has the rules."""
