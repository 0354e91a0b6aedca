"""Files handed in by page and API: imported once, by a worker, with every bad row and its reason."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from judge import queue, tasks
from judge.exchange import file_imports
from judge.models import FileImport
from recommend.models import AuditEntry, JobState, Output
from recommend.roles import ADMIN, ANNOTATOR, LEAD
from tests.judge.exchange.reviews import reviewed_world
from tests.judge.factories import PASSING, UserFactory, current_rubric
from tests.recommend.factories import OutputFactory, ShopperFactory
from tests.site.api.clients import annotator, client_of, lead, problem

pytestmark = pytest.mark.django_db
PAGE = "/dashboard/import/"
API = "/api/v1/imports/"
EVIL = '<script>alert("1")</script>'


@pytest.fixture(autouse=True)
def sent(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The imports that a worker was sent for."""
    settings.IMPORT_DIR = str(tmp_path / "imports")
    found: list[str] = []
    monkeypatch.setattr(tasks.import_file, "delay_on_commit", found.append)
    return found


def signed_in(role: str) -> Client:
    client = Client()
    client.force_login(UserFactory.create(role=role))
    return client


def file_of(*rows: dict[str, Any], name: str = "made.jsonl") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, "".join(json.dumps(row) + "\n" for row in rows).encode())


def made(**changes: Any) -> dict[str, Any]:
    return {
        "generation": "call-1",
        "shopper": "household-7",
        "kind": "interest",
        "model": "m",
        "text": "dairy",
    } | changes


@pytest.fixture
def shopper() -> None:
    ShopperFactory.create(external_id="household-7")


@pytest.mark.usefixtures("shopper")
@pytest.mark.parametrize("role", [LEAD, ADMIN])
def test_a_file_is_handed_in_on_the_page_and_imported_once_by_a_worker(role: str, sent: list[str]):
    client = signed_in(role)
    fields = {"file": file_of(made(), made(text="pets")), "what": "outputs", "source": "Persona service"}

    answer = client.post(PAGE, fields)

    one = FileImport.objects.get()
    assert answer["Location"] == f"{PAGE}{one.pk}/"
    assert sent == [str(one.pk)]
    assert "queued" in client.get(answer["Location"]).content.decode()
    tasks.import_file(sent[0])
    tasks.import_file(sent[0])
    one.refresh_from_db()
    assert (one.state, one.report["read"], one.report["added"], one.report["bad"]) == (JobState.DONE, 2, 2, 0)
    assert Output.objects.count() == 2
    assert Output.objects.first().generation.run.created_by == one.created_by  # type: ignore[union-attr]
    entries = AuditEntry.objects.filter(object_id=str(one.pk)).order_by("id")
    assert [(entry.verb, entry.actor) for entry in entries] == [
        ("file.uploaded", one.created_by.username),  # type: ignore[union-attr]
        ("file.imported", one.created_by.username),  # type: ignore[union-attr]
    ]


@pytest.mark.usefixtures("shopper")
def test_one_bad_row_stores_nothing_and_every_bad_row_is_shown_as_text():
    client = signed_in(LEAD)
    rows = [made(), made(generation="call-2", shopper=EVIL), made(generation="call-3", kind="taste")]
    client.post(PAGE, {"file": file_of(*rows), "what": "outputs", "source": EVIL})
    one = FileImport.objects.get()

    file_imports.run(one.pk)
    page = client.get(f"{PAGE}{one.pk}/").content.decode()
    bad = client.get(f"{PAGE}{one.pk}/bad-rows/")

    one.refresh_from_db()
    assert (one.state, one.report) == (JobState.FAILED, {"read": 3, "bad": 2})
    assert not Output.objects.exists()
    assert "the shopper is unknown; load it with import_shoppers first" in page
    assert "&quot;kind&quot; must be one of" in page
    assert "<script>alert" not in page
    lines = [json.loads(line) for line in b"".join(bad.streaming_content).splitlines()]  # type: ignore[attr-defined]
    assert [line["line"] for line in lines] == [2, 3]
    assert bad["Content-Disposition"] == 'attachment; filename="made.jsonl.bad.jsonl"'


@pytest.mark.usefixtures("shopper")
def test_bad_rows_are_left_out_if_wished():
    client = signed_in(LEAD)
    fields = {"file": file_of(made(), made(generation="call-2", kind="taste")), "what": "outputs", "source": "s"}
    client.post(PAGE, fields | {"skips_bad": "on"})
    one = FileImport.objects.get()

    file_imports.run(one.pk)

    one.refresh_from_db()
    assert (one.state, one.report["added"], one.report["bad"]) == (JobState.DONE, 1, 1)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"what": "outputs"}, "Say which system made the outputs"),
        ({"what": "labels", "name": "labels.xlsx"}, "does not tell its format"),
        ({"what": "labels", "tool": "argilla", "mapping": "{"}, "broken JSON"),
        ({"what": "outputs", "source": "s", "tool": "argilla", "mapping": '{"a": "b"}'}, "known are generation"),
        ({"what": "labels", "mapping": "{}"}, "say whose it is"),
        ({"what": "taste"}, "Nothing is handed in yet"),
    ],
)
def test_what_cannot_be_read_at_all_is_refused_at_once(fields: dict[str, str], words: str, sent: list[str]):
    fields = dict(fields)
    file = file_of({"a": 1}, name=fields.pop("name", "made.jsonl"))

    page = signed_in(LEAD).post(PAGE, fields | {"file": file})

    assert (page.status_code, words in page.content.decode()) == (422, True)
    assert (FileImport.objects.count(), sent) == (0, [])


