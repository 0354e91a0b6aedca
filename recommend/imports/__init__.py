"""Catalogue, shoppers and behaviours from files: read, checked, and stored in one transaction.

`items.load`, `shoppers.load` and `behaviors.load` are what commands call; `docs/data.md` describes the formats.
"""
