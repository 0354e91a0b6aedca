"""Outputs that were made elsewhere come in once, whole, and marked as what they are."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command

from recommend import events
from recommend.imports.outputs import ENGINE
from recommend.models import AuditEntry, Generation, JobState, LanguageModel, Output, PipelineRun
from tests.recommend.factories import ItemFactory, ShopperFactory

pytestmark = pytest.mark.django_db


def written(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def imported(path: Path, **options: Any) -> str:
    out = io.StringIO()
    call_command("import_outputs", path, stdout=out, **({"source": "Persona service"} | options))
    return out.getvalue()


def row(**changes: Any) -> dict[str, Any]:
    least = {
        "generation": "call-1",
        "shopper": "household-7",
        "kind": "interest",
        "model": "big-model",
        "text": "baby care",
    }
    return least | changes


@pytest.fixture
def shopper() -> str:
    return ShopperFactory.create(external_id="household-7").external_id


def test_a_row_becomes_an_output_of_a_finished_generation_that_says_where_it_comes_from(tmp_path: Path, shopper: str):
    path = written(
        tmp_path / "made.jsonl",
        row(
            shopper=shopper,
            prompt_version="7",
            generated_at="2024-05-01T10:00:00Z",
            history=["9 days ago (purchased) | diapers", "wipes"],
            reason="Buys them.\nOften.",
            evidence=[1],
            stage="long-term",
        ),
        row(shopper=shopper, prompt_version="7", history=["9 days ago (purchased) | diapers", "wipes"], text="pets"),
    )

    words = imported(path)

    assert "2 added" in words
    generation = Generation.objects.get()
    assert (generation.state, generation.stage, generation.prompt_version) == (JobState.DONE, "interests", "7")
    assert generation.input["history"] == ["9 days ago (purchased) | diapers", "wipes"]
    assert generation.finished_at == datetime(2024, 5, 1, 10, tzinfo=UTC)
    assert (generation.run.source, generation.run.state) == ("Persona service", JobState.DONE)
    assert (generation.model.name, generation.model.engine, generation.model.state) == (
        "big-model (imported)",
        ENGINE,
        LanguageModel.State.RETIRED,
    )
    first, second = generation.outputs.order_by("position")
    assert (first.text, first.reason, first.evidence, first.stage) == (
        "baby care",
        "Buys them.\nOften.",
        [1],
        "long-term",
    )
    assert (second.text, second.position) == ("pets", 1)
    assert AuditEntry.objects.get(verb="file.imported").detail["rows"] == "outputs"


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_every_format_gives_the_same_and_a_second_time_nothing(tmp_path: Path, shopper: str, form: str):
    rows = [
        row(shopper=shopper, generation=f"call-{n // 2}", text=f"interest {n}", history='["milk"]') for n in range(6)
    ]
    path = tmp_path / f"made.{form}"
    if form == "jsonl":
        written(path, *rows)
    elif form == "csv":
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, rows[0])
        writer.writeheader()
        writer.writerows(rows)
        path.write_text(text.getvalue())
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)

    first, second = imported(path), imported(path)

    assert "6 added" in first
    assert "0 added, 6 already there" in second
    assert [(one.generation.input["history"], one.text, one.position) for one in Output.objects.order_by("text")] == [
        (["milk"], f"interest {n}", n % 2) for n in range(6)
    ]
    assert PipelineRun.objects.count() == Generation.objects.count() == 3
    # From source and key alone, so another database has the same.
    assert str(Generation.objects.earliest("input_sha256", "pk").pk)[14] == "5"


def test_a_generation_with_its_outputs_in_one_row_and_tags_and_explanations_of_them(tmp_path: Path, shopper: str):
    ItemFactory.create(sku="A1", title="Diapers")
    path = written(
        tmp_path / "made.jsonl",
        row(shopper=shopper, outputs=["baby care", {"text": "pets", "reason": "Cat food."}]),
        row(
            shopper=shopper,
            generation="call-2",
            kind="tag",
            outputs=["dog leads", "cat litter"],
        )
        | {"outputs": [{"text": "cat litter", "parent_generation": "call-1", "parent_position": 1}]},
        row(
            shopper=shopper,
            generation="call-3",
            kind="explanation",
            text="For the little one.",
            sku="A1",
            parent_generation="call-1",
        ),
    )

    assert "4 added" in imported(path)

    tag = Output.objects.get(kind="tag")
    explanation = Output.objects.get(kind="explanation")
    assert tag.parent is not None
    assert tag.parent.text == "pets"
    assert explanation.item is not None
    assert explanation.item.title == "Diapers"
    assert explanation.generation.input["interest"]["text"] == "baby care"
    assert explanation.generation.input["item"]["title"] == "Diapers"


@pytest.mark.parametrize(
    ("changes", "reason", "value"),
    [
        ({"shopper": "nobody"}, "the shopper is unknown; load it with import_shoppers first", "nobody"),
        ({"kind": "taste"}, '"kind" must be one of interest, tag, explanation', "taste"),
        ({"model": ""}, '"model" is missing', ""),
        ({"text": "  "}, '"text" is missing', ""),
        ({"text": "a\x00b"}, "control character U\\+0000", ""),
        ({"generation": None}, '"generation" is missing', ""),
        ({"evidence": [3]}, '"evidence" names a line that is not there', "3"),
        ({"history": {"a": 1}}, '"history" must be a list of texts', ""),
        ({"kind": "tag"}, '"parent_generation" is missing', ""),
        ({"kind": "tag", "parent_generation": "x"}, 'no interest at position 0 of the generation "x"', ""),
        ({"kind": "explanation", "parent_generation": "x", "sku": "B2"}, "the sku is unknown", "B2"),
        ({"position": -1}, '"position" must be a whole number', "-1"),
        ({"generated_at": "spring"}, '"generated_at" must be an ISO 8601 time', "spring"),
        ({"outputs": "a"}, '"outputs" must be a list', ""),
    ],
)
def test_a_bad_row_stops_the_import_with_line_value_and_remedy(
    tmp_path: Path, shopper: str, changes: dict[str, Any], reason: str, value: str
):
    path = written(tmp_path / "made.jsonl", row(shopper=shopper, generation="good"), row(shopper=shopper) | changes)

    with pytest.raises(CommandError, match=rf"made\.jsonl, line 2: .*{reason}.*{value}.*Nothing was stored"):
        imported(path)

    assert not Output.objects.exists()


def test_bad_rows_go_to_a_file_if_wished_and_the_others_are_stored(tmp_path: Path, shopper: str):
    path = written(
        tmp_path / "made.jsonl",
        row(shopper=shopper, outputs=["one", "two"]),
        row(shopper=shopper, generation="call-2", outputs=["three", {"text": ""}]),
        row(shopper=shopper, generation="call-3"),
    )

    words = imported(path, skip_bad=True)

    assert "3 added, 1 bad" in words
    assert sorted(Output.objects.values_list("text", flat=True)) == ["baby care", "one", "two"]
    assert Generation.objects.count() == PipelineRun.objects.count() == 2
    bad = json.loads((tmp_path / "made.jsonl.bad.jsonl").read_text())
    assert (bad["line"], bad["reason"].split(":")[0]) == (2, '"text" is missing')


def test_nothing_is_written_over(tmp_path: Path, shopper: str):
    imported(written(tmp_path / "made.jsonl", row(shopper=shopper)))

    for changes, reason in (
        ({"text": "pets"}, "another output at position 0"),
        ({"model": "other"}, "has another model"),
        ({"history": ["milk"]}, "has another history"),
        ({"text": "pets", "position": 1}, "imported before without this output"),
    ):
        with pytest.raises(CommandError, match=reason):
            imported(written(tmp_path / "again.jsonl", row(shopper=shopper) | changes))
    assert Output.objects.get().text == "baby care"


def test_the_same_keys_of_another_source_are_others(tmp_path: Path, shopper: str):
    path = written(tmp_path / "made.jsonl", row(shopper=shopper))

    imported(path)
    imported(path, source="Second service")

    assert Output.objects.count() == 2


def test_values_that_a_file_lacks_come_from_the_command(tmp_path: Path, shopper: str):
    path = written(tmp_path / "made.jsonl", {"generation": 1, "shopper": shopper, "text": "baby care"})

    imported(path, kind="interest", model="big-model", prompt_version="3")

    assert Generation.objects.get().prompt_version == "3"


def test_what_comes_in_is_offered_to_campaigns_and_judged_like_ours(
    tmp_path: Path, shopper: str, monkeypatch: pytest.MonkeyPatch
):
    told: list[Any] = []
    monkeypatch.setattr(events, "_generation_done", [told.append])
    path = written(tmp_path / "made.jsonl", row(shopper=shopper), row(shopper=shopper, generation="call-2"))

    imported(path)
    imported(path)

    assert told == [
        Generation.objects.get(outputs__pk=one.pk).pk for one in Output.objects.order_by("created_at", "pk")
    ]
    assert len(told) == 2


def test_tasks_of_label_studio_whose_predictions_are_texts_are_a_generation_for_each(tmp_path: Path, shopper: str):
    def prediction(version: str, *texts: str) -> dict[str, Any]:
        parts = [{"from_name": "interests", "type": "textarea", "value": {"text": list(texts)}}]
        return {"model_version": version, "result": parts}

    tasks = [
        {
            "id": 5,
            "data": {"shopper": shopper, "history": ["milk"]},
            "predictions": [prediction("small", "dairy"), prediction("large", "dairy", "breakfast")],
        }
    ]
    path = tmp_path / "tasks.json"
    path.write_text(json.dumps(tasks))

    assert "3 added" in imported(path, tool="label-studio", kind="interest")

    made = {one.model.name: [out.text for out in one.outputs.all()] for one in Generation.objects.all()}
    assert made == {"small (imported)": ["dairy"], "large (imported)": ["dairy", "breakfast"]}


def test_records_of_argilla_are_read_by_the_places_that_are_named(tmp_path: Path, shopper: str):
    path = tmp_path / "records.json"
    record = {
        "id": "r1",
        "fields": {"prompt": "…", "response": "dairy"},
        "metadata": {"shopper": shopper, "llm": "large", "kind": "interest"},
    }
    path.write_text(json.dumps([record]))
    places = tmp_path / "places.json"
    places.write_text('{"text": "fields.response", "model": "metadata.llm"}')

    imported(path, tool="argilla", places=places)

    output = Output.objects.get()
    assert (output.text, output.generation.model.name) == ("dairy", "large (imported)")


def test_the_command_says_what_is_wrong_with_source_and_places(tmp_path: Path, shopper: str):
    path = written(tmp_path / "made.jsonl", row(shopper=shopper))
    places = tmp_path / "places.json"
    places.write_text('{"texts": "a"}')

    with pytest.raises(CommandError, match="Say which system made the outputs"):
        imported(path, source=" ")
    with pytest.raises(CommandError, match="Say whose: --from label-studio or argilla"):
        imported(path, places=places)
    with pytest.raises(CommandError, match="names 'texts'; known are generation, shopper"):
        imported(path, places=places, tool="argilla")
