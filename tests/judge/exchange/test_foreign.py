"""Labels from Label Studio and Argilla: what each form says, what is refused with its line, and that twice is once."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from judge.comparison import Filters
from judge.exchange.formats import FORMATS
from judge.exchange.selection import Selection
from judge.models import Assessment
from recommend.models import Output
from tests.judge.exchange.reviews import review, reviewed_world, revise_first
from tests.judge.factories import PASSING, UserFactory, current_rubric
from tests.recommend.factories import OutputFactory

pytestmark = pytest.mark.django_db
WILLING, OTHER = PASSING["interest"].items()


def exported(name: str) -> bytes:
    return b"".join(FORMATS[name].write(Selection(Filters(kind="interest")).assessments().order_by("pk")))


def said(path: Path, tool: str, mapping: dict[str, Any] | None = None, **options: Any) -> str:
    out = io.StringIO()
    if mapping is not None:
        options["mapping"] = path.with_name("mapping.json")
        options["mapping"].write_text(json.dumps(mapping))
    call_command("import_labels", path, tool=tool, stdout=out, **options)
    return out.getvalue()


def written(path: Path, *found: dict[str, Any]) -> Path:
    path.write_text(json.dumps(found, indent=2))
    return path


def output(**fields: Any) -> Output:
    """An output that `anna` may have labelled."""
    UserFactory.create(username="anna")
    made = OutputFactory.create(**fields)
    current_rubric(made.kind)
    return made


def control(name: str, kind: str, value: Any) -> dict[str, Any]:
    key = "text" if kind == "textarea" else kind
    return {"from_name": name, "to_name": "text", "type": kind, "value": {key: value}}


def task(of: Output, *result: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A task as Label Studio exports it."""
    annotation = {"result": list(result), "completed_by": {"id": 3, "email": "anna"}, "was_cancelled": False} | changes
    return {"id": 1, "data": {"output_id": str(of.pk), "output_text": of.text}, "annotations": [annotation]}


def chosen() -> list[dict[str, Any]]:
    return [control(name, "choices", [label]) for name, label in PASSING["interest"].items()]


def test_what_went_to_label_studio_comes_back_exactly_and_once(tmp_path: Path):
    campaign, person = reviewed_world()
    revise_first(review(campaign, person))
    before, path = exported("jsonl"), tmp_path / "tasks.json"
    path.write_bytes(exported("label-studio"))
    Assessment.objects.filter(rater__user__isnull=False).delete()

    first, second = said(path, "label-studio"), said(path, "label-studio")

    assert exported("jsonl") == before
    assert "10 added" in first
    assert "left out: 9" in first
    assert "0 added, 10 already there" in second


def test_choices_ratings_and_texts_of_other_controls_become_labels_by_the_mapping(tmp_path: Path):
    rated = output()
    result = [
        control("stars", "rating", 4),
        control("second", "choices", [OTHER[1]]),
        control("why", "textarea", ["One.", "Two."]),
        {"from_name": "spans", "type": "labels", "value": {"start": 0}},
    ]
    path = written(tmp_path / "tasks.json", task(rated, *result, completed_by=3, lead_time=12.5))
    mapping = {
        "criteria": {"stars": WILLING[0], "second": OTHER[0]},
        "labels": {WILLING[0]: {"4": WILLING[1]}},
        "comment": "why",
        "ignore": ["spans"],
        "raters": {"3": "anna"},
    }

    said(path, "label-studio", mapping)

    stored = Assessment.objects.get()
    assert stored.labels == PASSING["interest"]
    assert (stored.rationale, stored.seconds, stored.blind, stored.assignment) == ("One.\nTwo.", 12.5, False, None)
    assert stored.rater.user is not None
    assert stored.rater.user.username == "anna"


