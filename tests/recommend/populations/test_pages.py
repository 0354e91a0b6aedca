"""The pages of population jobs, their REST and their command: the same for all three."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from recommend import tasks
from recommend.engines.types import EngineError
from recommend.models import PopulationJob
from recommend.populations import services
from recommend.roles import LEAD
from tests.judge.factories import UserFactory
from tests.recommend.factories import ItemFactory, LanguageModelFactory
from tests.recommend.populations import material
from tests.recommend.populations.material import good, made, started, worked, written_down
from tests.support.recorded_engine import RecordedEngine

NEW, COUNT = reverse("recommend:population-new"), reverse("recommend:population-count")
API = "/api/v1/population-jobs/"
TYPED = {
    "query": "all",
    "last_stage": "tags",
    "beta": "0.5",
    "n_items": "6",
    "language": "en",
    "taken": "recent",
    "diversity": "0",
}


@pytest.fixture(autouse=True)
def models(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for task in (tasks.advance_population, tasks.advance_chunk):
        monkeypatch.setattr(task, "apply_async_on_commit", lambda **sent: None)
    material.serving()


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


def test_a_lead_starts_a_job_follows_it_and_reads_its_report(page: Client, lead: User):
    made(3, age="25-34")

    answer = page.post(NEW, TYPED | {"query": "age=25-34"})

    population = PopulationJob.objects.get()
    assert answer.headers["Location"] == population.get_absolute_url()
    assert (population.created_by, population.query, population.steps, population.tag_strategy) == (
        lead,
        "age=25-34",
        ["history", "interests", "tags"],
        "direct",
    )
    assert "The shoppers are being chosen" in page.get(population.get_absolute_url()).content.decode()
    written_down(population)
    shown = page.get(population.get_absolute_url()).content.decode()
    assert "0 of 3" in shown
    assert 'hx-trigger="every 2s"' in shown
    part = page.get(population.get_absolute_url(), headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<div id="population-progress"')

    worked(population, RecordedEngine(good))

    ended = page.get(population.get_absolute_url(), headers={"HX-Request": "true"})
    assert ended.headers["HX-Refresh"] == "true"
    report = page.get(population.get_absolute_url()).content.decode()
    assert '<h2 id="report">' in report
    assert "600 and 120" in report
    assert 'hx-trigger="every 2s"' not in report
    assert "age=25-34" in page.get(reverse("recommend:populations")).content.decode()


def test_models_language_day_and_rules_are_chosen_on_the_page(page: Client):
    made(1)
    other = LanguageModelFactory.create(name="qwen3", role="tags", state="candidate")
    chosen = {
        "last_stage": "items",
        "model_tags": str(other.pk),
        "language": "de",
        "reference_day": "2017-12-20",
        "categories": "baby; diapers",
        "taken": "ever",
        "tells_runs": "on",
    }

    assert "No item is in the category" not in page.get(NEW).content.decode()
    refused = page.post(NEW, TYPED | chosen | {"categories": "no such"})
    assert refused.status_code == 422
    assert "No item is in the category “no such”" in refused.content.decode()
    page.post(NEW, TYPED | chosen)

    population = PopulationJob.objects.get()
    assert population.chosen_models == {"tags": str(other.pk)}
    assert (population.language, population.tells_runs) == ("de", True)
    assert population.reference_at == datetime(2017, 12, 20, tzinfo=UTC)
    assert population.rules == {"categories": ["baby", "diapers"], "taken": "ever"}
    shown = page.get(population.get_absolute_url()).content.decode()
    for words in ("in German", "looked at from 20 December 2017", "qwen3", "with rules of its own"):
        assert words in shown


def test_what_concerns_a_stage_that_is_not_made_is_not_asked_for(page: Client):
    made(1)
    other = LanguageModelFactory.create(name="qwen3", role="explanations", state="candidate")

    page.post(NEW, TYPED | {"model_explanations": str(other.pk), "taken": "ever"})

    population = PopulationJob.objects.get()
    assert (population.chosen_models, population.rules) == ({}, {})


def test_who_failed_stands_on_the_page_with_the_reason_and_the_way_to_the_run(page: Client):
    (shopper,) = made(1)
    population = worked(started(), RecordedEngine(lambda request: EngineError("truncated", "cut at 768 <b>tokens</b>")))

    shown = page.get(population.get_absolute_url()).content.decode()

    assert shopper.external_id in shown
    assert "answer cut at the token limit" in shown
    assert "cut at 768 &lt;b&gt;tokens" in shown
    assert population.runs.get().get_absolute_url() in shown


def test_runs_of_a_population_do_not_crowd_the_demo_out(page: Client):
    made(1)
    population = worked(started(), RecordedEngine(good))

    assert population.runs.get().get_absolute_url() not in page.get(reverse("recommend:demo")).content.decode()


def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(page: Client):
    made(1)

    wrong = page.post(NEW, TYPED | {"query": "agee=1", "beta": "7"})
    nobody = page.post(NEW, TYPED | {"query": "behaviors>5"})

    assert wrong.status_code == nobody.status_code == 422
    assert "No shopper has an attribute “agee”" in wrong.content.decode()
    assert 'value="agee=1"' in wrong.content.decode()
    assert "less than or equal to 1" in wrong.content.decode()
    assert "chooses nobody" in nobody.content.decode()
    assert not PopulationJob.objects.exists()


def test_tags_by_another_strategy_are_another_job(page: Client):
    made(1)

    page.post(NEW, TYPED)
    page.post(NEW, TYPED | {"tag_strategy": "experts"})

    assert set(PopulationJob.objects.values_list("tag_strategy", flat=True)) == {"direct", "experts"}


def test_starting_what_runs_already_leads_to_that_job(page: Client):
    made(1)
    running = started()

    assert page.post(NEW, TYPED).headers["Location"] == running.get_absolute_url()
    assert PopulationJob.objects.count() == 1


def test_the_count_follows_what_is_typed(page: Client):
    made(3)

    part = page.post(COUNT, TYPED, headers={"HX-Request": "true"}).content.decode()
    wrong = page.post(COUNT, TYPED | {"query": "x"}, headers={"HX-Request": "true"}).content.decode()
    whole = page.post(COUNT, TYPED | {"query": "behaviors>5"}).content.decode()

    assert '<strong class="number">3</strong> shoppers' in part
    assert "“x” is no condition" in wrong
    assert "<h1>New population job</h1>" in whole
    assert "Loosen a condition" in whole


def test_pausing_resuming_and_cancelling(page: Client):
    made(1)
    population = started()

    page.post(reverse("recommend:population-pause", args=[population.pk]))
    assert "Paused: nothing is made" in page.get(population.get_absolute_url()).content.decode()
    page.post(reverse("recommend:population-resume", args=[population.pk]))
    assert not PopulationJob.objects.get().is_paused
    page.post(reverse("recommend:population-cancel", args=[population.pk]))

    assert PopulationJob.objects.get().state == "cancelled"
    assert '<h2 id="report">' in page.get(population.get_absolute_url()).content.decode()


def test_a_server_that_is_away_is_said_on_the_page(page: Client):
    made(1)
    population = started()
    population.chunks.update(error="No answer from <http://gpu>.")

    assert "No answer from &lt;http://gpu&gt;. It is asked again." in (
        page.get(population.get_absolute_url()).content.decode()
    )


def test_who_is_no_lead_sees_and_does_nothing(client: Client):
    made(1)
    population = started()
    client.force_login(UserFactory.create())
    api = APIClient()
    api.force_authenticate(UserFactory.create())

    for name in ("population-pause", "population-resume", "population-cancel"):
        assert client.post(reverse(f"recommend:{name}", args=[population.pk])).status_code == 403
    for address in (reverse("recommend:populations"), NEW, population.get_absolute_url()):
        assert client.get(address).status_code == 403
    assert client.post(COUNT).status_code == client.post(NEW, TYPED).status_code == 403
    assert api.get(API).status_code == 403
    assert api.post(API, {"query": "all", "stages": ["interests"]}, format="json").status_code == 403
    assert api.post(f"{API}{population.pk}/cancel/", {}, format="json").status_code == 403
    assert PopulationJob.objects.get().is_active
    assert reverse("recommend:populations") not in client.get(reverse("recommend:demo")).content.decode()


def test_what_the_pages_do_goes_by_rest_too(api: APIClient, lead: User):
    made(2)
    wanted = {"query": "all", "stages": ["interests"]}

    assert api.post(f"{API}count/", {"query": "all"}, format="json").json() == {"n_shoppers": 2}
    begun = api.post(API, wanted, format="json")
    again = api.post(API, wanted, format="json")

    assert begun.status_code == 202
    assert (begun.json()["stages"], begun.json()["created_by"]) == (["interests"], lead.get_username())
    assert (again.status_code, again.json()["type"]) == (409, "urn:recgpt-studio:problem:population-running")
    address = f"{API}{begun.json()['id']}/"
    assert api.post(f"{address}pause/", {}, format="json").json()["is_paused"] is True
    assert api.post(f"{address}resume/", {}, format="json").json()["is_paused"] is False
    population = PopulationJob.objects.get()
    written_down(population)
    worked(population, RecordedEngine(lambda request: EngineError("schema", "")))
    said = api.get(address).json()
    assert (said["state"], said["progress"]["n_failed"]) == ("done", 2)
    assert said["progress"]["failures"] == [{"reason": "schema", "words": "answer breaks its schema", "n": 2}]
    runs = api.get("/api/v1/pipeline-runs/", {"population": said["id"], "state": "failed"}).json()["results"]
    assert len(runs) == 2
    assert api.get(API, {"state": "running"}).json()["results"] == []


def test_choices_go_by_rest_too(api: APIClient):
    made(1)
    other = LanguageModelFactory.create(name="qwen3", role="tags", state="candidate")
    wanted = {
        "query": "all",
        "stages": ["interests", "tags", "items"],
        "models": {"tags": "qwen3"},
        "rules": {"diversity": 0.5},
        "language": "de",
        "reference_at": "2017-12-20T06:00:00Z",
        "tells_runs": True,
    }

    answer = api.post(API, wanted, format="json").json()

    assert {name: answer[name] for name in wanted if name != "models"} == {
        name: value for name, value in wanted.items() if name != "models"
    }
    assert answer["models"] == {"tags": str(other.pk)}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"query": "agee=1"}, "query"),
        ({"query": "behaviors>5"}, "query"),
        ({"query": ""}, "query"),
        ({"stages": ["tags"]}, "stages"),
        ({"stages": ["dreams"]}, "stages"),
        ({"stages": []}, "stages"),
        ({"beta": 2}, "beta"),
        ({"n_items": 0}, "n_items"),
        ({"stage": "interests"}, "stage"),
        ({"language": "tlh"}, "language"),
        ({"reference_at": "soon"}, "reference_at"),
        ({"models": {"interests": "nobody"}}, "models/interests"),
        ({"stages": ["items"], "rules": {"categories": ["no such"]}}, "rules/categories"),
    ],
)
def test_by_rest_what_makes_no_sense_is_refused_at_its_field(api: APIClient, wrong: dict[str, Any], field: str):
    made(1)

    refused = api.post(API, {"query": "all", "stages": ["interests"]} | wrong, format="json")

    assert refused.status_code == 400
    assert any(f"#/{field}" in error["pointer"] for error in refused.json()["errors"])
    assert not PopulationJob.objects.exists()


def test_by_command_a_job_starts_and_its_progress_and_report_can_be_waited_for(monkeypatch: pytest.MonkeyPatch):
    made(2)
    out = io.StringIO()
    real = services.start

    def start_and_work(**wanted: Any) -> PopulationJob:
        population = real(**wanted)
        written_down(population)
        return worked(population, RecordedEngine(lambda request: EngineError("schema", "")))

    monkeypatch.setattr(services, "start", start_and_work)
    call_command("generate", "--population", "all", "--stages", "interests", "--wait", stdout=out)

    population = PopulationJob.objects.get()
    said = out.getvalue()
    assert f"Started {population.pk}" in said
    assert "done: 2 of 2 shoppers; 0 done, 0 skipped, 2 failed" in said
    assert "2 failed: answer breaks its schema" in said
    assert "4 calls" in said


def test_by_command_choices_are_made_too():
    made(1)
    other = LanguageModelFactory.create(name="qwen3", role="tags", state="candidate")
    words = "--population all --stages interests,tags,items --model tags=qwen3 --language de --date 2017-12-20"
    words += " --category baby --category toys --taken ever --in-stock --diversity 0.25 --tell-runs"
    ItemFactory.create(category=["baby"])
    ItemFactory.create(category=["toys"])

    call_command("generate", *words.split())

    population = PopulationJob.objects.get()
    assert population.chosen_models == {"tags": str(other.pk)}
    assert (population.language, population.tells_runs) == ("de", True)
    assert population.reference_at == datetime(2017, 12, 20, tzinfo=UTC)
    assert population.rules == {
        "categories": ["baby", "toys"],
        "taken": "ever",
        "in_stock_only": True,
        "diversity": 0.25,
    }


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("--model tags", "is not STAGE=MODEL"),
        ("--model tags=nobody", "No model of this role is called so. There are: smollm2"),
        ("--language tlh", "is none of en"),
        ("--taken ever", "no step items"),
    ],
)
def test_by_command_a_choice_that_cannot_be_is_said_in_words(more: str, words: str):
    made(1)

    with pytest.raises(CommandError, match=words):
        call_command("generate", "--population", "all", "--stages", "interests", *more.split())
    assert not PopulationJob.objects.exists()


def test_by_command_what_is_wrong_is_said_in_words():
    made(1)

    with pytest.raises(CommandError, match="tags is made from interests"):
        call_command("generate", "--population", "all", "--stages", "tags")
    with pytest.raises(CommandError, match="no condition"):
        call_command("generate", "--population", "everyone", "--stages", "interests")
    out = io.StringIO()
    call_command("generate", "--population", "all", "--stages", "interests", "--count", stdout=out)
    assert out.getvalue() == "1 shopper.\n"
    assert not PopulationJob.objects.exists()
