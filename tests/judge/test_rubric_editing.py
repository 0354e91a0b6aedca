from dataclasses import replace

import pytest

from judge import campaigns, rubric_editing, services
from judge.fixed import RubricFixedError
from judge.models import Criterion, Rubric
from judge.plans import PlanError
from judge.rubric_editing import RubricError, StaleEditionError
from judge.rubrics import EXPLANATION, INTEREST, CriterionDef, ExampleDef, LabelDef, RubricDef
from recommend.models import Stage
from tests.judge.factories import UserFactory, current_rubric

pytestmark = pytest.mark.django_db

TONE = CriterionDef(
    name="tone",
    title="Tone",
    question="Is it friendly?",
    guideline="**Yes**: warm.",
    labels=(LabelDef("Yes", "Yes", True), LabelDef("No", "No", False)),
    examples=(ExampleDef("Hello, dear baker", "Yes", "it greets"),),
)


def wanted(*criteria: CriterionDef) -> RubricDef:
    return RubricDef(kind="interest", title="Tone of voice", guideline="Be *fair*.", criteria=criteria or (TONE,))


@pytest.fixture
def draft(lead):
    current_rubric("interest")
    return rubric_editing.new_draft(kind="interest", by=lead)


def test_a_draft_from_a_version_says_what_that_says(lead):
    v1 = current_rubric("explanation")

    draft = rubric_editing.new_draft(made_from=v1, by=lead)

    assert (draft.is_draft, draft.kind, draft.made_from) == (True, "explanation", v1)
    assert services.definition(draft).criteria == EXPLANATION.criteria


def test_what_is_saved_is_what_is_read(draft):
    saved = rubric_editing.save(draft, wanted(), edition=0)

    assert saved.edition == 1
    assert services.definition(saved) == replace(wanted(), version=0)


def test_a_save_from_an_older_edition_is_refused_and_changes_nothing(draft):
    rubric_editing.save(draft, wanted(), edition=0)

    with pytest.raises(StaleEditionError, match="of edition 0, and it is at 1 now"):
        rubric_editing.save(draft, replace(wanted(), title="Mine"), edition=0)

    draft.refresh_from_db()
    assert draft.title == "Tone of voice"


def test_a_draft_is_fixed_as_the_next_version_of_its_kind(draft, lead):
    rubric_editing.save(draft, wanted(), edition=0)

    fixed = rubric_editing.fix(draft, by=lead)

    assert (fixed.version, fixed.fixed_by) == (2, lead)
    assert fixed.fixed_at is not None


def test_judges_go_by_a_fixed_rubric_only_once_it_is_put_in_use_and_can_go_back(draft, lead):
    first = current_rubric("interest")
    rubric_editing.save(draft, wanted(), edition=0)
    assert Rubric.objects.current("interest") == first

    fixed = rubric_editing.fix(draft, by=lead)
    assert Rubric.objects.current("interest") == first

    rubric_editing.put_in_use(fixed, by=lead)
    assert Rubric.objects.current("interest") == fixed

    rubric_editing.put_in_use(first, by=lead)
    assert Rubric.objects.current("interest") == first


def test_a_draft_is_neither_put_in_use_nor_reviewed_by(draft):
    with pytest.raises(RubricError, match="not fixed yet"):
        rubric_editing.put_in_use(draft, by=UserFactory.create())
    with pytest.raises(PlanError, match="not fixed yet"):
        campaigns.start(name="Too early", stage=Stage.INTERESTS, rubric=draft)


def test_a_process_keeps_no_draft_in_its_memory(draft, lead):
    with pytest.raises(Rubric.DoesNotExist):
        services.rubric_in_use(draft.pk)
    rubric_editing.save(draft, wanted(), edition=0)
    rubric_editing.fix(draft, by=lead)

    assert services.definition_in_use(draft.pk).criteria == (TONE,)


def change(row, name, value):
    setattr(row, name, value)
    row.save()


def refused_changes():
    """Every way to change a fixed rubric that code, admin or shell could take."""
    yield "title", lambda rubric: change(rubric, "title", "Other")
    yield "back to a draft", lambda rubric: change(rubric, "version", 0)
    yield "update", lambda rubric: Rubric.objects.filter(pk=rubric.pk).update(guideline="Other")
    yield "delete", lambda rubric: rubric.delete()
    yield "delete rows", lambda rubric: Rubric.objects.filter(pk=rubric.pk).delete()
    yield (
        "criterion",
        lambda rubric: change(rubric.criteria.first(), "question", "?"),
    )
    yield "criteria", lambda rubric: rubric.criteria.update(question="?")
    yield "criterion away", lambda rubric: rubric.criteria.first().delete()
    yield "criteria away", lambda rubric: rubric.criteria.all().delete()
    yield (
        "criterion more",
        lambda rubric: Criterion.objects.create(rubric=rubric, position=9, name="more", title="More", labels=[]),
    )
    yield (
        "criteria more",
        lambda rubric: Criterion.objects.bulk_create([Criterion(rubric=rubric, position=9, name="more", labels=[])]),
    )
    yield "the service", lambda rubric: rubric_editing.save(rubric, wanted(), edition=rubric.edition)
    yield "the service's delete", rubric_editing.discard


