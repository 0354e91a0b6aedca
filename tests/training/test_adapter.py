"""The adapter that is shipped, its figures and its card; and the parts that made them."""

import json
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from recommend.compression import compress
from recommend.extraction import Event
from training.adapter import card, record
from training.adapter.evaluate import Share, counts_are_exact, is_grounded
from training.adapter.record import Record, Run
from training.adapter.weights import base_gguf

SHIPPED = files("recgpt_site.embedded").joinpath("adapter")
CATALOGUE = {"soup", "tea", "diapers", "baby foods"}


@pytest.fixture
def history():
    at = datetime(2018, 1, 1, tzinfo=UTC) - timedelta(days=5)
    events = [Event("purchase", "soup", at, 3), Event("purchase", "tea", at)]
    return compress(events, reference=date(2018, 1, 1))


@pytest.fixture(scope="module")
def figures():
    return json.loads(SHIPPED.joinpath("evaluation.json").read_text())


@pytest.mark.parametrize("name", ["generator.gguf", "judge.gguf"])
def test_an_adapter_is_a_gguf_of_at_most_ten_megabytes(name):
    data = SHIPPED.joinpath(name).read_bytes()

    assert data[:4] == b"GGUF"
    assert len(data) <= 10_000_000


@pytest.mark.parametrize("name", card.GOALS)
def test_interests_are_clearly_better_than_the_base_model_s_on_held_out_households(figures, name):
    before = figures["base"]["interests"]["shares"][name]
    after = figures["adapter"]["interests"]["shares"][name]

    # Where the base gives no answer that could be counted, it has no interval to compare with.
    assert after["low"] > (before["high"] if before["n"] else 0.0)


def test_the_card_says_of_each_goal_whether_it_is_reached(figures):
    text = SHIPPED.joinpath("MODEL_CARD.md").read_text()

    assert card.goals(figures) in text


def test_the_card_shows_every_figure_of_the_evaluation(figures):
    text = SHIPPED.joinpath("MODEL_CARD.md").read_text()

    assert card.table(figures) in text
    assert card.defects(figures) in text
    assert "84.51°" in text
    assert "no claim of quality" in text


def test_base_and_adapter_were_asked_the_same(figures):
    for task in ("interests", "tags", "explanations", "judge"):
        name = "answer is complete and valid"
        assert figures["base"][task]["shares"][name]["n"] == figures["adapter"][task]["shares"][name]["n"]


@pytest.mark.parametrize(
    ("reason", "grounded", "exact"),
    [
        ("Keeps buying soup ×3 plus tea.", True, True),
        ("Keeps buying soup ×4.", True, False),
        ("Keeps buying soup.", True, False),  # bought three times, and not said so
        ("Keeps buying soup ×3 plus diapers ×2.", False, True),
        ("Keeps buying soup ×3 plus hiking boots ×2.", False, True),
        ("Likes cooking.", False, False),
    ],
)
def test_reasons_are_measured_against_the_history(history, reason, grounded, exact):
    assert is_grounded(reason, history, CATALOGUE) is grounded
    assert counts_are_exact(reason, history) is exact


def test_a_share_comes_with_its_wilson_interval_and_without_rows_with_the_widest():
    assert Share(9, 10).as_dict() == {"value": 0.9, "n": 10, "low": 0.5958, "high": 0.9821}
    assert Share(0, 0).as_dict() == {"value": None, "n": 0, "low": 0.0, "high": 1.0}


def test_the_base_model_is_packaged():
    assert base_gguf().read_bytes()[:4] == b"GGUF"


def test_a_card_says_where_nothing_was_counted():
    share = {"value": None, "n": 0, "low": 0.0, "high": 1.0}
    some = {"value": 0.5, "n": 4, "low": 0.15, "high": 0.85}
    tasks = {task: {"shares": {"valid": some}} for task in ("interests", "tags", "explanations", "judge")}
    before = {**tasks, "interests": {"shares": {"valid": share}}}

    table = card.table({"base": before, "adapter": tasks})

    assert "| Interests | valid | none, n = 0 | 0.50 (0.15–0.85), n = 4 |" in table


def test_a_card_tells_of_every_run_that_an_adapter_went_through(tmp_path):
    first = Record().then(Run(2, 30, tuple(card._TITLES)), tokens=1000)
    second = first.then(Run(3.4, 20, ("interests", "tags")), tokens=1000)
    for part, made in (("generator", second), ("judge", Record().then(Run(2, 30, ("judge",)), tokens=1000))):
        path = tmp_path / part / "final" / f"{part}.gguf"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"GGUF")
        made.write(path)
        assert record.read(path) == made
    (tmp_path / "evaluation.json").write_text(SHIPPED.joinpath("evaluation.json").read_text())

    card.write(tmp_path)

    text = (tmp_path / "MODEL_CARD.md").read_text()
    assert "generator: 2 runs" in text
    assert "2 minutes (30 steps of all tasks) and 3 minutes (20 steps of interests, tags); about 2,000 tokens" in text
    assert "judge: 2 minutes (30 steps of judge), about 1,000 tokens" in text


@pytest.mark.parametrize("part", ["generator", "judge"])
def test_an_adapter_s_record_is_shipped_and_told_by_the_card(part):
    made = record.read(Path(str(SHIPPED.joinpath(f"{part}.gguf"))))
    text = SHIPPED.joinpath("MODEL_CARD.md").read_text()

    assert f"- {part}: {card._how(made)}." in text


def test_an_adapter_without_a_record_is_not_gone_on_from(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"generator\.json is missing: --start needs"):
        record.read(tmp_path / "generator.gguf")
