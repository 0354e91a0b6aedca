"""Disagreements worth reading on the dashboard and by REST: the most surprising that are open to this lead."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from judge import adjudication, queue
from judge.models import Assessment, Campaign
from judge.services import seed_rubrics
from recommend.models import Output
from recommend.roles import LEAD
from tests.judge.factories import UserFactory, current_rubric
from tests.judge.test_dashboard import BAD, GOOD, page_of, reviewed
from tests.site.api.clients import annotator, client_of, problem

pytestmark = pytest.mark.django_db
WORTH_READING = "/api/v1/disagreements/worth-reading/"


def against_the_judge(campaign: Campaign, sure: float) -> Output:
    """An output that the judge passes, sure of each criterion, and its one reviewer fails."""
    unit = reviewed(campaign, UserFactory.create(), [BAD], [GOOD])
    output = unit.generation.outputs.get()
    Assessment.objects.filter(output=output, rater__user__isnull=True).update(
        probabilities={"willingness": {"Spontaneity": sure}, "reasonableness": {"Strong": 1.0}}
    )
    return output


def test_the_surest_come_first_with_what_was_said(lead: User, campaign: Campaign):
    doubtful, sure = against_the_judge(campaign, 0.6), against_the_judge(campaign, 0.9)
    reviewed(campaign, UserFactory.create(), [GOOD], [GOOD])

    rows = client_of(lead).get(WORTH_READING).json()

    assert [row["output"]["id"] for row in rows] == [str(sure.pk), str(doubtful.pk)]
    assert rows[0]["sentence"] == "The judge passes it, 90% sure; one person fails it."
    assert (rows[0]["confidence"], rows[0]["n_people"], rows[0]["judge_passed"]) == (pytest.approx(0.9), 1, True)
    assert rows[0]["bits"] == pytest.approx(3.3219, abs=1e-4)  # log2 of 10


def test_what_a_lead_has_decided_is_read_already(lead: User, campaign: Campaign):
    output = against_the_judge(campaign, 0.9)
    adjudication.resolve(output=output, rubric=current_rubric("interest"), labels=GOOD, reason="x", by=lead, revision=0)

    assert client_of(lead).get(WORTH_READING).json() == []


def test_what_this_lead_has_in_work_blind_is_not_shown_to_them(lead: User, campaign: Campaign):
    output = against_the_judge(campaign, 0.9)
    Campaign.objects.update(overlap=2)
    held = queue.next_assignment(Campaign.objects.get(), lead)
    assert held is not None
    assert held.unit.generation == output.generation

    assert client_of(lead).get(WORTH_READING).json() == []
    assert len(client_of(UserFactory.create(role=LEAD)).get(WORTH_READING).json()) == 1


def test_the_dashboard_links_to_each_and_escapes_it(client: Client, campaign: Campaign):
    output = against_the_judge(campaign, 0.9)
    Output.objects.update(text="<script>alert(1)</script>")

    client.force_login(UserFactory.create(role=LEAD))
    page = client.get("/dashboard/").content.decode()

    assert f'href="/dashboard/adjudication/{output.pk}/?kind=interest">&lt;script&gt;' in page
    assert "The judge passes it, 90% sure; one person fails it." in page


def test_the_dashboard_says_so_where_there_is_none(client: Client):
    seed_rubrics()

    assert "There is none that is open" in page_of(client)


def test_it_is_for_leads():
    problem(annotator().get(WORTH_READING), 403)
