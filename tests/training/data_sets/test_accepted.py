"""Which outputs become rows, what the rows say, and that each is traced to what made it."""

import json
from collections import Counter
from typing import Any

import pytest

from judge.models import Resolution
from recommend.models import LanguageModel, Stage
from recommend.prompts import load
from tests.judge.factories import PASSING, UserFactory, current_rubric
from tests.recommend.factories import GenerationFactory, OutputFactory, ShopperFactory
from tests.training.data_sets.material import QUERY, judged, reviewed, tags
from training.data_sets import accepted
from training.data_sets.rows import Lineage, Row, UntracedRowError, traced
from training.data_sets.wanted import DataSetError, read

pytestmark = pytest.mark.django_db


def built(**values: Any) -> tuple[list[Row], Counter[str]]:
    fates: Counter[str] = Counter()
    return list(accepted.rows(read(QUERY | values), fates, lambda n: None)), fates


def answers(rows: list[Row]) -> list[list[str]]:
    return [[one["tag"] for one in json.loads(row.answer)["tags"]] for row in rows]


def test_an_answer_has_the_outputs_that_passed_every_criterion_and_the_prompt_asks_for_as_many():
    generation = tags(True, False, None, True)

    (row,), fates = built()

    assert answers([row]) == [["whole grain crackers", "bamboo cutting board"]]
    assert "Propose 2 tags." in row.messages[1].content
    assert row.messages[0].content == load("tags").system
    assert json.loads(row.answer)["tags"][0] == {
        "interest": "baby care",
        "reason": "Bought diapers ×9 two months ago.",
        "tag": "whole grain crackers",
    }
    assert (fates["outputs.accepted"], fates["outputs.failed"], fates["outputs.unlabelled"]) == (2, 1, 1)
    assert row.labelled == "judge"
    outputs = [generation.outputs.get(position=place) for place in (0, 3)]
    prompt = load("tags")
    assert row.lineage == Lineage(
        outputs=tuple(str(one.pk) for one in outputs),
        generations=(str(generation.pk),),
        assessments=tuple(str(one.assessments.get().pk) for one in outputs),
        models=("smollm2",),
        prompt_versions=(f"tags 1 sha256:{'0' * 64}",),
        asked_with=f"tags {prompt.version} sha256:{prompt.sha256}",
    )


def test_people_count_before_the_judge_and_a_lead_before_people():
    generation = tags(True, False, True)
    first, second, third = generation.outputs.order_by("position")
    reviewed(first, passes=False)
    reviewed(second, passes=True)
    for passes in (False, False):
        reviewed(third, passes=passes)
    decision = Resolution.objects.create(
        output=third,
        rubric=current_rubric("tag"),
        labels=PASSING["tag"],
        passed=True,
        reason="It does exist.",
        by=UserFactory.create(),
    )

    (row,), _ = built()

    assert answers([row]) == [["scented soy candles", "cast iron skillet"]]
    assert row.lineage.decisions == (str(decision.pk),)
    assert row.labelled == "people"


def test_people_s_first_labels_count_and_where_they_are_split_evenly_the_judge_s_label():
    generation = tags(True)
    output = generation.outputs.get()
    for passes in (True, False):
        reviewed(output, passes=passes)
    reviewed(tags(False, shopper="b").outputs.get(), passes=True, revision=2)

    rows, _ = built()

    assert answers(rows) == [["whole grain crackers"]]
    assert len(rows[0].lineage.assessments) == 3


def test_what_a_rule_rejected_or_a_guest_brought_is_never_in():
    rejected = tags(True).outputs.get()
    rejected.rejected_by = "filler"
    rejected.save()
    guest = ShopperFactory.create(external_id="guest-1", is_guest=True)
    tags(True, shopper=guest.external_id)

    rows, fates = built()

    assert rows == []
    assert fates["generations"] == 0


def test_a_generation_without_an_accepted_output_makes_no_row():
    tags(False, None)

    rows, fates = built()

    assert rows == []
    assert fates["generations.none"] == 1


def test_the_query_chooses_models_and_the_newest_come_first():
    for number in range(3):
        tags(True, shopper=f"s{number}", first=number)
    other = tags(True, shopper="other")
    other.model = LanguageModel.objects.create(name="teacher", role="tags")
    other.save()

    ours, _ = built(models=[str(LanguageModel.objects.get(name="smollm2", role="tags").pk)])
    theirs, _ = built(models=[str(other.model.pk)])

    assert [row.shopper for row in ours] == ["s2", "s1", "s0"]
    assert [row.lineage.models for row in theirs] == [("teacher",)]


