"""What a lead sees of annotators: speed, gold, agreement, anchoring and weeks, on the page, as CSV and by REST."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from judge import annotators, gold, queue
from judge.annotators import Wanted
from judge.comparison import Filters
from judge.models import Assignment, Campaign, CampaignUnit
from judge.statistics.raters import Standing
from recommend.models import Output, Stage
from tests.judge.factories import (
    FAILING,
    PASSING,
    AssessmentFactory,
    AssignmentFactory,
    CampaignFactory,
    UserFactory,
)
from tests.judge.test_gold import known
from tests.judge.test_queue import complete
from tests.recommend.factories import GenerationFactory
from tests.site.api.clients import annotator, client_of, problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    made: Campaign = CampaignFactory.create(gold_share=0.5, overlap=3)
    return made


def reviewed(unit: CampaignUnit, person: User, labels: dict[str, str], seconds: float = 0.0) -> Assignment:
    """A submitted review of a unit."""
    held: Assignment = AssignmentFactory.create(unit=unit, annotator=person)
    CampaignUnit.objects.filter(pk=unit.pk).update(n_taken=unit.n_taken + 1)
    queue.submit(held, person, complete(held, labels), seconds)
    return held


def sampled(campaign: Campaign, n: int = 1) -> list[CampaignUnit]:
    """Drawn units of two outputs, which the judge passes."""
    units = []
    for _ in range(n):
        generation = GenerationFactory.create(stage=Stage.INTERESTS, outputs=2)
        for output in Output.objects.rated(generation.pk):
            AssessmentFactory.create(output=output, labels=PASSING["interest"])
        units.append(CampaignUnit.objects.create(campaign=campaign, generation=generation, inclusion_probability=1))
    return units


def gold_units(campaign: Campaign, n: int) -> list[CampaignUnit]:
    for _ in range(n):
        known()
    return list(campaign.units.gold())


def found(**filters: Any) -> annotators.Annotators:
    return annotators.annotators(Wanted(Filters(**filters)))


def test_speed_is_the_median_by_screen_and_by_output(campaign: Campaign):
    person = UserFactory.create(username="ann")
    for unit, seconds in zip(sampled(campaign, 4), (10, 30, 500, 0), strict=True):
        reviewed(unit, person, PASSING["interest"], seconds)

    (ann,) = found().people

    assert (ann.name, ann.n_submitted, ann.n_outputs) == ("ann", 4, 8)
    assert (ann.seconds_per_generation, ann.seconds_per_output) == (30, 15)  # what was not timed is left out


def test_who_is_clearly_below_the_bar_is_named_and_not_locked_out(client: Client, lead: User, campaign: Campaign):
    good, bad, new = (UserFactory.create(username=name) for name in ("good", "bad", "new"))
    units = gold_units(campaign, 20)
    for unit in units:
        reviewed(unit, good, PASSING["interest"])
        reviewed(unit, bad, FAILING["interest"])
    reviewed(units[0], new, FAILING["interest"])
    sampled(campaign)

    everybody = found(campaign=campaign.pk)

    standing = {one.name: one.standing for one in everybody.people}
    assert standing == {"good": Standing.REACHED, "bad": Standing.BELOW, "new": Standing.UNCLEAR}
    assert {one.name: one.gold.value for one in everybody.people} == {"good": 1.0, "bad": 0.5, "new": 0.5}
    assert [one.name for one in everybody.below] == ["bad"]
    page = client.get(reverse("judge:campaign", args=[campaign.pk])).content.decode()
    assert "Clearly below the accuracy asked for: <strong>bad</strong> (50%)" in page
    assert "<strong>new</strong>" not in page
    assert queue.next_assignment(campaign, bad) is not None


def test_the_bar_is_the_campaigns_own_or_the_sites(campaign: Campaign, settings: Any):
    person = UserFactory.create()
    for unit in gold_units(campaign, 20):
        reviewed(unit, person, FAILING["interest"])
    campaign.gold_bar = 0.3
    campaign.save()
    settings.JUDGE_GOLD_BAR = 0.9

    assert (found(campaign=campaign.pk).bar, found().bar) == (0.3, 0.9)
    assert [one.standing for one in found(campaign=campaign.pk).people] == [Standing.REACHED]


def test_withdrawn_gold_measures_nobody_and_corrected_gold_measures_by_the_new_labels(campaign: Campaign):
    person = UserFactory.create()
    first, second = gold_units(campaign, 2)
    for unit in (first, second):
        reviewed(unit, person, PASSING["interest"])
    assert found().everybody.gold.value == 1.0
    rubric = campaign.rubric
    wrong = {str(output.pk): FAILING["interest"] for output in Output.objects.rated(first.generation.pk)}

    gold.withdraw(second.generation.gold.get())
    gold.make(first.generation, rubric, wrong, by=UserFactory.create())

    # Two outputs of two labels each, of which willingness is another one now.
    assert (found().everybody.gold.value, found().everybody.gold.n) == (0.5, 4)


def test_the_judge_is_measured_by_gold_as_well(campaign: Campaign):
    made = known()
    for output in Output.objects.rated(made.generation.pk):
        AssessmentFactory.create(output=output, labels=FAILING["interest"])

    assert (found().judge_gold.value, found().judge_gold.n) == (0.5, 4)


def test_agreement_and_anchoring_of_a_person(campaign: Campaign):
    ann, ben = UserFactory.create(username="ann"), UserFactory.create(username="ben")
    first, second = sampled(campaign, 2)
    held = reviewed(first, ann, FAILING["interest"])
    reviewed(first, ben, PASSING["interest"])
    output = Output.objects.rated(first.generation.pk)[0]
    queue.revise(held, ann, output, PASSING["interest"])
    reviewed(second, ann, PASSING["interest"])

    people = {one.name: one for one in found().people}

    assert (people["ann"].with_people.value, people["ann"].with_people.n) == (0.5, 4)
    assert (people["ann"].with_judge.value, people["ann"].with_judge.n) == (0.75, 8)
    moved = people["ann"].anchoring
    assert (moved.n_towards, moved.n_away, moved.revised.value) == (1, 0, 1 / 8)
    assert (moved.followed.value, moved.followed.n) == (0.5, 2)
    assert people["ben"].anchoring.n_revised == 0
    assert found().everybody.anchoring.revised.n == 12


def test_weeks_and_days_are_those_of_the_submit(campaign: Campaign):
    person = UserFactory.create()
    now = timezone.now()
    for unit, ago in zip(sampled(campaign, 3), (0, 7, 70), strict=True):
        held = reviewed(unit, person, PASSING["interest"])
        Assignment.objects.filter(pk=held.pk).update(submitted_at=now - timedelta(days=ago))

    (one,) = found().people
    since = timezone.localdate() - timedelta(days=10)
    (lately,) = annotators.annotators(Wanted(Filters(), since=since)).people
    (earlier,) = annotators.annotators(Wanted(Filters(), until=since)).people

    assert one.weeks[-2:] == (1, 1)
    assert sum(one.weeks) == 2
    assert (one.n_submitted, lately.n_submitted, earlier.n_submitted) == (3, 2, 1)
    assert lately.with_judge.n == 8


def test_the_page_shows_what_the_filters_in_its_address_ask_for(client: Client, lead: User, campaign: Campaign):
    person = UserFactory.create(username="<b>ann</b>")
    reviewed(sampled(campaign)[0], person, PASSING["interest"], 12)
    address = reverse("judge:annotators")

    everything = client.get(address, {"campaign": str(campaign.pk), "since": "2020-01-01"}).content.decode()
    nothing = client.get(address, {"until": "2020-01-01"}).content.decode()
    odd = client.get(address, {"since": "2026-02-30", "rubric": "x", "kind": "\x00"})

    assert "&lt;b&gt;ann&lt;/b&gt;" in everything
    assert "<b>ann" not in everything
    assert f'value="{campaign.pk}" selected' in everything
    assert f"annotators.csv?kind=interest&amp;campaign={campaign.pk}&amp;since=2020-01-01" in everything
    assert "Nobody has reviewed here yet" in nothing
    assert odd.status_code == 200


def test_page_csv_and_api_have_the_same_figures_and_are_closed_to_annotators(
    client: Client, lead: User, campaign: Campaign
):
    person = UserFactory.create(username="=1+1")
    for unit in gold_units(campaign, 3):
        reviewed(unit, person, PASSING["interest"], 9)

    file = client.get(reverse("judge:annotators-file"), {"campaign": str(campaign.pk)})
    told = client_of(lead).get("/api/v1/annotators/", {"campaign": str(campaign.pk)}).json()
    as_csv = client_of(lead).get("/api/v1/annotators/", {"campaign": str(campaign.pk), "format": "csv"})

    assert file.content == as_csv.content
    person_row, everybody = csv.DictReader(io.StringIO(file.content.decode(), newline=""))
    assert (person_row["annotator"], everybody["annotator"]) == ("'=1+1", annotators.EVERYBODY)
    assert (person_row["gold"], person_row["gold_labels"], person_row["gold_units"]) == ("1.0", "12", "3")
    assert told["rows"][0]["gold"] == 1.0
    assert told["rows"][0]["gold_low"] == float(person_row["gold_low"])
    assert told["bar"] == 0.8
    for address in ("/api/v1/annotators/", "/api/v1/gold/"):
        problem(annotator().get(address), 403)
    client.force_login(person)
    for name in ("judge:annotators", "judge:annotators-file", "judge:gold"):
        assert client.get(reverse(name)).status_code == 403


# Gold by page and API -------------------------------------------------------------------------------------------------


def test_a_lead_makes_gold_by_hand_from_a_review(client: Client, lead: User, campaign: Campaign):
    (unit,) = sampled(campaign)
    review = reviewed(unit, UserFactory.create(username="ann"), PASSING["interest"])
    listed = client.get(reverse("judge:gold")).content.decode()
    address = reverse("judge:gold-generation", args=[unit.generation_id]) + f"?rubric={campaign.rubric_id}"
    assert f"{address}&amp;from={review.pk}" in listed
    filled = client.get(f"{address}&from={review.pk}").content.decode()
    outputs = Output.objects.rated(unit.generation.pk)
    form = {f"label-{one.pk}-{name}": value for one in outputs for name, value in PASSING["interest"].items()}

    missing = client.post(address, dict(list(form.items())[1:]))
    done = client.post(address, form | {"source": "review", "reason": "By the book."})

    assert filled.count(" checked>") == 4
    assert missing.status_code == 422
    assert done.status_code == 302
    (made,) = unit.generation.gold.all()
    assert (made.source, made.reason, made.by) == ("review", "By the book.", lead)
    assert campaign.units.gold().filter(generation=unit.generation).exists()


def test_gold_is_made_and_withdrawn_by_rest(lead: User, campaign: Campaign):
    (unit,) = sampled(campaign)
    caller = client_of(lead)
    body: dict[str, Any] = {"generation": str(unit.generation_id)}
    labels = {str(one.pk): PASSING["interest"] for one in Output.objects.rated(unit.generation.pk)}

    undecided = problem(caller.post("/api/v1/gold/", body, format="json"), 400)
    made = caller.post("/api/v1/gold/", {**body, "labels": labels}, format="json")
    withdrawn = caller.post(f"/api/v1/gold/{made.json()['id']}/withdraw/", {}, format="json")

    assert {error["pointer"].split("/")[1] for error in undecided["errors"]} == {"labels"}
    assert (made.status_code, made.json()["labels"], made.json()["source"]) == (201, labels, "hand")
    assert withdrawn.json()["withdrawn_at"] is not None
    assert [one["id"] for one in caller.get("/api/v1/gold/?kind=interest").json()["results"]] == [made.json()["id"]]


def test_a_lead_at_work_on_a_gold_unit_does_not_see_it_among_the_gold(client: Client, lead: User, campaign: Campaign):
    (unit,) = gold_units(campaign, 1)
    AssignmentFactory.create(unit=unit, annotator=lead)

    page = client.get(reverse("judge:gold")).content.decode()
    form = client.get(reverse("judge:gold-generation", args=[unit.generation_id]))

    assert str(unit.generation_id) not in page
    assert form.status_code == 404
    assert client_of(lead).get("/api/v1/gold/").json()["results"] == []
