"""How rows are named."""

from __future__ import annotations

import uuid

from uuid_utils.compat import uuid7


def new_id() -> uuid.UUID:
    """A UUIDv7: unique, and sorted by creation time."""
    return uuid7()
