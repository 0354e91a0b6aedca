"""Labels in: exactly what went out, once, and nothing over what is there."""

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
from tests.judge.exchange.reviews import review, reviewed_world, revise_first
from tests.judge.factories import FAILING, PASSING, UserFactory, current_rubric
from tests.recommend.factories import OutputFactory

pytestmark = pytest.mark.django_db


def exported(name: str = "jsonl") -> bytes:
    return b"".join(FORMATS[name].write(Selection(Filters(kind="interest")).assessments().order_by("pk")))


def said(path: Path, **options: Any) -> str:
    """What the command says."""
    out = io.StringIO()
    call_command("import_labels", path, stdout=out, **options)
    return out.getvalue()


def written(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def row(**changes: Any) -> dict[str, Any]:
    """The least that a row says."""
    user = UserFactory.create(username="visitor")
    output = OutputFactory.create()
    current_rubric(output.kind)
    return {"output_id": str(output.pk), "rater_name": user.username, "labels": PASSING["interest"]} | changes


@pytest.mark.parametrize("name", ["jsonl", "csv", "parquet"])
def test_what_was_exported_comes_back_exactly(tmp_path: Path, name: str):
    campaign, person = reviewed_world()
    revise_first(review(campaign, person))
    before = exported()
    path = tmp_path / f"labels.{name}"
    path.write_bytes(exported(name))
    Assessment.objects.filter(rater__user__isnull=False).delete()

    words = said(path)

    assert exported() == before
    assert "10 added" in words
    assert "left out: 9" in words


def test_a_second_import_adds_nothing_and_changes_nothing(tmp_path: Path):
    reviewed_world()
    path = tmp_path / "labels.jsonl"
    path.write_bytes(exported())
    before = exported()

    words = said(path)

    assert "0 added, 6 already there" in words
    assert exported() == before


def test_a_dry_run_says_what_would_become_of_each_row_and_stores_nothing(tmp_path: Path):
    good = row()
    path = written(
        tmp_path / "labels.jsonl", good, good, good | {"rater_kind": "model"}, good | {"labels": FAILING["interest"]}
    )

    words = said(path, dry_run=True, skip_bad=True)

    assert "line 1: added, outside any campaign" in words
    assert "line 2: already there" in words
    assert "line 3: left out: a judge model's verdict" in words
    assert "line 4: refused: visitor has labelled this output otherwise already" in words
    assert "nothing was stored" in words
    assert not Assessment.objects.exists()


def test_labels_that_differ_from_what_is_there_are_refused_and_not_written_over(tmp_path: Path):
    given = row()
    said(written(tmp_path / "one.jsonl", given))
    other = written(tmp_path / "two.jsonl", given | {"labels": FAILING["interest"]})

    with pytest.raises(CommandError, match=r"two\.jsonl, line 1: visitor has labelled .* never overwritten"):
        said(other)

    assert Assessment.objects.get().labels == PASSING["interest"]


def test_labels_of_unknown_origin_do_not_count_as_blind_or_as_drawn(tmp_path: Path):
    said(written(tmp_path / "labels.jsonl", row()))

    stored = Assessment.objects.get()
    assert (stored.blind, stored.assignment, stored.revision, stored.passed) == (False, None, 1, True)


def test_a_screen_of_somebody_else_is_not_taken_for_theirs(tmp_path: Path):
    reviewed_world()
    path = tmp_path / "labels.jsonl"
    person = UserFactory.create(username="visitor")
    mine = [json.loads(line) for line in exported().splitlines() if b'"rater_kind":"person"' in line]

    words = said(written(path, *[one | {"rater_name": person.username} for one in mine]))

    assert "Labels whose screen of work is not here: 6" in words
    assert not Assessment.objects.filter(rater__user=person, assignment__isnull=False).exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"output_id": None}, '"output_id" is missing'),
        ({"output_id": "7"}, '"output_id" must be a UUID'),
        ({"output_id": "01a20e40-0000-7000-8000-000000000000"}, "the output is unknown"),
        ({"rater_name": "nobody"}, r"there is no such user; make one .* \(value: 'nobody'\)"),
        ({"labels": None}, '"labels" is missing'),
        ({"labels": {"willingness": "Spontaneity"}}, "no label for reasonableness"),
        ({"labels": {"willingness": "Maybe", "reasonableness": "Strong"}}, "'Maybe' is not a label"),
        ({"labels": {"willingness": 1}}, '"labels" must be an object'),
        ({"labels": "{"}, '"labels" is broken JSON'),
        ({"rubric_version": 9}, "there is no version 9 of the rubric for the kind interest"),
        ({"revision": 0}, '"revision" must be a whole number of at least 1'),
        ({"blind": "perhaps"}, '"blind" must be true or false'),
        ({"seconds": -1}, '"seconds" must be a number, 0 or more'),
        ({"rated_at": "yesterday"}, '"rated_at" must be an ISO 8601 time'),
        ({"rationale": "a\0b"}, r"U\+0000"),
        ({"rationale": "x" * 100_000}, '"rationale" has 100,000 characters'),
    ],
)
def test_a_bad_row_is_refused_with_its_line_its_value_and_the_remedy(
    tmp_path: Path, change: dict[str, Any], words: str
):
    path = written(tmp_path / "labels.jsonl", row(**change))

    with pytest.raises(CommandError, match=rf"labels\.jsonl, line 1: .*{words}.* Nothing was stored"):
        said(path)

    assert not Assessment.objects.exists()
    said(path, skip_bad=True)
    assert json.loads((tmp_path / "labels.jsonl.bad.jsonl").read_text())["line"] == 1
