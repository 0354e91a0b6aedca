"""What people said becomes rows for a judge: one a criterion, with a reason, balanced by label."""

import json
from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest

from judge import verdicts
from judge.models import Resolution
from recommend.engines.types import ChatMessage
from tests.judge.factories import FAILING, UserFactory, current_rubric
from tests.training.data_sets.material import QUERY, judged, reviewed, tags
from training.data_sets import judged as builder
from training.data_sets import reports
from training.data_sets.balancing import balanced
from training.data_sets.cleaning import cleaned
from training.data_sets.rows import TRAIN, VALIDATION, Lineage, Row
from training.data_sets.wanted import DataSetError, read

NEWEST = date(2018, 6, 1)


def built(**values: Any) -> tuple[list[Row], Counter[str]]:
    fates: Counter[str] = Counter()
    return list(builder.rows(read(QUERY | {"stage": "judge"} | values), fates, lambda n: None)), fates


@pytest.mark.django_db
def test_every_criterion_is_a_task_asked_as_its_evaluator_is_asked():
    output = tags(None, True).outputs.get(position=0)
    said = reviewed(output, passes=False, rationale="There is no such thing.")

    rows, fates = built()

    assert [row.task for row in rows] == [
        f"judge tag {name}" for name in ("relevance", "consistency", "specificity", "validity")
    ]
    validity = rows[-1]
    assert json.loads(validity.answer) == {"validity": "No", "rationale": "There is no such thing."}
    assert (validity.label, validity.labelled) == ("No", "people")
    assert "validity:" in validity.messages[0].content
    assert "relevance:" not in validity.messages[0].content
    assert "tag: whole grain crackers" in validity.messages[1].content
    assert "diapers ×9" in validity.messages[1].content
    assert validity.lineage.assessments == (str(said.pk),)
    assert validity.lineage.asked_with.startswith(f"judge {verdicts.load_prompt().version} sha256:")
    # The other output has the judge's label alone, which teaches a judge nothing.
    assert (fates["outputs"], fates["outputs.unlabelled"], fates["labels"]) == (2, 1, 4)


@pytest.mark.django_db
def test_the_reason_is_a_lead_s_else_a_person_s_else_that_of_a_judge_who_said_the_same():
    first, second, third = tags(None, None, None).outputs.order_by("position")
    reviewed(first, passes=False, rationale="A person's words.")
    Resolution.objects.create(
        output=first,
        rubric=current_rubric("tag"),
        labels=FAILING["tag"],
        passed=False,
        reason="A lead's words.",
        by=UserFactory.create(),
    )
    reviewed(second, passes=False)
    one = judged(second, passes=False)
    one.rationale = "The judge's words."
    one.save()
    reviewed(third, passes=True)
    other = judged(third, passes=False)
    other.rationale = "Words for another label."
    other.save()

    rows, _ = built(criteria=["validity"])

    said = [json.loads(row.answer)["rationale"] for row in rows]
    assert said == ["A lead's words.", "The judge's words.", "Validity: Yes."]
    assert str(one.pk) in rows[1].lineage.assessments
    assert rows[0].labelled == "lead"


@pytest.mark.django_db
def test_a_criterion_that_the_rubric_does_not_have_is_refused():
    reviewed(tags(None).outputs.get(), passes=True)

    with pytest.raises(DataSetError, match="It has relevance, consistency"):
        built(criteria=["beauty"])


@pytest.mark.django_db
def test_outputs_of_one_history_are_no_near_duplicates_of_each_other():
    generation = tags(None, None)
    for output in generation.outputs.all():
        reviewed(output, passes=True)

    rows, _ = built(criteria=["validity"])
    kept = cleaned(rows, read(QUERY | {"stage": "judge"}), [])

    assert (len(rows), kept.dropped.get("near_duplicate", 0)) == (2, 0)
    assert kept.dropped["one_label"] == 2


def row(label: str, days_ago: int, number: int, split: str = TRAIN, task: str = "judge tag validity") -> Row:
    return Row(
        task=task,
        shopper=str(number),
        at=NEWEST - timedelta(days=days_ago),
        language="en",
        messages=(ChatMessage("user", f"{task} {number}"),),
        answer=label,
        labelled="people",
        n_outputs=1,
        label=label,
        lineage=Lineage(),
        split=split,
    )


def test_labels_of_a_criterion_are_balanced_by_the_rarest_and_the_newest_of_the_others_stay():
    rows = [row("Yes", number, number) for number in range(0, 1000, 10)] + [row("No", 900, 5000 + n) for n in range(20)]
    dropped: Counter[str] = Counter()

    kept = balanced(rows, 60, 0, dropped)

    labels = Counter(one.label for one in kept)
    ages = [(NEWEST - one.at).days for one in kept if one.label == "Yes"]
    assert labels == {"Yes": 20, "No": 20}
    assert dropped == {"balanced": 80}
    assert sum(ages) / len(ages) < 200
    assert max(ages) > 60  # older ones have a chance
    assert kept == [one for one in rows if one in kept]


def test_without_decay_all_ages_are_as_likely():
    rows = [row("Yes", number, number) for number in range(0, 4000, 10)] + [row("No", 0, 9000 + n) for n in range(200)]

    kept = balanced(rows, 36_500, 0, Counter())

    ages = [(NEWEST - one.at).days for one in kept if one.label == "Yes"]
    assert 1_700 < sum(ages) / len(ages) < 2_300


def test_validation_stays_as_it_is_and_a_criterion_with_one_label_teaches_nothing():
    rows = [
        *(row("Yes", 0, number) for number in range(5)),
        row("No", 0, 10),
        *(row("Yes", 0, 20 + number, VALIDATION) for number in range(4)),
        *(row("Yes", 0, 30 + number, task="judge tag relevance") for number in range(3)),
    ]
    dropped: Counter[str] = Counter()

    kept = balanced(rows, 60, 0, dropped)

    assert Counter((one.split, one.label) for one in kept) == {
        (TRAIN, "Yes"): 1,
        (TRAIN, "No"): 1,
        (VALIDATION, "Yes"): 4,
    }
    assert dropped == {"balanced": 4, "one_label": 3}


@pytest.mark.django_db
def test_the_report_has_the_labels_of_each_criterion_before_and_after_they_were_balanced():
    for number, passes in enumerate((True, True, True, False)):
        reviewed(tags(None, shopper=f"s{number}", first=number).outputs.get(), passes=passes)
    asked = read(QUERY | {"stage": "judge", "criteria": ["validity"]})
    before, fates = built(criteria=["validity"])

    found = reports.report(before, cleaned(before, asked, []), fates, builder.FATES)

    (tasks,) = (one for one in found["distributions"] if one["name"] == "tasks")
    assert tasks["bars"] == [["judge tag validity No", 1, 1], ["judge tag validity Yes", 3, 1]]
    assert {one["name"]: one["n"] for one in found["dropped"]}["balanced"] == 2
