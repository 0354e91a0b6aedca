"""Where shoppers' behaviours are read from: our table, or a folder of Parquet files that a warehouse exports."""

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from recommend.sources.base import BehaviorSource, SourceError, Totals
from recommend.sources.parquet import ParquetSource
from recommend.sources.table import TableSource

__all__ = ["BehaviorSource", "ParquetSource", "SourceError", "TableSource", "Totals", "current"]


def current() -> BehaviorSource:
    """The source that the settings name (BEHAVIORS_DIR)."""
    return _folder(settings.BEHAVIORS_DIR) if settings.BEHAVIORS_DIR else TableSource()


@lru_cache(maxsize=1)
def _folder(path: str) -> ParquetSource:
    # Kept, as it knows which file holds whom.
    return ParquetSource(Path(path))
