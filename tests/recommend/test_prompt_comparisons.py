"""Two versions of a prompt side by side: which calls are a pair, what they come to, and the page."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from recommend.models import Generation, JobState, Shopper, Stage
from recommend.prompt_comparisons import Chosen, compare, read, versions_of
from recommend.roles import ANNOTATOR, LEAD
from tests.judge.factories import UserFactory
from tests.recommend.factories import (
    GenerationFactory,
    LanguageModelFactory,
    OutputFactory,
    PipelineRunFactory,
    ShopperFactory,
)

pytestmark = pytest.mark.django_db
PAGE = reverse("recommend:prompts")


def made(shopper: Shopper, version: str, *texts: str, stage: Stage = Stage.INTERESTS, **values: Any) -> Generation:
    """A call by a version with these outputs; a text that ends in “!” is one that a rule rejected."""
    run = PipelineRunFactory.create(shopper=shopper)
    generation: Generation = GenerationFactory.create(run=run, stage=stage, prompt_version=version, **values)
    for position, text in enumerate(texts):
        rejected = "length" if text.endswith("!") else ""
        OutputFactory.create(generation=generation, position=position, text=text, rejected_by=rejected)
    return generation


def figures(stage: Stage = Stage.INTERESTS, **values: Any) -> dict[str, tuple[str, str]]:
    return {row.name: (row.a, row.b) for row in compare(Chosen(stage, "1", "2", **values)).figures}


@pytest.fixture
def lead(client: Client) -> Client:
    client.force_login(UserFactory.create(role=LEAD))
    return client


def test_a_pair_is_the_newest_call_by_each_version_for_one_shopper() -> None:
    ann, bob = ShopperFactory.create_batch(2)
    made(ann, "1", "tea")
    newer, other = made(ann, "1", "green tea"), made(ann, "2", "coffee")
    made(bob, "1", "golf")

    found = compare(Chosen(Stage.INTERESTS, "1", "2"))

    assert found.pairs == [(newer.pk, other.pk)]
    [pair] = read(found.pairs)
    assert ([one.text for one in pair.outputs_a], [one.text for one in pair.outputs_b]) == (["green tea"], ["coffee"])


def test_what_was_seen_from_another_day_is_no_pair() -> None:
    ann = ShopperFactory.create()
    first, second = made(ann, "1", "tea"), made(ann, "2", "tea")
    Generation.objects.filter(pk=second.pk).update(input=first.input | {"reference": "2018-02-01"})

    assert compare(Chosen(Stage.INTERESTS, "1", "2")).pairs == []


def test_explanations_are_a_pair_where_they_are_of_the_same_item() -> None:
    ann = ShopperFactory.create()
    first = made(ann, "1", "Dry nights", stage=Stage.EXPLANATIONS, position=1)
    second = made(ann, "2", "Dry days", stage=Stage.EXPLANATIONS, position=4)
    third = made(ann, "2", "Sweet", stage=Stage.EXPLANATIONS, position=1)
    Generation.objects.filter(pk=third.pk).update(input=first.input | {"item": {"title": "Jam"}})

    assert compare(Chosen(Stage.EXPLANATIONS, "1", "2")).pairs == [(first.pk, second.pk)]


def test_figures_say_what_the_rules_accepted_and_what_differs() -> None:
    ann, bob = ShopperFactory.create_batch(2)
    for shopper in (ann, bob):
        made(shopper, "1", "tea", "x!", prompt_tokens=100, completion_tokens=10)
        made(shopper, "2", "tea", "jam", prompt_tokens=100, completion_tokens=30)

    found = figures()

    assert found["Accepted by the rules"] == ("50%", "100%")
    assert found["Different texts of those"] == ("50%", "50%")
    assert found["Tokens written for each call"] == ("10.0", "30.0")
    assert found["Rejected: length"] == ("2", "0")
    rows = compare(Chosen(Stage.INTERESTS, "1", "2")).figures
    assert not next(row for row in rows if row.name == "Tokens read for each call").differs
    assert next(row for row in rows if row.name == "Accepted by the rules").differs


def test_a_call_that_failed_counts() -> None:
    ann = ShopperFactory.create()
    made(ann, "1", "tea")
    made(ann, "2", state=JobState.FAILED, error="cut at 768 tokens")

    assert figures()["Calls that failed"] == ("0 of 1", "1 of 1")


def test_one_model_is_compared_with_itself() -> None:
    ann, big = ShopperFactory.create(), LanguageModelFactory.create(name="big")
    made(ann, "1", "tea", model=big)
    made(ann, "2", "tea")

    assert compare(Chosen(Stage.INTERESTS, "1", "2", big)).pairs == []
    assert len(compare(Chosen(Stage.INTERESTS, "1", "2")).pairs) == 1


def test_the_changelog_is_there_for_versions_of_ours() -> None:
    assert [version for version, _ in compare(Chosen(Stage.INTERESTS, "1", "imported")).changes] == ["1"]


def test_the_version_of_the_latest_call_comes_first() -> None:
    for version in ("1", "3", "2"):
        made(ShopperFactory.create(), version, "tea")

    assert versions_of(Stage.INTERESTS) == ["2", "3", "1"]


# The page -------------------------------------------------------------------------------------------------------------


def test_the_page_shows_outputs_beside_each_other_and_keeps_the_choice_in_its_address(lead: Client) -> None:
    ann = ShopperFactory.create(external_id="ann")
    made(ann, "1", "<b>tea</b>", "way too long!")
    made(ann, "2", "coffee")
    address = {"stage": "interests", "a": "1", "b": "2"}

    text = lead.get(f"{PAGE}?{urlencode(address)}").content.decode()

    assert "&lt;b&gt;tea&lt;/b&gt;" in text
    assert "coffee" in text
    assert "Shopper ann" in text
    assert "50%" in text
    assert "made from the same" in text
    assert '<option value="1" selected>' in text
    assert "Says in which language to write" in text


def test_without_an_address_the_two_latest_versions_are_compared(lead: Client) -> None:
    ann = ShopperFactory.create()
    for version in ("1", "2", "3"):
        made(ann, version, f"text of {version}")

    text = lead.get(PAGE).content.decode()

    assert "text of 2" in text
    assert "text of 3" in text
    assert "text of 1" not in text


def test_many_pairs_come_page_by_page(lead: Client) -> None:
    for number in range(11):
        ann = ShopperFactory.create()
        made(ann, "1", f"first {number}.")
        made(ann, "2", f"second {number}.")

    first, second = (lead.get(PAGE, {"page": page}).content.decode() for page in (1, 2))

    assert "first 10." in first
    assert "first 0." not in first
    assert "first 0." in second
    assert "1 of 2" in first


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ({}, "no prompt yet"),
        ({"stage": "poems", "a": "x"}, "no prompt yet"),
    ],
)
def test_where_there_is_nothing_to_compare_it_says_so(lead: Client, address: dict[str, str], words: str) -> None:
    answer = lead.get(PAGE, address)

    assert answer.status_code == 200
    assert words in answer.content.decode()


def test_versions_that_there_are_not_are_not_compared(lead: Client) -> None:
    for version in ("1", "2"):
        made(ShopperFactory.create(), version, "tea")

    assert "Choose two of the versions" in lead.get(PAGE, {"a": "7", "b": "2"}).content.decode()
    assert "No shopper has been asked about by both" in lead.get(PAGE, {"a": "1", "b": "2"}).content.decode()


def test_it_is_for_leads(client: Client) -> None:
    assert client.get(PAGE).status_code == 302
    client.force_login(UserFactory.create(role=ANNOTATOR))
    assert client.get(PAGE).status_code == 403
