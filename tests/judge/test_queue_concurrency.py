"""The queue under real concurrency: many threads, each with a connection of its own."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import TypeVar

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from judge import queue, undo
from judge.models import Assessment, Assignment, Campaign, CampaignUnit, Preference, Tally
from tests.judge.factories import PASSING, CampaignFactory, CampaignUnitFactory, UserFactory
from tests.support.pair_data import both_answer, choose, comparing

pytestmark = pytest.mark.django_db(transaction=True)
T = TypeVar("T")
N_CONNECTIONS = 16


@pytest.fixture(autouse=True)
def room_for_every_connection(settings):
    """The pool of a web process is smaller than this test's crowd, and is closed when the crowd has gone."""
    options = settings.DATABASES["default"]["OPTIONS"]
    before = options["pool"]
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's has one
    options["pool"] = before | {"max_size": N_CONNECTIONS + 2, "timeout": 60}
    yield
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's has one
    options["pool"] = before


def at_once(work: Sequence[Callable[[], T]]) -> list[T]:
    """Run all of `work` on connections of their own, started together; raises what any of them raised."""
    gate = threading.Barrier(len(work))

    def run(one: Callable[[], T]) -> T:
        try:
            connection.ensure_connection()
            gate.wait()
            return one()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(run, work))


def work_through(campaign: Campaign, person: User) -> list[Assignment]:
    """Review until there is nothing left; returns what was submitted."""
    done = []
    while (held := queue.next_assignment(campaign, person)) is not None:
        outputs = held.unit.generation.outputs.all()
        queue.submit(
            held, person, {str(output.pk): {"labels": PASSING["interest"], "comment": ""} for output in outputs}
        )
        done.append(held)
    return done


@pytest.mark.parametrize("overlap", [1, 3])
def test_sixteen_people_share_a_queue_without_a_double_or_a_surplus(overlap: int):
    campaign = CampaignFactory.create(overlap=overlap)
    CampaignUnitFactory.create_batch(40, campaign=campaign)
    people = UserFactory.create_batch(N_CONNECTIONS)

    done = at_once([partial(work_through, campaign, person) for person in people])

    per_unit = Counter(held.unit_id for mine in done for held in mine)
    assert set(per_unit.values()) == {overlap}
    assert len(per_unit) == 40
    assert all(len({held.unit_id for held in mine}) == len(mine) for mine in done)
    assert Assessment.objects.count() == 40 * 2 * overlap
    assert set(CampaignUnit.objects.values_list("n_taken", "n_submitted")) == {(overlap, overlap)}


def test_sixteen_people_share_pairs_without_a_double_or_a_surplus():
    both_answer(24)
    campaign = comparing(overlap=2)

    def compare(person: User) -> list[Assignment]:
        done = []
        while (held := queue.next_assignment(campaign, person)) is not None:
            choose(held, person, "left")
            done.append(held)
        return done

    done = at_once([partial(compare, person) for person in UserFactory.create_batch(N_CONNECTIONS)])

    per_unit = Counter(held.unit_id for mine in done for held in mine)
    assert (len(per_unit), set(per_unit.values())) == (24, {2})
    assert all(len({held.unit_id for held in mine}) == len(mine) for mine in done)
    assert Preference.objects.count() == 48
    assert set(CampaignUnit.objects.values_list("n_taken", "n_submitted")) == {(2, 2)}


def test_sixteen_people_want_the_last_place_and_one_gets_it():
    unit = CampaignUnitFactory.create()
    people = UserFactory.create_batch(N_CONNECTIONS)

    got = at_once([partial(queue.next_assignment, unit.campaign, person) for person in people])

    assert sum(one is not None for one in got) == 1
    unit.refresh_from_db()
    assert unit.n_taken == Assignment.objects.count() == 1


def test_one_person_in_sixteen_tabs_takes_a_unit_only_once():
    campaign = CampaignFactory.create(overlap=5)
    units = CampaignUnitFactory.create_batch(3, campaign=campaign)
    person = UserFactory.create()

    got = at_once([partial(queue.next_assignment, campaign, person)] * N_CONNECTIONS)

    assert all(got)
    for unit in units:
        unit.refresh_from_db()
        assert unit.n_taken == unit.assignments.count() <= 1


