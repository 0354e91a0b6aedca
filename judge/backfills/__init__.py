"""Backfills: judges asked, within a budget, about what is stored already."""
