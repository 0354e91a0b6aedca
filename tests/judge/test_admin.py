"""The judge's tables in the admin pages: they load, they search, and a longer list costs no more queries."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from judge import queue
from judge.models import Assessment, Assignment, Campaign, JudgeCheck, Passport, Resolution, Withdrawal
from tests.judge.factories import (
    PASSING,
    AssessmentFactory,
    CampaignFactory,
    CampaignUnitFactory,
    UserFactory,
    current_rubric,
)
from tests.recommend.factories import GenerationFactory

pytestmark = pytest.mark.django_db
TABLES = ["rubric", "criterion", "rater", "campaign", "campaignunit", "assignment", "assessment", "resolution"]
TABLES += ["judgecheck", "checkcase", "passport", "withdrawal"]


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(UserFactory.create(role="", is_staff=True, is_superuser=True))
    return client


def one_of_each() -> None:
    """A reviewed and judged unit, with everything that hangs on it."""
    unit = CampaignUnitFactory.create()
    person = UserFactory.create()
    held = queue.next_assignment(unit.campaign, person)
    assert held is not None
    outputs = list(unit.generation.outputs.all())
    queue.submit(held, person, {str(one.pk): {"labels": PASSING["interest"]} for one in outputs})
    Withdrawal.objects.create(assignment=held, submitted_at=held.created_at, labels={"<script>alert(1)</script>": {}})
    judged = AssessmentFactory.create(output=outputs[0])
    check = JudgeCheck.objects.create(
        rater=judged.rater, rubric=judged.rubric, state="done", budget=20, version={"model": "judge"}
    )
    check.cases.create(key="base", probe="base", output=outputs[1], question={})
    Passport.objects.create(
        judge_check=check, rater=judged.rater, rubric=judged.rubric, version={}, figures={}, measured_on={}
    )
    Resolution.objects.create(
        output=outputs[0],
        rubric=unit.campaign.rubric,
        labels=PASSING["interest"],
        passed=True,
        reason="<script>alert(1)</script>",
        by=person,
    )


def list_of(table: str) -> str:
    return reverse(f"admin:judge_{table}_changelist")


@pytest.mark.parametrize("table", TABLES)
def test_a_longer_list_costs_no_more_queries(admin: Client, table: str):
    one_of_each()
    admin.get(list_of(table))
    with CaptureQueriesContext(connection) as short:
        assert admin.get(list_of(table)).status_code == 200

    for _ in range(4):
        one_of_each()
    with CaptureQueriesContext(connection) as long:
        assert admin.get(list_of(table)).status_code == 200

    assert len(long) == len(short)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("term", ["person", "00000000-0000-7000-8000-000000000000", "<script>alert(1)</script>", "%"])
def test_every_list_can_be_searched_for_anything(admin: Client, table: str, term: str):
    one_of_each()

    answer = admin.get(list_of(table), {"q": term})

    assert answer.status_code == 200
    assert b"<script>alert(1)" not in answer.content


@pytest.mark.parametrize("table", TABLES)
def test_every_row_opens(admin: Client, table: str):
    one_of_each()
    model = admin.get(list_of(table)).context["cl"].model

    for row in model.objects.all():
        assert admin.get(reverse(f"admin:judge_{table}_change", args=[row.pk])).status_code == 200


@pytest.mark.parametrize("table", ["assignment", "assessment", "rubric", "rater", "campaignunit", "resolution"])
def test_what_people_and_judges_said_cannot_be_changed_or_deleted(admin: Client, table: str):
    one_of_each()
    model = admin.get(list_of(table)).context["cl"].model
    row = model.objects.first()

    assert admin.get(reverse(f"admin:judge_{table}_add")).status_code == 403
    assert admin.post(reverse(f"admin:judge_{table}_change", args=[row.pk]), {}).status_code == 403
    assert admin.post(reverse(f"admin:judge_{table}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


def test_a_campaign_made_here_draws_from_what_is_finished(admin: Client):
    GenerationFactory.create(outputs=1)
    form = {
        "name": "Autumn check",
        "stage": "interests",
        "rubric": str(current_rubric("interest").pk),
        "state": "active",
        "sampling_rate": "1.0",
        "overlap": "1",
        "blind": "on",
        "lease_s": "900",
    }

    assert admin.post(reverse("admin:judge_campaign_add"), form).status_code == 302

    campaign = Campaign.objects.get()
    assert campaign.units.count() == 1
    assert campaign.created_by is not None


def test_campaigns_are_paused_opened_and_closed_by_actions(admin: Client):
    campaign = CampaignFactory.create()
    CampaignUnitFactory.create(campaign=campaign)

    for action, state in (("pause", "paused"), ("open", "active"), ("close", "closed")):
        admin.post(list_of("campaign"), {"action": action, "_selected_action": [str(campaign.pk)]})
        campaign.refresh_from_db()
        assert campaign.state == state

    assert Assessment.objects.count() == Assignment.objects.count() == 0


def test_the_admin_pages_are_closed_to_annotators(client: Client):
    client.force_login(UserFactory.create(role="annotator"))

    for table in TABLES:
        assert client.get(list_of(table)).status_code == 302