@pytest.mark.parametrize(
    "responses",
    [
        {name: [{"value": label, "user_id": "u-1"}] for name, label in PASSING["interest"].items()},
        [
            {
                "values": {name: {"value": label} for name, label in PASSING["interest"].items()},
                "user_id": "u-1",
                "status": "submitted",
            },
            {"values": {WILLING[0]: {"value": "half a thought"}}, "user_id": "u-2", "status": "draft"},
        ],
    ],
)
def test_responses_of_both_versions_of_argilla_become_labels(tmp_path: Path, responses: Any):
    rated = output()
    record = {"id": str(rated.pk), "fields": {"text": rated.text}, "responses": responses}
    path = written(tmp_path / "records.json", record, {"id": str(rated.pk), "fields": {}, "responses": {}})

    words = said(path, "argilla", {"raters": {"u-1": "anna"}})

    assert Assessment.objects.get().labels == PASSING["interest"]
    assert "without a submitted answer: 1" in words


def test_an_output_is_found_by_its_text_where_only_one_has_it(tmp_path: Path):
    rated = output(text="baby care")
    record = {"id": "7", "fields": {"interest": "baby care"}, "responses": dict(PASSING["interest"])}
    path = written(tmp_path / "records.json", record)
    mapping = {"text": "fields.interest", "kind": "interest", "rater": "anna"}

    said(path, "argilla", mapping)
    OutputFactory.create(text="baby care")

    assert Assessment.objects.get().output == rated
    with pytest.raises(CommandError, match=r"line 2: 2 outputs have this text; .*'baby care'"):
        said(path, "argilla", mapping)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"completed_by": "nobody"}, r"no such user; .* \"raters\" in the mapping \(value: 'nobody'\)"),
        ({"completed_by": None}, r"names no user; name one with \"rater\""),
        ({"result": [control("mood", "choices", ["good"])]}, "mood"),
        ({"result": [control(WILLING[0], "choices", ["a", "b"])]}, "has 2 answers where one is wanted"),
        ({"result": [{"from_name": "box", "type": "rectangle", "value": {}}]}, '"box" is of type rectangle; .*ignore'),
        ({"result": ["text"]}, "must be a list of objects"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_line_value_and_remedy_and_nothing_is_stored(
    tmp_path: Path, change: dict[str, Any], reason: str
):
    good = output()
    bad = OutputFactory.create()
    path = written(tmp_path / "tasks.json", task(good, *chosen()), task(bad, *chosen(), **change))
    line = path.read_text()[: path.read_text().index(str(bad.pk))].count("\n") - 2

    with pytest.raises(CommandError, match=rf"tasks\.json, line {line}: .*{reason}"):
        said(path, "label-studio")
    assert not Assessment.objects.exists()

    words = said(path, "label-studio", skip_bad=True)
    assert "1 added, 1 bad" in words
    assert json.loads(path.with_name("tasks.json.bad.jsonl").read_text())["line"] == line


def test_a_text_that_is_not_the_outputs_is_refused(tmp_path: Path):
    rated = output()
    other = task(rated, *chosen())
    other["data"]["output_text"] = "something else"

    with pytest.raises(CommandError, match=r"has another text here \(value: 'something else'\)"):
        said(written(tmp_path / "tasks.json", other), "label-studio", {"text": "data.output_text"})


def test_a_dry_run_says_what_would_become_of_each_part_and_stores_nothing(tmp_path: Path):
    rated = output()
    one = task(rated, *chosen())
    one["annotations"].append({"result": [], "was_cancelled": True})
    one["predictions"] = [{"model_version": "m", "result": chosen()}]

    words = said(written(tmp_path / "tasks.json", one), "label-studio", dry_run=True)

    assert "line 2: added, outside any campaign" in words
    assert "line 2: left out: no submitted answer" in words
    assert "line 2: left out: a judge model's verdict" in words
    assert not Assessment.objects.exists()


def test_a_mapping_needs_a_tool(tmp_path: Path):
    with pytest.raises(CommandError, match="--from label-studio or argilla"):
        call_command("import_labels", written(tmp_path / "tasks.json"), mapping=tmp_path / "mapping.json")
