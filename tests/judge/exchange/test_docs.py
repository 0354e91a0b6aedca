"""The guide to exports names every column and format as they are."""

from pathlib import Path

from judge.exchange.columns import COLUMNS
from judge.exchange.formats import FORMATS

GUIDE = (Path(__file__).parents[3] / "docs" / "exchange.md").read_text()


def test_the_guide_lists_the_columns_in_their_order_with_their_meaning():
    rows = [line for line in GUIDE.splitlines() if line.startswith("| `")]
    first = rows.index(f"| `{COLUMNS[0].name}` | {COLUMNS[0].meaning} |")

    assert rows[first : first + len(COLUMNS)] == [f"| `{one.name}` | {one.meaning} |" for one in COLUMNS]


def test_the_guide_explains_every_format():
    assert [name for name in FORMATS if f"\n| `{name}` | " not in GUIDE] == []
