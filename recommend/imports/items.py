"""The catalogue: one row per item, known by its sku."""

from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

from recommend.imports import values as v
from recommend.imports.upserts import Target


def parse(values: Mapping[str, Any]) -> tuple[Any, ...]:
    """A row's values as the columns of TARGET. Raises RowError."""
    sku = v.text(values, "sku", limit=100, required=True)
    title = v.text(values, "title", required=True)
    category = v.category(values)
    # How a history names the item: its narrowest category unless the file says better.
    short_text = v.text(values, "short_text", limit=200) or (category[-1] if category else title[:200])
    brand, price, attributes = v.text(values, "brand", limit=200), v.price(values), v.attributes(values)
    return sku, title, category, brand, price, v.image_url(values), Jsonb(attributes), short_text


TARGET = Target(
    table="recommend_item",
    key="sku",
    columns={
        "sku": "text",
        "title": "text",
        "category": "text[]",
        "brand": "text",
        "price": "numeric",
        "image_url": "text",
        "attributes": "jsonb",
        "short_text": "text",
    },
    parse=parse,
    names=frozenset({"sku", "title", "category", "brand", "price", "image_url", "attributes", "short_text"}),
    required=("sku", "title"),
    # An item that now means another text must not keep the vector of the old one.
    also_set=(
        "text_embedding_id = CASE WHEN (stored.title, stored.category) IS NOT DISTINCT FROM "
        "(excluded.title, excluded.category) THEN stored.text_embedding_id END"
    ),
)
