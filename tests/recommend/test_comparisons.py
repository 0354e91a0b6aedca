"""Two runs side by side: starting the second, and what the page says of both."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client

from recommend import comparisons, selectors
from recommend.models import Item, JobState, LanguageModel, PipelineRun, Shopper
from tests.judge.factories import UserFactory
from tests.recommend.factories import LanguageModelFactory
from tests.support import demo_data

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
CHOICES = {
    "language": "en",
    "explanation_source": "made",
    "beta": "0.5",
    "n_items": "3",
    "taken": "recent",
    "diversity": "0",
}


@pytest.fixture
def owner(client: Client) -> User:
    user: User = UserFactory.create(role="")
    client.force_login(user)
    return user


@pytest.fixture
def shopper() -> Shopper:
    return demo_data.shopper_of(demo_data.bought_from())


@pytest.fixture
def a(owner: User, shopper: Shopper) -> PipelineRun:
    return demo_data.finished_run(shopper, owner, n_items=3)


@pytest.fixture
def b(owner: User, shopper: Shopper) -> PipelineRun:
    """By the semantic arm alone, with another interest in the place of one, and one tag written otherwise."""
    tags = {"baby care": ["baby puree"], "barbecue": ["charcoal briquets", "Roasted  Coffee"]}
    return demo_data.finished_run(shopper, owner, tags=tags, n_items=3, beta=0.0)


def compared(a: PipelineRun, b: PipelineRun) -> comparisons.Comparison:
    return comparisons.compare(selectors.run_for_display(a.pk), selectors.run_for_display(b.pk))


def address(a: PipelineRun, b: PipelineRun) -> str:
    return f"/demo/compare/{a.pk}/with/{b.pk}/"


def test_what_only_one_run_has_is_told_stage_by_stage(a: PipelineRun, b: PipelineRun):
    found = compared(a, b)

    assert [(entry.value.text, entry.place) for entry in found.interests.a] == [
        ("breakfast at home", None),
        ("baby care", 1),
    ]
    assert [(entry.value.text, entry.place) for entry in found.interests.b] == [("baby care", 2), ("barbecue", None)]
    # Case and blanks do not make another tag.
    assert (found.tags.n_both, found.tags.n_a, found.tags.n_b) == (2, 1, 1)
    assert (found.lines.n_both, found.lines.n_a, found.lines.n_b) == (2, 0, 0)
    only_b = [entry.value.recommendation.item.sku for entry in found.cards.b if entry.is_alone]
    assert "charcoal" in only_b
    assert found.cards.n_both + found.cards.n_a == 3


def test_choices_that_differ_are_told_from_those_that_do_not(a: PipelineRun, b: PipelineRun):
    other = LanguageModelFactory.create(name="qwen3", role=LanguageModel.Role.TAGS)
    b.generations.filter(stage="tags").update(model=other, prompt_version="2")

    found = compared(a, b)

    assert {row.name: (row.a, row.b) for row in found.choices if row.differs} == {
        "Item tags": ("smollm2, prompt 1", "qwen3, prompt 2"),
        "β": ("0.5", "0"),
    }
    figures = {row.name: (row.a, row.b) for row in found.figures}
    assert figures["Tokens read"] == ("700", "700")
    assert figures["Distinct tags"] == ("3", "3")
    assert figures["Calls"] == ("3", "3")


def test_a_run_is_the_same_as_itself(a: PipelineRun):
    found = compared(a, a)

    assert not [row for row in found.choices if row.differs]
    assert [sides.n_a + sides.n_b for sides in (found.interests, found.tags, found.cards)] == [0, 0, 0]


def test_the_form_starts_a_run_with_what_was_changed(client: Client, a: PipelineRun):
    other = LanguageModelFactory.create(name="qwen3", role="tags", state=LanguageModel.State.CANDIDATE)
    form = client.get(f"{a.get_absolute_url()}compare/").content.decode()
    assert "the one that serves" in form
    assert "qwen3" in form

    answer = client.post(f"{a.get_absolute_url()}compare/", CHOICES | {"model_tags": str(other.pk), "language": "de"})

    made = PipelineRun.objects.exclude(pk=a.pk).get()
    assert answer.headers["Location"] == address(a, made)
    assert made.chosen_models == {"tags": str(other.pk)}
    assert (made.language, made.beta, made.n_items, made.shopper) == ("de", 0.5, 3, a.shopper)
    assert made.reference_at == a.reference_at


def test_the_form_starts_a_run_with_another_version_of_a_prompt(client: Client, a: PipelineRun):
    client.post(f"{a.get_absolute_url()}compare/", CHOICES | {"prompt_interests": "1"})

    made = PipelineRun.objects.exclude(pk=a.pk).get()
    assert made.chosen_prompts == {"interests": "1"}
    # The form of such a run has it, and sends it again.
    form = client.get(f"{made.get_absolute_url()}compare/").content.decode()
    assert '<option value="1" selected>version 1</option>' in form


def test_the_form_starts_a_run_with_other_rules_of_the_list(client: Client, a: PipelineRun, settings: Any):
    settings.RETRIEVAL_RULES = {"in_stock_only": True}

    client.post(
        f"{a.get_absolute_url()}compare/",
        CHOICES | {"categories": "food; garden", "taken": "offered", "in_stock_only": "on"},
    )

    made = PipelineRun.objects.exclude(pk=a.pk).get()
    # What is as the settings say is not said again.
    assert made.rules == {"categories": ["food", "garden"], "taken": "offered"}
    found = {row.name: (row.a, row.b) for row in compared(a, made).choices if row.differs}
    assert found["Rules of the list"] == ("as set for the site", "categories food, garden; taken offered")
    # The form of such a run has them, and sends them again.
    form = client.get(f"{made.get_absolute_url()}compare/").content.decode()
    assert 'value="food; garden"' in form


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({}, "Nothing differs from the run yet"),
        ({"beta": "2"}, "less than or equal to 1"),
        ({"model_tags": str(uuid4())}, "Select a valid choice"),
        ({"language": "tlh"}, "Select a valid choice"),
        ({"prompt_tags": "99"}, "Select a valid choice"),
        ({"prompt_tags": "1", "language": "de"}, "asks for English only"),
        ({"categories": "food; no such"}, "No item is in the category “no such”"),
    ],
)
def test_a_wish_that_cannot_be_met_is_told_and_starts_nothing(
    client: Client, a: PipelineRun, wishes: dict[str, Any], words: str
):
    answer = client.post(f"{a.get_absolute_url()}compare/", CHOICES | wishes)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert PipelineRun.objects.count() == 1


def test_a_refusal_of_the_service_stands_at_its_field(client: Client, a: PipelineRun):
    Shopper.objects.filter(pk=a.shopper_id).update(last_behavior_at=None)

    answer = client.post(f"{a.get_absolute_url()}compare/", CHOICES | {"beta": "0.1"})

    assert answer.status_code == 422
    assert "has no behaviours yet" in answer.content.decode()


def test_other_runs_of_the_shopper_are_offered(client: Client, a: PipelineRun, b: PipelineRun):
    assert address(a, b) in client.get(f"{a.get_absolute_url()}compare/").content.decode()


def test_the_page_marks_what_differs_and_asks_for_itself_until_both_have_ended(
    client: Client, a: PipelineRun, b: PipelineRun
):
    Item.objects.update(title="<script>alert(1)</script>")
    PipelineRun.objects.filter(pk=b.pk).update(state=JobState.RUNNING, step="explanations")

    page = client.get(address(a, b))
    text = page.content.decode()
    part = client.get(address(a, b), {"seen": page.context["seen"]}, headers=HTMX)

    assert "only in A" in text
    assert "only in B" in text
    assert '<tr class="is-different"><th scope="row">β' in text
    assert "<script>alert" not in text
    assert 'hx-trigger="every 2s"' in text
    assert part.status_code == 204
    PipelineRun.objects.update(state=JobState.DONE, step="finished")
    ended = client.get(address(a, b), {"seen": page.context["seen"]}, headers=HTMX).content.decode()
    assert "every 2s" not in ended
    assert "<html" not in ended


def test_a_comparison_is_shared_by_a_link_to_both_runs(client: Client, owner: User, a: PipelineRun, b: PipelineRun):
    page = client.post(f"{address(a, b)}share/", follow=True).content.decode()
    a.refresh_from_db()
    b.refresh_from_db()
    link = f"/demo/compare/{a.share_key}/with/{b.share_key}/"
    assert link in page

    client.force_login(UserFactory.create())

    assert "only in A" in client.get(link).content.decode()
    assert b.shared_url in client.get(link).content.decode()
    assert "comparison-share" not in client.get(link).content.decode()
    assert client.get(address(a, b)).status_code == 404
    assert client.get(f"{a.get_absolute_url()}compare/").status_code == 404
    assert client.post(f"{address(a, b)}share/").status_code == 404


def test_runs_at_work_are_not_shared(client: Client, a: PipelineRun, b: PipelineRun):
    PipelineRun.objects.update(state=JobState.RUNNING)

    assert "still at work" in client.post(f"{address(a, b)}share/", follow=True).content.decode()
    assert not PipelineRun.objects.exclude(share_key=None).exists()
