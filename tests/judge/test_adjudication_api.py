"""Disagreements and resolutions by REST: the same rules as on the lead's pages."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from judge import queue
from judge.models import Resolution
from recommend.models import Output
from tests.judge.factories import (
    FAILING,
    PASSING,
    AssessmentFactory,
    CampaignFactory,
    CampaignUnitFactory,
    PersonFactory,
)
from tests.recommend.factories import OutputFactory
from tests.site.api.clients import annotator, client_of, problem

pytestmark = pytest.mark.django_db
DISAGREEMENTS = "/api/v1/disagreements/"
GOOD, BAD = PASSING["interest"], FAILING["interest"]


@pytest.fixture
def caller(lead: User) -> Any:
    return client_of(lead)


def contested() -> Output:
    output: Output = OutputFactory.create()
    AssessmentFactory.create(output=output, rater=PersonFactory.create(), labels=GOOD, rationale="They want it.")
    AssessmentFactory.create(output=output, labels=BAD, rationale="They must.")
    return output


def decision(**changed: Any) -> dict[str, Any]:
    return {"labels": GOOD, "reason": "The first line shows it.", "revision": 0, **changed}


def test_the_list_goes_page_by_page(caller):
    everything = {str(contested().pk) for _ in range(3)}

    first = caller.get(DISAGREEMENTS, {"page_size": 2}).json()
    second = caller.get(first["next"]).json()

    rows = first["results"] + second["results"]
    assert {row["output"]["id"] for row in rows} == everything
    assert second["next"] is None
    assert {(row["n_pairs"], tuple(row["contested"])) for row in rows} == {(1, ("willingness",))}
    assert all(row["resolution"] is None for row in rows)


def test_one_shows_everybodys_labels_and_reasons(caller, lead):
    output = contested()
    AssessmentFactory.create(output=output, rater=PersonFactory.create(user=lead), labels=GOOD)

    body = caller.get(f"{DISAGREEMENTS}{output.pk}/").json()

    assert body["contested"] == ["willingness"]
    assert [one["rater"]["is_person"] for one in body["assessments"]] == [True, True, False]
    assert {one["rationale"] for one in body["assessments"]} == {"They want it.", "", "They must."}
    assert (body["revision"], body["resolutions"], body["rated_by_you"]) == (0, [], True)


def test_a_resolution_is_stored_and_takes_the_output_off_the_list(caller, lead):
    output = contested()

    response = caller.post(f"{DISAGREEMENTS}{output.pk}/resolve/", decision(), format="json")

    assert response.status_code == 200, response.content
    body = response.json()
    assert (body["labels"], body["passed"], body["reason"]) == (GOOD, True, "The first line shows it.")
    assert (body["by"], body["revision"], body["rubric"]["version"], body["by_rater"]) == ("lead", 1, 1, False)
    assert caller.get(DISAGREEMENTS).json()["results"] == []
    (row,) = caller.get(DISAGREEMENTS, {"state": "resolved"}).json()["results"]
    assert row["resolution"]["id"] == body["id"]


def test_a_correction_names_the_revision_that_it_corrects(caller):
    output = contested()
    url = f"{DISAGREEMENTS}{output.pk}/resolve/"
    caller.post(url, decision(), format="json")

    found = problem(caller.post(url, decision(labels=BAD), format="json"), 409)
    assert found["type"].endswith("already-resolved")
    assert caller.post(url, decision(labels=BAD, revision=1), format="json").status_code == 200

    body = caller.get(f"{DISAGREEMENTS}{output.pk}/").json()
    assert [one["labels"] for one in body["resolutions"]] == [BAD, GOOD]
    assert body["revision"] == 2


@pytest.mark.parametrize(
    "changed",
    [{"reason": ""}, {"labels": {"willingness": "Perhaps"}}, {"labels": {}}, {"revision": -1}, {"colour": "red"}],
)
def test_what_does_not_fit_is_refused(caller, changed):
    output = contested()

    problem(caller.post(f"{DISAGREEMENTS}{output.pk}/resolve/", decision(**changed), format="json"), 400)

    assert not Resolution.objects.exists()


@pytest.mark.parametrize("query", [{"kind": "song"}, {"state": "x"}, {"cursor": "x"}, {"rubric": "x"}, {"colour": "x"}])
def test_parameters_that_are_not_understood_are_refused(caller, query):
    problem(caller.get(DISAGREEMENTS, query), 400)


def test_before_rubrics_are_seeded_the_list_says_what_to_run(caller):
    assert "seed_studio" in problem(caller.get(DISAGREEMENTS), 404)["detail"]


def test_what_a_lead_has_in_work_blind_does_not_exist_for_them(caller, lead):
    output = contested()
    campaign = CampaignFactory.create()
    CampaignUnitFactory.create(campaign=campaign, generation=output.generation)
    assert queue.next_assignment(campaign, lead) is not None

    assert caller.get(DISAGREEMENTS).json()["results"] == []
    problem(caller.get(f"{DISAGREEMENTS}{output.pk}/"), 404)
    problem(caller.post(f"{DISAGREEMENTS}{output.pk}/resolve/", decision(), format="json"), 404)


def test_nobody_but_leads_comes_in():
    output = contested()
    caller = annotator()

    problem(caller.get(DISAGREEMENTS), 403)
    problem(caller.get(f"{DISAGREEMENTS}{output.pk}/"), 403)
    problem(caller.post(f"{DISAGREEMENTS}{output.pk}/resolve/", decision(), format="json"), 403)
    assert not Resolution.objects.exists()
