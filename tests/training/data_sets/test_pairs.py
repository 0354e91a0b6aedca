"""A better and a worse answer to one prompt, from labels and from what people chose."""

import json
from collections import Counter
from typing import Any

import pytest

from judge.models import Assignment, CampaignUnit, Preference
from recommend.models import Generation, LanguageModel
from tests.judge.factories import AssignmentFactory, CampaignFactory
from tests.training.data_sets.material import QUERY, serving_judge, tags
from training.data_sets import pairs
from training.data_sets.rows import Row
from training.data_sets.wanted import read

pytestmark = pytest.mark.django_db


def built(**values: Any) -> tuple[list[Row], Counter[str]]:
    fates: Counter[str] = Counter()
    asked = read(QUERY | {"stage": "preferences"} | values)
    return list(pairs.rows(asked, fates, lambda n: None)), fates


def texts(answer: str) -> list[str]:
    return [one["tag"] for one in json.loads(answer)["tags"]]


def rival_of(generation: Generation, *verdicts: bool | None, first: int = 3) -> Generation:
    """What another model answered to the same."""
    other = tags(*verdicts, shopper=generation.shopper.external_id, first=first)
    other.model, _ = LanguageModel.objects.get_or_create(name="rival", role="tags")
    other.save()
    return other


def chosen(a: Generation, b: Generation, *choices: str) -> list[Preference]:
    campaign = CampaignFactory.create(stage="tags", task="compare")
    unit = CampaignUnit.objects.create(campaign=campaign, generation=a, rival=b, inclusion_probability=1.0)
    return [
        Preference.objects.create(
            assignment=AssignmentFactory.create(unit=unit, state=Assignment.State.SUBMITTED),
            choice=choice,
            a_was_left=True,
        )
        for choice in choices
    ]


def test_accepted_and_rejected_outputs_of_one_prompt_are_two_answers_of_the_same_length():
    generation = tags(True, False, True, True)

    (row,), fates = built()

    assert texts(row.answer) == ["whole grain crackers"]
    assert texts(row.rejected) == ["scented soy candles"]
    assert "Propose 1 tags." in row.messages[1].content
    assert len(row.lineage.outputs) == len(row.lineage.assessments) == 2
    assert row.lineage.generations == (str(generation.pk),)
    assert (row.labelled, fates["prompts.rows"]) == ("judge", 1)


def test_answers_of_two_models_to_the_same_prompt_are_put_together():
    generation = tags(True, True)
    rival = rival_of(generation, False, False)

    (row,), _ = built()

    assert texts(row.rejected) == ["bamboo cutting board", "herbal sleep tea"]
    assert set(row.lineage.models) == {"smollm2", "rival"}
    assert set(row.lineage.generations) == {str(generation.pk), str(rival.pk)}


def test_what_is_accepted_here_and_rejected_there_says_nothing():
    generation = tags(True, True)
    rival_of(generation, False, False, first=1)

    (row,), fates = built()

    assert texts(row.answer) == ["whole grain crackers"]
    assert texts(row.rejected) == ["cast iron skillet"]
    assert fates["outputs.contradicted"] == 1


def test_a_rule_s_rejection_is_a_worse_answer_but_rules_alone_make_no_pair():
    first, second = tags(True, None), tags(None, None, shopper="b")
    for generation in (first, second):
        one = generation.outputs.get(position=1)
        one.rejected_by = "filler"
        one.save()

    rows, fates = built()

    assert [row.shopper for row in rows] == ["household-a"]
    assert fates["prompts.one_side"] == 1


def test_of_other_prompts_nothing_is_put_together():
    tags(True)
    other = tags(False, first=3)
    other.input_sha256 = "1" * 64
    other.save()

    assert built()[0] == []


def test_what_most_people_chose_is_the_better_answer_in_full():
    serving_judge()
    a = tags(None, None)
    b = rival_of(a, None, None, None)
    votes = chosen(a, b, "b", "b", "a")

    (row,), fates = built()

    assert len(texts(row.answer)) == 3
    assert len(texts(row.rejected)) == 2
    assert "Propose 3 tags." in row.messages[1].content
    assert row.lineage.preferences == tuple(str(one.pk) for one in votes)
    assert row.lineage.generations == (str(b.pk), str(a.pk))
    assert (row.labelled, fates["choices.rows"]) == ("choice", 1)


@pytest.mark.parametrize("choices", [("a", "b"), ("both",), ("a", "neither")])
def test_where_no_side_has_most_of_the_votes_there_is_no_pair(choices: tuple[str, ...]):
    serving_judge()
    a = tags(None)
    chosen(a, rival_of(a, None), *choices)

    rows, fates = built()

    assert rows == []
    assert fates["choices.tied"] == 1


def test_answers_to_different_prompts_are_no_pair():
    serving_judge()
    a = tags(None)
    b = rival_of(a, None)
    b.input_sha256 = "1" * 64
    b.save()
    chosen(a, b, "a")

    rows, fates = built()

    assert rows == []
    assert fates["choices.prompt"] == 1
