"""Assessments out of the studio and labels into it: which rows, which columns, which formats; `docs/exchange.md`."""
