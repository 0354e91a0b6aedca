"""import_items and import_shoppers: what is stored, updated, refused."""

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management.base import CommandError

from recommend.models import EMBEDDING_DIMENSIONS, Item, Shopper, TextEmbedding
from tests.recommend.imports.conftest import Load, Write

pytestmark = pytest.mark.django_db

TEA = {
    "sku": "tea-1",
    "title": "Green tea, 20 bags",
    "category": ["Drinks", "Tea", "Green tea"],
    "brand": "Leaf",
    "price": 2.994,
    "attributes": {"size": "20 bags", "organic": True, "weight": 40},
}


def test_every_column_of_every_format_arrives(write: Write, load: Load, tmp_path: Path) -> None:
    csv = (
        "sku,title,category,brand,price,attributes\n"
        'tea-1,"Green tea, 20 bags",Drinks > Tea > Green tea,Leaf,2.994,'
        '"{""size"": ""20 bags"", ""organic"": true, ""weight"": 40}"\n'
    )
    parquet = tmp_path / "i.parquet"
    pq.write_table(pa.Table.from_pylist([TEA]), parquet)
    jsonl = write("i.jsonl", [TEA])

    for path in (jsonl, write("i.csv", csv), parquet, write("j.jsonl.gz", gzip.compress(jsonl.read_bytes()))):
        Item.objects.all().delete()
        load("import_items", path)

        item = Item.objects.get()
        assert (item.sku, item.title, item.category) == ("tea-1", TEA["title"], TEA["category"]), path.name
        assert (item.brand, item.price, item.attributes) == ("Leaf", Decimal("2.99"), TEA["attributes"])
        assert item.short_text == "Green tea"
        assert item.id.version == 7


def test_a_picture_is_named_by_an_https_address(write: Write, load: Load) -> None:
    load("import_items", write("i.jsonl", [TEA | {"image_url": "https://images.example.com/tea.jpg?w=56"}]))

    assert Item.objects.get().image_url == "https://images.example.com/tea.jpg?w=56"


@pytest.mark.parametrize(
    "address", ["http://a.example/x.jpg", "javascript:alert(1)", "https://", 'https://a/"x', "tea.jpg"]
)
def test_what_is_no_address_of_a_picture_is_refused_with_its_line(address: str, write: Write, load: Load) -> None:
    with pytest.raises(CommandError, match=r'line 1.*"image_url" must be an address like https'):
        load("import_items", write("i.jsonl", [TEA | {"image_url": address}]))


def test_a_picture_is_shown_from_the_hosts_that_are_allowed_only(settings) -> None:
    settings.ITEM_IMAGE_HOSTS = ["images.example.com", "cdn.example.com:8443"]

    def shown(address: str) -> bool:
        return bool(Item(image_url=address).picture)

    assert shown("https://images.example.com/tea.jpg")
    assert shown("https://cdn.example.com:8443/tea.jpg")
    assert not shown("http://images.example.com/tea.jpg")
    assert not shown("https://images.example.com.evil.example/tea.jpg")
    assert not shown("https://images.example.com@evil.example/tea.jpg")
    assert not shown("")


def test_a_known_sku_is_updated_and_the_same_file_changes_nothing(write: Write, load: Load) -> None:
    first = write("i.jsonl", [TEA, {"sku": "b", "title": "Bread"}])

    assert "2 added" in load("import_items", first)
    before = Item.objects.get(sku="tea-1")
    assert "0 added, 2 already there" in load("import_items", first)
    said = load("import_items", write("j.jsonl", [TEA | {"price": 3}, {"sku": "c", "title": "Cheese"}]))

    assert "1 added, 1 updated" in said
    after = Item.objects.get(sku="tea-1")
    assert (after.pk, after.price) == (before.pk, Decimal("3.00"))


def test_of_a_sku_that_a_file_repeats_the_last_row_wins(write: Write, load: Load) -> None:
    said = load("import_items", write("i.jsonl", [TEA, TEA | {"title": "Black tea"}]))

    assert "1 added, 1 replaced by a later row of the file" in said
    assert Item.objects.get().title == "Black tea"


