"""The seeded rubrics: the V1 criteria, and the rule that turns labels into pass or fail."""

from itertools import product

import pytest

from judge.rubrics import RUBRICS, LabelError, passes

KINDS = tuple(RUBRICS)


def test_the_criteria_and_scales_are_those_of_the_v1_report():
    scales = {kind: {c.name: c.values for c in rubric.criteria} for kind, rubric in RUBRICS.items()}

    yes_no, levels = ("Yes", "No"), ("Excellent", "Good", "Bad")
    assert scales == {
        "interest": {
            "willingness": ("Spontaneity", "Necessity"),
            "reasonableness": ("Strong", "Weak", "None", "Invented"),
        },
        "tag": {"relevance": yes_no, "consistency": yes_no, "specificity": yes_no, "validity": yes_no},
        "explanation": {"relevance": yes_no, "factuality": levels, "clarity": levels, "safety": yes_no},
    }


def test_only_these_labels_pass():
    passing = {label.value for r in RUBRICS.values() for c in r.criteria for label in c.labels if label.passes}

    assert passing == {"Spontaneity", "Strong", "Yes", "Excellent", "Good"}


@pytest.mark.parametrize("kind", KINDS)
def test_an_output_passes_exactly_where_every_criterion_does(kind):
    rubric = RUBRICS[kind]

    for combination in product(*(criterion.labels for criterion in rubric.criteria)):
        labels = {criterion.name: label.value for criterion, label in zip(rubric.criteria, combination, strict=True)}
        assert passes(kind, labels) == all(label.passes for label in combination)


@pytest.mark.parametrize("kind", KINDS)
def test_within_a_criterion_the_first_letter_tells_the_label(kind):
    for criterion in RUBRICS[kind].criteria:
        assert len({value[0] for value in criterion.values}) == len(criterion.values)


@pytest.mark.parametrize("kind", KINDS)
def test_everything_a_person_reads_is_there(kind):
    rubric = RUBRICS[kind]

    assert rubric.title
    assert rubric.guideline.strip()
    for criterion in rubric.criteria:
        assert criterion.title
        assert criterion.question.endswith("?")
        for label in criterion.labels:
            assert label.help.endswith(".")
            assert f"**{label.title}**" in criterion.guideline


def test_a_half_rated_output_has_no_verdict():
    with pytest.raises(LabelError, match="no label for reasonableness"):
        passes("interest", {"willingness": "Necessity"})


def test_an_unknown_label_names_the_ones_there_are():
    with pytest.raises(LabelError, match="'yes' is not a label of this criterion; use one of Yes, No"):
        passes("tag", {"relevance": "yes", "consistency": "Yes", "specificity": "Yes", "validity": "Yes"})


def test_an_unknown_criterion_is_refused():
    with pytest.raises(LabelError, match="'style' is not a criterion"):
        passes("interest", {"willingness": "Spontaneity", "reasonableness": "Strong", "style": "Yes"})


def test_an_unknown_kind_is_refused():
    with pytest.raises(LabelError, match="no rubric for 'review'"):
        passes("review", {})  # type: ignore[arg-type]
