"""What an export holds, in each format: the same rows, exact, and nothing that a program runs."""

import csv
import io
import json
import re
import zipfile
from datetime import datetime
from itertools import product
from typing import Any

import pyarrow.parquet as pq
import pytest

from judge import queue
from judge.comparison import Filters
from judge.dashboard import quality
from judge.exchange import files, label_studio
from judge.exchange import rows as rows_module
from judge.exchange.cells import guarded, unguarded
from judge.exchange.columns import COLUMNS, NAMES
from judge.exchange.formats import FORMATS
from judge.exchange.selection import Selection
from judge.models import Assessment
from judge.rubrics import INTEREST
from recommend.roles import LEAD
from tests.judge.exchange.reviews import UNTRUSTED, review, reviewed_world, revise_first
from tests.judge.factories import AssessmentFactory, UserFactory, current_rubric

pytestmark = pytest.mark.django_db
FILTERS = Filters(kind="interest")


def exported(name: str, selection: Selection = Selection(FILTERS)) -> bytes:  # noqa: B008  # it is frozen
    return b"".join(FORMATS[name].write(selection.assessments()))


def objects(**options: Any) -> dict[str, dict[str, Any]]:
    """The rows of the JSONL export by assessment."""
    lines = exported("jsonl", Selection(**({"filters": FILTERS} | options))).decode().splitlines()
    return {row["assessment"]: row for row in map(json.loads, lines)}


def test_each_assessment_is_one_row_with_every_column():
    reviewed_world()

    rows = objects()

    assert rows.keys() == {str(pk) for pk in Assessment.objects.values_list("pk", flat=True)}
    assert len(rows) == 9 + 6
    assert {tuple(row) for row in rows.values()} == {NAMES}


def test_a_persons_row_says_what_was_rated_by_whom_how_it_was_drawn_and_when():
    campaign, person = reviewed_world()
    stored = Assessment.objects.get(rater__user=person, output__position=1, assignment__unit__generation=first_unit())

    row = objects()[str(stored.pk)]

    generation = stored.output.generation
    assert row["rater_kind"] == "person"
    assert row["rater_name"] == person.username
    assert row["labels"] == stored.labels
    assert row["passed"] is stored.passed
    assert row["rationale"] == UNTRUSTED
    assert row["seconds"] == stored.seconds == 10.5
    assert (row["revision"], row["blind"], row["probabilities"], row["error"]) == (1, True, None, "")
    assert row["output_text"] == stored.output.text
    assert row["model"] == generation.model.name
    assert row["shopper"] == generation.shopper.external_id
    assert (row["campaign"], row["campaign_overlap"], row["inclusion_probability"]) == (campaign.name, 1, 0.5)
    assert row["rubric_version"] == 1
    assert row["rated_at"].startswith(stored.created_at.strftime("%Y-%m-%dT%H:%M:%S"))


def first_unit() -> Any:
    return Assessment.objects.filter(assignment__isnull=False).earliest("pk").output.generation


def test_a_judges_row_has_its_prompt_and_probabilities_and_no_campaign():
    reviewed_world()

    row = next(row for row in objects().values() if row["rater_kind"] == "model")

    assert (row["rater_name"], row["rater_prompt_version"]) == ("smollm2", "1")
    assert row["probabilities"] == {"willingness": {"Spontaneity": 0.75, "Necessity": 0.25}}
    assert (row["campaign"], row["inclusion_probability"], row["assignment_id"]) == (None, None, None)


def test_an_unusable_answer_of_the_judge_is_a_row_too():
    AssessmentFactory.create(output__generation__stage="interests", labels={}, error="No label in 'Hm.'")

    (row,) = objects().values()

    assert (row["labels"], row["passed"], row["error"]) == (None, None, "No label in 'Hm.'")