def test_a_file_above_the_limit_is_refused_before_it_is_read(settings: Any, sent: list[str]):
    settings.IMPORT_MAX_BYTES = 5
    small = {"file": file_of({"a": 1}), "what": "labels"}
    large = {"file": SimpleUploadedFile("made.jsonl", b"x" * (2 << 20)), "what": "labels"}

    assert "at most 5 are taken" in signed_in(LEAD).post(PAGE, small).content.decode()
    refused = problem(lead().post(API, large, format="multipart"), 413)

    assert "larger than 5 bytes" in refused["detail"]
    assert sent == []


def test_labels_come_in_by_rest_and_the_address_says_how_far_it_is():
    output = OutputFactory.create()
    UserFactory.create(username="visitor")
    current_rubric(output.kind)
    row = {"output_id": str(output.pk), "rater_name": "visitor", "labels": PASSING["interest"]}
    client = lead()

    answer = client.post(
        API, {"file": file_of(row, row | {"rater_kind": "model"}), "what": "labels"}, format="multipart"
    )

    assert answer.status_code == 202
    assert answer["Location"] == answer.json()["url"]
    assert (answer.json()["state"], answer.json()["progress"]) == ("queued", 0.0)
    file_imports.run(FileImport.objects.get().pk)
    found = client.get(answer["Location"]).json()
    assert (found["state"], found["is_active"], found["progress"]) == ("done", False, 1.0)
    assert {name: found["report"][name] for name in ("read", "added", "verdicts", "outside")} == {
        "read": 2,
        "added": 1,
        "verdicts": 1,
        "outside": 1,
    }
    assert client.get(API, {"state": "done", "what": "labels"}).json()["results"][0]["id"] == found["id"]
    assert problem(client.get(f"{answer['Location']}bad-rows/"), 404)


def test_the_api_names_what_is_wrong_with_a_file():
    client = lead()

    unknown = problem(
        client.post(API, {"file": file_of({"a": 1}), "what": "labels", "colour": "red"}, format="multipart"), 400
    )
    empty = problem(client.post(API, {"what": "labels"}, format="multipart"), 400)
    wrong = problem(client.post(API, {"file": file_of({"a": 1}), "what": "outputs"}, format="multipart"), 400)

    assert "colour" in json.dumps(unknown["errors"])
    assert "file" in json.dumps(empty["errors"])
    assert "Say which system" in json.dumps(wrong["errors"])


def test_annotators_and_strangers_hand_nothing_in_and_see_nothing():
    fields = {"what": "labels"}
    client = signed_in(LEAD)
    client.post(PAGE, {"file": file_of({"a": 1}), "what": "labels"})
    one = FileImport.objects.get()

    for address in (PAGE, f"{PAGE}{one.pk}/", f"{PAGE}{one.pk}/bad-rows/"):
        assert signed_in(ANNOTATOR).get(address).status_code == 403
        assert Client().get(address)["Location"].startswith("/login/")
    assert signed_in(ANNOTATOR).post(PAGE, fields).status_code == 403
    assert problem(annotator().post(API, fields, format="multipart"), 403)
    assert problem(annotator().get(f"{API}{one.pk}/"), 403)
    assert problem(client_of(UserFactory.create(role="")).get(API), 403)
    assert Client().get(API).status_code == 401


def test_whoever_is_at_work_blind_learns_nothing_from_rows_of_what_they_hold():
    campaign, person = reviewed_world(overlap=2)
    at_work = UserFactory.create(role=LEAD)
    held = queue.next_assignment(campaign, at_work)
    assert held is not None
    output = Output.objects.filter(generation=held.unit.generation_id).earliest("position")
    row = {"output_id": str(output.pk), "rater_name": person.username, "labels": {"willingness": "Necessity"}}
    client = client_of(at_work)

    client.post(API, {"file": file_of(row), "what": "labels"}, format="multipart")

    one = FileImport.objects.get()
    file_imports.run(one.pk)
    (bad,) = file_imports.bad_rows(one)
    assert bad["reason"] == "you have its generation in work in a blind campaign; submit that first"


def test_what_waits_without_a_task_is_sent_again(sent: list[str]):
    client = signed_in(LEAD)
    client.post(PAGE, {"file": file_of({"a": 1}), "what": "labels"})
    one = FileImport.objects.get()
    sent.clear()

    tasks.sweep()
    assert sent == []
    FileImport.objects.update(sent_at=one.sent_at - 2 * tasks.LOST_AFTER)
    tasks.sweep()

    assert sent == [str(one.pk)]


def test_a_file_that_the_worker_cannot_find_says_which_setting_is_wrong():
    client = signed_in(LEAD)
    client.post(PAGE, {"file": file_of({"a": 1}), "what": "labels"})
    one = FileImport.objects.get()
    (file_imports.folder(one) / one.name).unlink()

    file_imports.run(one.pk)

    one.refresh_from_db()
    assert one.state == JobState.FAILED
    assert "IMPORT_DIR must be one folder" in one.error


def test_a_name_cannot_lead_out_of_the_folder():
    client = signed_in(LEAD)
    client.post(PAGE, {"file": file_of({"a": 1}, name="../../etc/pass wd.jsonl"), "what": "labels"})

    assert FileImport.objects.get().name == "pass_wd.jsonl"
