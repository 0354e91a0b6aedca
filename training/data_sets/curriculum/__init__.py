"""Curriculum: small tasks of the trade before the large ones, easy before hard (V1 report, multi-task fine-tuning)."""
