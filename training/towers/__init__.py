"""The three towers of the V1 report: user, item and tag, trained together. Needs the training environment."""
