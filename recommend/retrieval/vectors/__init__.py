"""Nearest vectors: one contract, an exact index and an approximate one, versions behind an alias.

Nothing outside this package knows how vectors are stored, or asks the database for distances.
"""

from recommend.retrieval.vectors.contract import Hit, VectorIndex
from recommend.retrieval.vectors.versions import open_version, serving

__all__ = ["Hit", "VectorIndex", "open_version", "serving"]
