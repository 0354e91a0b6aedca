"""Shoppers: one row per person or household, known by the external id."""

from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

from recommend.imports import values as v
from recommend.imports.upserts import Target


def parse(values: Mapping[str, Any]) -> tuple[Any, ...]:
    """A row's values as the columns of TARGET. Raises RowError."""
    return v.text(values, "external_id", limit=200, required=True), Jsonb(v.attributes(values))


TARGET = Target(
    table="recommend_shopper",
    key="external_id",
    columns={"external_id": "text", "attributes": "jsonb"},
    parse=parse,
    names=frozenset({"external_id", "attributes"}),
    required=("external_id",),
)