def test_an_item_that_means_another_text_loses_the_vector_of_the_old_one(write: Write, load: Load) -> None:
    load("import_items", write("i.jsonl", [TEA]))
    vector = TextEmbedding.objects.create(text="x", model="m", embedding=[0.1] * EMBEDDING_DIMENSIONS)
    Item.objects.update(text_embedding=vector)

    load("import_items", write("j.jsonl", [TEA | {"price": 9}]))
    assert Item.objects.get().text_embedding == vector
    load("import_items", write("k.jsonl", [TEA | {"category": ["Drinks", "Coffee"]}]))
    assert Item.objects.get().text_embedding is None


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"title": "No sku"}, '"sku" is missing'),
        ({"sku": "a"}, '"title" is missing'),
        ({"sku": "a", "title": "Ev\0il"}, r'"title" holds the control character U\+0000; remove it'),
        ({"sku": "a", "title": "Ev\x1b[2Jil"}, r"U\+001B"),
        ({"sku": "a", "title": "t" * 1001}, "1,001 characters; at most 1,000"),
        ({"sku": "a" * 101, "title": "t"}, "at most 100"),
        ({"sku": ["a"], "title": "t"}, '"sku" must be text'),
        ({"sku": True, "title": "t"}, '"sku" must be text'),
        ({"sku": "a", "title": "t", "price": "2,99 €"}, "must be a number like 2.99"),
        ({"sku": "a", "title": "t", "price": -1}, "between 0 and"),
        ({"sku": "a", "title": "t", "price": 1e12}, "between 0 and"),
        ({"sku": "a", "title": "t", "price": True}, "must be a number"),
        ({"sku": "a", "title": "t", "category": [1]}, "must be a list of texts"),
        ({"sku": "a", "title": "t", "category": ["x" * 201]}, "at most 200"),
        ({"sku": "a", "title": "t", "attributes": [1]}, "must be an object"),
        ({"sku": "a", "title": "t", "attributes": "{"}, "is broken JSON"),
        ({"sku": "a", "title": "t", "attributes": {"x": {"y": 1}}}, 'attribute "x" must be text'),
        ({"sku": "a", "title": "t", "attributes": {"x": "a\0b"}}, r"U\+0000"),
        ({"sku": "a", "title": "t", "attributes": {"a\0b": "x"}}, r"U\+0000"),
    ],
)
def test_a_bad_item_stops_the_import(bad: dict[str, Any], reason: str, write: Write, load: Load) -> None:
    with pytest.raises(CommandError, match=f"i.jsonl, line 2: .*{reason}"):
        load("import_items", write("i.jsonl", [TEA, bad]))
    assert not Item.objects.exists()


def test_skip_bad_keeps_the_good_items(write: Write, load: Load, tmp_path: Path) -> None:
    said = load("import_items", write("i.jsonl", [TEA, {"sku": "a"}, {"sku": "b", "title": "Bread"}]), skip_bad=True)

    assert "2 added, 1 bad" in said
    bad = json.loads((tmp_path / "i.jsonl.bad.jsonl").read_text())
    assert bad == {"line": 2, "reason": '"title" is missing', "value": "", "row": '{"sku": "a"}'}


def test_markup_and_templates_in_titles_are_stored_as_they_are(write: Write, load: Load) -> None:
    title = "<script>alert(1)</script> {{ x }} ' ; DROP TABLE recommend_item; --\\N \\."

    load("import_items", write("i.jsonl", [TEA | {"title": title}]))

    assert Item.objects.get().title == title


def test_shoppers_are_added_and_updated(write: Write, load: Load) -> None:
    load("import_shoppers", write("s.jsonl", [{"external_id": 7, "attributes": {"age": "35-44", "kids": None}}]))
    said = load("import_shoppers", write("s.csv", 'external_id,attributes\n7,"{""age"": ""45-54""}"\n8,\n'))

    assert "1 added, 1 updated" in said
    found = dict(Shopper.objects.values_list("external_id", "attributes"))
    assert found == {"7": {"age": "45-54"}, "8": {}}


def test_a_bad_shopper_stops_the_import(write: Write, load: Load) -> None:
    with pytest.raises(CommandError, match=r's.csv, line 3: "external_id" is missing'):
        load("import_shoppers", write("s.csv", "external_id,attributes\n7,\n,{}\n"))
    assert not Shopper.objects.exists()
