"""Whatever people do in whatever order: places add up, and nothing that was saved is lost."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from judge import queue
from judge.models import Assessment, Assignment, Campaign, CampaignUnit
from tests.judge.factories import PASSING, CampaignFactory, CampaignUnitFactory, UserFactory

pytestmark = pytest.mark.django_db
State = Assignment.State
N_PEOPLE, N_UNITS = 3, 2


class Play:
    """One campaign and its people, with a move for everything that a person or the clock can do."""

    def __init__(self, overlap: int) -> None:
        self.campaign = CampaignFactory.create(overlap=overlap)
        CampaignUnitFactory.create_batch(N_UNITS, campaign=self.campaign)
        self.people: list[User] = UserFactory.create_batch(N_PEOPLE)
        self.saved: dict[UUID, object] = {}

    def of(self, person: User) -> list[Assignment]:
        return list(Assignment.objects.filter(annotator=person).order_by("created_at"))

    def next(self, person: User) -> None:
        queue.next_assignment(self.campaign, person)

    def draft(self, person: User) -> None:
        for held in self.of(person):
            draft = {str(held.unit.generation.outputs.all()[0].pk): {"labels": {}, "comment": f"{len(self.saved)}"}}
            version = held.draft_version
            try:
                queue.save_draft(held, person, draft, version)
            except queue.AlreadySubmitted:
                continue
            except queue.LeaseLost:
                held.refresh_from_db()
                if held.draft_version == version:
                    continue  # skipped: said so, and took nothing
            self.saved[held.pk] = draft

    def submit(self, person: User) -> None:
        for held in self.of(person):
            outputs = held.unit.generation.outputs.all()
            answers = {str(one.pk): {"labels": PASSING["interest"], "comment": ""} for one in outputs}
            try:
                queue.submit(held, person, answers)
            except queue.Surplus:
                self.saved[held.pk] = answers
            except queue.LeaseLost:
                pass

    def skip(self, person: User) -> None:
        for held in self.of(person):
            with suppress(queue.AlreadySubmitted):
                queue.skip(held, person, "cannot tell")

    def release(self, person: User) -> None:
        for held in self.of(person):
            queue.release(held, person)

    def heartbeat(self, person: User) -> None:
        for held in self.of(person):
            with suppress(queue.LeaseLost):
                queue.heartbeat(held, person)

    def lapse(self, person: User) -> None:
        Assignment.objects.filter(annotator=person).update(lease_until=timezone.now() - timedelta(seconds=1))

    def sweep(self, person: User) -> None:
        queue.expire_leases()

    def pause_or_open(self, person: User) -> None:
        is_active = self.campaign.state == Campaign.State.ACTIVE
        self.campaign.state = Campaign.State.PAUSED if is_active else Campaign.State.ACTIVE
        self.campaign.save()

    def check(self) -> None:
        held = Q(assignments__state__in=[State.LEASED, State.SUBMITTED])
        units = CampaignUnit.objects.annotate(
            held=Count("assignments", filter=held),
            done=Count("assignments", filter=Q(assignments__state=State.SUBMITTED)),
        )
        for n_taken, n_submitted, n_held, n_done in units.values_list("n_taken", "n_submitted", "held", "done"):
            assert n_taken == n_held <= self.campaign.overlap
            assert n_submitted == n_done
        assert Assessment.objects.count() == 2 * Assignment.objects.filter(state=State.SUBMITTED).count()
        for pk, draft in self.saved.items():
            assert Assignment.objects.get(pk=pk).draft == draft


MOVES: list[Callable[[Play, User], None]] = [
    Play.next,
    Play.draft,
    Play.submit,
    Play.skip,
    Play.release,
    Play.heartbeat,
    Play.lapse,
    Play.sweep,
    Play.pause_or_open,
]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    overlap=st.integers(1, 2),
    moves=st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, N_PEOPLE - 1)), min_size=5, max_size=30),
)
def test_places_add_up_and_drafts_stay_after_every_move(
    overlap: int, moves: list[tuple[Callable[[Play, User], None], int]]
):
    with transaction.atomic():
        play = Play(overlap)
        for move, who in moves:
            move(play, play.people[who])
            play.check()
        transaction.set_rollback(True)
