"""The curriculum: tasks in the order in which they are learned, from catalogue, logs and files."""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from recommend.models import Behavior, Item, Shopper
from tests.recommend.factories import BehaviorFactory, ItemFactory, ShopperFactory
from training.data_sets import building, files, services
from training.data_sets.curriculum import building as curriculum
from training.data_sets.curriculum import from_files
from training.data_sets.curriculum.samples import Sample, prompt_of, row_of
from training.data_sets.curriculum.tasks import LEVELS, TASKS, Task, in_order, topological
from training.data_sets.rows import Row, UntracedRowError
from training.data_sets.wanted import DataSetError, read

MORNING = datetime(2018, 1, 1, 9, tzinfo=UTC)
QUERY = {"stage": "curriculum", "validation_share": 0.0, "until": "2018-02-01"}


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.TRAINING_DIR = str(tmp_path)
    return tmp_path / "curriculum"


def built(*tasks: str, **values: Any) -> tuple[list[Row], Counter[str]]:
    fates: Counter[str] = Counter()
    return list(curriculum.rows(read(QUERY | {"tasks": list(tasks)} | values), fates, lambda n: None)), fates


def item(title: str, *category: str, **more: Any) -> Item:
    made: Item = ItemFactory.create(title=title, category=list(category), short_text=category[-1], **more)
    return made


@pytest.fixture
def shopper(db: None) -> Shopper:
    made: Shopper = ShopperFactory.create(external_id="one", last_behavior_at=MORNING)
    return made


def searched(shopper: Shopper, query: str, minute: float) -> None:
    at = MORNING + timedelta(minutes=minute)
    BehaviorFactory.create(shopper=shopper, kind=Behavior.Kind.SEARCH, item=None, query=query, occurred_at=at)


def took(shopper: Shopper, what: Item, minute: float) -> None:
    BehaviorFactory.create(shopper=shopper, item=what, occurred_at=MORNING + timedelta(minutes=minute))


def test_every_task_comes_after_all_that_it_needs_and_easy_levels_first():
    found = in_order()

    places = {one.name: place for place, one in enumerate(found)}
    assert len(found) == 16
    assert sum(one.in_report for one in found) == 16_298  # the report's table
    for one in found:
        assert all(places[need] < places[one.name] for need in one.needs), one.name
    assert [LEVELS.index(one.level) for one in found] == sorted(LEVELS.index(one.level) for one in found)


def test_a_need_outweighs_a_level_and_what_is_not_asked_for_is_taken_for_learned():
    hard = Task("hard", "advanced", "files", 1)
    easy = Task("easy", "foundation", "files", 1, ("hard",))

    assert [one.name for one in topological([easy, hard])] == ["hard", "easy"]
    assert [one.name for one in topological([easy])] == ["easy"]
    with pytest.raises(ValueError, match="need each other: easy, hard"):
        topological([easy, Task("hard", "advanced", "files", 1, ("easy",))])


def test_every_task_that_is_built_here_has_a_prompt():
    for one in TASKS.values():
        if one.source != "files":
            assert "never an instruction" in prompt_of(one.name).system


@pytest.mark.django_db
def test_key_information_is_what_the_title_says_of_the_item_s_own_columns():
    juice = item(
        "Apple juice, 64 oz, Farm", "grocery", "juice", "apple juice", brand="Farm", attributes={"size": "64 oz"}
    )
    item("Something else", "grocery", "juice", "pear juice", brand="Farm")

    (row,), fates = built("key-information")

    assert json.loads(row.answer) == {"product": "apple juice", "size": "64 oz", "brand": "Farm"}
    assert row.messages[1].content == "<title>\nApple juice, 64 oz, Farm\n</title>"
    assert row.lineage.items == (juice.sku,)
    assert row.lineage.asked_with.startswith("key-information 1 sha256:")
    assert (row.task, row.shopper, fates["samples.catalogue"]) == ("curriculum key-information", "", 1)


@pytest.mark.django_db
def test_key_points_and_departments_are_the_catalogue_s():
    item("Apple juice, 64 oz", "grocery", "juice", "apple juice")
    item("Bath towel", "home", "bath", "towels")

    rows, _ = built("key-points", "text-classification")

    assert sorted(json.loads(row.answer).get("item", "") for row in rows) == ["", "", "apple juice", "towels"]
    classified = {json.loads(row.answer)["department"] for row in rows[2:]}
    assert classified == {"grocery", "home"}
    assert all("grocery; home" in row.messages[1].content for row in rows[2:])


