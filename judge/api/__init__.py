"""Campaigns, the review queue and assessments by REST."""
