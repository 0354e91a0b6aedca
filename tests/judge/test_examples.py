"""Examples of a rubric in the judge's prompt, and that no output is judged with one of its own shopper."""

from dataclasses import replace

import pytest

from judge import judging, passports, rubric_editing, services, verdicts
from judge.checks import sources
from judge.models import Rubric
from judge.rubrics import INTEREST, ExampleDef, RubricDef
from recommend.models import Generation, LanguageModel
from recommend.roles import LEAD
from tests.judge.factories import PASSING, JudgeFactory, UserFactory
from tests.recommend.factories import GenerationFactory, LanguageModelFactory
from tests.support.recorded_engine import RecordedEngine

EXAMPLE = ExampleDef("tea <b>time</b>", "Necessity", "Everybody buys\ntea.")


def with_examples(*examples: ExampleDef) -> RubricDef:
    first, *others = INTEREST.criteria
    return replace(INTEREST, criteria=(replace(first, examples=examples), *others))


def in_use(*examples: ExampleDef) -> Rubric:
    """A rubric of interests that judges go by, with these examples of willingness."""
    services.seed_rubrics()
    lead = UserFactory.create(role=LEAD)
    draft = rubric_editing.new_draft(made_from=Rubric.objects.current("interest"), by=lead)
    services.write_criteria(draft, with_examples(*examples).criteria)
    return rubric_editing.fix(draft, by=lead, in_use=True)


def system_texts(*generations: Generation) -> list[str]:
    """What every judgement of these generations began with."""
    engine = RecordedEngine(lambda request: PASSING["interest"] | {"rationale": "Fine."})
    for generation in generations:
        judging.judge_pending(generation, engine)
    return [request.messages[0].content for request in engine.requests]


def test_examples_stand_fenced_behind_the_guideline_of_their_criterion():
    asked = verdicts.questions(with_examples(EXAMPLE).criteria, guidelines=True)

    behind = asked.index("<example>\ntea ‹b›time‹/b›\n</example>\nwillingness of this example: Necessity")
    assert asked.index("*household\nsupplies*") < behind < asked.index("reasonableness: ")
    assert "Necessity (Everybody buys tea.)" in asked


def test_a_model_that_was_trained_on_the_questions_alone_is_shown_none():
    assert verdicts.questions(with_examples(EXAMPLE).criteria, guidelines=False) == verdicts.questions(
        INTEREST.criteria, guidelines=False
    )


@pytest.mark.django_db
def test_all_shoppers_share_the_beginning_of_the_prompt_but_those_of_the_examples():
    LanguageModelFactory.create(role=LanguageModel.Role.JUDGE, adapter="")
    shown, *others = (GenerationFactory.create(outputs=2) for _ in range(3))
    of_theirs = GenerationFactory.create(outputs=1, shopper=shown.shopper)
    example = replace(EXAMPLE, output=str(shown.outputs.all()[0].pk), shopper=str(shown.shopper_id))
    in_use(example, replace(EXAMPLE, text="model railways"))

    [shared] = set(system_texts(*others))
    [own] = set(system_texts(shown, of_theirs))

    assert "tea ‹b›time‹/b›" in shared
    assert "tea ‹b›time‹/b›" not in own
    assert "model railways" in own


@pytest.mark.django_db
def test_a_check_of_the_judge_asks_nothing_about_the_shoppers_of_its_examples():
    judge = LanguageModelFactory.create(role=LanguageModel.Role.JUDGE, adapter="")
    shown, other = (GenerationFactory.create(outputs=2) for _ in range(2))
    rubric = in_use(replace(EXAMPLE, shopper=str(shown.shopper_id)))

    drawn = sources.draw(rubric, services.definition(rubric), judge, n=10, seed=1)

    assert {source.shopper for source in drawn} == {other.shopper_id}


@pytest.mark.django_db
def test_a_judge_is_another_version_of_itself_with_other_examples():
    judge = JudgeFactory.create(language_model__adapter="")
    before = passports.version_of(judge, in_use(EXAMPLE))

    now = passports.version_of(judge, in_use(EXAMPLE, replace(EXAMPLE, text="coffee")))

    assert passports.changes(before, now) == "The judge is asked in other words, or shown other examples."
    assert passports.changes(before, passports.version_of(judge, in_use(EXAMPLE))) == ""


@pytest.mark.django_db
def test_a_passport_from_before_the_questions_were_written_down_does_not_expire_by_them():
    judge = JudgeFactory.create(language_model__adapter="")
    now = passports.version_of(judge, in_use())
    before = {name: value for name, value in now.items() if name != "questions_sha256"}

    assert passports.changes(before, now) == ""


@pytest.mark.django_db
def test_a_saved_draft_keeps_where_its_examples_are_from_and_takes_no_ones_word_for_it():
    services.seed_rubrics()
    draft = rubric_editing.new_draft(kind="interest", by=UserFactory.create(role=LEAD))
    services.write_criteria(draft, with_examples(replace(EXAMPLE, output="o1", shopper="s1")).criteria)
    sent = with_examples(replace(EXAMPLE, reason="Other"), ExampleDef("claimed", "Necessity", "", "o2", "s2"))

    saved = services.definition(rubric_editing.save(draft, sent, edition=0))

    first, second = saved.criterion("willingness").examples
    assert (first.output, first.shopper, first.reason) == ("o1", "s1", "Other")
    assert (second.output, second.shopper) == ("", "")
