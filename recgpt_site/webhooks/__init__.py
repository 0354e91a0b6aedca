"""Webhooks: events stored with what they tell of, signed, and delivered by a worker until they have arrived."""
