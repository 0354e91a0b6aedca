"""What a run can be asked for by REST beside a stored shopper: a history of its own, steps, models, a language."""

from typing import Any

import pytest

from recommend.models import LanguageModel, PipelineRun, Shopper, Stage
from tests.judge.factories import UserFactory
from tests.recommend.factories import ItemFactory, LanguageModelFactory
from tests.site.api.clients import client_of, lead, problem

pytestmark = pytest.mark.django_db
RUNS = "/api/v1/pipeline-runs/"
SOUP = {"kind": "purchase", "sku": "S-1", "occurred_at": "2017-12-20", "quantity": 2}


@pytest.fixture(autouse=True)
def soup() -> None:
    ItemFactory.create(sku="S-1", short_text="soup")


def test_a_history_needs_no_stored_shopper_and_makes_none_that_others_see():
    user = UserFactory.create(role="")

    body = client_of(user).post(RUNS, {"history": [SOUP], "attributes": {"age": "25-34"}}).json()

    run = PipelineRun.objects.get(pk=body["id"])
    assert body["shopper"]["external_id"] == run.shopper.external_id
    assert (run.shopper.is_guest, run.shopper.attributes) == (True, {"age": "25-34"})
    assert (body["reference_at"], body["language"]) == ("2017-12-21T00:00:00Z", "en")
    assert body["steps"] == ["history", "interests", "tags", "items", "explanations"]
    client = lead()
    assert client.get("/api/v1/shoppers/").json()["results"] == []
    problem(client.get(f"/api/v1/shoppers/{run.shopper_id}/"), 404)
    for name in (run.shopper.external_id, str(run.shopper_id)):
        assert "No shopper has this id" in problem(client.post(RUNS, {"shopper": name}), 400)["detail"]


@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        ({}, "#", "Name a stored `shopper`, or give a `history`"),
        ({"history": [SOUP], "shopper": "household-7"}, "#/shopper", "No shopper has this id"),
        ({"history": []}, "#/history", "give at least one behaviour"),
        ({"history": "soup"}, "#/history", "A history is a list of behaviours"),
        ({"history": [SOUP, SOUP | {"sku": "S-9"}]}, "#/history/1", "no item has this sku"),
        ({"history": [SOUP | {"occurred_at": "2999-01-01"}]}, "#/history/0", "lies in the future"),
        ({"history": [SOUP], "reference_at": "2017-12-01T00:00:00Z"}, "#/reference_at", "until 2017-12-20"),
        ({"history": [SOUP], "attributes": {"age": [1]}}, "#/attributes", '"age" must be text, a number, true'),
        ({"history": [SOUP], "steps": ["explanations"]}, "#/steps", "made from interests and tags and items"),
        ({"history": [SOUP], "steps": ["poems"]}, "#/steps/0", "poems"),
        ({"history": [SOUP], "language": "tlh"}, "#/language", "tlh"),
        ({"history": [SOUP], "models": {"tags": "gpt"}}, "#/models/tags", "There are: tagger."),
        ({"history": [SOUP], "models": {"judge": "gpt"}}, "#/models/judge", "Known here: interests, tags"),
        ({"history": [SOUP], "models": {"tags": "tagger"}, "steps": ["items"]}, "#/models/tags", "no step tags"),
        ({"history": [SOUP], "prompts": {"tags": "99"}}, "#/prompts/tags", "The prompt tags has no version 99; it has"),
        ({"history": [SOUP], "prompts": {"judge": "1"}}, "#/prompts/judge", "Known here: interests, tags"),
        ({"history": [SOUP], "prompts": {"tags": "1"}, "steps": ["items"]}, "#/prompts/tags", "no step tags"),
        ({"history": [SOUP], "prompts": {"tags": "1"}, "language": "de"}, "#/prompts/tags", "asks for English only"),
    ],
)
def test_what_cannot_be_met_names_the_value_and_the_remedy(body: dict[str, Any], pointer: str, words: str):
    LanguageModelFactory.create(role=Stage.TAGS, name="tagger")
    LanguageModelFactory.create(role=Stage.TAGS, name="old", state=LanguageModel.State.RETIRED)

    [error] = problem(lead().post(RUNS, body), 400)["errors"]

    assert error["pointer"] == pointer
    assert words in error["detail"]
    assert not PipelineRun.objects.exists()
    assert not Shopper.objects.exists()


def test_attributes_of_a_stored_shopper_are_its_own():
    Shopper.objects.create(external_id="household-7")

    [error] = problem(lead().post(RUNS, {"shopper": "household-7", "attributes": {"age": "65+"}}), 400)["errors"]

    assert error["pointer"] == "#/attributes"


def test_a_model_is_chosen_by_name_or_id():
    model = LanguageModelFactory.create(role=Stage.TAGS, name="tagger", state=LanguageModel.State.CANDIDATE)
    client = lead()

    for name in ("tagger", str(model.pk)):
        assert client.post(RUNS, {"history": [SOUP], "models": {"tags": name}, "language": "de"}).status_code == 202

    assert [run.chosen_models for run in PipelineRun.objects.all()] == [{"tags": str(model.pk)}] * 2


def test_a_version_of_a_prompt_is_chosen():
    assert lead().post(RUNS, {"history": [SOUP], "prompts": {"interests": "1"}}).status_code == 202

    assert PipelineRun.objects.get().chosen_prompts == {"interests": "1"}


def test_a_history_of_forty_thousand_behaviours_is_taken():
    history = [SOUP | {"occurred_at": f"20{10 + number % 7}-0{1 + number % 9}-15"} for number in range(40_000)]

    body = lead().post(RUNS, {"history": history, "steps": ["items"]}).json()

    assert len(PipelineRun.objects.get(pk=body["id"]).shopper.guest_history.behaviors) == 40_000