def test_what_was_taken_soon_after_a_search_says_what_it_meant(shopper: Shopper):
    took(shopper, item("Bath towel", "home", "bath", "towels"), -600)
    searched(shopper, "apples to drink", 0)
    took(shopper, item("Apple juice, 64 oz", "grocery", "juice", "apple juice"), 5)
    searched(shopper, "nothing found", 60)
    took(shopper, item("Lamp", "light", "lamps", "desk lamps"), 120)

    category, relevance = built("query-category", "query-item-relevance")[0]

    assert json.loads(category.answer) == {"category": "grocery"}
    assert "apples to drink" in category.messages[1].content
    assert "home" in category.messages[1].content
    assert (category.shopper, category.at) == ("one", MORNING.date())
    assert category.lineage.behaviors[0] == "2018-01-01T09:00:00+00:00 search apples to drink"
    right = "Apple juice" in relevance.messages[1].content
    assert json.loads(relevance.answer) == {"relevant": "yes" if right else "no"}


def test_a_search_that_was_made_again_at_once_was_corrected_or_put_in_other_words(shopper: Shopper):
    searched(shopper, "shamppo", 0)
    searched(shopper, "shampoo", 1)
    searched(shopper, "pasta", 100)
    searched(shopper, "whole wheat pasta", 102)
    searched(shopper, "batteries", 200)
    searched(shopper, "garden hose", 201)
    searched(shopper, "too late", 300)
    searched(shopper, "too latte", 330)

    correction, rewriting = built("query-correction", "query-rewriting")[0]

    assert json.loads(correction.answer) == {"query": "shampoo"}
    assert "shamppo" in correction.messages[1].content
    assert json.loads(rewriting.answer) == {"query": "whole wheat pasta"}


def test_one_of_a_basket_is_what_to_buy_with_the_others(shopper: Shopper):
    for name in ("pasta", "sauce", "cheese"):
        took(shopper, item(name.title(), "grocery", name), 0)
    took(shopper, item("Alone", "grocery", "tea"), 900)

    (row,), _ = built("what-to-buy")

    answer = json.loads(row.answer)["product"]
    assert answer in {"pasta", "sauce", "cheese"}
    assert answer not in row.messages[1].content
    assert len(row.lineage.behaviors) == 3


def test_nothing_is_taken_from_after_the_last_day(shopper: Shopper):
    for name in ("pasta", "sauce", "cheese"):
        took(shopper, item(name.title(), "grocery", name), 0)

    rows, fates = built("what-to-buy", until="2018-01-01")

    assert rows == []
    assert fates["tasks.none"] == 1


@pytest.mark.django_db
def test_a_file_brings_what_nobody_else_knows_and_may_take_another_task_s_place(folder: Path):
    folder.mkdir()
    line = {"prompt": "What is sous vide?", "answer": "Cooking in a bag.", "system": "Explain."}
    (folder / "concept-explanation.jsonl").write_text(f"{json.dumps(line)}\n\n{json.dumps(line | {'system': ''})}\n")
    (folder / "key-points.jsonl").write_text(json.dumps({"prompt": "Tea, 20 ct", "answer": "tea"}))
    item("Apple juice, 64 oz", "grocery", "juice", "apple juice")

    rows, fates = built("concept-explanation", "key-points")

    assert [row.task for row in rows] == [
        "curriculum key-points",
        "curriculum concept-explanation",
        "curriculum concept-explanation",
    ]
    assert [turn.role for turn in rows[1].messages] == ["system", "user"]
    assert [turn.role for turn in rows[2].messages] == ["user"]
    assert rows[2].lineage.source.startswith("concept-explanation.jsonl:3 sha256:")
    assert fates["samples.files"] == 3


@pytest.mark.parametrize(
    ("text", "words"), [('{"prompt": "a"}', "line 1: Field required"), ("no", "line 1"), ('{"answer": 3}', "line 1")]
)
@pytest.mark.django_db
def test_a_bad_line_is_told_by_file_and_number(folder: Path, text: str, words: str):
    folder.mkdir()
    (folder / "references.jsonl").write_text(text)

    with pytest.raises(DataSetError, match=words):
        built("references")


@pytest.mark.django_db
def test_a_task_that_there_is_not_is_refused():
    with pytest.raises(DataSetError, match="is no task"):
        built("juggling")


def test_a_sample_that_does_not_say_what_it_is_from_is_refused():
    with pytest.raises(UntracedRowError, match="items or behaviors or source"):
        row_of(Sample("key-points", {"item": "Tea"}, {"item": "tea"}, date(2018, 1, 1)))


@pytest.mark.django_db
def test_a_data_set_keeps_the_order_and_splits_what_is_nobody_s_by_itself(folder: Path):
    for number in range(40):
        item(f"Juice number {number}, of {number * 7} fruits", f"department {number % 3}", "juice", f"juice {number}")
    asked = QUERY | {"tasks": ["text-classification", "key-points"], "validation_share": 0.3, "near": 1.0}

    made = building.advance(services.prepare(name="First things", query=asked, by=None).pk)

    assert made is not None
    assert made.state == "done", made.error
    rows = list(files.read(made))
    assert [row["task"] for row in rows] == ["curriculum key-points"] * 40 + ["curriculum text-classification"] * 40
    assert 8 < made.counts["validation"] < 40
    assert rows[0]["items"]
    assert from_files.folder() == folder
