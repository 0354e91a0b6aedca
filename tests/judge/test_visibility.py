"""What an annotator can learn before submitting: nothing, from nobody."""

from collections.abc import Iterable

import pytest
from django.contrib.auth.models import AnonymousUser, User

from judge import queue, visibility
from judge.models import Assessment, Assignment, CampaignUnit, Rubric
from recommend.models import Generation, Output
from recommend.roles import ADMIN, ANNOTATOR, LEAD
from tests.judge.factories import (
    PASSING,
    AssessmentFactory,
    CampaignFactory,
    CampaignUnitFactory,
    PersonFactory,
    UserFactory,
)
from tests.recommend.factories import GenerationFactory

pytestmark = pytest.mark.django_db


def judged(unit: CampaignUnit) -> set[Assessment]:
    """The judge's assessments of a unit's outputs, made now."""
    return {AssessmentFactory.create(output=output) for output in unit.generation.outputs.all()}


def seen(user: User | AnonymousUser, generation: Generation) -> set[Assessment]:
    return set(visibility.visible_assessments(user, generation.outputs.all()))


def lease(unit: CampaignUnit, person: User) -> Assignment:
    held = queue.next_assignment(unit.campaign, person)
    assert held is not None
    assert held.unit == unit
    return held


def submit(held: Assignment) -> set[Assessment]:
    outputs: Iterable[Output] = held.unit.generation.outputs.all()
    return set(queue.submit(held, held.annotator, {str(one.pk): {"labels": PASSING["interest"]} for one in outputs}))


def test_in_a_blind_campaign_the_judge_appears_with_the_submit_and_not_before():
    unit = CampaignUnitFactory.create()
    by_judge = judged(unit)
    person = UserFactory.create()
    assert seen(person, unit.generation) == set()

    held = lease(unit, person)
    queue.save_draft(held, person, {str(unit.generation.outputs.all()[0].pk): {"labels": PASSING["interest"]}}, 0)
    assert seen(person, unit.generation) == set()

    mine = submit(held)
    assert seen(person, unit.generation) == mine | by_judge


@pytest.mark.parametrize("end", [queue.skip, queue.release])
def test_who_skips_or_releases_does_not_see_the_judge(end):
    unit = CampaignUnitFactory.create()
    judged(unit)
    held = lease(unit, person := UserFactory.create())

    end(held, person)

    assert seen(person, unit.generation) == set()


def test_an_annotator_never_sees_the_labels_of_others():
    unit = CampaignUnitFactory.create(campaign__overlap=2)
    submit(lease(unit, UserFactory.create()))
    person = UserFactory.create()
    assert seen(person, unit.generation) == set()

    mine = submit(lease(unit, person))

    assert seen(person, unit.generation) == mine


def test_where_no_blind_campaign_has_drawn_it_the_judge_is_seen_by_everybody_signed_in():
    unit = CampaignUnitFactory.create(campaign__blind=False)
    by_judge = judged(unit)
    free = GenerationFactory.create(outputs=1)
    also_by_judge = {AssessmentFactory.create(output=free.outputs.get())}

    for role in (ANNOTATOR, ""):
        assert seen(UserFactory.create(role=role), unit.generation) == by_judge
        assert seen(UserFactory.create(role=role), free) == also_by_judge
    assert seen(AnonymousUser(), free) == set()


def test_one_blind_campaign_among_open_ones_is_enough_to_hide_the_judge():
    unit = CampaignUnitFactory.create(campaign__blind=False)
    CampaignUnitFactory.create(generation=unit.generation, campaign__blind=True, campaign__state="closed")
    judged(unit)

    assert seen(UserFactory.create(), unit.generation) == set()


def test_a_submit_under_one_rubric_does_not_reveal_the_judge_under_another():
    unit = CampaignUnitFactory.create()
    old = judged(unit)
    newer = Rubric.objects.create(kind="interest", version=2, title="Interests", guideline="")
    for output in unit.generation.outputs.all():
        AssessmentFactory.create(output=output, rubric=newer, passed=True, labels={})
    CampaignUnitFactory.create(generation=unit.generation, campaign=CampaignFactory.create(rubric=newer))
    person = UserFactory.create()

    mine = submit(lease(unit, person))

    assert seen(person, unit.generation) == mine | old


@pytest.mark.parametrize("role", [LEAD, ADMIN])
def test_a_lead_sees_everything(role: str):
    unit = CampaignUnitFactory.create()
    by_judge = judged(unit)
    by_person = submit(lease(unit, UserFactory.create()))

    assert seen(UserFactory.create(role=role), unit.generation) == by_judge | by_person


def test_a_lead_at_work_on_a_generation_sees_nothing_of_others_until_it_is_submitted():
    unit = CampaignUnitFactory.create(campaign__overlap=2)
    by_judge = judged(unit)
    by_other = submit(lease(unit, UserFactory.create()))
    lead = UserFactory.create(role=LEAD)

    held = lease(unit, lead)
    assert seen(lead, unit.generation) == set()

    assert submit(held) | by_judge | by_other == seen(lead, unit.generation)


def test_a_superuser_is_an_admin():
    unit = CampaignUnitFactory.create()

    assert seen(UserFactory.create(role="", is_superuser=True), unit.generation) == set()
    by_judge = judged(unit)
    assert seen(UserFactory.create(role="", is_superuser=True), unit.generation) == by_judge


def test_only_the_outputs_asked_for_are_returned():
    one, other = GenerationFactory.create_batch(2, outputs=1)
    AssessmentFactory.create(output=other.outputs.get())
    person = PersonFactory.create()
    own = AssessmentFactory.create(output=one.outputs.get(), rater=person)
    assert person.user is not None

    assert seen(person.user, one) == {own}


def test_the_review_page_reveals_the_judge_by_the_campaign_and_the_state():
    blind = lease(CampaignUnitFactory.create(), UserFactory.create())
    open_ = lease(CampaignUnitFactory.create(campaign__blind=False), UserFactory.create())

    assert not visibility.judge_is_revealed(blind)
    assert visibility.judge_is_revealed(open_)
    submit(blind)
    blind.refresh_from_db()
    assert visibility.judge_is_revealed(blind)
