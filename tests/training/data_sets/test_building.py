"""A data set from its query to its file: whole, traced, and the same for ever."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from recommend import jobs
from recommend.models import AuditEntry, JobState
from tests.judge.factories import UserFactory
from tests.recommend.factories import ShopperFactory
from tests.training.data_sets.material import QUERY, serving_judge, tags
from training import tasks
from training.data_sets import building, files, services
from training.data_sets.wanted import DataSetError
from training.models import DataSet, DataSetFixedError, EvaluationSet

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.TRAINING_DIR = str(tmp_path)
    return tmp_path


def made(**values: Any) -> DataSet:
    started = services.prepare(name="Tags of spring", query=QUERY | values, by=None)
    built = building.advance(started.pk)
    assert built is not None
    return built


def test_a_data_set_is_a_file_with_every_row_s_origin_and_a_manifest(folder: Path):
    generation = tags(True, True)

    built = made()

    assert (built.state, built.n_rows, built.counts) == ("done", 1, {"train": 1, "validation": 0})
    (row,) = files.read(built)
    assert row["generations"] == [str(generation.pk)]
    assert row["outputs"] == [str(one.pk) for one in generation.outputs.order_by("position")]
    assert len(row["assessments"]) == 2
    assert row["messages"][0]["role"] == "system"
    manifest = json.loads((folder / built.folder / "manifest.json").read_text())
    assert manifest == built.manifest
    assert manifest["query"] == built.query
    assert (manifest["sha256"], manifest["rows"]) == (built.sha256, 1)
    assert [path.name for path in (folder / "data-sets").iterdir()] == [Path(built.folder).name]


def test_the_same_content_has_the_same_hash_and_other_content_another():
    tags(True)
    one, again = made(), made()
    tags(True, shopper="b", first=2)
    other = made()

    assert one.sha256 == again.sha256 != other.sha256
    assert one.folder != again.folder


def test_what_was_built_can_be_neither_changed_nor_deleted():
    tags(True)
    built = made()

    built.n_rows = 7
    for attempt in (
        built.save,
        built.delete,
        lambda: DataSet.objects.filter(pk=built.pk).update(sha256=""),
        DataSet.objects.all().delete,
    ):
        with pytest.raises(DataSetFixedError):
            attempt()
    for statement in ("UPDATE training_dataset SET n_rows = 7", "DELETE FROM training_dataset"):
        with pytest.raises(DatabaseError, match="refused"), transaction.atomic():
            connection.cursor().execute(statement)
    assert DataSet.objects.get().n_rows == 1


def test_its_maker_can_be_deleted():
    tags(True)
    person = UserFactory.create()
    started = services.prepare(name="Mine", query=QUERY, by=person)
    building.advance(started.pk)

    person.delete()

    assert DataSet.objects.get().created_by is None


def test_an_evaluation_set_stays_as_it_is():
    ShopperFactory.create(external_id="held", last_behavior_at=timezone.now())
    held = services.hold_out(name="spring", query="all")

    held.shoppers = []
    for attempt in (held.save, held.delete, EvaluationSet.objects.all().delete):
        with pytest.raises(DataSetFixedError):
            attempt()
    with pytest.raises(DatabaseError, match="refused"), transaction.atomic():
        connection.cursor().execute("UPDATE training_evaluationset SET shoppers = '{}'")
    with pytest.raises(DataSetError, match="already"):
        services.hold_out(name="spring", query="all")
    with pytest.raises(DataSetError, match="chooses nobody"):
        services.hold_out(name="other", query="behaviors>=100")


def test_shoppers_that_are_held_out_are_in_no_data_set_and_the_report_says_how_many_rows_that_cost():
    shopper = tags(True, shopper="held").shopper
    shopper.last_behavior_at = timezone.now()
    shopper.save()
    tags(True, shopper="free", first=2)
    services.hold_out(name="spring", query="all")

    built = made()

    assert [row["shopper"] for row in files.read(built)] == ["free"]
    assert built.report["held_out"] == [{"name": "spring", "n": 1}]
    assert built.manifest["evaluation_sets"] == {"spring": 1}


def test_the_report_has_what_was_left_out_and_the_distributions_before_and_after():
    tags(True, False)
    tags(True, shopper="b")  # the same answer to the same prompt but for the shopper, who is in no prompt
    tags(True, True, shopper="c", first=2)

    report = made().report

    fates = {one["name"]: one["n"] for one in report["material"]}
    assert (fates["outputs"], fates["outputs.accepted"], fates["outputs.failed"]) == (5, 4, 1)
    assert {one["name"]: one["n"] for one in report["dropped"]}["duplicate"] == 1
    assert (report["n_before"], report["n_after"]) == (3, 2)
    bars = {one["name"]: one["bars"] for one in report["distributions"]}
    assert bars["models"] == [["smollm2", 3, 2]]
    assert bars["outputs"] == [["1", 2, 1], ["2", 1, 1]]
    assert bars["shoppers"] == [["1", 3, 2]]


def test_no_more_rows_are_read_than_asked_for_and_the_newest_are():
    for number in range(3):
        tags(True, shopper=f"s{number}", first=number)

    built = made(most=2, near=1.0)

    assert [row["shopper"] for row in files.read(built)] == ["s2", "s1"]


def test_a_query_that_gives_nothing_fails_and_says_where_it_went():
    serving_judge()
    nothing = made()
    tags(False)
    rejected = made()
    tags(True, shopper="b")
    dropped = made(max_tokens=64)

    assert nothing.state == rejected.state == dropped.state == "failed"
    assert "There is nothing that the query chooses" in nothing.error
    assert "1 failed a criterion" in rejected.error
    assert "1 longer than asked for" in dropped.error
    dropped.delete()  # nothing was measured by it


def test_a_building_that_was_cancelled_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch):
    tags(True)
    started = services.prepare(name="Stopped", query=QUERY, by=None)
    write = files.write

    def cancelled_meanwhile(*args: Any) -> dict[str, Any]:
        found = write(*args)
        services.cancel(started)
        return found

    monkeypatch.setattr(files, "write", cancelled_meanwhile)
    building.advance(started.pk)

    started.refresh_from_db()
    assert (started.state, started.n_rows, started.folder) == ("cancelled", 0, "")
    assert list((folder / "data-sets").iterdir()) == []
    assert set(AuditEntry.objects.values_list("verb", flat=True)) == {"data_set.started", "data_set.cancelled"}


def test_a_data_set_whose_worker_was_killed_is_built_by_the_next_one(monkeypatch: pytest.MonkeyPatch):
    tags(True)
    started = services.prepare(name="Killed", query=QUERY, by=None)
    past = timezone.now() - timedelta(minutes=5)
    DataSet.objects.filter(pk=started.pk).update(
        state=JobState.RUNNING, lease_token=uuid4(), lease_until=past, sent_at=past - timedelta(minutes=1)
    )
    sent: list[DataSet] = []
    monkeypatch.setattr(tasks, "send_data_set", sent.append)

    assert jobs.resend(DataSet, tasks.send_data_set) == 1
    tasks.build_data_set(str(sent[0].pk))

    assert DataSet.objects.get().state == "done"
    assert building.advance(started.pk) is None  # delivered twice


def test_rows_that_were_changed_or_lost_are_not_read(folder: Path):
    tags(True)
    built = made()
    rows = folder / built.folder / "rows.parquet"
    whole = rows.read_bytes()

    rows.write_bytes(whole[:-8] + b"PAR1PAR1")
    with pytest.raises(files.DamagedError, match="was changed"):
        list(files.read(built))
    rows.unlink()
    with pytest.raises(files.DamagedError, match="backup"):
        list(files.read(built))


def test_the_command_builds_at_once_and_says_what_came_of_it(capsys: pytest.CaptureFixture[str]):
    tags(True)
    tags(True, shopper="b")

    call_command("build_data_set", "Spring", stage="self-training", kind="tag", values=["validation_share=0"])

    said = capsys.readouterr().out
    assert "Spring: 1 rows (1 train, 0 validation), sha256" in said
    assert "1 dropped: the same chat and answer as another row" in said
    for values, words in ((["near=0"], "near"), (["near"], "NAME=VALUE"), (["judge=me"], "judge")):
        with pytest.raises(CommandError, match=words):
            call_command("build_data_set", "Spring", stage="self-training", kind="tag", values=values)


def test_the_command_holds_shoppers_out(capsys: pytest.CaptureFixture[str]):
    ShopperFactory.create(external_id="one", last_behavior_at=timezone.now())

    call_command("hold_out", "spring", "all", starts_on=None)

    assert "spring: 1 shoppers are held out." in capsys.readouterr().out
    with pytest.raises(CommandError, match="already"):
        call_command("hold_out", "spring", "all", starts_on=None)
    with pytest.raises(CommandError, match="no day"):
        call_command("hold_out", "other", "all", "--from", "spring")
