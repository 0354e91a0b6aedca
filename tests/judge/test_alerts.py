"""Drift from labels as they are stored, and what comes of it: an alert, told once, open until a lead says so."""

import html
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client

from judge import alerts, drift, events, tables, tasks
from judge.comparison import Filters
from judge.models import Alert, Assessment, Campaign
from recommend.roles import ANNOTATOR, LEAD
from tests.judge.factories import (
    FAILING,
    PASSING,
    AssessmentFactory,
    AssignmentFactory,
    CampaignFactory,
    CampaignUnitFactory,
    JudgeFactory,
    PersonFactory,
    UserFactory,
)
from tests.recommend.factories import OutputFactory
from tests.site.api import clients

pytestmark = pytest.mark.django_db
GOOD, BAD = PASSING["interest"], FAILING["interest"]
MONDAY = date(2026, 1, 5)
TODAY = MONDAY + timedelta(weeks=12, days=2)


@pytest.fixture
def told() -> Iterator[list[tuple[str, Mapping[str, object]]]]:
    """What whoever listens was told."""
    heard: list[tuple[str, Mapping[str, object]]] = []

    def hook(message: str, facts: Mapping[str, object]) -> None:
        heard.append((message, facts))

    events.on_judge_alert(hook)
    yield heard
    events._judge_alert.remove(hook)


def week(campaign: Campaign, number: int, n_differing: int, n: int = 12, **unit: object) -> None:
    """A week in which one person labels an output of each of n shoppers, and the judge passes all of them."""
    person, judge = PersonFactory.create(), JudgeFactory.create()
    for place in range(n):
        output = OutputFactory.create()
        AssessmentFactory.create(rater=judge, output=output, labels=GOOD)
        held = AssignmentFactory.create(
            unit=CampaignUnitFactory.create(campaign=campaign, generation=output.generation, **unit),
            annotator=person.user,
            state="submitted",
        )
        said = AssessmentFactory.create(
            rater=person, output=output, labels=BAD if place < n_differing else GOOD, assignment=held
        )
        at = datetime.combine(MONDAY + timedelta(weeks=number, days=place % 7), datetime.min.time(), UTC)
        Assessment.objects.filter(pk=said.pk).update(created_at=at + timedelta(hours=9))


def drifting(campaign: Campaign) -> None:
    """Four weeks in which the judge differs on one label of ten, then three in which it does on eight."""
    for number in range(7):
        week(campaign, number, 1 if number < 4 else 8, n=10)


def test_labels_are_counted_by_the_week_in_which_they_were_given(campaign: Campaign):
    for number, n_differing in enumerate((1, 2, 3, 4)):
        week(campaign, number, n_differing)

    weeks = drift.of(Filters(), today=MONDAY + timedelta(weeks=3, days=6)).weeks

    # The fourth week is not over yet; the first three are 36 labels of 36 shoppers, the third the first to be compared.
    assert [one.start for one in weeks] == [MONDAY + timedelta(weeks=number) for number in range(3)]
    assert [one.disagreement.value for one in weeks] == pytest.approx([1 / 12, 2 / 12, 3 / 12])
    assert [one.disagreement.n_clusters for one in weeks] == [12, 12, 12]


def test_only_blind_labels_of_uniform_plans_count(campaign: Campaign):
    week(campaign, 0, 2)
    week(CampaignFactory.create(plan=Campaign.Plan.UNCERTAINTY), 0, 12)
    week(CampaignFactory.create(), 0, 12)
    Assessment.objects.filter(assignment__unit__campaign=Campaign.objects.first()).update(blind=False)

    (only,) = drift.of(Filters(), today=TODAY).weeks

    assert only.disagreement.value == pytest.approx(2 / 12)
    assert only.disagreement.n == 12


