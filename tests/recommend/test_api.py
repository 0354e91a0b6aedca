"""The pipeline by REST: who may ask for what, and what comes back."""

from datetime import timedelta
from typing import Any

import pytest

from recommend import services
from recommend.models import JobState, LanguageModel, Output, PipelineRun, Recommendation, Shopper, Stage
from tests.judge.factories import AssessmentFactory, UserFactory
from tests.recommend.factories import (
    REFERENCE,
    BehaviorFactory,
    GenerationFactory,
    ItemFactory,
    LanguageModelFactory,
    OutputFactory,
    PipelineRunFactory,
    ShopperFactory,
)
from tests.site.api.clients import annotator, client_of, lead, problem

pytestmark = pytest.mark.django_db
RUNS = "/api/v1/pipeline-runs/"
KEY = {"HTTP_IDEMPOTENCY_KEY": "order-7"}


@pytest.fixture
def shopper() -> Shopper:
    shopper = ShopperFactory.create(external_id="household-7", last_behavior_at=REFERENCE - timedelta(days=1))
    BehaviorFactory.create(shopper=shopper, occurred_at=REFERENCE - timedelta(days=1))
    return shopper


def finished_run(**values: Any) -> PipelineRun:
    """A run with two interests (one rejected), a tag, an item and its explanation."""
    line = {"text": "5 days ago (purchased) | soft drinks ×2", "contexts": "5 days ago (purchased)"}
    run = PipelineRunFactory.create(
        state=JobState.DONE,
        step="finished",
        history={
            "lines": [line | {"items": [["soft drinks", 2]]}],
            "n_events": 3,
            "n_kept_events": 2,
            "n_dropped_events": 1,
            "dropped": [{"period": "10 months ago", "n_events": 1}],
            "dropped_before": "2017-03-01",
            "tokens": 40,
            "max_tokens": 448,
        },
        **values,
    )
    interests = GenerationFactory.create(run=run, stage=Stage.INTERESTS)
    interest = OutputFactory.create(generation=interests, text="soft drinks", evidence=[0])
    rejection = {"rejected_by": "duplicate", "rejected_because": "The same as “soft drinks”."}
    OutputFactory.create(generation=interests, text="soft drinks again", **rejection)
    tags = GenerationFactory.create(run=run, stage=Stage.TAGS)
    tag = OutputFactory.create(generation=tags, text="family-size cola", parent=interest)
    item = ItemFactory.create(title="Cola 2 l", price="1.99")
    Recommendation.objects.create(
        run=run, item=item, rank=1, score=0.7, collaborative=0.4, semantic=1.0, arm="both", tag=tag
    )
    explanations = GenerationFactory.create(run=run, stage=Stage.EXPLANATIONS)
    OutputFactory.create(generation=explanations, text="Cola for the weekend.", parent=interest, item=item)
    return run


def test_a_run_is_accepted_with_an_address_to_poll(shopper):
    user = UserFactory.create()
    client = client_of(user)

    response = client.post(RUNS, {"shopper": "household-7", "beta": 0.25, "n_items": 3, "tag_strategy": "experts"})

    assert response.status_code == 202
    body = response.json()
    assert response["Location"] == body["url"] == f"http://testserver{RUNS}{body['id']}/"
    assert (body["state"], body["is_active"], body["beta"], body["n_items"]) == ("queued", True, 0.25, 3)
    assert body["tag_strategy"] == PipelineRun.objects.get().tag_strategy == "experts"
    assert body["shopper"] == {"id": str(shopper.pk), "external_id": "household-7"}
    assert PipelineRun.objects.get().created_by == user
    polled = client.get(body["url"])
    assert polled.status_code == 200
    assert polled["Retry-After"] == "1"
    assert [step["state"] for step in polled.json()["progress"]] == ["waiting"] * 5


def test_a_shopper_may_be_named_by_uuid_and_the_moment_given(shopper):
    response = lead().post(RUNS, {"shopper": str(shopper.pk), "reference_at": "2018-02-01T12:00:00Z"})

    assert response.status_code == 202
    assert response.json()["reference_at"] == "2018-02-01T12:00:00Z"


def test_the_same_key_and_body_start_one_run(shopper):
    client = lead()

    first = client.post(RUNS, {"shopper": "household-7"}, **KEY)
    second = client.post(RUNS, {"shopper": "household-7"}, **KEY)

    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json()["id"] == second.json()["id"]
    assert PipelineRun.objects.count() == 1


