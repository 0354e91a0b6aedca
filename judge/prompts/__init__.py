"""Prompt files of the judge; `recommend.prompts.load_from` reads them."""
