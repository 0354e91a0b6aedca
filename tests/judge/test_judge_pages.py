"""The page of judges and its API: who may change what, what it says, and what is refused."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from judge import panels, services
from judge.models import JudgeProfile, Panel
from judge.panels import Seat
from judge.services import seed_rubrics
from judge.ways import Way
from recommend.models import LanguageModel
from recommend.roles import ANNOTATOR
from tests.judge.factories import AssessmentFactory, UserFactory
from tests.recommend.factories import LanguageModelFactory
from tests.site.api import clients

pytestmark = pytest.mark.django_db
PAGE, MODELS, PANELS, COSTS = "/dashboard/judges/", "/api/v1/judge-models/", "/api/v1/panels/", "/api/v1/judge-costs/"


@pytest.fixture(autouse=True)
def judges() -> list[LanguageModel]:
    seed_rubrics()
    return [
        LanguageModelFactory.create(name="first", role="judge"),
        LanguageModelFactory.create(name="second", role="judge", state="candidate"),
    ]


def seats(*chosen: tuple[LanguageModel, str]) -> dict[str, Any]:
    return {f"seat_{number}": f"{model.pk}:{version}" for number, (model, version) in enumerate(chosen, start=1)}


def test_the_page_is_for_leads(client: Client, judges: list[LanguageModel]):
    assert client.get(PAGE).status_code == 302
    client.force_login(UserFactory.create(role=ANNOTATOR))

    assert client.get(PAGE).status_code == 403
    assert client.post(f"{PAGE}models/{judges[0].pk}/way/", {"calls": "generation"}).status_code == 403
    assert client.post(f"{PAGE}panels/", {"name": "p"}).status_code == 403
    assert JudgeProfile.objects.count() == 0


def test_the_way_of_a_model_is_changed_and_said(client: Client, lead: User, judges: list[LanguageModel]):
    answer = client.post(
        f"{PAGE}models/{judges[0].pk}/way/", {"calls": "generation", "rationale": "before"}, follow=True
    )

    page = answer.content.decode()
    assert "first is asked with a call for each generation, rationale before, from now on" in page
    assert "prompt 1-generation-before" in page
    assert services.way_of(judges[0]) == Way(True, "generation")


def test_a_way_that_is_none_changes_nothing(client: Client, lead: User, judges: list[LanguageModel]):
    answer = client.post(f"{PAGE}models/{judges[0].pk}/way/", {"calls": "nonsense", "rationale": "x"}, follow=True)

    assert "That is no way of asking." in answer.content.decode()
    assert services.way_of(judges[0]) == Way()


def test_only_judge_models_have_a_way(client: Client, lead: User):
    generator = LanguageModelFactory.create(name="generator", role="tags")

    answer = client.post(f"{PAGE}models/{generator.pk}/way/", {"calls": "generation", "rationale": "after"})

    assert answer.status_code == 404


def test_a_panel_is_made_and_set_to_serve_on_the_page(client: Client, lead: User, judges: list[LanguageModel]):
    posted = {"name": "both", "vote": "weighted", "weight_1": "2", "weight_2": ""}
    posted |= seats((judges[0], "1"), (judges[1], "1-before"))

    page = client.post(f"{PAGE}panels/", posted, follow=True).content.decode()

    assert "The panel “both” is made." in page
    panel = Panel.objects.get()
    assert [(str(one.rater), one.weight) for one in panels.members_of(panel)] == [
        ("first (prompt 1)", 2.0),
        ("second (prompt 1-before)", 1.0),
    ]
    assert panel.created_by == lead
    page = client.post(f"{PAGE}panels/{panel.pk}/serving/", {"serving": "yes"}, follow=True).content.decode()
    assert "both (panel)</strong> judges what is made." in page
    client.post(f"{PAGE}panels/{panel.pk}/serving/", {"serving": "no"})
    assert services.find_serving_judge() is not None
    assert services.find_serving_judge().panel is None  # type: ignore[union-attr]


def test_a_panel_that_cannot_be_is_refused_and_what_was_typed_stays(
    client: Client, lead: User, judges: list[LanguageModel]
):
    answer = client.post(f"{PAGE}panels/", {"name": "alone", "vote": "majority", **seats((judges[0], "1"))})

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "A panel has 2 to 9 members, not 1." in page
    assert 'value="alone"' in page
    assert Panel.objects.count() == 0


def test_cost_stands_on_the_page_with_a_dash_where_there_is_no_price(client: Client, lead: User):
    AssessmentFactory.create(prompt_tokens=1_000, completion_tokens=234, seconds=1.5)

    page = client.get(PAGE).content.decode()

    assert "<td>1,234</td><td>1.50</td><td>–</td>" in page
    assert "Nothing was judged in the last 30 days." in client.get(PAGE, {"kind": "tag"}).content.decode()


def test_a_name_of_a_panel_runs_nowhere(client: Client, lead: User, judges: list[LanguageModel]):
    chosen = [Seat(one, Way()) for one in judges]
    panels.set_serving(panels.make("<script>alert(1)</script>", vote=Panel.Vote.MAJORITY, seats=chosen), True)

    assert "<script>alert" not in client.get(PAGE).content.decode()


def test_the_api_is_for_leads():
    annotator = clients.annotator()

    for address in (MODELS, PANELS, COSTS):
        assert annotator.get(address).status_code == 403


def test_the_api_changes_how_a_model_is_asked(judges: list[LanguageModel]):
    api = clients.lead()

    answer = api.put(f"{MODELS}{judges[0].pk}/way/", {"calls": "criterion"}, format="json")

    assert answer.status_code == 200
    assert answer.json()["prompt_version"] == "1+reviewer1"
    listed = {one["name"]: one["calls"] for one in api.get(MODELS).json()["results"]}
    assert listed == {"first": "criterion", "second": "output"}
    assert api.put(f"{MODELS}{judges[0].pk}/way/", {"calls": "?"}, format="json").status_code == 400


def test_the_api_makes_a_panel_and_has_it_serve(judges: list[LanguageModel]):
    api = clients.lead()
    members = [{"language_model": str(one.pk), "weight": 2} for one in judges]

    made = api.post(PANELS, {"name": "both", "vote": "weighted", "members": members}, format="json")

    assert made.status_code == 201
    body = made.json()
    assert [(one["judge"]["name"], one["weight"]) for one in body["members"]] == [("first", 2.0), ("second", 2.0)]
    assert (body["judge"]["name"], body["is_serving"]) == ("both", False)
    assert api.put(f"{PANELS}{body['id']}/serving/", {"is_serving": True}, format="json").json()["is_serving"]
    assert [one["name"] for one in api.get(PANELS, {"is_serving": "true"}).json()["results"]] == ["both"]
    again = api.post(PANELS, {"name": "both", "members": members}, format="json")
    assert again.status_code == 400
    assert "There is a panel “both” already." in str(again.json())
    endless = [{"language_model": str(one.pk), "weight": "inf"} for one in judges]
    assert api.post(PANELS, {"name": "x", "members": endless}, format="json").status_code == 400


def test_the_api_says_what_an_accepted_output_costs():
    AssessmentFactory.create(prompt_tokens=1_000, completion_tokens=234, seconds=1.5)

    (row,) = clients.lead().get(COSTS, {"kind": "interest"}).json()["results"]

    assert (row["n_judged"], row["n_accepted"]) == (1, 1)
    assert row["judging_per_accepted"] == {
        "prompt_tokens": 1000,
        "completion_tokens": 234,
        "seconds": 1.5,
        "money": None,
    }