def test_the_same_key_with_another_body_is_a_conflict(shopper):
    client = lead()
    client.post(RUNS, {"shopper": "household-7"}, **KEY)

    body = problem(client.post(RUNS, {"shopper": "household-7", "beta": 0.9}, **KEY), 409)

    assert body["type"] == "urn:recgpt-studio:problem:idempotency-key-reused"
    assert "order-7" in body["detail"]
    assert PipelineRun.objects.count() == 1


def test_the_same_key_of_another_user_is_another_run(shopper):
    lead().post(RUNS, {"shopper": "household-7"}, **KEY)

    assert lead().post(RUNS, {"shopper": "household-7"}, **KEY).status_code == 202


def test_a_key_that_is_too_long_is_named(shopper):
    body = problem(lead().post(RUNS, {"shopper": "household-7"}, HTTP_IDEMPOTENCY_KEY="k" * 201), 400)

    assert body["errors"][0]["parameter"] == "Idempotency-Key"


def test_a_run_says_what_may_be_offered(shopper):
    rules = {"categories": ["BABY DIAPERS"], "taken": "ever", "in_stock_only": True, "diversity": 0.25}

    body = lead().post(RUNS, {"shopper": "household-7", "rules": rules}, format="json").json()

    assert body["rules"] == rules
    run = PipelineRun.objects.get()
    assert run.rules == rules
    assert services.run_again(run, by=UserFactory.create()).rules == rules


@pytest.mark.parametrize(
    ("wish", "field", "words"),
    [
        ({"shopper": "nobody"}, "shopper", "/api/v1/shoppers/"),
        ({"beta": -0.1}, "beta", "0"),
        ({"beta": "nan"}, "beta", "number"),
        ({"n_items": 51}, "n_items", "50"),
        ({"tag_strategy": "oracle"}, "tag_strategy", "oracle"),
        ({"n_items": 0}, "n_items", "1"),
        ({"reference_at": "2001-01-01T00:00:00Z"}, "reference_at", "no behaviour before"),
        ({"reference_at": "soon"}, "reference_at", "format"),
        ({"rules": {"taken": "never"}}, "rules/taken", "never"),
        ({"rules": {"diversity": 2}}, "rules/diversity", "1"),
        ({"rules": {"colour": "red"}}, "rules/colour", "Known here: categories"),
        ({"rules": {"categories": ["no such"]}}, "rules/categories", "No item is in the category “no such”"),
        ({"rules": {"in_stock_only": True}, "steps": ["interests"]}, "rules", "no step items"),
    ],
)
def test_a_wish_that_cannot_be_met_names_the_value(shopper, wish, field, words):
    body = problem(lead().post(RUNS, {"shopper": "household-7", **wish}), 400)

    assert body["errors"][0]["pointer"] == f"#/{field}"
    assert words in body["errors"][0]["detail"]
    assert not PipelineRun.objects.exists()


def test_a_shopper_without_behaviours_is_refused():
    ShopperFactory.create(external_id="new")

    body = problem(lead().post(RUNS, {"shopper": "new"}), 400)

    assert "no behaviours" in body["detail"]


def test_one_get_gives_the_finished_result_with_labels():
    run = finished_run()
    interest = Output.objects.get(text="soft drinks")
    AssessmentFactory.create(output=interest, rationale="Bought twice.")

    body = lead().get(f"{RUNS}{run.pk}/").json()

    assert body["state"] == "done"
    assert body["history"]["lines"][0]["items"] == [["soft drinks", 2]]
    assert body["history"]["n_dropped_events"] == 1
    assert body["history"]["dropped"] == [{"period": "10 months ago", "n_events": 1}]
    [shown] = body["interests"]
    assert (shown["text"], shown["evidence"], shown["rejection"]) == ("soft drinks", [0], None)
    assert [tag["text"] for tag in shown["tags"]] == ["family-size cola"]
    assert shown["assessments"][0]["labels"] == {"willingness": "Spontaneity", "reasonableness": "Strong"}
    assert shown["assessments"][0]["rationale"] == "Bought twice."
    assert shown["assessments"][0]["rater"]["is_person"] is False
    [card] = body["recommendations"]
    assert (card["score"], card["collaborative"], card["semantic"]) == (0.7, 0.4, 1.0)
    assert card["arm"] == "both"
    assert card["item"]["title"] == "Cola 2 l"
    assert card["tag"]["text"] == "family-size cola"
    assert card["explanation"]["text"] == "Cola for the weekend."
    [rejected] = body["rejected"]
    assert rejected["rejection"] == {"rule": "duplicate", "reason": "The same as “soft drinks”."}


def test_a_result_costs_the_same_queries_however_large_it_is(django_assert_max_num_queries):
    run = finished_run()
    client = lead()
    for position in range(1_000, 1_030):  # away from those that the factory counts
        generation = run.generations.get(stage=Stage.INTERESTS)
        AssessmentFactory.create(output=OutputFactory.create(generation=generation, position=position))

    with django_assert_max_num_queries(14):
        client.get(f"{RUNS}{run.pk}/")