def test_parquet_and_csv_say_the_same_as_jsonl():
    campaign, person = reviewed_world()
    revise_first(review(campaign, person))
    AssessmentFactory.create(output__generation__stage="interests", labels={}, error="-")
    expected = comparable(objects())

    table = pq.read_table(io.BytesIO(exported("parquet"))).to_pylist()
    text = exported("csv").decode("utf-8-sig")
    cells = list(csv.DictReader(io.StringIO(text, newline="")))

    assert {row["assessment"]: from_parquet(row) for row in table} == expected
    assert {row["assessment"]: from_csv(row) for row in cells} == expected


def comparable(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Rows whose times are moments and whose evidence is text, as the other formats have it."""
    for row in rows.values():
        row["output_evidence"] = json.dumps(row["output_evidence"])
        for name in ("rated_at", "generated_at"):
            row[name] = moment(row[name])
    return rows


def moment(text: str) -> str:
    return datetime.fromisoformat(text).isoformat()


def from_parquet(row: dict[str, Any]) -> dict[str, Any]:
    weights: dict[str, dict[str, float]] = {}
    for one in row["probabilities"]:
        weights.setdefault(one["criterion"], {})[one["label"]] = one["probability"]
    labels = {one["criterion"]: one["label"] for one in row["labels"]}
    times = {name: row[name].isoformat() for name in ("rated_at", "generated_at")}
    return row | times | {"labels": labels or None, "probabilities": weights or None}


def from_csv(row: dict[str, str]) -> dict[str, Any]:
    read: dict[str, Any] = {
        "id": str,
        "text": unguarded,
        "integer": int,
        "number": float,
        "flag": {"true": True, "false": False}.__getitem__,
        "time": moment,
        "labels": lambda cell: json.loads(unguarded(cell)),
        "probabilities": lambda cell: json.loads(unguarded(cell)),
        "json": unguarded,
    }
    # An empty cell is an empty text where the table has no other kind of none.
    optional = ("parent_text", "item_sku", "item_title", "campaign")
    return {
        column.name: None
        if row[column.name] == "" and (column.kind != "text" or column.name in optional)
        else read[column.kind](row[column.name])
        for column in COLUMNS
    }


def test_no_text_is_a_formula_in_a_spreadsheet_and_numbers_stay_numbers():
    reviewed_world()

    rows = list(csv.reader(io.StringIO(exported("csv").decode("utf-8-sig"), newline="")))

    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    rationale = rows[0].index("rationale")
    assert "'" + UNTRUSTED.replace("\n-", "\n'-") in {row[rationale] for row in rows}
    assert {row[rows[0].index("inclusion_probability")] for row in rows[1:]} == {"0.5", ""}


def test_every_text_is_guarded_in_the_file_as_by_itself_and_can_be_had_back():
    parts = ["=", "'", "-", "a", ";", ",", "\t", "\r", "\n", '"', " ", "\u00a0", "＝", "ü"]
    texts = ["".join(one) for one in product(parts, repeat=3)] + ["x" * 200_000 + "\n=1"]
    AssessmentFactory.create(output__generation__stage="interests")
    like = Assessment.objects.get()
    Assessment.objects.bulk_create(
        Assessment(rater=like.rater, output=like.output, rubric=like.rubric, labels={}, rationale=text, revision=number)
        for number, text in enumerate(texts, 2)
    )

    # Read apart by hand: the reader of `csv` takes no cell above 128 KiB.
    data = exported("csv").decode("utf-8-sig")
    cells = set(re.findall(r'(?:,|\A|\r\n)("(?:[^"]|"")*"|[^",\r\n]*)', data))

    found = {cell[1:-1].replace('""', '"') if cell.startswith('"') else cell for cell in cells}
    assert {guarded(text) for text in texts} - found == set()
    assert not [cell for cell in found if cell.startswith(("=", "-", "＝", " =", "\t", "\r", "\n"))]


def test_label_studios_tasks_say_the_same_as_the_rows():
    campaign, person = reviewed_world()
    revise_first(review(campaign, person))
    AssessmentFactory.create(output__generation__stage="interests", labels={}, error="-")
    of_output: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(objects().values(), key=lambda row: (row["output_id"], row["assessment"])):
        of_output.setdefault(row["output_id"], []).append(row)

    tasks = json.loads(exported("label-studio"))

    assert [task["data"]["output_id"] for task in tasks] == list(of_output)
    for task, rows in zip(tasks, of_output.values(), strict=True):
        expected = {name: rows[0][name] for name in label_studio.DATA}
        assert task["data"] == expected | {"output_evidence": json.dumps(rows[0]["output_evidence"])}
        people = [row for row in rows if row["rater_kind"] == "person"]
        assert task["annotations"] == [annotation(row) for row in people]
        assert [one["result"] for one in task["predictions"]] == [result(row) for row in rows if row not in people]


def annotation(row: dict[str, Any]) -> dict[str, Any]:
    same = {name: row[name] for name in ("assessment", "rubric_version", "revision", "blind", "assignment_id")}
    times = {"lead_time": row["seconds"], "created_at": row["rated_at"]}
    fixed = {"was_cancelled": False, "ground_truth": False}
    return {"rater": row["rater_name"], "result": result(row)} | same | times | fixed


def result(row: dict[str, Any]) -> list[dict[str, Any]]:
    said = [(name, "choices", {"choices": [label]}) for name, label in (row["labels"] or {}).items()]
    said += [("comment", "textarea", {"text": [row["rationale"]]})] if row["rationale"] else []
    return [
        {"id": f"{row['assessment']}-{name}", "from_name": name, "to_name": "text", "type": kind, "value": value}
        for name, kind, value in said
    ]


def test_a_download_that_is_broken_off_leaves_the_connection_to_others():
    reviewed_world()
    selection = Selection(FILTERS)

    for form in FORMATS.values():
        pieces = form.write(selection.assessments())
        next(pieces)
        pieces.close()  # type: ignore[attr-defined]

    assert selection.assessments().count() == 15


def test_the_dashboards_figures_can_be_computed_from_the_rows_alone():
    campaign, _ = reviewed_world(shoppers=5)
    reviewed_world(shoppers=4)

    for filters in (FILTERS, Filters(kind="interest", campaign=campaign.pk)):
        report = quality(filters).report.overall
        rows = [row for row in objects(filters=filters).values() if row["revision"] == 1]
        judged = {row["output_id"]: row for row in rows if row["rater_kind"] == "model"}
        people = [row for row in rows if row["rater_kind"] == "person" and row["blind"]]

        assert report.judge_rate.value == pytest.approx(sum(row["passed"] for row in judged.values()) / len(judged))
        same = [row["passed"] == judged[row["output_id"]]["passed"] for row in people]
        # Every output is as probable as any other here, so the weights fall out.
        assert report.agreement.value == pytest.approx(sum(same) / len(same))
        assert report.n == len(people)
        assert {row["inclusion_probability"] for row in people} == {0.5}


def test_label_studio_gets_a_task_an_output_with_people_as_annotations_and_judges_as_predictions():
    campaign, person = reviewed_world()
    held = review(campaign, person)
    revise_first(held)

    tasks = json.loads(exported("label-studio"))

    assert len(tasks) == 9
    assert {len(task["predictions"]) for task in tasks} == {1}
    revised = next(task for task in tasks if len(task["annotations"]) == 2)
    first, second = revised["annotations"]
    assert (first["rater"], first["revision"], second["revision"]) == (person.username, 1, 2)
    assert "completed_by" not in first
    assert {one["from_name"]: one["value"] for one in second["result"]} == {
        "willingness": {"choices": ["Necessity"]},
        "reasonableness": {"choices": ["Weak"]},
        "comment": {"text": ["Seen again."]},
    }
    assert {one["to_name"] for one in first["result"]} == {"text"}
    assert {one["type"] for one in second["result"]} == {"choices", "textarea"}
    assert len({one["id"] for one in first["result"]}) == len(first["result"])
    assert revised["data"]["output_text"]
    assert revised["predictions"][0]["model_version"] == "smollm2, prompt 1, rubric 1"


def test_label_studios_interface_names_every_control_of_the_tasks():
    interface = label_studio.interface(INTEREST)

    assert '<Text name="text" value="$output_text"/>' in interface
    assert '<Choices name="willingness" toName="text" choice="single" required="true">' in interface
    assert '<Choice value="Invented"/>' in interface
    assert '<TextArea name="comment" toName="text"' in interface


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_to_export_is_a_well_formed_file_without_rows(name: str):
    data = exported(name)

    if name == "parquet":
        assert pq.read_table(io.BytesIO(data)).num_rows == 0
    elif name == "csv":
        assert data.decode("utf-8-sig").rstrip("\r\n").split(",") == list(NAMES)
    elif name == "datasets":
        assert zipfile.is_zipfile(io.BytesIO(data))
    else:
        assert data == {"jsonl": b"", "label-studio": b"[]\n"}[name]


def test_the_filters_are_those_of_the_dashboard():
    campaign, _ = reviewed_world()
    other, _ = reviewed_world()
    AssessmentFactory.create(output__generation__stage="tags")
    judges = Assessment.objects.filter(rater__user__isnull=True, output__kind="interest")

    of_campaign = objects(filters=Filters(kind="interest", campaign=campaign.pk))
    of_tags = objects(filters=Filters(kind="tag"))
    of_nobody = objects(filters=Filters(kind="interest", judge=campaign.pk))

    people = [row for row in of_campaign.values() if row["rater_kind"] == "person"]
    assert {row["campaign"] for row in people} == {campaign.name}
    assert len(people) == 6
    # The judge's verdicts are the population that rates are corrected on: all of them.
    assert len(of_campaign) - len(people) == judges.count() == 18
    assert {row["output_kind"] for row in of_tags.values()} == {"tag"}
    assert {row["rater_kind"] for row in of_nobody.values()} == {"person"}
    assert other.name in {row["campaign"] for row in of_nobody.values()}


def test_only_reviewed_outputs_if_wished():
    campaign, _ = reviewed_world(shoppers=3)

    rows = objects(reviewed_only=True)
    of_other = objects(filters=Filters(kind="interest", campaign=current_rubric("interest").pk), reviewed_only=True)

    assert len(rows) == 6 + 6
    assert len({row["generation"] for row in rows.values()}) == 2
    assert of_other == {}
    assert len(objects(filters=Filters(kind="interest", campaign=campaign.pk), reviewed_only=True)) == 12


def test_a_lead_at_work_in_a_blind_campaign_does_not_get_what_the_screen_hides():
    campaign, _ = reviewed_world(shoppers=3, overlap=2)
    lead = UserFactory.create(role=LEAD)
    held = queue.next_assignment(campaign, lead)
    assert held is not None

    selection = Selection(FILTERS, by=lead)

    generations = {row["generation"] for row in objects(by=lead).values()}
    assert str(held.unit.generation_id) not in generations
    assert len(generations) == 2
    assert selection.n_hidden() == Assessment.objects.filter(output__generation=held.unit.generation_id).count() > 0
    assert Selection(FILTERS).n_hidden() == 0


def test_more_rows_than_a_batch_all_arrive_once(monkeypatch: pytest.MonkeyPatch):
    reviewed_world(shoppers=4)
    monkeypatch.setattr(rows_module, "BATCH_ROWS", 4)
    monkeypatch.setattr(files, "GROUP_ROWS", 5)

    table = pq.read_table(io.BytesIO(exported("parquet")))

    assert table.num_rows == len(set(table["assessment"].to_pylist())) == 12 + 9 == len(objects())