@pytest.mark.parametrize(("way", "attempt"), list(refused_changes()))
def test_a_fixed_rubric_is_never_changed(way, attempt):
    rubric = current_rubric("interest")

    with pytest.raises(RubricFixedError, match="is fixed: labels are or may be given under its words"):
        attempt(rubric)

    assert services.definition(Rubric.objects.get(pk=rubric.pk)) == INTEREST


def test_a_criterion_is_not_moved_out_of_a_fixed_rubric(draft):
    moved = current_rubric("interest").criteria.first()
    assert moved is not None
    moved.rubric = draft

    with pytest.raises(RubricFixedError):
        moved.save()


def test_a_draft_is_discarded(draft):
    rubric_editing.discard(draft)

    assert not Rubric.objects.filter(pk=draft.pk).exists()


@pytest.mark.parametrize(
    ("criterion", "point"),
    [
        (replace(TONE, title=""), "tone: it has no title"),
        (replace(TONE, question=""), "Tone: it asks no question"),
        (replace(TONE, labels=TONE.labels[:1], examples=()), "Tone: it needs two labels at least"),
        (replace(TONE, labels=(LabelDef("", "", True), TONE.labels[1]), examples=()), "Tone: a label has no value"),
        (
            replace(TONE, labels=(LabelDef("Good", "", True), LabelDef("grim", "", False)), examples=()),
            "Good and grim begin alike",
        ),
        (replace(TONE, labels=(LabelDef("Yes", "", True), LabelDef("No", "", True))), "some must not"),
        (replace(TONE, labels=(LabelDef("No", "", False), LabelDef("Yes", "", True))), "those that pass come first"),
        (replace(TONE, examples=(ExampleDef("", "Yes"),)), "example 1 has no output"),
        (replace(TONE, examples=(ExampleDef("Hello", "Maybe"),)), "“Maybe”, which is none of Yes, No"),
    ],
)
def test_a_draft_with_an_open_point_is_kept_but_not_fixed(draft, lead, criterion, point):
    rubric_editing.save(draft, wanted(criterion), edition=0)

    with pytest.raises(RubricError, match=point):
        rubric_editing.fix(draft, by=lead)

    draft.refresh_from_db()
    assert draft.is_draft


def test_an_empty_draft_says_all_that_is_missing(draft, lead):
    with pytest.raises(RubricError, match=r"The guideline is empty.*There is no criterion"):
        rubric_editing.fix(draft, by=lead)


@pytest.mark.parametrize(
    ("criteria", "refusal"),
    [
        ((replace(TONE, name="Tone of voice"),), "“Tone of voice” is not a name for a criterion"),
        ((replace(TONE, name="rationale"),), "“rationale” has a meaning of its own"),
        ((TONE, TONE), "Two criteria have the name “tone”"),
        ((replace(TONE, question="x" * 1001),), "the question has 1,001 characters; 1,000 is the most"),
        ((replace(TONE, labels=TONE.labels * 3),), "6 labels; a scale has 5 at most"),
        ((replace(TONE, examples=TONE.examples * 13),), "13 examples"),
        (tuple(replace(TONE, name=f"tone_{n}") for n in range(11)), "11 criteria are too many"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_the_value_and_the_remedy(draft, criteria, refusal):
    with pytest.raises(RubricError, match=refusal):
        rubric_editing.save(draft, wanted(*criteria), edition=0)


@pytest.mark.parametrize("scale", rubric_editing.SCALES)
def test_every_scale_that_is_offered_can_be_fixed_as_it_is(draft, lead, scale):
    rubric_editing.save(draft, wanted(replace(TONE, labels=rubric_editing.SCALES[scale], examples=())), edition=0)

    assert rubric_editing.fix(draft, by=lead).version == 2


def test_the_criteria_of_v2_are_there_and_fixed_but_judges_go_by_v1():
    seeded = services.seed_rubrics()

    v2 = seeded[-1]
    assert (v2.kind, v2.version, v2.is_draft) == ("explanation", 2, False)
    assert [one.name for one in v2.criteria.all()][4:] == ["timeliness", "informativeness", "attractiveness"]
    assert rubric_editing.open_points(services.definition(v2)) == []
    assert Rubric.objects.current("explanation").version == 1
    assert services.seed_rubrics() == seeded