def test_others_see_only_their_own_runs_and_leads_see_all():
    user = UserFactory.create()
    own, other = finished_run(created_by=user), finished_run(created_by=UserFactory.create())
    client = client_of(user)

    assert [run["id"] for run in client.get(RUNS).json()["results"]] == [str(own.pk)]
    problem(client.get(f"{RUNS}{other.pk}/"), 404)
    problem(client.post(f"{RUNS}{other.pk}/cancel/"), 404)
    assert [run["id"] for run in lead().get(RUNS).json()["results"]] == [str(other.pk), str(own.pk)]


def test_runs_are_filtered_by_state_and_shopper(shopper):
    wanted = PipelineRunFactory.create(shopper=shopper, state=JobState.FAILED)
    PipelineRunFactory.create(shopper=shopper)
    PipelineRunFactory.create(state=JobState.FAILED)

    found = lead().get(RUNS, {"state": "failed", "shopper": "household-7"}).json()["results"]

    assert [run["id"] for run in found] == [str(wanted.pk)]


def test_pages_go_on_where_the_last_one_ended():
    runs = PipelineRunFactory.create_batch(5)
    client = lead()

    seen, address = [], f"{RUNS}?page_size=2"
    while address:
        page = client.get(address).json()
        seen += [run["id"] for run in page["results"]]
        address = page["next"]

    assert seen == [str(run.pk) for run in reversed(runs)]


def test_cancelling_stops_a_run_and_leaves_an_ended_one():
    active, ended = PipelineRunFactory.create(), finished_run()
    client = lead()

    assert client.post(f"{RUNS}{active.pk}/cancel/").json()["state"] == "cancelled"
    assert client.post(f"{RUNS}{active.pk}/cancel/").json()["state"] == "cancelled"
    assert client.post(f"{RUNS}{ended.pk}/cancel/").json()["state"] == "done"


def test_shoppers_are_found_by_the_beginning_of_their_id():
    ShopperFactory.create(external_id="A-1", attributes={"age": "25-34"})
    ShopperFactory.create(external_id="B-1")

    [found] = annotator().get("/api/v1/shoppers/", {"search": "a-"}).json()["results"]

    assert found["attributes"] == {"age": "25-34"}
    assert annotator().get(f"/api/v1/shoppers/{found['id']}/").json() == found


def test_items_are_found_by_words_sku_and_category():
    ItemFactory.create(sku="S-1", title="Organic oat milk", category=["GROCERY", "MILK"], short_text="oat milk")
    ItemFactory.create(sku="S-2", title="Soap")
    client = annotator()

    for query in ({"search": "OAT"}, {"sku": "S-1"}, {"search": "S-1"}, {"category": "MILK"}):
        [found] = client.get("/api/v1/items/", query).json()["results"]
        assert found["sku"] == "S-1"


def test_generations_are_for_leads_with_input_raw_text_and_outputs():
    generation = GenerationFactory.create(outputs=2, raw_text='{"interests": []}')
    url = f"/api/v1/generations/{generation.pk}/"

    problem(annotator().get(url), 403)
    body = lead().get(url).json()

    assert body["raw_text"] == '{"interests": []}'
    assert body["input"]["reference"] == "2018-01-01"
    assert [output["assessments"] for output in body["outputs"]] == [[], []]
    [row] = lead().get("/api/v1/generations/", {"run": str(generation.run_id)}).json()["results"]
    assert "raw_text" not in row


def test_language_models_are_for_leads():
    LanguageModelFactory.create(role=LanguageModel.Role.JUDGE, note="A small model.")

    problem(annotator().get("/api/v1/language-models/"), 403)
    [model] = lead().get("/api/v1/language-models/", {"role": "judge"}).json()["results"]

    assert model["note"] == "A small model."


def test_text_that_looks_like_html_stays_text_in_json():
    run = finished_run()
    Output.objects.filter(text="soft drinks").update(text="<script>alert(1)</script>{{ 7*7 }}")

    response = lead().get(f"{RUNS}{run.pk}/")

    assert response["Content-Type"] == "application/json"
    assert response.json()["interests"][0]["text"] == "<script>alert(1)</script>{{ 7*7 }}"


def test_somebody_without_a_role_may_try_the_pipeline_but_not_review(shopper):
    client = client_of(UserFactory.create(role=""))

    assert client.post(RUNS, {"shopper": "household-7"}).status_code == 202
    problem(client.get("/api/v1/campaigns/"), 403)
