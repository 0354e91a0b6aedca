"""What keeps the queue fast: few queries for each call, and nobody wades through what is not for them."""

from collections.abc import Callable
from copy import copy
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from judge import leases, queue
from judge.models import Assignment, Campaign, CampaignUnit
from recommend.models import Generation, new_id
from recommend.prepared import execute
from tests.judge.factories import (
    PASSING,
    AssessmentFactory,
    AssignmentFactory,
    CampaignFactory,
    CampaignUnitFactory,
    PersonFactory,
    UserFactory,
)
from tests.recommend.factories import GenerationFactory
from tests.site.api.clients import client_of

pytestmark = pytest.mark.django_db
State = Assignment.State
T = TypeVar("T")
N_FRONT = 50  # units that are looked at before somebody goes on from where they were


def taken(campaign: Campaign, person: User) -> CampaignUnit:
    """The unit that the queue gives, submitted at once."""
    held = queue.next_assignment(campaign, person)
    assert held is not None
    answers = {str(output.pk): {"labels": PASSING["interest"]} for output in held.kept_outputs}
    queue.submit(held, person, answers)
    return held.unit


def opened(n: int, had: dict[User, range]) -> tuple[Campaign, list[CampaignUnit]]:
    """A campaign for two people a unit, with `n` units, oldest first; those that `had` names are submitted once."""
    campaign = CampaignFactory.create(overlap=2)
    units = CampaignUnitFactory.create_batch(n, campaign=campaign)
    now = timezone.now()
    for number, unit in enumerate(units):
        unit.created_at = now - timedelta(minutes=n - number)
        unit.n_taken = unit.n_submitted = sum(number in numbers for numbers in had.values())
    CampaignUnit.objects.bulk_update(units, ["created_at", "n_taken", "n_submitted"])
    for person, numbers in had.items():
        Assignment.objects.bulk_create(
            Assignment(unit=units[number], annotator=person, state=State.SUBMITTED, lease_until=now)
            for number in numbers
        )
    return campaign, units


def test_taking_a_screen_costs_six_queries_and_submitting_it_twelve():
    campaign = CampaignFactory.create()
    unit = CampaignUnitFactory.create(campaign=campaign)
    for output in unit.generation.outputs.all():
        AssessmentFactory.create(output=output)
    person = UserFactory.create()
    PersonFactory.create(user=person)
    client = client_of(person)
    client.post(f"/api/v1/campaigns/{campaign.pk}/next/")  # notes that the token is used, once a minute

    with CaptureQueriesContext(connection) as asked:
        screen: dict[str, Any] = client.post(f"/api/v1/campaigns/{campaign.pk}/next/").json()
    answers = {output["id"]: {"labels": PASSING["interest"]} for output in screen["outputs"]}
    with CaptureQueriesContext(connection) as submitted:
        response = client.post(f"/api/v1/assignments/{screen['id']}/submit/", {"answers": answers})

    assert response.status_code == 200
    assert len(response.json()["assessments"]) == 4
    # Token with roles, campaign, the lease, the screen, its outputs, the audit log.
    assert len(asked) == 6
    # Token with roles; in a transaction the screen under its lock, its outputs, rater, revisions, labels, the submit,
    # the audit log, who is told of it; then the assessments. The rubric is read once a process.
    assert len(submitted) == 12


def test_who_has_had_all_that_is_open_at_the_front_goes_on_behind_it():
    person, other = UserFactory.create_batch(2)
    campaign, units = opened(N_FRONT + 9, {person: range(N_FRONT + 5), other: range(N_FRONT + 5, N_FRONT + 9)})

    assert [taken(campaign, person) for _ in range(4)] == units[-4:]
    assert queue.next_assignment(campaign, person) is None


def test_who_is_at_the_end_comes_around_to_what_lies_between():
    person, other = UserFactory.create_batch(2)
    left = N_FRONT + 5
    campaign, units = opened(left + 60, {other: range(left, left + 1), person: range(left)})
    Assignment.objects.bulk_create(
        Assignment(unit=unit, annotator=person, state=State.SUBMITTED, lease_until=timezone.now())
        for unit in units[left + 1 :]
    )
    CampaignUnit.objects.filter(pk__in=[unit.pk for unit in units[left + 1 :]]).update(n_taken=1, n_submitted=1)

    assert taken(campaign, person) == units[left]


