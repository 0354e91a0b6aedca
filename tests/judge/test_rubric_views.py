"""The pages where leads write rubrics."""

import re
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from judge import rubric_editing, services
from judge.models import Rubric
from judge.rubrics import EXPLANATION
from recommend.roles import ANNOTATOR
from tests.judge.factories import UserFactory, current_rubric
from tests.judge.test_rubric_editing import TONE, wanted

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("lead")]


@pytest.fixture
def draft(lead) -> Rubric:
    return rubric_editing.new_draft(made_from=current_rubric("explanation"), by=lead)


def typed(page: str) -> dict[str, str]:
    """What a browser would send of the form on a page as it is."""
    fields = {}
    for tag in re.findall(r"<input[^>]*>", page):
        found = dict(re.findall(r'(\w[\w-]*)="([^"]*)"', tag))
        if "name" in found and (found.get("type") != "checkbox" or " checked" in tag):
            fields[found["name"]] = found.get("value", "on" if found.get("type") == "checkbox" else "")
    for tag, text in re.findall(r"<textarea([^>]*)>(.*?)</textarea>", page, re.DOTALL):
        fields[dict(re.findall(r'(\w[\w-]*)="([^"]*)"', tag))["name"]] = text.lstrip("\r\n")
    return {
        name: value.replace("&#x27;", "'").replace("&quot;", '"').replace("&amp;", "&")
        for name, value in fields.items()
    }


def edited(client: Client, draft: Rubric, **changed: str) -> Any:
    address = f"/rubrics/{draft.pk}/edit/"
    form = typed(client.get(address).content.decode())
    return client.post(address, form | {name.replace("__", "-"): value for name, value in changed.items()})


def test_the_list_shows_versions_drafts_and_which_one_is_in_use(client: Client, draft: Rubric):
    page = client.get("/rubrics/").content.decode()

    assert "edition 0" in page
    assert page.count("in use</span>") == 3
    assert "Explanations, seven criteria" in page


def test_a_draft_is_made_from_a_version_and_from_nothing(client: Client):
    rubric = current_rubric("tag")

    client.post("/rubrics/new/", {"from": str(rubric.pk)})
    answer = client.post("/rubrics/new/", {"kind": "tag"})

    empty, copied = Rubric.objects.filter(version=0).order_by("-created_at")
    assert answer.headers["Location"] == f"/rubrics/{empty.pk}/edit/"
    assert (copied.made_from, copied.criteria.count(), empty.criteria.count()) == (rubric, 4, 0)


def test_a_form_that_is_sent_as_it_came_changes_nothing(client: Client, draft: Rubric):
    answer = edited(client, draft)

    assert answer.status_code == 302
    now = services.definition(Rubric.objects.get(pk=draft.pk)).criteria
    assert now == tuple(replace(one, guideline=one.guideline.strip()) for one in EXPLANATION.criteria)


def test_texts_order_labels_and_examples_are_written(client: Client, draft: Rubric):
    edited(
        client,
        draft,
        title="Lines",
        criteria__0__place="9",
        criteria__1__remove="on",
        criteria__2__question="Is it well said?",
        **{"criteria-2-labels-1-help": "Plain, but right.", "criteria-2-examples-0-text": "Cat good cat."},
        **{"criteria-2-examples-0-label": "Bad", "criteria-2-examples-0-reason": "It is no sentence."},
    )

    now = services.definition(Rubric.objects.get(pk=draft.pk))
    assert now.title == "Lines"
    assert [one.name for one in now.criteria] == ["clarity", "safety", "relevance"]
    clarity = now.criterion("clarity")
    assert (clarity.question, clarity.labels[1].help) == ("Is it well said?", "Plain, but right.")
    assert [(one.text, one.label, one.reason) for one in clarity.examples] == [
        ("Cat good cat.", "Bad", "It is no sentence.")
    ]


def test_a_criterion_is_added_with_the_labels_of_a_scale(client: Client, draft: Rubric):
    answer = edited(client, draft, add="three-level")

    assert answer.headers["Location"] == f"/rubrics/{draft.pk}/edit/"
    added = services.definition(Rubric.objects.get(pk=draft.pk)).criteria[-1]
    assert (added.name, added.values) == ("criterion_1", ("Excellent", "Good", "Bad"))
    assert "it asks no question" in client.get(f"/rubrics/{draft.pk}/").content.decode()


def open_cards(page: str) -> list[str]:
    cards = re.findall(r'<details class="panel"( open)?>.*?Criterion (\d)', page, re.DOTALL)
    return [number for is_open, number in cards if is_open]


