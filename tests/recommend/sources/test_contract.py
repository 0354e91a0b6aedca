"""What every source of behaviours must do: the same for our table and for each layout of Parquet files."""

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from recommend import histories, sources
from recommend.extraction import Event
from recommend.imports.behaviors import load_table
from recommend.models import Behavior, Item, Shopper
from recommend.sources import BehaviorSource, TableSource
from tests.recommend.factories import ItemFactory, ShopperFactory
from tests.recommend.sources.warehouse import LAYOUTS, Rows, moment, row, table

pytestmark = pytest.mark.django_db

NOW = moment("2018-01-01")
Keep = Callable[[Rows], BehaviorSource]


@pytest.fixture(params=["table", *LAYOUTS])
def keep(request: pytest.FixtureRequest, tmp_path: Path, settings: Any) -> Keep:
    """Puts rows where the source has them, makes that the one in use, and gives it."""

    def kept(rows: Rows) -> BehaviorSource:
        if request.param == "table":
            load_table(table(rows), name="test", say=lambda line: None)
        else:
            LAYOUTS[request.param](tmp_path, rows)
            settings.BEHAVIORS_DIR = str(tmp_path)
        assert isinstance(sources.current(), TableSource) == (request.param == "table")
        return sources.current()

    return kept


@pytest.fixture(autouse=True)
def catalogue() -> None:
    for sku, category in (("tea", ["food", "tea"]), ("soap", ["home", "soap"])):
        ItemFactory.create(sku=sku, short_text=f"some {sku}", category=category)
    for name in ("ada", "bob", "Bo b/ä", "zoe"):
        ShopperFactory.create(external_id=name)


def read(source: BehaviorSource, name: str, before: str = "2018-01-01") -> list[Event]:
    return list(source.read(Shopper.objects.get(external_id=name), moment(before)))


ROWS = [
    row("bob", "purchase", "2017-04-01T08:00", "soap", quantity=4),
    row("ada", "purchase", "2017-05-02T10:00", "tea", quantity=2),
    row("ada", "search", "2017-03-01T09:30", query="green tea"),
    row("ada", "detail_view", "2017-03-01T09:31:07.250000", "tea", dwell_s=12.5),
    row("ada", "search", "2017-06-01T00:00", "soap", query="soap"),
    row("Bo b/ä", "click", "2016-12-31T23:59", "tea"),
]


def test_a_shopper_s_own_behaviours_come_oldest_first_with_all_that_is_known(keep: Keep) -> None:
    source = keep(ROWS)

    assert read(source, "ada") == [
        Event("search", "green tea", moment("2017-03-01T09:30"), 1, "", None),
        Event("detail_view", "", moment("2017-03-01T09:31:07.250000"), 1, "tea", 12.5),
        Event("purchase", "", moment("2017-05-02T10:00"), 2, "tea", None),
        Event("search", "soap", moment("2017-06-01"), 1, "soap", None),
    ]
    assert [event.sku for event in read(source, "Bo b/ä")] == ["tea"]


def test_only_what_happened_before_the_moment_is_given(keep: Keep) -> None:
    source = keep(ROWS)

    assert [event.kind for event in read(source, "ada", "2017-05-02T10:00")] == ["search", "detail_view"]
    assert read(source, "ada", "2017-03-01T09:30") == []


def test_whether_there_is_anything_is_answered_as_reading_would(keep: Keep) -> None:
    source = keep(ROWS)

    ada, zoe = (Shopper.objects.get(external_id=name) for name in ("ada", "zoe"))
    assert source.has_any(ada, moment("2017-03-01T09:30:01"))
    assert not source.has_any(ada, moment("2017-03-01T09:30"))
    assert not source.has_any(zoe, NOW)
    assert read(source, "zoe") == []


def test_equal_rows_are_events_of_their_own(keep: Keep) -> None:
    source = keep([row("ada", "purchase", "2017-05-02", "tea")] * 5)

    assert len(read(source, "ada")) == 5


def test_everybody_is_counted_once_the_parts_are_summed(keep: Keep) -> None:
    source = keep(ROWS * 2)

    found: dict[str, tuple[int, str]] = {}
    for totals in source.totals():
        n, last = found.get(totals.shopper, (0, ""))
        found[totals.shopper] = n + totals.n, max(last, totals.last_at.isoformat())

    assert found == {
        "ada": (8, "2017-06-01T00:00:00+00:00"),
        "bob": (2, "2017-04-01T08:00:00+00:00"),
        "Bo b/ä": (2, "2016-12-31T23:59:00+00:00"),
    }


def test_the_command_stores_what_was_counted_with_the_shoppers(keep: Keep, capsys: pytest.CaptureFixture[str]) -> None:
    keep(ROWS)
    Shopper.objects.update(n_behaviors=77, last_behavior_at=NOW)

    call_command("count_behaviors")

    found = {one.external_id: (one.n_behaviors, one.last_behavior_at) for one in Shopper.objects.all()}
    assert found["ada"] == (4, moment("2017-06-01"))
    assert found["zoe"] == (0, None)
    assert capsys.readouterr().out == "6 behaviours of 3 shoppers.\n"


def test_many_shoppers_of_many_rows_are_told_apart(keep: Keep) -> None:
    rng = random.Random(1)
    names = [f"shopper-{number}" for number in range(30)]
    for name in names:
        ShopperFactory.create(external_id=name)
    rows = [
        {
            "shopper": rng.choice(names),
            "kind": rng.choice(["purchase", "cart", "click"]),
            "sku": rng.choice(["tea", "soap"]),
            "occurred_at": moment("2017-01-01") + timedelta(hours=rng.randrange(2000)),
            "quantity": rng.randrange(1, 4),
        }
        for _ in range(400)
    ]

    source = keep(rows)

    for name in names:
        found = read(source, name)
        assert [event.at for event in found] == sorted(event.at for event in found)
        assert sorted((event.at, event.kind, event.sku, event.quantity) for event in found) == sorted(
            (one["occurred_at"], one["kind"], one["sku"], one["quantity"]) for one in rows if one["shopper"] == name
        )


def test_a_history_is_the_same_from_wherever_it_is_read(keep: Keep) -> None:
    keep(ROWS)

    history = histories.load(Shopper.objects.get(external_id="ada"), NOW)

    tea, soap = (Item.objects.get(sku=sku).pk for sku in ("tea", "soap"))
    assert [event.text for event in history.events] == ["green tea", "some tea", "some tea", "some soap"]
    assert history.moments == [[tea], [tea], [soap]]
    assert history.category == "food > tea"
    assert history.n_unknown == 0
    assert Behavior.objects.exists() == isinstance(sources.current(), TableSource)