@pytest.fixture(params=["by all ways", "by everything alone"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short queue is given from its front; looking through everything must give the same."""
    if request.param == "by everything alone":
        monkeypatch.setattr(leases, "FRONT", f"SELECT * FROM ({leases.FRONT}) front WHERE false")
        monkeypatch.setattr(leases, "ONWARD", leases.FRONT)


@pytest.mark.usefixtures("way")
def test_what_a_person_has_had_is_told_the_same_by_every_way_of_looking():
    person = UserFactory.create()
    campaign = CampaignFactory.create(overlap=2)
    elsewhere = CampaignFactory.create(rubric=campaign.rubric)
    other_rubric = CampaignFactory.create(stage="tags")
    now = timezone.now()

    def had(unit: CampaignUnit, state: State) -> None:
        AssignmentFactory.create(unit=unit, annotator=person, state=state, lease_until=now)

    def new(**settings: Any) -> CampaignUnit:
        unit: CampaignUnit = CampaignUnitFactory.create(campaign=campaign, **settings)
        return unit

    def again(unit: CampaignUnit, **settings: Any) -> CampaignUnit:
        """The same generation and rival once more."""
        settings = {"campaign": elsewhere, "generation": unit.generation, "rival": unit.rival} | settings
        made: CampaignUnit = CampaignUnitFactory.create(**settings)
        return made

    theirs = {"new": new(), "a pair": new(rival=GenerationFactory.create())}
    for name, state, settings in (
        ("put down here", State.EXPIRED, {}),
        ("skipped elsewhere", State.SKIPPED, {"campaign": elsewhere}),
        ("put down elsewhere", State.EXPIRED, {"campaign": elsewhere}),
        ("under another rubric", State.SUBMITTED, {"campaign": other_rubric}),
        ("skipped as gold", State.SKIPPED, {"campaign": campaign, "is_gold": True, "inclusion_probability": None}),
        ("as one of a pair", State.SUBMITTED, {"campaign": elsewhere, "rival": GenerationFactory.create()}),
    ):
        theirs[name] = new()
        had(again(theirs[name], **settings) if settings else theirs[name], state)
    theirs["with another rival"] = new(rival=GenerationFactory.create())
    had(again(theirs["with another rival"], rival=GenerationFactory.create()), State.SUBMITTED)
    for rival in (None, GenerationFactory.create()):
        had(new(rival=rival), State.SUBMITTED)
        had(new(rival=rival and GenerationFactory.create()), State.SKIPPED)
        had(again(new(rival=rival and GenerationFactory.create())), State.SUBMITTED)
    had(again(new(), campaign=campaign, is_gold=True, inclusion_probability=None), State.SUBMITTED)
    new(n_taken=2)

    given = []
    while (held := leases.take(campaign, person)) is not None:
        Assignment.objects.filter(pk=held).update(state=State.SUBMITTED)
        given.append(Assignment.objects.get(pk=held).unit_id)

    names = {unit.pk: name for name, unit in theirs.items()}
    assert [names.get(unit) for unit in given] == list(theirs)
    assert not leases.is_free(campaign, person)


def blocks(asked: Callable[[], T]) -> tuple[T, int]:
    """What a call returns, and how many blocks of our tables and indexes the database looked at for it."""
    read = "SELECT sum(pg_stat_get_xact_blocks_fetched(oid)) FROM pg_class WHERE relname ~ '^(judge|campaign|assignm)'"
    ((before,),) = execute(read, {})
    found = asked()
    ((after,),) = execute(read, {})
    return found, int(after - before)


@pytest.mark.parametrize("where", ["here", "elsewhere"])
# Of a unit each: two blocks where the planner knows how many rows there are, a look-up or two where it does not. Asking
# of each unit whether they have had it takes 10 to 15, whatever the planner knows.
@pytest.mark.parametrize(("is_analyzed", "per_unit"), [(True, 2), (False, 7)])
def test_who_has_had_everything_does_not_have_it_looked_up_one_by_one(where: str, is_analyzed: bool, per_unit: int):
    n = 2_000
    most_blocks = per_unit * n
    person, other, most = UserFactory.create_batch(3)
    unit = CampaignUnitFactory.create(campaign__overlap=3)
    campaign = unit.campaign
    generations = [copy(unit.generation) for _ in range(n - 1)]
    for number, generation in enumerate(generations):
        generation.pk, generation.position = new_id(), number + 1
    Generation.objects.bulk_create(generations)
    elsewhere = CampaignFactory.create(rubric=campaign.rubric, overlap=3)
    units = CampaignUnit.objects.bulk_create(
        CampaignUnit(campaign=one, generation=generation, inclusion_probability=1)
        for one in (campaign, elsewhere)
        for generation in (unit.generation, *generations)
        if one == elsewhere or generation != unit.generation
    )
    mine = [one for one in units if one.campaign == elsewhere] if where == "elsewhere" else [unit, *units[: n - 1]]
    for who, had in ((person, mine), (most, mine[: n * 4 // 5])):
        Assignment.objects.bulk_create(
            Assignment(unit=one, annotator=who, state=State.SUBMITTED, lease_until=timezone.now()) for one in had
        )
    if is_analyzed:
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE judge_campaign, judge_campaignunit, judge_assignment")

    for _ in range(8):  # of a statement that is asked often, the plan is kept after some times
        found, n_blocks = blocks(partial(leases.take, campaign, person))
        assert found is None
        assert n_blocks < most_blocks
    found, n_blocks = blocks(partial(leases.take, campaign, other))
    assert found is not None
    assert n_blocks < 200
    found, n_blocks = blocks(partial(leases.take, campaign, most))
    assert found is not None
    assert n_blocks < most_blocks


def test_what_comes_back_at_the_front_is_given_before_what_is_new():
    person, other = UserFactory.create_batch(2)
    campaign, units = opened(12, {})
    first = queue.next_assignment(campaign, other)
    assert first is not None
    for _ in range(3):
        taken(campaign, person)

    queue.release(first, other)

    assert taken(campaign, person) == units[0]


def test_a_lease_of_a_campaign_is_renewed_by_the_statement_that_gives_one():
    unit = CampaignUnitFactory.create(campaign__lease_s=600)
    person = UserFactory.create()
    held = leases.take(unit.campaign, person)
    Assignment.objects.update(lease_until=timezone.now())

    assert leases.take(unit.campaign, person) == held

    assert Assignment.objects.get().lease_until > timezone.now() + timedelta(seconds=500)


def test_a_lease_outlives_the_deadline_and_nothing_new_is_given_after_it():
    campaign = CampaignFactory.create()
    CampaignUnitFactory.create_batch(2, campaign=campaign)
    early, late = UserFactory.create_batch(2)
    held = leases.take(campaign, early)

    Campaign.objects.update(deadline=timezone.localdate() - timedelta(days=1))

    assert leases.take(campaign, early) == held
    assert leases.take(campaign, late) is None