def test_the_first_criterion_is_open_and_so_is_one_that_is_new_or_refused(client: Client, draft: Rubric):
    address = f"/rubrics/{draft.pk}/edit/"

    assert open_cards(client.get(address).content.decode()) == ["1"]
    refused = edited(client, draft, criteria__2__name="Not a name").content.decode()
    assert open_cards(refused) == ["1", "3"]
    assert refused.count("1 to look at") == 1
    edited(client, draft, add="three-level")
    assert open_cards(client.get(address).content.decode()) == ["1", "5"]


def test_what_cannot_be_stored_is_said_at_its_criterion_and_all_that_was_typed_is_kept(client: Client, draft: Rubric):
    answer = edited(client, draft, title="Typed", criteria__1__name="Not a name")

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "“Not a name” is not a name for a criterion" in page
    assert "1 value below needs another look" in page
    assert 'value="Typed"' in page
    draft.refresh_from_db()
    assert draft.title == "Explanations"


def test_two_who_edit_at_once_do_not_overwrite_each_other(client: Client, draft: Rubric):
    address = f"/rubrics/{draft.pk}/edit/"
    form = typed(client.get(address).content.decode())
    edited(client, draft, title="First")

    answer = client.post(address, form | {"title": "Second"})

    assert answer.status_code == 409
    assert "of edition 0, and it is at 1 now" in answer.content.decode()
    draft.refresh_from_db()
    assert draft.title == "First"


def test_a_draft_is_fixed_and_put_in_use(client: Client, draft: Rubric):
    page = client.post(f"/rubrics/{draft.pk}/fix/", {"in_use": "on"}, follow=True).content.decode()

    assert "is fixed as version 3; judges go by it from now on" in page
    assert Rubric.objects.current("explanation") == draft

    client.post(f"/rubrics/{Rubric.objects.get(kind='explanation', version=2).pk}/use/")
    assert Rubric.objects.current("explanation").version == 2


def test_a_draft_with_open_points_is_not_fixed_and_says_which(client: Client, lead):
    empty = rubric_editing.new_draft(kind="tag", by=lead)

    page = client.post(f"/rubrics/{empty.pk}/fix/", follow=True).content.decode()

    assert "cannot be fixed yet. The guideline is empty" in page
    assert Rubric.objects.get(pk=empty.pk).is_draft


@pytest.mark.parametrize("way", ["edit", "discard", "fix"])
def test_a_fixed_rubric_is_refused_every_change_in_words(client: Client, way: str):
    rubric = current_rubric("tag")

    page = client.post(f"/rubrics/{rubric.pk}/{way}/", {"title": "Other"}, follow=True).content.decode()

    assert "is fixed: labels are or may be given under its words" in page
    assert Rubric.objects.get(pk=rubric.pk).title == "Item tags"


def test_what_changed_stands_side_by_side(client: Client, draft: Rubric):
    edited(client, draft, criteria__2__question="Is it fluent, correct and short?")

    page = client.get(f"/rubrics/{draft.pk}/").content.decode()

    assert "Clarity: question" in page
    assert "<del>pleasant to read?</del>" in page
    assert "<ins>short?</ins>" in page


def test_two_that_ask_the_same_differ_in_nothing(client: Client, draft: Rubric, lead):
    copied = rubric_editing.new_draft(made_from=draft, by=lead)

    page = client.get(f"/rubrics/{draft.pk}/", {"against": str(copied.pk)}).content.decode()

    assert "Nothing: both ask the same" in page


def test_a_text_of_a_draft_brings_no_markup_of_its_own(client: Client, lead):
    rubric = rubric_editing.new_draft(kind="interest", by=lead)
    bad = "<script>alert(1)</script>"
    rubric_editing.save(rubric, wanted(replace(TONE, question=bad, guideline=bad)), 0)

    for address in (f"/rubrics/{rubric.pk}/", f"/rubrics/{rubric.pk}/edit/"):
        assert bad not in client.get(address).content.decode()
    preview = client.post("/rubrics/preview/", {"guideline": f"**a** {bad}"}, headers={"HX-Request": "true"})
    assert preview.content.decode() == "<p><strong>a</strong> &lt;script&gt;alert(1)&lt;/script&gt;</p>"


@pytest.mark.parametrize("page", ["", "{pk}/", "{pk}/edit/"])
def test_annotators_write_no_rubrics(client: Client, draft: Rubric, page: str):
    client.force_login(UserFactory.create(role=ANNOTATOR))

    assert client.get(f"/rubrics/{page.format(pk=draft.pk)}").status_code == 403


def test_what_is_sent_by_get_changes_nothing(client: Client, draft: Rubric):
    for way in ("fix", "use", "discard"):
        assert client.get(f"/rubrics/{draft.pk}/{way}/").status_code == 405
