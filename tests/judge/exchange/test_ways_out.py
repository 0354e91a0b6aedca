"""Who gets an export, by page, API and command, and what is said where there is none."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from judge import queue
from judge.exchange.formats import FORMATS
from judge.models import Assessment, Panel, Rater
from recommend.models import Output
from recommend.roles import ADMIN, ANNOTATOR, LEAD
from tests.judge.exchange.reviews import reviewed_world
from tests.judge.factories import AssessmentFactory, UserFactory
from tests.site.api.clients import annotator, client_of, lead, problem

pytestmark = pytest.mark.django_db
PAGE = "/dashboard/export/"
FILE = "/dashboard/export/file/"
API = "/api/v1/assessments/export/"


def signed_in(role: str) -> Client:
    client = Client()
    client.force_login(UserFactory.create(role=role))
    return client


def body(response: Any) -> bytes:
    assert response.status_code == 200, getattr(response, "content", b"")
    return b"".join(response.streaming_content)


@pytest.mark.parametrize("role", [LEAD, ADMIN])
def test_leads_and_admins_see_how_many_rows_there_are_and_take_them_in_every_format(role: str):
    reviewed_world()
    client = signed_in(role)

    page = client.get(PAGE, {"kind": "interest"}).content.decode()

    assert "15 rows" in page
    for name, form in FORMATS.items():
        assert f'href="{FILE}?format={name}&amp;kind=interest"' in page
        response = client.get(FILE, {"format": name, "kind": "interest"})
        assert body(response)
        assert response["Content-Type"] == form.content_type
        assert response["Content-Disposition"].startswith('attachment; filename="interest-labels-')
        assert response["Content-Disposition"].endswith(f'{form.suffix}"')
        assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("address", [PAGE, f"{FILE}?format=jsonl"])
def test_annotators_and_strangers_get_neither_page_nor_file(address: str):
    assert signed_in(ANNOTATOR).get(address).status_code == 403
    assert signed_in("").get(address).status_code == 403
    assert Client().get(address)["Location"].startswith("/login/")
    assert signed_in(LEAD).post(address).status_code == 405


def test_an_unknown_format_is_not_found():
    assert signed_in(LEAD).get(FILE, {"format": "xlsx"}).status_code == 404


def test_the_page_keeps_the_filters_in_its_links_and_says_where_there_is_nothing():
    campaign, _ = reviewed_world()
    client = signed_in(LEAD)

    chosen = client.get(PAGE, {"kind": "interest", "campaign": str(campaign.pk), "reviewed": "1"}).content.decode()
    empty = client.get(PAGE, {"kind": "tag"}).content.decode()

    assert "12 rows" in chosen
    assert f"?format=jsonl&amp;kind=interest&amp;campaign={campaign.pk}&amp;reviewed=1" in chosen
    assert "Nothing to export" in empty


def test_the_page_says_how_much_a_lead_at_work_does_not_get():
    campaign, _ = reviewed_world(overlap=2)
    person = UserFactory.create(role=LEAD)
    held = queue.next_assignment(campaign, person)
    assert held is not None
    hidden = Assessment.objects.filter(output__generation=held.unit.generation_id)
    client = Client()
    client.force_login(person)

    page = client.get(PAGE, {"kind": "interest"}).content.decode()
    rows = body(client.get(FILE, {"format": "jsonl", "kind": "interest"})).decode().splitlines()

    assert f"{hidden.count()} rows left out" in page
    assert {json.loads(row)["assessment"] for row in rows}.isdisjoint(str(one.pk) for one in hidden)
    assert len(rows) == 15 - hidden.count()


def test_the_api_gives_the_same_rows_as_the_page():
    campaign, _ = reviewed_world()
    reviewed_world()
    wanted = {"kind": "interest", "campaign": str(campaign.pk)}

    by_page = body(signed_in(LEAD).get(FILE, wanted | {"format": "jsonl", "reviewed": "1"}))
    by_api = body(lead().get(API, wanted | {"format": "jsonl", "reviewed": "true"}))

    assert sorted(by_api.splitlines()) == sorted(by_page.splitlines())
    assert len(by_api.splitlines()) == 12


@pytest.mark.parametrize("name", FORMATS)
def test_the_api_has_every_format(name: str):
    AssessmentFactory.create(output__generation__stage="interests")

    response = lead().get(API, {"format": name})

    assert body(response)
    assert response["Content-Type"] == FORMATS[name].content_type


def test_the_api_refuses_annotators_and_strangers():
    assert "lead" in problem(annotator().get(API), 403)["detail"]
    assert problem(client_of(UserFactory.create(role="")).get(API), 403)
    assert Client().get(API).status_code == 401


@pytest.mark.parametrize(
    ("parameter", "value", "remedy"),
    [
        ("format", "xlsx", "xlsx"),
        ("kind", "taste", "taste"),
        ("campaign", str(uuid4()), "campaigns/ lists"),
        ("model", "nonsense", "valid UUID"),
        ("limit", "5", "Known here: format, kind, model, campaign, judge, reviewed"),
    ],
)
def test_the_api_names_the_parameter_that_is_wrong_and_the_remedy(parameter: str, value: str, remedy: str):
    refused = problem(lead().get(API, {parameter: value}), 400)

    assert refused["errors"][0]["parameter"] == parameter
    assert remedy in refused["errors"][0]["detail"]


def test_the_command_writes_the_format_that_the_files_name_says(tmp_path: Path):
    campaign, _ = reviewed_world()

    for form in FORMATS.values():
        call_command("export_labels", tmp_path / f"out{form.suffix}", campaign=campaign.name, reviewed=True)

    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 12
    assert len(json.loads((tmp_path / "out.json").read_text())) == 6
    assert {path.name for path in tmp_path.iterdir()} == {f"out{form.suffix}" for form in FORMATS.values()}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"campaign": "Autumn"}, "no campaign 'Autumn' for this kind of output. There is: Spring check"),
        ({"model": "gpt"}, "no model 'gpt' for this kind of output. There is: smollm2"),
        ({"judge": "nobody"}, r"no judge 'nobody' for this kind of output. There is: smollm2 \(prompt 1\)"),
    ],
)
def test_the_command_names_what_is_unknown_and_what_there_is(tmp_path: Path, options: dict[str, str], words: str):
    reviewed_world()

    with pytest.raises(CommandError, match=words):
        call_command("export_labels", tmp_path / "out.jsonl", **options)

    assert list(tmp_path.iterdir()) == []


def test_a_judge_is_named_by_its_full_name_its_id_or_a_model_that_is_asked_in_one_way_only(tmp_path: Path):
    reviewed_world()
    asked_otherwise = Rater.objects.create(
        language_model=Rater.objects.get(user=None).language_model, prompt_version="2"
    )
    panel = Rater.objects.create(panel=Panel.objects.create(name="Three together"))
    output = Output.objects.first()
    for judge in (asked_otherwise, panel):
        AssessmentFactory.create(output=output, rater=judge)

    def exported(judge: str) -> set[str]:
        call_command("export_labels", tmp_path / "out.jsonl", judge=judge)
        rows = [json.loads(row) for row in (tmp_path / "out.jsonl").read_text().splitlines()]
        return {row["rater_id"] for row in rows if row["rater_kind"] != "person"}

    for judge in (asked_otherwise, panel):
        assert exported(str(judge)) == exported(str(judge.pk)) == {str(judge.pk)}
    assert exported("Three together") == {str(panel.pk)}
    with pytest.raises(CommandError, match=rf"more than one judge. Give an id: .*{asked_otherwise.pk} for smollm2"):
        exported("smollm2")


def test_the_command_says_what_to_do_about_a_name_or_folder_that_does_not_do(tmp_path: Path):
    with pytest.raises(CommandError, match="Say it with --format jsonl or csv or parquet or datasets or label-studio"):
        call_command("export_labels", tmp_path / "out.xlsx")
    with pytest.raises(CommandError, match=r"nowhere/out\.csv cannot be written: No such file"):
        call_command("export_labels", tmp_path / "nowhere" / "out.csv")


def test_the_command_writes_label_studios_interface(tmp_path: Path):
    reviewed_world()

    call_command("export_labels", tmp_path / "interface.xml", interface=True)

    assert '<Choices name="reasonableness"' in (tmp_path / "interface.xml").read_text()