def test_a_teacher_s_outputs_are_taken_by_rules_alone_where_that_is_asked_for():
    made = tags(None, False)
    teacher = [str(made.model.pk)]

    (row,), _ = built(stage="pre-alignment", models=teacher, curation="rules")

    assert len(answers([row])[0]) == 2
    assert row.labelled == "rules"
    assert row.lineage.assessments == ()


def test_people_alone_can_be_asked_for():
    generation = tags(True, None)
    reviewed(generation.outputs.get(position=1), passes=True)

    (row,), fates = built(curation="people")

    assert answers([row]) == [["scented soy candles"]]
    assert fates["outputs.unlabelled"] == 1


def test_interests_and_explanations_are_asked_as_their_stages_ask():
    mined = GenerationFactory.create(stage=Stage.INTERESTS)
    judged(OutputFactory.create(generation=mined, position=0, text="tea", stage="long-term"), passes=True)
    explained = GenerationFactory.create(stage=Stage.EXPLANATIONS)
    explained.input["tag"] = "diapers"
    explained.save()
    judged(OutputFactory.create(generation=explained, position=0, text="Dry nights for them", reason=""), passes=True)

    (interest,), _ = built(kind="interest")
    (explanation,), _ = built(kind="explanation")

    assert "diapers ×9" in interest.messages[1].content
    assert json.loads(interest.answer)["interests"][0]["interest"] == "tea"
    assert json.loads(explanation.answer) == {"explanation": "Dry nights for them"}
    assert "Diapers size 4" in explanation.messages[1].content


def test_an_explanation_that_was_written_with_its_guideline_is_learned_with_it():
    explained = GenerationFactory.create(stage=Stage.EXPLANATIONS)
    explained.input["tag"] = "diapers"
    explained.save()
    calm = "Calm, for tired parents."
    guideline = {"guideline": calm, "reason": ""}
    judged(OutputFactory.create(generation=explained, position=0, text="Dry nights for them", **guideline), passes=True)

    (together,), _ = built(kind="explanation")
    explained.input["guideline"] = calm
    explained.save()
    (apart,), _ = built(kind="explanation")

    assert json.loads(together.answer) == {
        "guideline": "Calm, for tired parents.",
        "explanation": "Dry nights for them",
    }
    assert "Answer as JSON: guideline, explanation." in together.messages[1].content
    assert json.loads(apart.answer) == {"explanation": "Dry nights for them"}
    assert calm in apart.messages[1].content


def test_outputs_and_inputs_that_came_from_elsewhere_incomplete_are_left_out_and_counted():
    no_parent = tags(True)
    no_parent.outputs.update(parent=None)
    no_input = tags(True, shopper="b")
    no_input.input.pop("recent")
    no_input.save()
    too_long = tags(True, shopper="c")
    too_long.outputs.update(reason="because " * 40)

    rows, fates = built()

    assert rows == []
    assert fates["outputs.incomplete"] == 1
    assert (fates["generations.input"], fates["generations.form"]) == (1, 1)


def test_a_row_without_its_origin_is_refused():
    tags(True)
    (row,), _ = built()
    whole = row.lineage

    for missing in ("outputs", "generations", "assessments", "models", "prompt_versions", "asked_with"):
        values = {name: getattr(whole, name) for name in whole.__slots__} | {missing: ()}
        broken = Row(**{name: getattr(row, name) for name in row.__slots__} | {"lineage": Lineage(**values)})
        with pytest.raises(UntracedRowError, match="names no"):
            traced(broken, "assessments", "decisions")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"stage": "pre-alignment"}, "models"),
        ({"curation": "rules"}, "curation"),
        ({"near": 0.2}, "near"),
        ({"colour": "red"}, "colour"),
        ({"languages": ["xx"]}, "languages"),
        ({"created_from": "2018-02-01", "created_until": "2018-01-01"}, "created_until"),
        ({"kind": "song"}, "kind"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused_by_the_name_of_its_value(values: dict[str, Any], field: str):
    with pytest.raises(DataSetError) as refused:
        read(QUERY | values)

    assert refused.value.field == field


def test_a_judge_that_is_none_is_refused():
    tags(True)

    with pytest.raises(DataSetError, match="is no judge"):
        built(judge="019b0000-0000-7000-8000-000000000000")


def test_labels_under_another_wording_of_the_rubric_do_not_count():
    generation = tags(True)
    rubric = current_rubric("tag")
    other = type(rubric).objects.create(kind="tag", title="Other words", in_use_since=None)
    generation.outputs.get().assessments.update(rubric=other)

    assert built()[0] == []


def test_the_labels_of_a_judge_s_answer_that_was_of_no_use_do_not_count():
    generation = tags(None)
    one = judged(generation.outputs.get(), passes=True)
    one.labels, one.passed = {}, None
    one.save()

    assert built()[1]["outputs.unlabelled"] == 1