def test_a_submit_sent_sixteen_times_at_once_is_stored_once():
    unit = CampaignUnitFactory.create()
    person = UserFactory.create()
    held = queue.next_assignment(unit.campaign, person)
    assert held is not None
    answers = {str(one.pk): {"labels": PASSING["interest"]} for one in unit.generation.outputs.all()}

    stored = at_once([partial(queue.submit, held, person, answers)] * N_CONNECTIONS)

    assert all(one == stored[0] for one in stored)
    assert Assessment.objects.count() == 2
    unit.refresh_from_db()
    assert (unit.n_taken, unit.n_submitted) == (1, 1)


def test_submits_and_undos_of_one_person_from_many_tabs_leave_the_counts_right():
    # Whatever comes last stands, and it stands once: labels with a submit, a draft with an undo.
    unit = CampaignUnitFactory.create()
    person = UserFactory.create()
    held = queue.next_assignment(unit.campaign, person)
    assert held is not None
    answers = {str(one.pk): {"labels": PASSING["interest"]} for one in unit.generation.outputs.all()}

    def to_and_fro() -> None:
        for _ in range(5):
            queue.submit(held, person, answers)
            undo.undo(held, person)

    at_once([to_and_fro] * N_CONNECTIONS)

    unit.refresh_from_db()
    assert (unit.n_taken, unit.n_submitted, Assessment.objects.count()) == (1, 0, 0)
    assert Tally.objects.get().n_submitted == 0
    queue.submit(held, person, answers)
    unit.refresh_from_db()
    assert (unit.n_taken, unit.n_submitted, Assessment.objects.count()) == (1, 1, 2)
    assert set(Assessment.objects.values_list("revision", flat=True)) == {1}
    assert Tally.objects.get().n_submitted == 1


def test_people_who_undo_and_others_who_take_share_units_without_a_deadlock():
    campaign = CampaignFactory.create(overlap=4)
    CampaignUnitFactory.create_batch(12, campaign=campaign)

    def undecided(person: User) -> None:
        while (held := queue.next_assignment(campaign, person)) is not None:
            outputs = held.unit.generation.outputs.all()
            answers = {str(output.pk): {"labels": PASSING["interest"]} for output in outputs}
            queue.submit(held, person, answers)
            undo.undo(held, person)
            queue.submit(held, person, answers)

    at_once([partial(undecided, person) for person in UserFactory.create_batch(N_CONNECTIONS)])

    assert set(CampaignUnit.objects.values_list("n_taken", "n_submitted")) == {(4, 4)}
    assert Assessment.objects.count() == 12 * 4 * 2
    assert sum(Tally.objects.values_list("n_submitted", flat=True)) == 12 * 4


def test_lapsed_leases_come_back_once_while_everybody_sweeps_takes_and_submits():
    # Half of the crowd returns to a lapsed lease and submits, the other half looks for work: every place is filled
    # exactly once, and who came too late is told so.
    campaign = CampaignFactory.create()
    CampaignUnitFactory.create_batch(8, campaign=campaign)
    late, fresh = UserFactory.create_batch(8), UserFactory.create_batch(8)
    held = [queue.next_assignment(campaign, person) for person in late]
    Assignment.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    def come_back(assignment: Assignment, person: User) -> int:
        outputs = assignment.unit.generation.outputs.all()
        try:
            queue.submit(assignment, person, {str(one.pk): {"labels": PASSING["interest"]} for one in outputs})
        except queue.Surplus:
            return 0
        return 1

    def look(person: User) -> int:
        queue.expire_leases()
        return len(work_through(campaign, person))

    returning = [partial(come_back, one, who) for one, who in zip(held, late, strict=True) if one]
    looking = [partial(look, who) for who in fresh]
    n_done = sum(at_once(returning + looking))

    # A unit whose lease was being swept may have been passed over by everybody: it is free, not lost.
    n_done += sum(len(work_through(campaign, person)) for person in fresh[:1])
    assert n_done == 8
    assert set(CampaignUnit.objects.values_list("n_taken", "n_submitted")) == {(1, 1)}
    assert Assessment.objects.values("output").distinct().count() == Assessment.objects.count() == 16
