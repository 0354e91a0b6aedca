"""Rubrics by REST: the same rules as on the pages."""

from typing import Any

import pytest

from judge import rubric_editing
from judge.models import Rubric
from recommend.roles import LEAD
from tests.judge.factories import UserFactory, current_rubric
from tests.judge.test_rubric_editing import wanted
from tests.site.api.clients import annotator, lead, problem

pytestmark = pytest.mark.django_db
RUBRICS = "/api/v1/rubrics/"
WORDS: dict[str, Any] = {
    "title": "Tone of voice",
    "guideline": "Be *fair*.",
    "criteria": [
        {
            "name": "tone",
            "title": "Tone",
            "question": "Is it friendly?",
            "labels": [{"value": "Yes", "passes": True}, {"value": "No", "passes": False}],
            "examples": [{"text": "Hello, dear baker", "label": "Yes", "reason": "it greets"}],
        }
    ],
}


@pytest.fixture
def draft() -> Rubric:
    current_rubric("interest")
    return rubric_editing.new_draft(kind="interest", by=UserFactory.create(role=LEAD))


def test_a_draft_is_made_written_fixed_and_put_in_use():
    first = current_rubric("interest")
    made = lead().post(RUBRICS, {"made_from": str(first.pk)}).json()
    address = f"{RUBRICS}{made['id']}/"
    assert (made["is_draft"], made["kind"], made["edition"]) == (True, "interest", 0)

    written = lead().put(address, WORDS | {"edition": 0}).json()
    assert (written["edition"], written["open_points"]) == (1, [])
    assert written["examples"] == {"tone": WORDS["criteria"][0]["examples"]}

    fixed = lead().post(f"{address}fix/", {}).json()
    assert (fixed["is_draft"], fixed["version"], fixed["in_use_since"]) == (False, 2, None)

    assert lead().post(f"{address}use/", {}).json()["in_use_since"]
    assert Rubric.objects.current("interest").title == "Tone of voice"


def test_a_fixed_rubric_is_refused_every_change():
    address = f"{RUBRICS}{current_rubric('interest').pk}/"

    for refused in (
        lead().put(address, WORDS | {"edition": 0}),
        lead().delete(address),
        lead().post(f"{address}fix/", {}),
    ):
        assert "is fixed: labels are or may be given under its words" in problem(refused, 409)["detail"]


def test_an_edition_that_is_not_the_newest_is_a_conflict(draft: Rubric):
    rubric_editing.save(draft, wanted(), edition=0)

    body = problem(lead().put(f"{RUBRICS}{draft.pk}/", WORDS | {"edition": 0}), 409)

    assert "of edition 0, and it is at 1 now" in body["detail"]


def test_what_is_missing_is_listed_and_stops_the_fixing(draft: Rubric):
    address = f"{RUBRICS}{draft.pk}/"

    assert lead().get(address).json()["open_points"] == [
        "The guideline is empty: say what makes an output good.",
        "There is no criterion: add one.",
    ]
    assert "cannot be fixed yet" in problem(lead().post(f"{address}fix/", {}), 400)["errors"][0]["detail"]


def test_a_name_that_cannot_be_is_refused_with_the_remedy(draft: Rubric):
    words = WORDS | {"edition": 0, "criteria": [WORDS["criteria"][0] | {"name": "Tone of voice"}]}

    body = problem(lead().put(f"{RUBRICS}{draft.pk}/", words), 400)

    assert "“Tone of voice” is not a name for a criterion" in body["errors"][0]["detail"]


def test_what_changed_is_told_text_by_text(draft: Rubric):
    rubric_editing.save(draft, wanted(), edition=0)

    body = lead().get(f"{RUBRICS}{draft.pk}/changes/", {"against": str(current_rubric("interest").pk)}).json()

    assert body[0] == {"where": "Title", "before": "Interests", "after": "Tone of voice"}


def test_a_draft_is_deleted(draft: Rubric):
    assert lead().delete(f"{RUBRICS}{draft.pk}/").status_code == 204
    assert not Rubric.objects.filter(pk=draft.pk).exists()


def test_annotators_read_versions_without_drafts_and_examples_and_write_nothing(draft: Rubric):
    saved = rubric_editing.save(draft, wanted(), edition=0)
    address = f"{RUBRICS}{saved.pk}/"

    assert annotator().get(address).status_code == 404
    for refused in (
        annotator().post(RUBRICS, {"kind": "tag"}),
        annotator().put(address, WORDS | {"edition": 1}),
        annotator().delete(address),
        annotator().post(f"{address}fix/", {}),
        annotator().post(f"{address}use/", {}),
        annotator().get(f"{address}changes/"),
    ):
        problem(refused, 403)

    rubric_editing.fix(saved, by=UserFactory.create(role=LEAD))
    assert annotator().get(address).json()["examples"] == {}
