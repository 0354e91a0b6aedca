"""Comparing by page and API: blind before the choice, told after it, and what a lead sees of it."""

import csv
import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from judge import pairs, preferences, queue
from judge.models import Assignment, Campaign, Preference
from tests.judge.factories import UserFactory, current_rubric
from tests.site.api.clients import annotator as api_annotator
from tests.site.api.clients import lead as api_lead
from tests.site.api.clients import problem
from tests.support.pair_data import both_answer, choose, comparing, model, side_of_a

pytestmark = pytest.mark.django_db
CAMPAIGNS = "/api/v1/campaigns/"


@pytest.fixture(autouse=True)
def _rubric() -> None:
    current_rubric("interest")


def open_pair(client: Client, campaign: Campaign) -> tuple[str, Assignment]:
    address = client.get(f"/review/campaigns/{campaign.pk}/next/").headers["Location"]
    return address, Assignment.objects.get()


def names_a_model(answer: Any) -> bool:
    text = answer.content.decode()
    unit = Assignment.objects.get().unit
    return any(word in text for word in ("careful", "quick", str(unit.generation_id), str(unit.rival_id), str(unit.pk)))


def test_the_screen_shows_both_answers_and_says_whose_only_when_asked_after_the_choice(client: Client, annotator: User):
    both_answer(1)
    campaign = comparing(name="Two answers")
    address, held = open_pair(client, campaign)

    before = client.get(address)
    assert not names_a_model(before)
    left, right = ("Careful", "Quick") if pairs.a_stands_left(held) else ("Quick", "Careful")
    shown = before.content.decode()
    assert shown.index(f"{left}: baby care") < shown.index(f"{right}: baby care")

    after = client.post(f"{address}submit/", {f"label-{held.pk}": "left", "seconds": "7"}, follow=True)
    assert "Submitted: Left is better." in after.content.decode()
    assert not names_a_model(after)

    told = client.post(f"{address}reveal/", follow=True).content.decode()
    assert told.index(left.lower()) < told.index(right.lower())
    assert Preference.objects.get().revealed_at is not None


def test_a_screen_without_a_choice_comes_back_with_its_comment(client: Client, annotator: User):
    both_answer(1)
    address, held = open_pair(client, comparing())

    answer = client.post(f"{address}submit/", {f"comment-{held.pk}": "Hard to say"})

    assert answer.status_code == 422
    assert "Hard to say" in answer.content.decode()
    assert not Preference.objects.exists()


def test_a_draft_is_saved_and_shown_again(client: Client, annotator: User):
    both_answer(1)
    address, held = open_pair(client, comparing())

    saved = client.post(f"{address}draft/", {f"label-{held.pk}": "both", "version": "0"})

    assert saved.json() == {"version": 1}
    assert 'value="both" data-key="3" data-title="Both good" aria-keyshortcuts="3" checked' in (
        client.get(address).content.decode()
    )


def test_a_lead_makes_a_comparing_campaign_by_the_form(client: Client, lead: User):
    both_answer(3)
    form = {
        "name": "Careful or quick",
        "stage": "interests",
        "task": "compare",
        "population_models": [model("careful").pk],
        "rival_models": [model("quick").pk],
        "plan": "uniform",
        "target": "rate",
        "rate": "100",
        "overlap": "2",
        "blind": "no",  # hidden where two answers are compared
    }

    preview = client.post("/campaigns/preview/", form, headers={"hx-request": "true"}).content.decode()
    made = client.post("/campaigns/new/", form, follow=True).content.decode()

    assert "3" in preview
    campaign = Campaign.objects.get()
    assert (campaign.task, campaign.blind, campaign.units.count()) == ("compare", True, 3)
    assert "A by careful against B by quick" in made
    again = client.get(f"/campaigns/new/?from={campaign.pk}").content.decode()
    assert 'value="compare"' in again

    refused = client.post("/campaigns/new/", form | {"name": "One", "rival_models": [model("careful").pk]})
    assert (refused.status_code, "The same generation could be" in refused.content.decode()) == (422, True)


