"""The pages and the REST of data sets: the same for both, and for leads alone."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from recommend.models import AuditEntry
from recommend.roles import ANNOTATOR, LEAD
from tests.judge.factories import AssignmentFactory, CampaignFactory, CampaignUnitFactory, UserFactory
from tests.recommend.factories import ShopperFactory
from tests.training.data_sets.material import QUERY, serving_judge, tags
from training import tasks
from training.data_sets import building, services
from training.models import DataSet, EvaluationSet

pytestmark = pytest.mark.django_db
LIST, CHOOSE = reverse("training:data-sets"), reverse("training:data-set-choose")
API = "/api/v1/data-sets/"


def new(stage: str = "self-training") -> str:
    return reverse("training:data-set-new", args=[stage])


@pytest.fixture(autouse=True)
def sent(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    settings.TRAINING_DIR = str(tmp_path)
    found: list[Any] = []
    monkeypatch.setattr(tasks.build_data_set, "apply_async_on_commit", lambda **task: found.append(task["args"]))
    return found


@pytest.fixture
def lead() -> User:
    made: User = UserFactory.create(role=LEAD)
    return made


@pytest.fixture
def page(client: Client, lead: User) -> Client:
    client.force_login(lead)
    return client


@pytest.fixture
def api(lead: User) -> APIClient:
    found = APIClient()
    found.force_authenticate(lead)
    return found


def built(**values: Any) -> DataSet:
    made = building.advance(services.prepare(name="Spring", query=QUERY | values, by=None).pk)
    assert made is not None
    assert made.state == "done", made.error
    return made


def typed(form: Any, **values: Any) -> dict[str, Any]:
    """What a browser sends of a form that nobody touched but for these values."""
    initial = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in (initial | values).items() if value not in (None, [])}


def test_a_lead_has_a_data_set_built_follows_it_and_reads_its_report(page: Client, lead: User, sent: list[Any]):
    tags(True, False)
    tags(True, True, shopper="b", first=2)
    assert "There is none yet." in page.get(LIST).content.decode()
    assert new("judge") in page.get(CHOOSE).content.decode()
    form = page.get(new()).context["form"]

    answer = page.post(new(), typed(form, name="Tags <of> spring", validation_share="0"))

    made = DataSet.objects.get()
    assert answer.headers["Location"] == made.get_absolute_url()
    assert (made.created_by, made.state, sent) == (lead, "queued", [(str(made.pk),)])
    waiting = page.get(made.get_absolute_url()).content.decode()
    assert 'hx-trigger="every 2s"' in waiting
    part = page.get(made.get_absolute_url(), headers={"HX-Request": "true"}).content.decode()
    assert "Waiting for a worker" in part
    assert part.lstrip().startswith('<div id="data-set-progress"')

    tasks.build_data_set(str(made.pk))

    ended = page.get(made.get_absolute_url(), headers={"HX-Request": "true"})
    assert ended.headers["HX-Refresh"] == "true"
    report = page.get(made.get_absolute_url()).content.decode()
    assert "Tags &lt;of&gt; spring" in report
    assert "failed a criterion" in report
    assert "Outputs in the answer" in report
    assert 'class="bars__after" y="3" width="100.00"' in report
    assert DataSet.objects.get().sha256 in report
    assert '<th scope="row">validation_share</th><td class="untrusted">0.0</td>' in report
    assert "half_life_days" not in report
    assert 'hx-trigger="every 2s"' not in report
    assert "Tags &lt;of&gt; spring" in page.get(LIST).content.decode()


@pytest.mark.parametrize("stage", DataSet.Stage.values)
def test_every_stage_has_a_form_that_asks_only_for_what_it_reads_and_can_be_sent_as_it_is(page: Client, stage: str):
    tags(True)
    form = page.get(new(stage)).context["form"]
    teacher = str(tags(True, shopper="b").model.pk) if stage == "pre-alignment" else None

    answer = page.post(new(stage), typed(form, name="As it is", models=[teacher] if teacher else None))

    assert answer.status_code == 302, answer.context["form"].errors
    assert DataSet.objects.get().stage == stage
    assert ("criteria" in form.fields) == (stage == "judge")
    assert ("days" in form.fields) == (stage == "incremental")


def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(page: Client):
    serving_judge()
    form = page.get(new("pre-alignment")).context["form"]

    wrong = page.post(new("pre-alignment"), typed(form, name="Kept", near="7"))
    no_teacher = page.post(new("pre-alignment"), typed(form, name="Kept"))

    assert wrong.status_code == no_teacher.status_code == 422
    assert "less than or equal to 1" in wrong.content.decode()
    assert 'value="Kept"' in wrong.content.decode()
    assert "Name the model or models" in no_teacher.content.decode()
    assert not DataSet.objects.exists()


def test_one_that_failed_says_why_and_one_at_work_can_be_cancelled(page: Client):
    serving_judge()
    failed = services.prepare(name="Nothing", query=QUERY | {"curation": "people"}, by=None)
    building.advance(failed.pk)
    waiting = services.prepare(name="Waiting", query=QUERY, by=None)

    shown = page.get(failed.get_absolute_url()).content.decode()
    page.post(reverse("training:data-set-cancel", args=[waiting.pk]))

    assert "There is nothing that the query chooses" in shown
    waiting.refresh_from_db()
    assert waiting.state == "cancelled"


def test_the_file_is_taken_out_and_that_is_in_the_audit_log(page: Client, lead: User):
    tags(True)
    made = built()
    address = reverse("training:data-set-file", args=[made.pk])

    answer = page.get(address, {"format": "jsonl", "split": "train"})

    assert answer.headers["Content-Disposition"].endswith('-train.jsonl"')
    sent = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert json.loads(sent)["prompt"][0]["role"] == "system"
    entry = AuditEntry.objects.get(verb="data_set.exported")
    assert (entry.actor, entry.object_id, entry.detail) == (
        lead.username,
        str(made.pk),
        {"format": "jsonl", "split": "train"},
    )
    assert page.get(address, {"format": "xml"}).status_code == 404
    assert page.get(address, {"format": "jsonl", "split": "test"}).status_code == 404


def test_who_has_its_outputs_in_work_blind_cannot_take_it_out(page: Client, api: APIClient, lead: User):
    generation = tags(True)
    made = built()
    unit = CampaignUnitFactory.create(campaign=CampaignFactory.create(stage="tags"), generation=generation)
    work = AssignmentFactory.create(unit=unit, annotator=lead)

    refused = page.get(reverse("training:data-set-file", args=[made.pk]), {"format": "parquet"}, follow=True)
    by_api = api.get(f"{API}{made.pk}/download/")

    assert "in work in a blind campaign" in refused.content.decode()
    assert (by_api.status_code, by_api.json()["type"]) == (409, "urn:recgpt-studio:problem:data-set-in-work")
    assert not AuditEntry.objects.filter(verb="data_set.exported").exists()
    work.state = "submitted"
    work.save()
    assert api.get(f"{API}{made.pk}/download/").status_code == 200


def test_a_damaged_file_is_refused_in_words(page: Client, api: APIClient, settings: Any):
    tags(True)
    made = built()
    (Path(settings.TRAINING_DIR) / made.folder / "rows.parquet").unlink()

    shown = page.get(reverse("training:data-set-file", args=[made.pk]), {"format": "parquet"}, follow=True)
    by_api = api.get(f"{API}{made.pk}/download/")

    assert "Restore the folder from a backup" in shown.content.decode()
    assert by_api.json()["type"] == "urn:recgpt-studio:problem:data-set-damaged"


def test_by_rest_it_is_started_listed_read_and_taken_out(api: APIClient, sent: list[Any]):
    tags(True)

    started = api.post(API, {"name": "Spring", "query": QUERY})

    assert started.status_code == 202
    assert (started.json()["state"], started.json()["report"], len(sent)) == ("queued", {}, 1)
    early = api.get(f"{API}{started.json()['id']}/download/")
    assert (early.status_code, early.json()["type"]) == (409, "urn:recgpt-studio:problem:data-set-not-built")
    tasks.build_data_set(started.json()["id"])
    read = api.get(f"{API}{started.json()['id']}/").json()
    assert (read["state"], read["n_rows"], read["counts"]) == ("done", 1, {"train": 1, "validation": 0})
    assert read["report"]["n_before"] == 1
    assert read["manifest"]["sha256"] == read["sha256"]
    assert read["query"]["near"] == 0.8
    (listed,) = api.get(API, {"stage": "self-training", "state": "done"}).json()["results"]
    assert "report" not in listed
    assert api.get(API, {"stage": "judge"}).json()["results"] == []
    taken = api.get(f"{API}{read['id']}/download/", {"format": "jsonl"})
    rows = b"".join(taken.streaming_content)  # type: ignore[attr-defined]
    assert json.loads(rows)["completion"][0]["role"] == "assistant"


def test_by_rest_what_is_wrong_is_told_by_its_place(api: APIClient):
    for body, pointer in (
        ({"name": "Spring", "query": QUERY | {"near": 7}}, "#/query/near"),
        ({"name": "Spring", "query": QUERY | {"stage": "pre-alignment"}}, "#/query/models"),
        ({"name": " ", "query": QUERY}, "#/name"),
        ({"name": "Spring", "query": QUERY | {"colour": "red"}}, "#/query/colour"),
        ({"name": "Spring", "query": QUERY | {"days": 3}}, "#/query/days"),
    ):
        answer = api.post(API, body)
        assert answer.status_code == 400, body
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_by_rest_one_at_work_is_cancelled(api: APIClient):
    serving_judge()
    waiting = services.prepare(name="Waiting", query=QUERY, by=None)

    answer = api.post(f"{API}{waiting.pk}/cancel/")

    assert answer.json()["state"] == "cancelled"


def test_by_rest_shoppers_are_held_out(api: APIClient):
    ShopperFactory.create(external_id="one", last_behavior_at=timezone.now())
    address = "/api/v1/evaluation-sets/"

    made = api.post(address, {"name": "spring", "query": "all", "starts_on": "2018-01-01"})
    again = api.post(address, {"name": "spring", "query": "all"})

    assert (made.status_code, made.json()["shoppers"]) == (201, ["one"])
    assert again.json()["errors"][0]["pointer"] == "#/name"
    assert api.get(address).json()["results"][0]["name"] == "spring"
    assert api.get(f"{address}{made.json()['id']}/").json()["starts_on"] == "2018-01-01"
    assert api.delete(f"{address}{made.json()['id']}/").status_code == 405
    assert EvaluationSet.objects.count() == 1


def test_annotators_see_none_of_it(client: Client):
    tags(True)
    made = built()
    annotator = UserFactory.create(role=ANNOTATOR)
    client.force_login(annotator)
    api = APIClient()
    api.force_authenticate(annotator)

    for address in (LIST, CHOOSE, new(), made.get_absolute_url(), f"{made.get_absolute_url()}file/?format=jsonl"):
        assert client.get(address).status_code == 403, address
    assert client.post(reverse("training:data-set-cancel", args=[made.pk])).status_code == 403
    for address in (API, f"{API}{made.pk}/", f"{API}{made.pk}/download/", "/api/v1/evaluation-sets/"):
        assert api.get(address).status_code == 403, address
    assert api.post(API, {"name": "Spring", "query": QUERY}).status_code == 403
