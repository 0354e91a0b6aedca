"""The review queue by REST: the same rules as on the page."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from judge import campaigns
from judge.models import Assessment, Assignment, Campaign
from judge.services import seed_rubrics
from recommend.roles import LEAD
from tests.judge.factories import (
    FAILING,
    PASSING,
    AssessmentFactory,
    CampaignFactory,
    CampaignUnitFactory,
    PersonFactory,
    UserFactory,
)
from tests.recommend.factories import GenerationFactory, OutputFactory
from tests.site.api.clients import annotator, client_of, lead, problem

pytestmark = pytest.mark.django_db
CAMPAIGNS = "/api/v1/campaigns/"


@pytest.fixture
def client(person: User) -> Any:
    return client_of(person)


@pytest.fixture
def campaign() -> Campaign:
    """One unit with two outputs, both labelled by the judge, and a third that a rule rejected."""
    unit = CampaignUnitFactory.create()
    OutputFactory.create(generation=unit.generation, position=9, rejected_by="duplicate")
    for output in unit.generation.outputs.filter(rejected_by=""):
        AssessmentFactory.create(output=output, rationale="The judge's reason.")
    return unit.campaign


def taken(client: Any, campaign: Campaign) -> dict[str, Any]:
    """The screen that the queue gives."""
    response = client.post(f"{CAMPAIGNS}{campaign.pk}/next/")
    assert response.status_code == 200, response.content
    body: dict[str, Any] = response.json()
    return body


def address(screen: dict[str, Any], what: str = "") -> str:
    return f"/api/v1/assignments/{screen['id']}/{what}"


def answers(screen: dict[str, Any], labels: dict[str, str] = PASSING["interest"]) -> dict[str, Any]:
    return {output["id"]: {"labels": labels, "comment": ""} for output in screen["outputs"]}


def test_the_next_screen_has_all_that_is_needed_and_nothing_of_the_judge(client, campaign):
    screen = taken(client, campaign)

    assert screen["state"] == "leased"
    assert len(screen["outputs"]) == 2
    assert [one["name"] for one in screen["rubric"]["criteria"]] == ["willingness", "reasonableness"]
    assert screen["assessments"] == []
    assert "judge" not in str(screen["outputs"])
    assert taken(client, campaign)["id"] == screen["id"]


def test_where_nothing_is_left_the_answer_says_why(client):
    response = client.post(f"{CAMPAIGNS}{CampaignFactory.create().pk}/next/")

    assert response.status_code == 204
    assert "drawn" in response["X-Reason"]


def test_a_draft_is_kept_and_a_stale_one_refused(client, campaign):
    screen = taken(client, campaign)
    draft = {screen["outputs"][0]["id"]: {"labels": {"willingness": "Necessity"}, "comment": "Hm."}}

    saved = client.put(address(screen, "draft/"), {"draft": draft, "version": 0, "seconds": 4.5})
    stale = client.put(address(screen, "draft/"), {"draft": {}, "version": 0})

    assert saved.json() == {"draft": draft, "version": 1}
    assert problem(stale, 409)["type"] == "urn:recgpt-studio:problem:stale-draft"
    assert client.get(address(screen, "draft/")).json() == {"draft": draft, "version": 1}
    assert client.get(address(screen)).json()["seconds"] == 4.5


def test_the_judges_labels_appear_with_the_submit_and_not_before(client, campaign):
    screen = taken(client, campaign)

    before = client.get(address(screen)).json()
    after = client.post(address(screen, "submit/"), {"answers": answers(screen), "seconds": 30}).json()

    assert before["assessments"] == []
    assert after["state"] == "submitted"
    people = [one for one in after["assessments"] if one["rater"]["is_person"]]
    judges = [one for one in after["assessments"] if not one["rater"]["is_person"]]
    assert [one["rater"]["name"] for one in people] == ["reviewer"] * 2
    assert [one["rationale"] for one in judges] == ["The judge's reason."] * 2


def test_submitting_twice_stores_once(client, campaign):
    screen = taken(client, campaign)
    body = {"answers": answers(screen)}

    first = client.post(address(screen, "submit/"), body)
    second = client.post(address(screen, "submit/"), body)

    assert (first.status_code, second.status_code) == (200, 200)
    assert Assessment.objects.filter(rater__user__username="reviewer").count() == 2


def test_what_is_missing_is_named_label_by_label(client, campaign):
    screen = taken(client, campaign)
    given = answers(screen)
    first, second = given
    given[first] = {"labels": {"willingness": "Spontaneity"}}
    del given[second]

    body = problem(client.post(address(screen, "submit/"), {"answers": given}), 400)

    assert {error["pointer"] for error in body["errors"]} == {
        f"#/answers/{first}/labels/reasonableness",
        f"#/answers/{second}/labels/willingness",
        f"#/answers/{second}/labels/reasonableness",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"labels": {"willingness": "Sometimes"}},
        {"labels": {"colour": "red"}},
        {"labels": "Yes"},
        {"labels": {}, "mood": "good"},
        "Yes",
    ],
)
def test_an_answer_that_does_not_fit_the_rubric_is_refused(client, campaign, change):
    screen = taken(client, campaign)
    output = screen["outputs"][0]["id"]

    problem(client.put(address(screen, "draft/"), {"draft": {output: change}, "version": 0}), 400)

    assert Assignment.objects.get().draft == {}


def test_an_output_of_another_screen_is_refused(client, campaign):
    screen = taken(client, campaign)
    other = OutputFactory.create()

    body = problem(client.put(address(screen, "draft/"), {"draft": {str(other.pk): {"labels": {}}}, "version": 0}), 400)

    assert "not an output" in body["detail"]


def test_a_lost_lease_is_a_conflict_and_the_answers_are_kept(client, campaign):
    screen = taken(client, campaign)
    Assignment.objects.update(lease_until=timezone.now() - timedelta(hours=1))
    taken(annotator(), campaign)

    response = client.post(address(screen, "submit/"), {"answers": answers(screen)})

    assert problem(response, 409)["type"] == "urn:recgpt-studio:problem:lease-lost"
    assert client.get(address(screen, "draft/")).json()["draft"] == answers(screen)


def test_skipping_gives_the_screen_to_somebody_else(client, campaign):
    screen = taken(client, campaign)

    assert problem(client.post(address(screen, "skip/"), {}), 400)["errors"][0]["pointer"] == "#/reason"
    assert client.post(address(screen, "skip/"), {"reason": "Not my language."}).status_code == 204

    assert client.post(f"{CAMPAIGNS}{campaign.pk}/next/").status_code == 204
    assert taken(annotator(), campaign)["generation"] == screen["generation"]


def test_released_work_is_free_and_its_draft_kept(client, campaign):
    screen = taken(client, campaign)

    assert client.post(address(screen, "release/")).status_code == 204

    assert taken(annotator(), campaign)["generation"] == screen["generation"]


def test_a_heartbeat_moves_the_end_of_the_lease(client, campaign):
    screen = taken(client, campaign)
    soon = timezone.now() + timedelta(seconds=5)
    Assignment.objects.update(lease_until=soon)

    assert client.post(address(screen, "heartbeat/")).json()["lease_until"] > soon.isoformat()


def test_a_flag_is_stored_for_leads(client, campaign):
    screen = taken(client, campaign)

    assert client.post(address(screen, "flag/"), {"text": "Wrong language"}).status_code == 204

    assert Assignment.objects.get().flag == "Wrong language"


def test_a_revision_is_stored_beside_the_first_labels(client, campaign):
    screen = taken(client, campaign)
    output = screen["outputs"][0]["id"]
    wish = {"output": output, "labels": FAILING["interest"]}

    early = client.post(address(screen, "revise/"), wish)
    client.post(address(screen, "submit/"), {"answers": answers(screen)})
    revised = client.post(address(screen, "revise/"), wish)

    assert problem(early, 409)["type"] == "urn:recgpt-studio:problem:not-submitted"
    assert (revised.json()["revision"], revised.json()["passed"], revised.json()["blind"]) == (2, False, False)
    assert Assessment.objects.get(output=output, rater__user__username="reviewer", revision=1).passed


@pytest.mark.parametrize("call", ["", "draft/"])
def test_the_screen_of_another_does_not_exist(client, campaign, call):
    screen = taken(client, campaign)

    problem(annotator().get(address(screen, call)), 404)
    problem(lead().get(address(screen, call)), 404)
    problem(annotator().post(address(screen, "submit/"), {"answers": answers(screen)}), 404)


def test_no_call_shows_a_blind_annotator_the_judge_or_a_colleague(client, person, campaign):
    screen = taken(client, campaign)
    output = screen["outputs"][0]["id"]
    colleague = AssessmentFactory.create(
        output_id=output, rater=PersonFactory.create(), rubric=campaign.rubric, rationale="A colleague's comment."
    )
    run = campaign.units.get().generation.run
    run.created_by = person
    run.save()
    paths = [
        address(screen),
        address(screen, "draft/"),
        f"/api/v1/assessments/?output={output}",
        f"/api/v1/assessments/?generation={screen['generation']}",
        f"/api/v1/assessments/?run={run.pk}",
        "/api/v1/assessments/",
        f"/api/v1/assessments/{colleague.pk}/",
        f"/api/v1/pipeline-runs/{run.pk}/",
        f"/api/v1/generations/{screen['generation']}/",
        f"{CAMPAIGNS}{campaign.pk}/",
    ]

    seen = "".join(client.get(path).content.decode() for path in paths)

    assert "The judge's reason." not in seen
    assert "A colleague's comment." not in seen
    client.post(address(screen, "submit/"), {"answers": answers(screen)})
    seen = "".join(client.get(path).content.decode() for path in paths)
    assert "The judge's reason." in seen
    assert "A colleague's comment." not in seen


def test_assessments_are_filtered_and_leads_see_all():
    generation = GenerationFactory.create(outputs=1)
    wanted = AssessmentFactory.create(output=generation.outputs.get())
    AssessmentFactory.create()

    [found] = lead().get("/api/v1/assessments/", {"run": str(generation.run_id)}).json()["results"]

    assert found["id"] == str(wanted.pk)


def test_annotators_see_the_campaigns_that_they_may_work_in(client, person):
    open_to_all, own, others = CampaignFactory.create_batch(3)
    own.members.add(person)
    others.members.add(UserFactory.create())

    names = {one["name"] for one in client.get(CAMPAIGNS).json()["results"]}

    assert names == {open_to_all.name, own.name}
    problem(client.post(f"{CAMPAIGNS}{others.pk}/next/"), 404)
    assert len(lead().get(CAMPAIGNS).json()["results"]) == 3


def test_a_lead_starts_a_campaign_that_draws_what_is_finished(person):
    seed_rubrics()
    GenerationFactory.create(outputs=2)
    client = lead()

    response = client.post(
        CAMPAIGNS, {"name": "Spring", "stage": "interests", "overlap": 2, "members": ["reviewer"], "blind": False}
    )

    assert response.status_code == 201
    campaign = Campaign.objects.get()
    assert (campaign.overlap, campaign.blind, list(campaign.members.all())) == (2, False, [person])
    assert client.get(f"{CAMPAIGNS}{campaign.pk}/").json()["progress"]["n_places"] == 2
    assert campaigns.progress(campaign).n_units == 1


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"name": "Taken"}, "name"),
        ({"stage": "dreams"}, "stage"),
        ({"sampling_rate": 0}, "sampling_rate"),
        ({"sampling_rate": 1.1}, "sampling_rate"),
        ({"overlap": 0}, "overlap"),
        ({"members": ["nobody"]}, "members"),
        ({"lease_s": 1}, "lease_s"),
        ({"created_by": 1}, "created_by"),
    ],
)
def test_a_campaign_that_cannot_be_is_refused_by_the_field(wish, field):
    CampaignFactory.create(name="Taken")

    body = problem(lead().post(CAMPAIGNS, {"name": "Spring", "stage": "interests", **wish}), 400)

    assert body["errors"][0]["pointer"].startswith(f"#/{field}")
    assert Campaign.objects.count() == 1


def test_a_rubric_of_another_kind_is_refused():
    rubric = CampaignFactory.create().rubric

    body = problem(lead().post(CAMPAIGNS, {"name": "Spring", "stage": "tags", "rubric": str(rubric.pk)}), 400)

    assert body["errors"][0]["pointer"] == "#/rubric"


def test_an_annotator_starts_no_campaign(client):
    body = problem(client.post(CAMPAIGNS, {"name": "Mine", "stage": "interests"}), 403)

    assert LEAD in body["detail"]


def test_rubrics_can_be_read_with_their_labels(client):
    seed_rubrics()

    [_, rubric] = client.get("/api/v1/rubrics/", {"kind": "explanation"}).json()["results"]

    labels = {one["name"]: [label["value"] for label in one["labels"]] for one in rubric["criteria"]}
    assert labels["clarity"] == ["Excellent", "Good", "Bad"]
