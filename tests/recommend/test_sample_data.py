"""The grocery sample, read from the real package. Figures were counted once from its files."""

from datetime import UTC, datetime

import pytest

from recommend import sample_data
from recommend.sample_names import NOT_ITEMS, category_name, spell_out, type_name


@pytest.fixture(scope="module")
def catalogue():
    return list(sample_data.items())


def test_all_shoppers_with_demographics_are_there():
    shoppers = list(sample_data.shoppers())

    assert len(shoppers) == 801
    assert shoppers[0]["external_id"] == "household-1"
    assert shoppers[0]["attributes"]["age"] == "65+"
    assert all(None not in row["attributes"].values() for row in shoppers)


def test_items_read_like_a_shop(catalogue):
    titles = {row["title"] for row in catalogue}

    assert "Shredded cheese, 8 oz, private label" in titles
    assert len(catalogue) == 91_463
    assert len({row["sku"] for row in catalogue}) == len(catalogue)


def test_no_item_is_a_coupon_a_deposit_or_fuel(catalogue):
    names = {row["short_text"] for row in catalogue}

    assert not {"coupon", "fuel", "bottle deposits"} & names
    assert all(name == name.strip() and "/" not in name and not name.isupper() for name in names)


def test_categories_are_paths_of_three(catalogue):
    assert all(len(row["category"]) == 3 and all(row["category"]) for row in catalogue)
    assert all(row["category"][1] == row["short_text"] for row in catalogue)


def test_prices_are_positive_where_they_are_known(catalogue):
    prices = [row["price"] for row in catalogue if row["price"] is not None]

    assert len(prices) > 60_000
    assert all(price > 0 for price in prices)


def test_items_can_be_limited_to_what_some_shoppers_bought():
    mine = list(sample_data.items(bought_by=["household-1"]))
    skus = {row["sku"] for row in mine}

    assert {row["sku"] for row in sample_data.behaviors(["household-1"])} == skus
    assert len(skus) < 2_000


def test_purchases_are_rows_that_name_shopper_and_item():
    first = next(sample_data.behaviors(["household-1"]))

    assert first["shopper"] == "household-1"
    assert first["kind"] == "purchase"
    assert first["quantity"] >= 1
    assert datetime(2017, 1, 1, tzinfo=UTC) <= first["occurred_at"] <= datetime(2018, 1, 2, tzinfo=UTC)


def test_batches_and_rows_tell_the_same():
    shoppers = ["household-1", "household-7"]

    n_rows = sum(1 for _ in sample_data.behaviors(shoppers))

    assert n_rows == sum(len(batch) for batch in sample_data.behavior_batches(shoppers))
    assert n_rows > 500


def test_purchases_are_oldest_first_and_plausible():
    table = sample_data.purchases(["household-1"])
    times, quantities = table["occurred_at"].to_pylist(), table["quantity"].to_pylist()

    assert times == sorted(times)
    assert 1 <= min(quantities) <= max(quantities) <= sample_data.MAX_QUANTITY


def test_every_purchase_has_an_item(catalogue):
    skus = {row["sku"] for row in catalogue}

    assert {row["sku"] for row in sample_data.behaviors(["household-1"])} <= skus


@pytest.mark.parametrize("label", sorted(NOT_ITEMS))
def test_what_nobody_chooses_has_no_name(label):
    assert category_name("GROCERY", label) is None


def test_a_label_without_a_name_of_ours_is_spelled_out():
    assert category_name("GROCERY", "FRZN PANCAKES") == "frozen pancakes"


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("FRZN BAGGED VEGETABLES - PLAIN", "frozen bagged vegetables plain"),
        ("CHICKEN DRUMS (FRESH", "chicken drums"),
        ("BREAD:ITALIAN", "italian bread"),
        ("SW GDS:DONUTS", "donuts"),
        ("CUPS/PUSH UPS & OTHER", "cups and push ups and other"),
    ],
)
def test_labels_are_spelled_out(label, words):
    assert spell_out(label) == words


@pytest.mark.parametrize(
    ("kind", "category", "name"),
    [
        ("PREMIUM", "ice cream", "premium ice cream"),
        ("POTATOES RUSSET (BULK&BAG)", "potatoes", "russet potatoes"),
        (None, "soup", "soup"),
        ("--", "soup", "soup"),
        ("SHREDDED CHEESE", "cheese", "shredded cheese"),
    ],
)
def test_types_are_named(kind, category, name):
    assert type_name(kind, category) == name


def test_a_missing_package_is_said_with_its_remedy(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(sample_data.SampleDataMissingError, match=r"recgpt-studio\[demo\]"):
        sample_data.data_dir()
