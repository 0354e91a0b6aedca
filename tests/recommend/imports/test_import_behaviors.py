"""import_behaviors: what is stored, what is refused and why, and that nothing is stored in between."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone

from recommend.models import Behavior, Shopper
from tests.recommend.factories import ItemFactory, ShopperFactory
from tests.recommend.imports.conftest import Load, Write

pytestmark = pytest.mark.django_db

HEADER = "shopper,kind,sku,occurred_at,quantity\n"


@pytest.fixture(autouse=True)
def catalogue() -> None:
    for sku in ("milk", "bread", "tea"):
        ItemFactory(sku=sku)
    for shopper in ("ada", "bob"):
        ShopperFactory(external_id=shopper)


def row(**values: Any) -> dict[str, Any]:
    given = {"shopper": "ada", "kind": "purchase", "sku": "milk", "occurred_at": "2017-03-31T18:30:00Z"} | values
    return {name: value for name, value in given.items() if value is not None}


def stored() -> list[tuple[Any, ...]]:
    fields = ("shopper__external_id", "kind", "item__sku", "query", "occurred_at", "quantity", "dwell_s")
    return list(Behavior.objects.order_by("occurred_at", "item__sku", "id").values_list(*fields))


AT = datetime(2017, 3, 31, 18, 30, tzinfo=UTC)


def test_every_column_of_every_format_arrives(write: Write, load: Load, tmp_path: Path) -> None:
    rows = [
        row(),
        row(shopper="bob", kind="search", sku=None, query="green tea, loose", occurred_at="2017-04-01T08:00:00+02:00"),
        row(kind="detail_view", sku="tea", occurred_at="2017-04-02", quantity=3, dwell_s=12.5),
    ]
    csv = (
        "dwell_s,shopper,kind,sku,query,occurred_at,quantity\n"
        ",ada,purchase,milk,,2017-03-31T18:30:00Z,\n"
        ',bob,search,,"green tea, loose",2017-04-01T08:00:00+02:00,1\n'
        "12.5,ada,detail_view,tea,,2017-04-02,3\n"
    )
    columns = {
        name: [one.get(name) for one in rows] for name in ("shopper", "kind", "sku", "query", "quantity", "dwell_s")
    }
    times = [AT, datetime(2017, 4, 1, 6, tzinfo=UTC), datetime(2017, 4, 2, tzinfo=UTC)]
    parquet = tmp_path / "b.parquet"
    pq.write_table(pa.table({**columns, "occurred_at": times}), parquet)
    jsonl = write("b.jsonl", rows)
    zipped = write("c.jsonl.gz", gzip.compress(jsonl.read_bytes()))
    expected = [
        ("ada", "purchase", "milk", "", times[0], 1, None),
        ("bob", "search", None, "green tea, loose", times[1], 1, None),
        ("ada", "detail_view", "tea", "", times[2], 3, 12.5),
    ]

    for path in (jsonl, write("b.csv", csv), parquet, zipped, write("d.csv.gz", gzip.compress(csv.encode()))):
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE recommend_behavior")
        said = load("import_behaviors", path)

        assert stored() == expected, path.name
        assert "3 added" in said


def test_importing_again_in_any_format_adds_nothing(write: Write, load: Load) -> None:
    jsonl = write("b.jsonl", [row(), row(sku="bread", quantity=2), row(kind="search", sku=None, query="tea")])
    csv = write(
        "b.csv",
        "shopper,kind,sku,query,occurred_at,quantity\nada,purchase,bread,,2017-03-31 18:30:00Z,2\n"
        "ada,search,,tea,2017-03-31T18:30,1\nada,purchase,milk,,2017-03-31T20:30:00+02:00,\n",
    )
    load("import_behaviors", jsonl)

    assert "0 added, 3 already there" in load("import_behaviors", jsonl)
    assert "0 added, 3 already there" in load("import_behaviors", csv)
    assert Behavior.objects.count() == 3


def test_equal_rows_of_one_file_are_separate_events(write: Write, load: Load) -> None:
    twice, thrice = write("b.jsonl", [row()] * 2), write("c.jsonl", [row()] * 3)

    assert "2 added" in load("import_behaviors", twice)
    assert "0 added, 2 already there" in load("import_behaviors", twice)
    assert "1 added, 2 already there" in load("import_behaviors", thrice)


def test_rows_that_differ_in_one_column_are_not_taken_for_each_other(write: Write, load: Load) -> None:
    rows = [
        row(),
        row(shopper="bob"),
        row(sku="bread"),
        row(kind="cart"),
        row(quantity=2),
        row(occurred_at="2017-03-31T18:30:01Z"),
        row(kind="search", sku=None, query="milk"),
        row(kind="search", sku=None, query="tea"),
    ]

    assert f"{len(rows)} added" in load("import_behaviors", write("b.jsonl", rows))


def test_counters_of_the_shoppers_follow(write: Write, load: Load) -> None:
    load("import_behaviors", write("b.jsonl", [row(), row(occurred_at="2017-05-01")]))
    load("import_behaviors", write("c.jsonl", [row(occurred_at="2017-04-01"), row(shopper="bob")]))

    ada = Shopper.objects.get(external_id="ada")
    assert (ada.n_behaviors, ada.last_behavior_at) == (3, datetime(2017, 5, 1, tzinfo=UTC))
    assert Shopper.objects.get(external_id="bob").n_behaviors == 1


REFUSED = [
    (row(shopper=None), '"shopper" is missing', ""),
    (row(shopper="eve"), "shopper is unknown; load it with import_shoppers", "eve"),
    (row(sku="soap"), "sku is unknown; load its item with import_items", "soap"),
    (row(sku="so\0ap"), "sku is unknown", "so"),
    (row(sku=None), '"sku" is missing; only a search', ""),
    (row(kind=None), '"kind" is missing', ""),
    (row(kind="bought"), "must be one of click, detail_view, review_read, favourite, cart, purchase", "bought"),
    (row(occurred_at=None), '"occurred_at" is missing', ""),
    (row(occurred_at="31.3.2017"), "must be an ISO 8601 date", "31.3.2017"),
    (row(occurred_at="2017-02-30"), "must be an ISO 8601 date", "2017-02-30"),
    (row(occurred_at=1490985000), "must be an ISO 8601 date", "1490985000"),
    (row(occurred_at="1066-10-14"), "before the year 1900", "1066-10-14"),
    (row(quantity=-1), "whole number of at least 1", "-1"),
    (row(quantity=0), "whole number of at least 1", "0"),
    (row(quantity=1.5), "whole number of at least 1", "1.5"),
    (row(quantity="two"), "whole number of at least 1", "two"),
    (row(quantity=2**31), "whole number of at least 1", "2147483648"),
    (row(dwell_s=-0.5), "seconds, 0 or more", "-0.5"),
    (row(kind="search", sku=None), '"query" is missing', ""),
    (row(kind="search", sku=None, query="t\0ea"), "control character", "t"),
    (row(kind="search", sku=None, query="t" * 1001), "longer than 1,000 characters", "ttt"),
    (row(shopper={"id": 1}), "shopper is unknown", "id"),
]


@pytest.mark.parametrize(("bad", "reason", "value"), REFUSED)
def test_a_bad_row_stops_the_import_with_line_value_and_reason(
    bad: dict[str, Any], reason: str, value: str, write: Write, load: Load
) -> None:
    path = write("b.jsonl", [row(), row(sku="bread"), bad, row(sku="tea")])

    with pytest.raises(CommandError) as error:
        load("import_behaviors", path)

    message = str(error.value)
    assert "b.jsonl, line 3: " in message
    assert reason in message
    assert value in message
    assert "Nothing was stored" in message
    assert "--skip-bad" in message
    assert not Behavior.objects.exists()
    assert Shopper.objects.get(external_id="ada").n_behaviors == 0


def test_the_same_rows_are_refused_in_csv_and_parquet(write: Write, load: Load, tmp_path: Path) -> None:
    csv = write("b.csv", HEADER + "ada,purchase,milk,2017-01-01,1\nada,purchase,soap,2017-01-01,1\n")
    parquet = tmp_path / "b.parquet"
    pq.write_table(pa.Table.from_pylist([row(quantity=1), row(quantity=-4)]), parquet)

    with pytest.raises(CommandError, match=r"b.csv, line 3: the sku is unknown.*'soap'"):
        load("import_behaviors", csv)
    with pytest.raises(CommandError, match=r'b.parquet, row 2: "quantity" must be.*-4'):
        load("import_behaviors", parquet)


def test_the_first_bad_row_of_the_file_is_the_one_named(write: Write, load: Load) -> None:
    path = write("b.jsonl", [row(), row(sku="soap"), row(quantity=-1), row(shopper=None)])

    with pytest.raises(CommandError, match=r"line 2: .*soap"):
        load("import_behaviors", path)


def test_skip_bad_loads_the_good_rows_and_writes_the_bad_ones_down(write: Write, load: Load, tmp_path: Path) -> None:
    lines = [json.dumps(row()), "", '{"shopper": ', json.dumps(row(sku="soap")), "[1]", json.dumps(row(sku="tea"))]
    path = write("b.jsonl", "\n".join(lines))

    said = load("import_behaviors", path, skip_bad=True)

    assert "2 added, 3 bad" in said
    assert str(tmp_path / "b.jsonl.bad.jsonl") in said
    assert [one[2] for one in stored()] == ["milk", "tea"]
    bad = [json.loads(line) for line in (tmp_path / "b.jsonl.bad.jsonl").read_text().splitlines()]
    assert [(one["line"], one["row"]) for one in bad] == [(3, lines[2]), (4, lines[3]), (5, "[1]")]
    assert "broken JSON" in bad[0]["reason"]
    assert bad[1]["value"] == "soap"
    assert "not an object" in bad[2]["reason"]


def test_the_bad_file_can_be_chosen_and_is_not_made_without_need(write: Write, load: Load, tmp_path: Path) -> None:
    chosen = tmp_path / "why.jsonl"

    load("import_behaviors", write("b.jsonl", [row()]), skip_bad=True, bad_file=chosen)
    assert not chosen.exists()

    load("import_behaviors", write("c.jsonl", [row(), row(sku="soap")]), skip_bad=True, bad_file=chosen)
    assert len(chosen.read_text().splitlines()) == 1


def test_an_unwritable_bad_file_stops_the_import_in_words(write: Write, load: Load, tmp_path: Path) -> None:
    path = write("b.jsonl", [row(), row(sku="soap")])

    with pytest.raises(CommandError, match="Choose another place with --bad-file"):
        load("import_behaviors", path, skip_bad=True, bad_file=tmp_path / "missing" / "bad.jsonl")
    assert not Behavior.objects.exists()


def test_a_day_ahead_is_a_clock_and_two_days_are_a_mistake(write: Write, load: Load) -> None:
    now = timezone.now()
    soon, later = (now + timedelta(hours=20)).isoformat(), (now + timedelta(hours=28)).isoformat()

    assert "1 added" in load("import_behaviors", write("b.jsonl", [row(occurred_at=soon)]))
    with pytest.raises(CommandError, match="lies in the future"):
        load("import_behaviors", write("c.jsonl", [row(occurred_at=later)]))


def test_times_without_offset_are_utc_and_notations_may_be_mixed(write: Write, load: Load) -> None:
    rows = [
        row(occurred_at="2017-03-31 18:30"),
        row(sku="bread", occurred_at="2017-03-31T20:30:00+0200"),
        row(sku="tea", occurred_at="20170331T183000Z"),
    ]

    load("import_behaviors", write("b.jsonl", rows))

    assert {one[4] for one in stored()} == {AT}


def test_csv_lines_are_counted_through_quoted_line_ends_and_blank_lines(write: Write, load: Load) -> None:
    text = (
        "shopper,kind,sku,query,occurred_at\n"
        'ada,purchase,milk,"",2017-01-01\n'
        "\n"
        'ada,purchase,"milk",,2017-01-02\n'
        "ada,purchase,soap,,2017-01-03\n"
    )
    with pytest.raises(CommandError, match=r"line 5: .*soap"):
        load("import_behaviors", write("b.csv", text))

    lines = [
        "note,shopper,kind,sku,occurred_at",
        '"two',
        'lines",ada,purchase,milk,2017-01-01',
        "x,ada,purchase,soap,2017-01-01",
    ]
    text = "\r\n".join(lines)
    with pytest.raises(CommandError, match=r"line 4: .*soap"):
        load("import_behaviors", write("c.csv", text))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("b.csv", "shopper,kind,sku\nada,purchase,milk\n", r'no column "occurred_at". Its columns: shopper, kind, sku'),
        ("b.csv", "", "no rows"),
        ("b.csv", HEADER, "no rows"),
        ("b.jsonl", "", "no rows"),
        ("b.jsonl", "\n\n", "no rows"),
        ("b.csv", "shopper,shopper,kind,occurred_at\n", "two columns of the same name"),
        ("b.csv", HEADER + "ada,purchase,milk\n", "line 2: 3 values where the header names 5 columns"),
        (
            "b.csv",
            HEADER + 'ada,purchase,"milk,2017-01-01,1\n',
            "line 2: a quote is opened in this row and never closed",
        ),
        (
            "b.csv",
            HEADER + 'ada,purchase,5" plate,2017-01-01,1\nada,purchase,"milk",2017-01-01,1\n',
            "line 2: a quote in the",
        ),
        ("b.csv", HEADER.encode() + b"ada,purchase,m\xff,2017-01-01,1\n", "line 2: the row is not valid Unicode"),
        ("b.jsonl", b'{"shopper": "\xff"}\n', "line 1: the row is not valid Unicode"),
        ("b.jsonl", '{"shopper": "\\ud800"}\n', "line 1: the row is not valid Unicode"),
        ("b.jsonl", "[" * 100_000 + "\n", "line 1: broken JSON"),
        ("b.parquet", "PAR1, but not really", "cannot be read as Parquet"),
        ("b.jsonl.gz", "not zipped", "is damaged or cut off"),
        ("b.jsonl.gz", gzip.compress(b'{"a": 1}\n' * 50_000)[:-40], "is damaged or cut off"),
        ("b.xlsx", "x", "--format jsonl, csv or parquet"),
        ("b.parquet.gz", "x", "gunzip it first"),
    ],
)
def test_what_is_no_such_file_is_refused_in_words(
    name: str, content: str | bytes, message: str, write: Write, load: Load
) -> None:
    with pytest.raises(CommandError, match=message):
        load("import_behaviors", write(name, content))


def test_a_file_that_is_not_there_is_named(load: Load, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no file"):
        load("import_behaviors", tmp_path / "b.csv")


def test_the_format_can_be_told(write: Write, load: Load) -> None:
    assert "1 added" in load("import_behaviors", write("export", [row()]), format="jsonl")


def test_a_byte_order_mark_and_missing_last_line_end_do_no_harm(write: Write, load: Load) -> None:
    text = "\ufeff" + HEADER + "ada,purchase,milk,2017-01-01,1"

    assert "1 added" in load("import_behaviors", write("b.csv", text))


def test_numbers_serve_as_keys_and_unknown_columns_are_named(write: Write, load: Load, tmp_path: Path) -> None:
    ItemFactory(sku="25671")
    ShopperFactory(external_id="7")
    rows = [row(shopper=7, sku=25671, store="north"), row(sku="tea")]
    parquet = tmp_path / "b.parquet"
    # As pandas writes a column of numbers with gaps.
    columns = {"shopper": [7.0, 7.0], "sku": [25671.0, None], "kind": ["cart", "search"], "query": [None, "tea"]}
    pq.write_table(pa.table({**columns, "occurred_at": [AT, AT], "quantity": [2.0, float("nan")]}), parquet)

    assert "Columns that were ignored: store." in load("import_behaviors", write("b.jsonl", rows))
    load("import_behaviors", parquet)

    assert [(one[0], one[2], one[5]) for one in stored() if one[0] == "7"] == [
        ("7", "25671", 1),
        ("7", "25671", 2),
        ("7", None, 1),
    ]


def test_blocks_of_a_long_file_fit_together(
    write: Write, load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        row(occurred_at=f"2017-01-{day:02}T{hour:02}:00:00Z", quantity=1 + day)
        for day in range(1, 29)
        for hour in range(24)
    ]
    text = HEADER + "".join(f'"ada",purchase,"milk",{one["occurred_at"]},{one["quantity"]}\n' for one in rows)
    monkeypatch.setattr("recommend.imports.files.blocks.__defaults__", (1000,))

    assert f"{len(rows)} added" in load("import_behaviors", write("b.jsonl", rows))
    assert f"0 added, {len(rows)} already there" in load("import_behaviors", write("b.csv", text))
    with pytest.raises(CommandError, match=rf"line {len(rows) + 1}: .*soap"):
        load("import_behaviors", write("c.jsonl", [*rows, row(sku="soap"), row(sku="soap")]))


def test_a_row_that_never_ends_is_not_read_into_memory(
    write: Write, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recommend.imports.files.MAX_ROW_BYTES", 5000)
    monkeypatch.setattr("recommend.imports.files.blocks.__defaults__", (1000,))

    with pytest.raises(CommandError, match="line 1: no end of the row"):
        load("import_behaviors", write("b.jsonl", "{" * 20_000))


def test_the_rows_are_checked_one_by_one_where_the_fast_way_is_not_granted(write: Write, load: Load) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP ROLE IF EXISTS recgpt_plain; CREATE ROLE recgpt_plain")
        cursor.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO recgpt_plain")
        cursor.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO recgpt_plain; SET ROLE recgpt_plain")
    try:
        load("import_behaviors", write("b.jsonl", [row(), row(sku="tea")]))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")

    assert Behavior.objects.count() == 2


def test_triggers_of_somebody_s_own_are_not_silenced(write: Write, load: Load) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE audit (n int)")
        cursor.execute(
            "CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN INSERT INTO audit VALUES (1); RETURN NULL; END $$"
        )
        cursor.execute("CREATE TRIGGER audit AFTER INSERT ON recommend_behavior FOR EACH ROW EXECUTE FUNCTION audit()")

    load("import_behaviors", write("b.jsonl", [row(), row(sku="tea")]))

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit")
        assert cursor.fetchone() == (2,)


@pytest.mark.django_db(transaction=True)
def test_foreign_keys_hold_again_after_an_import(write: Write, load: Load) -> None:
    load("import_behaviors", write("b.jsonl", [row()]))

    with connection.cursor() as cursor:
        cursor.execute("SHOW session_replication_role")
        assert cursor.fetchone() == ("origin",)
    stored = Behavior.objects.get()
    with pytest.raises(Exception, match="foreign key"):
        Behavior.objects.create(
            shopper_id=uuid4(), item_id=stored.item_id, occurred_at=stored.occurred_at, source_key=1, kind="cart"
        )


def test_rows_and_columns_agree_on_every_line(write: Write, load: Load) -> None:
    """The exact reader is asked only when something is wrong: it must then see what the fast one saw."""
    good = [row(sku=sku, occurred_at=f"2017-01-{day:02}") for day in range(1, 20) for sku in ("milk", "tea")]
    load("import_behaviors", write("fast.jsonl", good))

    said = load("import_behaviors", write("exact.jsonl", [*good, {"broken": True}, *good]), skip_bad=True)

    assert f"{len(good)} added, {len(good)} already there, 1 bad" in said