def test_an_alarm_becomes_an_alert_and_is_told_once(campaign: Campaign, told: list[tuple[str, Mapping[str, object]]]):
    drifting(campaign)

    first, again = alerts.watch(today=TODAY), alerts.watch(today=TODAY)

    (alert,) = first
    assert again == []
    assert alert == Alert.objects.get()
    assert alert.rubric.kind == "interest"
    assert "differs from people more often than before" in alert.message
    assert alert.facts["direction"] == "rising"
    assert alert.facts["disagreement"] == pytest.approx(8 / 10)
    ((message, facts),) = told
    assert alert.message in message
    assert facts["alert"] == str(alert.pk)
    assert facts["kind"] == "interest"


def test_without_drift_there_is_no_alert(campaign: Campaign, told: list[tuple[str, Mapping[str, object]]]):
    for number in range(6):
        week(campaign, number, 1 + number % 2)

    assert alerts.watch(today=TODAY) == []
    assert told == []


def test_the_task_says_how_many_are_new(campaign: Campaign):
    assert tasks.watch_judge() == 0
    drifting(campaign)

    assert tasks.watch_judge() == 1
    assert tasks.watch_judge() == 0


def test_an_alert_is_on_the_page_until_a_lead_acknowledges_it(client: Client, lead: User, campaign: Campaign):
    drifting(campaign)
    (alert,) = alerts.watch(today=TODAY)
    page = html.unescape(client.get("/dashboard/").content.decode())
    assert alert.message in page
    assert "Does the judge drift?" in page

    answer = client.post(f"/dashboard/alerts/{alert.pk}/acknowledge/", {"note": " New catalogue. "}, follow=True)

    assert "Acknowledged." in answer.content.decode()
    alert.refresh_from_db()
    assert (alert.acknowledged_by, alert.note) == (lead, "New catalogue.")
    assert "What you found or did" not in client.get("/dashboard/").content.decode()


def test_the_first_lead_to_acknowledge_is_kept(client: Client, lead: User, campaign: Campaign):
    drifting(campaign)
    (alert,) = alerts.watch(today=TODAY)
    other = UserFactory.create(username="other", role=LEAD)
    alerts.acknowledge(alert, by=other, note="Seen.")

    answer = client.post(f"/dashboard/alerts/{alert.pk}/acknowledge/", {"note": "Mine."}, follow=True)

    assert "other had acknowledged it already." in answer.content.decode()
    alert.refresh_from_db()
    assert (alert.acknowledged_by, alert.note) == (other, "Seen.")


def test_annotators_acknowledge_nothing(client: Client, campaign: Campaign):
    drifting(campaign)
    (alert,) = alerts.watch(today=TODAY)
    client.force_login(UserFactory.create(role=ANNOTATOR))

    assert client.post(f"/dashboard/alerts/{alert.pk}/acknowledge/").status_code == 403
    assert clients.annotator().get("/api/v1/alerts/").status_code == 403
    alert.refresh_from_db()
    assert alert.acknowledged_at is None


def test_the_api_lists_and_acknowledges(campaign: Campaign):
    drifting(campaign)
    (alert,) = alerts.watch(today=TODAY)
    api = clients.lead()

    (listed,) = api.get("/api/v1/alerts/", {"kind": "interest", "open": "true"}).json()["results"]
    kept = api.post(f"/api/v1/alerts/{alert.pk}/acknowledge/", {"note": "Seen."}).json()

    assert (listed["id"], listed["message"], listed["acknowledged_by"]) == (str(alert.pk), alert.message, None)
    assert (kept["note"], kept["acknowledged_by"] is None) == ("Seen.", False)
    assert api.get("/api/v1/alerts/", {"open": "true"}).json()["results"] == []
    assert len(api.get("/api/v1/alerts/", {"open": "false"}).json()["results"]) == 1
    assert api.get("/api/v1/alerts/", {"kind": "tag"}).json()["results"] == []


def test_the_weeks_can_be_taken_as_a_table(campaign: Campaign):
    for number in range(4):
        week(campaign, number, 3)

    table = tables.CHARTS["drift"].table(Filters())

    records = table.as_records()
    assert [row["week"] for row in records] == [MONDAY + timedelta(weeks=number) for number in range(4)]
    assert {row["differs"] for row in records} == {0.25}