def test_what_people_preferred_is_the_same_by_page_csv_and_api(client: Client, lead: User):
    both_answer(3)
    campaign = comparing()
    page, file = f"/campaigns/{campaign.pk}/preferences/", f"/campaigns/{campaign.pk}/preferences.csv"
    assert "Nothing was compared yet" in client.get(page).content.decode()
    assert "No estimate" not in client.get(page).content.decode()
    person = UserFactory.create()
    for n in range(3):
        held = queue.next_assignment(campaign, person)
        assert held is not None
        choose(held, person, side_of_a(held) if n < 2 else "both")

    shown = client.get(page).content.decode()
    assert "A is preferred in <strong>83" in shown
    assert "an interval takes 10 shoppers, and these are 3" in shown
    rows = {row["figure"]: row for row in csv.DictReader(io.StringIO(client.get(file).content.decode()))}
    body = api_lead().get(f"{CAMPAIGNS}{campaign.pk}/preferences/").json()
    assert float(rows["win_rate"]["value"]) == body["figures"][0]["value"] == pytest.approx(5 / 6)
    assert rows["win_rate"]["pairs"] == rows["win_rate"]["shoppers"] == "3"
    assert body["counts"] == {"a": 2, "b": 0, "both": 1, "neither": 0}
    assert [one["figure"] for one in body["figures"]] == list(preferences.TITLES)
    assert api_lead().get(f"{CAMPAIGNS}{campaign.pk}/preferences/?format=csv").content == client.get(file).content


def test_whoever_is_no_lead_sees_neither_results_nor_models(client: Client, annotator: User):
    both_answer(1)
    campaign = comparing()
    assert client.get(f"/campaigns/{campaign.pk}/preferences/").status_code == 403
    assert client.get(f"/campaigns/{campaign.pk}/preferences.csv").status_code == 403
    person = api_annotator()
    problem(person.get(f"{CAMPAIGNS}{campaign.pk}/preferences/"), 403)
    for body in (person.get(f"{CAMPAIGNS}{campaign.pk}/").json(), *person.get(CAMPAIGNS).json()["results"]):
        assert (body["task"], body["population_models"], body["rival_models"]) == ("compare", [], [])
    assert api_lead().get(f"{CAMPAIGNS}{campaign.pk}/").json()["rival_models"] == [str(model("quick").pk)]


def test_a_rating_campaign_has_no_preferences(client: Client, lead: User):
    campaign = Campaign.objects.create(name="Ratings", stage="interests", rubric=current_rubric("interest"))
    assert client.get(f"/campaigns/{campaign.pk}/preferences/").status_code == 404
    problem(api_lead().get(f"{CAMPAIGNS}{campaign.pk}/preferences/"), 404)


def test_a_pair_is_compared_by_rest():
    both_answer(2, history={})
    wish = {
        "name": "Two answers",
        "stage": "interests",
        "task": "compare",
        "population_models": [str(model("careful").pk)],
        "rival_models": [str(model("quick").pk)],
    }
    assert (
        api_lead().post(f"{CAMPAIGNS}preview/", {k: v for k, v in wish.items() if k != "name"}).json()["n_drawn"] == 2
    )
    campaign = api_lead().post(CAMPAIGNS, wish).json()["id"]
    person = api_annotator()

    answer = person.post(f"{CAMPAIGNS}{campaign}/next/", {})
    screen = answer.json()
    assert not names_a_model(answer)
    assert (screen["generation"], screen["outputs"], screen["pair"]["chosen"]) == (None, [], None)
    assert [one["value"] for one in screen["pair"]["options"]] == ["left", "right", "both", "neither"]
    assert len(screen["pair"]["left"]["outputs"]) == len(screen["pair"]["right"]["outputs"]) == 3
    path = f"/api/v1/assignments/{screen['id']}/"
    problem(person.post(f"{path}reveal/", {}), 409)

    right = {"answers": {screen["id"]: {"labels": {"preference": "right"}, "comment": "Names the brand."}}}
    submitted = person.post(f"{path}submit/", right)
    assert submitted.json()["pair"]["chosen"] == {"value": "right", "title": "Right is better"}
    assert not names_a_model(submitted)
    assert person.post(f"{path}undo/", {}).json()["draft"] == right["answers"]
    person.post(f"{path}submit/", right)
    told = person.post(f"{path}reveal/", {}).json()["pair"]

    held = Assignment.objects.get()
    assert {told["left"]["whose"]["model"], told["right"]["whose"]["model"]} == {"careful", "quick"}
    assert told["left"]["whose"]["population"] == ("A" if pairs.a_stands_left(held) else "B")
    problem(person.post(f"{path}undo/", {}), 409)


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"task": "rate", "rival_prompt_versions": ["2"]}, "rival_prompt_versions"),
        ({"task": "compare"}, "rival_models"),
        ({"task": "compare", "plan": "uncertainty"}, "plan"),
        ({"task": "rank"}, "task"),
    ],
)
def test_a_comparison_that_cannot_be_is_refused_by_the_field(wish, field):
    for path in (CAMPAIGNS, f"{CAMPAIGNS}preview/"):
        base = {"stage": "interests"} | ({"name": "One"} if path == CAMPAIGNS else {})
        body = problem(api_lead().post(path, base | wish), 400)
        assert body["errors"][0]["pointer"].startswith(f"#/{field}")
