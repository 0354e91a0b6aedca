"""Retrieval: a collaborative and a semantic arm, fused. `fit` prepares it, `recommend` serves it."""

from recommend.retrieval.fitting import fit
from recommend.retrieval.serving import recommend

__all__ = ["fit", "recommend"]
