"""The pages of backfills, and their REST: the same for both."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from judge import panels, tasks
from judge.backfills import runner
from judge.frames import Population
from judge.models import Assessment, Backfill, Panel, Rater, Rubric
from judge.panels import Seat
from judge.services import rater_for_model, seed_rubrics
from judge.ways import Way
from recommend.engines.types import EngineError
from recommend.models import LanguageModel, Stage
from recommend.roles import LEAD
from tests.judge.factories import PASSING, AssessmentFactory, UserFactory
from tests.recommend.factories import GenerationFactory, LanguageModelFactory
from tests.support.recorded_engine import RecordedEngine

NEW, ESTIMATE = reverse("judge:backfill-new"), reverse("judge:backfill-estimate")


@pytest.fixture(autouse=True)
def judge(db: None, monkeypatch: pytest.MonkeyPatch) -> Rater:
    seed_rubrics()
    monkeypatch.setattr(tasks.advance_backfill, "apply_async_on_commit", lambda **sent: None)
    model = LanguageModelFactory.create(name="judge-model", role=LanguageModel.Role.JUDGE)
    return rater_for_model(model, Way().version)


@pytest.fixture
def lead() -> User:
    return UserFactory.create(role=LEAD)


@pytest.fixture
def page(client: Client, lead: User) -> Client:
    client.force_login(lead)
    return client


@pytest.fixture
def api(lead: User) -> APIClient:
    found = APIClient()
    found.force_authenticate(lead)
    return found


def typed(by: Rater, /, **values: Any) -> dict[str, Any]:
    return {
        "judge": f"{by.language_model_id}:{by.prompt_version}",
        "stage": "interests",
        "rubric": "",
        "prompt_versions": "",
        "created_from": "",
        "created_until": "",
        "max_calls": "100",
        "max_money": "",
    } | values


def running(judge: Rater, **options: Any) -> Backfill:
    options = {"max_calls": 100} | options
    return runner.prepare(judge, Rubric.objects.current("interest"), Population(Stage.INTERESTS), **options)


def test_a_lead_starts_a_backfill_and_follows_it(page: Client, judge: Rater, lead: User):
    GenerationFactory.create_batch(2, outputs=2)

    started = page.post(NEW, typed(judge))

    backfill = Backfill.objects.get()
    assert started.headers["Location"] == backfill.get_absolute_url()
    assert (backfill.rater, backfill.created_by, backfill.max_calls, backfill.n_to_ask) == (judge, lead, 100, 4)
    shown = page.get(backfill.get_absolute_url()).content.decode()
    assert "0 of 4" in shown
    assert "Waiting for a worker" in shown
    assert 'hx-trigger="every 2s"' in shown
    part = page.get(backfill.get_absolute_url(), headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<div id="backfill-progress"')

    runner.advance(backfill.pk, RecordedEngine(lambda request: PASSING["interest"] | {"rationale": "Yes."}))
    runner.advance(backfill.pk, RecordedEngine(lambda request: EngineError("refused", "nothing is asked any more")))

    ended = page.get(backfill.get_absolute_url(), headers={"HX-Request": "true"})
    assert ended.headers["HX-Refresh"] == "true"
    report = page.get(backfill.get_absolute_url()).content.decode()
    assert "<td>400 and 80</td>" in report
    assert 'hx-trigger="every 2s"' not in report
    assert judge.language_model.name in page.get(reverse("judge:backfills")).content.decode()  # type: ignore[union-attr]


def test_a_panel_and_any_way_of_asking_can_be_chosen(page: Client, judge: Rater):
    GenerationFactory.create(outputs=1)
    other = LanguageModelFactory.create(name="other", role=LanguageModel.Role.JUDGE)
    panel = panels.make("two", vote=Panel.Vote.MAJORITY, seats=[Seat(judge.models[0], Way()), Seat(other, Way())])

    page.post(NEW, typed(judge, judge=f"panel:{panel.pk}"))
    page.post(NEW, typed(judge, judge=f"{other.pk}:{Way(calls='criterion').version}"))

    assert [one.rater.prompt_version or one.rater.panel for one in Backfill.objects.order_by("created_at")] == [
        panel,
        Way(calls="criterion").version,
    ]


def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(page: Client, judge: Rater):
    GenerationFactory.create(outputs=1)

    none = page.post(NEW, typed(judge, max_calls="", prompt_versions="7"))
    money = page.post(NEW, typed(judge, max_money="5"))
    empty = page.post(NEW, typed(judge, stage="tags"))

    assert none.status_code == money.status_code == empty.status_code == 422
    assert "Give a budget" in none.content.decode()
    assert 'value="7"' in none.content.decode()
    assert "What judge-model costs is not known" in money.content.decode()
    assert "No output of this population was kept yet" in empty.content.decode()
    assert not Backfill.objects.exists()


def test_the_estimate_says_what_there_is_to_ask_and_what_that_takes(page: Client, judge: Rater):
    LanguageModel.objects.filter(role="judge").update(prompt_price=1, completion_price=2)
    generation = GenerationFactory.create(outputs=5)
    first, second = generation.outputs.all()[:2]
    AssessmentFactory.create(rater=judge, output=first, prompt_tokens=900, completion_tokens=50)
    AssessmentFactory.create(rater=judge, output=second, labels={}, prompt_tokens=1100, completion_tokens=150)

    def estimated(**values: Any) -> str:
        shown = page.post(ESTIMATE, typed(judge, **values), headers={"HX-Request": "true"}).content.decode()
        return " ".join(shown.replace('<strong class="number">', "").replace("</strong>", "").split())

    # 1,000 tokens read and 100 written for each: 0.001 + 0.0002 in money.
    assert "3 of 5 outputs would be asked about; 2 are judged already" in estimated()
    assert "at most 3 calls, about 3,300 tokens, about 0.0036 in money." in estimated(max_calls="")
    assert "4 of 5 outputs would be asked about, 1 of them again; 1 are judged already" in estimated(again="on")
    assert "enough for about 2 outputs" in estimated(max_calls="", max_money="0.0024")
    assert "“x” is not" in estimated(max_calls="x") or "whole number" in estimated(max_calls="x")
    whole = page.post(ESTIMATE, typed(judge)).content.decode()
    assert "would be asked about" in whole
    assert "<h1>New backfill</h1>" in whole


def test_pausing_resuming_and_cancelling(page: Client, judge: Rater):
    GenerationFactory.create(outputs=1)
    backfill = running(judge)

    page.post(reverse("judge:backfill-pause", args=[backfill.pk]))
    assert "Paused: nothing is asked" in page.get(backfill.get_absolute_url()).content.decode()
    page.post(reverse("judge:backfill-resume", args=[backfill.pk]))
    assert not Backfill.objects.get().is_paused
    page.post(reverse("judge:backfill-cancel", args=[backfill.pk]))

    assert Backfill.objects.get().state == "cancelled"
    assert '<h2 id="report">' in page.get(backfill.get_absolute_url()).content.decode()


def test_who_is_no_lead_sees_and_does_nothing(client: Client, judge: Rater):
    GenerationFactory.create(outputs=1)
    backfill = running(judge)
    client.force_login(UserFactory.create())
    api = APIClient()
    api.force_authenticate(UserFactory.create())

    for name in ("backfill-pause", "backfill-resume", "backfill-cancel"):
        assert client.post(reverse(f"judge:{name}", args=[backfill.pk])).status_code == 403
    for address in (reverse("judge:backfills"), NEW, backfill.get_absolute_url()):
        assert client.get(address).status_code == 403
    assert client.post(ESTIMATE).status_code == client.post(NEW).status_code == 403
    assert api.get("/api/v1/backfills/").status_code == 403
    assert api.post("/api/v1/backfills/", {"stage": "interests", "max_calls": 1}, format="json").status_code == 403
    assert api.post(f"/api/v1/backfills/{backfill.pk}/cancel/", {}, format="json").status_code == 403
    assert Backfill.objects.get().is_active


def test_what_the_pages_do_goes_by_rest_too(api: APIClient, judge: Rater):
    generation = GenerationFactory.create(outputs=3)
    AssessmentFactory.create(rater=judge, output=generation.outputs.all()[0])
    wanted = {"stage": "interests", "prompt_versions": ["1"], "max_calls": 2}

    estimate = api.post("/api/v1/backfills/estimate/", wanted, format="json").json()
    started = api.post("/api/v1/backfills/", wanted, format="json")
    again = api.post("/api/v1/backfills/", wanted, format="json")

    assert estimate | {"tokens": None} == {
        "n_outputs": 3,
        "n_judged": 1,
        "n_to_ask": 2,
        "n_again": 0,
        "n_calls": 2,
        "tokens": None,
        "money": None,
        "affordable": 2,
    }
    assert started.status_code == 202
    assert again.status_code == 409
    assert "is being asked about interests" in str(again.json())
    address = f"/api/v1/backfills/{started.json()['id']}/"
    assert api.post(f"{address}pause/", {}, format="json").json()["is_paused"] is True
    assert api.post(f"{address}resume/", {}, format="json").json()["is_paused"] is False
    runner.advance(Backfill.objects.get().pk, RecordedEngine(lambda r: PASSING["interest"] | {"rationale": "Yes."}))
    runner.advance(Backfill.objects.get().pk, RecordedEngine(lambda r: EngineError("refused", "")))
    said = api.get(address).json()
    assert (said["state"], said["n_asked"], said["n_skipped"], said["tokens_per_accepted"]) == ("done", 2, 1, 120)
    assert api.get("/api/v1/backfills/", {"state": "running"}).json()["results"] == []
    assert [one["id"] for one in api.get("/api/v1/backfills/", {"judge": str(judge.pk)}).json()["results"]] == [
        said["id"]
    ]
    assert Assessment.objects.filter(rater=judge).count() == 3


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({}, "max_calls"),
        ({"max_money": "1"}, "max_money"),
        ({"max_calls": 0}, "max_calls"),
        ({"max_calls": 1, "created_from": "2026-02-01", "created_until": "2026-01-01"}, "created_until"),
        ({"max_calls": 1, "stage": "tags"}, "stage"),
        ({"max_calls": 1, "judge": "0196b6f0-0000-7000-8000-000000000000"}, "judge"),
    ],
)
def test_by_rest_what_makes_no_sense_is_refused_at_its_field(api: APIClient, wrong: dict[str, Any], field: str):
    GenerationFactory.create(outputs=1)

    refused = api.post("/api/v1/backfills/", {"stage": "interests"} | wrong, format="json")

    assert refused.status_code == 400
    assert field in str(refused.json())
    assert not Backfill.objects.exists()


def test_money_is_shown_where_the_models_have_prices(page: Client, judge: Rater):
    LanguageModel.objects.filter(role="judge").update(prompt_price=1, completion_price=2)
    GenerationFactory.create(outputs=2)
    backfill = running(Rater.objects.get(pk=judge.pk), max_money=Decimal(1))
    runner.advance(backfill.pk, RecordedEngine(lambda request: PASSING["interest"] | {"rationale": "Yes."}))

    shown = page.get(backfill.get_absolute_url()).content.decode()

    assert "0.00028 of at most 1.00" in shown
