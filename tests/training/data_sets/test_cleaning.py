"""What of the rows is kept: filters, evaluation sets, duplicates, splits and caps."""

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from recommend.engines.types import ChatMessage
from training.data_sets.cleaning import HeldOut, cleaned
from training.data_sets.rows import TRAIN, VALIDATION, Lineage, Row
from training.data_sets.wanted import Wanted

DAY = date(2018, 1, 1)


def row(text: str, shopper: str = "a", at: date = DAY, language: str = "en") -> Row:
    return Row(
        task="tags",
        shopper=shopper,
        at=at,
        language=language,
        messages=(ChatMessage("user", f"Propose tags for {shopper}."),),
        answer=f'{{"tags": "{text}"}}',
        labelled="judge",
        n_outputs=1,
        lineage=Lineage(outputs=("o",)),
        essence=text,
    )


def wanted(**values: object) -> Wanted:
    return Wanted.model_validate({"stage": "self-training", "kind": "tag", "validation_share": 0} | values)


def texts(rows: tuple[Row, ...]) -> list[str]:
    return [one.essence for one in rows]


def test_a_row_of_an_evaluation_set_is_dropped_from_its_first_day_on():
    rows = [row("one late", "a", DAY), row("two early", "a", date(2017, 12, 1)), row("three", "b", DAY)]
    sets = [HeldOut("spring", frozenset({"a"}), date(2017, 12, 15)), HeldOut("other", frozenset({"z"}), None)]

    found = cleaned(rows, wanted(), sets)

    assert texts(found.rows) == ["two early", "three"]
    assert found.dropped["held_out"] == 1
    assert found.held_out == {"spring": 1, "other": 0}


def test_a_set_without_a_first_day_holds_its_shoppers_out_for_ever():
    found = cleaned([row("one", at=date(1999, 1, 1))], wanted(), [HeldOut("ever", frozenset({"a"}), None)])

    assert found.rows == ()


def test_long_rows_and_rows_in_another_script_are_dropped():
    rows = [
        row("short"),
        row("word " * 200),
        row("夏日穿搭清爽有型"),
        row("夏日穿搭", language="zh"),
        row("tea", language="zh"),
    ]

    found = cleaned(rows, wanted(max_tokens=100), [])

    assert texts(found.rows) == ["short", "夏日穿搭"]
    assert found.dropped["too_long"] == 1
    assert found.dropped["script"] == 2


def test_of_exact_duplicates_the_newest_stays_and_near_ones_go_by_their_similarity():
    near = "one two three four five six seven eight nine ten"
    rows = [row(near, at=DAY), row(near, at=date(2017, 1, 1)), row(f"{near} eleven", "b"), row("something else", "c")]

    found = cleaned(rows, wanted(near=0.8), [])
    exact = cleaned(rows, wanted(near=1.0), [])

    assert texts(found.rows) == [near, "something else"]
    assert found.rows[0].at == DAY
    assert (found.dropped["duplicate"], found.dropped["near_duplicate"]) == (1, 1)
    assert len(exact.rows) == 3


def test_no_more_rows_of_a_shopper_than_asked_for_are_trained_on_and_the_newest_stay():
    rows = [row(f"text{number} of{number} many{number}") for number in range(4)] + [row("of another", "b")]

    found = cleaned(rows, wanted(per_shopper=2), [])

    assert [one.shopper for one in found.rows] == ["a", "a", "b"]
    assert texts(found.rows)[0] == "text0 of0 many0"
    assert found.dropped["capped"] == 2


@given(
    st.lists(st.tuples(st.integers(0, 30), st.dates(date(2017, 1, 1), date(2018, 12, 31))), max_size=60), st.booleans()
)
def test_no_shopper_is_in_both_splits_and_with_a_day_no_day_is(found: list[tuple[int, date]], by_day: bool):
    cut = date(2018, 1, 1)
    rows = [row(f"a{place} b{place} c{place}", str(shopper), at) for place, (shopper, at) in enumerate(found)]

    kept = cleaned(rows, wanted(validation_share=0.3, split_at=cut if by_day else None, seed=3), []).rows

    train = {one.shopper for one in kept if one.split == TRAIN}
    held = {one.shopper for one in kept if one.split == VALIDATION}
    assert not train & held
    if by_day:
        assert all((one.at >= cut) == (one.split == VALIDATION) for one in kept)
    else:
        assert len(kept) == len(rows)


def test_the_split_of_a_shopper_is_the_seed_s_alone():
    rows = [row(f"a{number} b{number} c{number}", str(number)) for number in range(200)]

    one = cleaned(rows, wanted(validation_share=0.3, seed=1), []).rows
    again = cleaned(
        [replace(found, at=date(2017, 5, 5)) for found in rows], wanted(validation_share=0.3, seed=1), []
    ).rows
    other = cleaned(rows, wanted(validation_share=0.3, seed=2), []).rows

    splits = [found.split for found in one]
    assert splits == [found.split for found in again]
    assert splits != [found.split for found in other]
    assert 0.2 < splits.count(VALIDATION) / 200 < 0.4
