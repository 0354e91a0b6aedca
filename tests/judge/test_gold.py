"""Gold units: made from what is known, mixed in unseen, and left out of whatever is counted or estimated."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from judge import adjudication, campaign_pages, campaigns, comparison, disagreements, gold, overruled, queue, worklist
from judge.comparison import Filters
from judge.disagreements import Wanted
from judge.exchange.columns import NAMES, select
from judge.exchange.selection import Selection
from judge.models import Assessment, Assignment, Campaign, CampaignUnit, Gold
from judge.refusals import Incomplete, InvalidAnswer
from recommend.models import Generation, Output, Stage
from recommend.roles import LEAD
from tests.judge.factories import (
    FAILING,
    PASSING,
    AssessmentFactory,
    CampaignFactory,
    CampaignUnitFactory,
    PersonFactory,
    UserFactory,
    current_rubric,
)
from tests.judge.test_queue import complete, lapse, taken
from tests.recommend.factories import GenerationFactory, OutputFactory

pytestmark = pytest.mark.django_db


def labels_of(generation: Generation, labels: dict[str, str] = PASSING["interest"]) -> dict[str, dict[str, str]]:
    """The same labels for every kept output."""
    return {str(output.pk): labels for output in Output.objects.rated(generation.pk)}


def known(generation: Generation | None = None, **given: Any) -> Gold:
    """Gold of a generation of interests."""
    found = generation or GenerationFactory.create(stage=Stage.INTERESTS, outputs=2)
    by = given.pop("by", None) or UserFactory.create(role=LEAD)
    return gold.make(found, current_rubric("interest"), labels_of(found), by=by, **given)


def mixed(n_sampled: int = 3, n_gold: int = 1, **settings: Any) -> Campaign:
    """A campaign with sampled units, and gold of which every second screen may be one."""
    campaign = CampaignFactory.create(gold_share=0.5, **settings)
    CampaignUnitFactory.create_batch(n_sampled, campaign=campaign)
    for _ in range(n_gold):
        known()
    return campaign


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each lot is drawn for gold."""
    monkeypatch.setattr(gold, "_lot", lambda *parts: 0.0)


def done(campaign: Campaign, person: User, labels: dict[str, str] = PASSING["interest"]) -> Assignment:
    """The next screen, submitted."""
    held = taken(campaign, person)
    queue.submit(held, person, complete(held, labels))
    return held


# Making ---------------------------------------------------------------------------------------------------------------


def test_gold_needs_a_label_for_every_criterion_of_every_kept_output():
    generation = GenerationFactory.create(stage=Stage.INTERESTS, outputs=2)
    lead = UserFactory.create(role=LEAD)
    first = dict(list(labels_of(generation).items())[:1])

    with pytest.raises(Incomplete):
        gold.make(generation, current_rubric("interest"), first, by=lead)
    with pytest.raises(InvalidAnswer, match="no finished generation that is rated under"):
        gold.make(generation, current_rubric("tag"), {}, by=lead)

    assert not Gold.objects.exists()


def test_what_leads_decided_of_a_whole_generation_becomes_gold():
    generation = GenerationFactory.create(stage=Stage.INTERESTS, outputs=2)
    OutputFactory.create(generation=generation, rejected_by="a rule")
    rubric, lead = current_rubric("interest"), UserFactory.create(role=LEAD)
    first, second = Output.objects.rated(generation.pk)
    resolve(first, lead, FAILING["interest"])
    assert generation not in gold.resolved_generations(rubric)
    with pytest.raises(Incomplete):
        gold.make_from_resolutions(generation, rubric, by=lead)
    resolve(second, lead, PASSING["interest"])
    assert generation in gold.resolved_generations(rubric)

    made = gold.make_from_resolutions(generation, rubric, by=lead)

    assert made.labels == {str(first.pk): FAILING["interest"], str(second.pk): PASSING["interest"]}
    assert made.source == Gold.Source.RESOLVED
    assert generation not in gold.resolved_generations(rubric)


def resolve(output: Any, lead: User, labels: dict[str, str]) -> None:
    adjudication.resolve(
        output=output, rubric=current_rubric("interest"), labels=labels, reason="So it is.", by=lead, revision=0
    )


def test_other_labels_take_the_place_of_those_in_force():
    first = known()
    other = {**first.labels, next(iter(first.labels)): FAILING["interest"]}

    same = gold.make(first.generation, first.rubric, first.labels, by=first.by)
    second = gold.make(first.generation, first.rubric, other, by=first.by)

    assert same == first
    assert list(Gold.objects.in_force()) == [second]
    first.refresh_from_db()
    assert first.withdrawn_at is not None


def test_a_unit_without_a_probability_is_gold_and_one_with_it_is_not():
    unit = CampaignUnitFactory.create()

    for wrong in ({"is_gold": True}, {"inclusion_probability": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            CampaignUnit.objects.filter(pk=unit.pk).update(**wrong)


# In a campaign --------------------------------------------------------------------------------------------------------


def test_gold_goes_to_the_campaigns_that_take_it_whichever_comes_first():
    before = CampaignFactory.create(gold_share=0.1)
    without = CampaignFactory.create()

    made = known()
    campaigns.extend(without, gold_share=0.2)
    after = campaigns.start(name="After", stage=Stage.INTERESTS, rubric=made.rubric, gold_share=0.1)

    for campaign in (before, without, after):
        assert [unit.generation for unit in campaign.units.gold()] == [made.generation]
    assert after.units.sampled().count() == 1


def test_a_campaign_takes_no_gold_from_outside_its_population():
    made = known()

    elsewhere = campaigns.start(
        name="Another prompt", stage=Stage.INTERESTS, rubric=made.rubric, gold_share=0.1, prompt_versions=["none such"]
    )

    assert not elsewhere.units.exists()


@pytest.mark.usefixtures("always")
def test_each_person_gets_each_gold_unit_once_whatever_the_overlap():
    campaign = mixed(n_sampled=3, overlap=1)
    first, second = UserFactory.create_batch(2)

    got = [done(campaign, person).unit for person in (first, second) for _ in range(2)]

    assert [unit.is_gold for unit in got] == [True, False, True, False]
    assert got[0].pk == got[2].pk


@pytest.mark.usefixtures("always")
def test_gold_met_in_one_campaign_is_not_met_again_in_another():
    campaign, other = mixed(), mixed(n_gold=0)
    person = UserFactory.create()
    campaigns.extend(other, gold_share=0.5)
    assert other.units.gold().exists()

    assert done(campaign, person).unit.is_gold

    assert not done(other, person).unit.is_gold


@pytest.mark.usefixtures("always")
def test_nobody_gets_as_gold_what_they_labelled_or_decided_or_made_gold_themselves():
    campaign = mixed(n_gold=0)
    maker, labeller, decider = UserFactory.create_batch(3)
    made = known(by=maker)
    output = Output.objects.rated(made.generation.pk)[0]
    AssessmentFactory.create(rater=PersonFactory.create(user=labeller), output=output)
    resolve(output, decider, PASSING["interest"])

    for person in (maker, labeller, decider):
        assert not taken(campaign, person).unit.is_gold
        queue.release(Assignment.objects.get(annotator=person), person)
    assert taken(campaign, UserFactory.create()).unit.is_gold


@pytest.mark.usefixtures("always")
def test_what_a_sample_still_needs_people_for_is_not_spent_as_gold():
    campaign = mixed(n_gold=0)
    made = known()
    twin = CampaignUnitFactory.create(generation=made.generation, campaign__name="Needs it")

    assert not done(campaign, UserFactory.create()).unit.is_gold
    done(twin.campaign, UserFactory.create())

    assert done(campaign, UserFactory.create()).unit.is_gold


def test_the_plan_draws_a_generation_that_is_gold_as_if_it_were_not():
    made = known()

    campaign = campaigns.start(name="All", stage=Stage.INTERESTS, rubric=made.rubric, gold_share=0.1)

    assert {(unit.is_gold, unit.inclusion_probability) for unit in campaign.units.all()} == {(False, 1.0), (True, None)}


@pytest.mark.usefixtures("always")
def test_gold_never_stands_alone_in_a_queue_and_never_exceeds_its_plan():
    campaign = mixed(n_sampled=2, n_gold=5)
    person = UserFactory.create()

    got = [done(campaign, person).unit.is_gold for _ in range(4)]

    assert got == [True, True, False, False]  # half of the screens: two beside the two
    assert queue.next_assignment(campaign, person) is None
    assert "everything" in queue.empty_reason(campaign, person)


@pytest.mark.usefixtures("always")
def test_withdrawn_gold_is_not_given_any_more():
    campaign = mixed()
    gold.withdraw(Gold.objects.get())

    assert not taken(campaign, UserFactory.create()).unit.is_gold


def test_as_much_gold_comes_as_the_share_says():
    campaign = CampaignFactory.create(gold_share=0.2)
    CampaignUnitFactory.create_batch(3, campaign=campaign)

    lots = [gold.is_due(campaign, person) for person in UserFactory.create_batch(300)]

    # 300 lots at 0.2: outside of 40 to 80 once in 5,000 sites.
    assert 40 <= sum(lots) <= 80


# Unseen ---------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("always")
def test_gold_put_down_comes_back_as_any_other_screen_does():
    campaign = mixed()
    person = UserFactory.create()
    held = taken(campaign, person)
    assert held.unit.is_gold

    queue.release(held, person)
    again = taken(campaign, person)
    lapse(again)
    queue.expire_leases()

    assert again == held
    assert taken(campaign, person) == held


@pytest.mark.usefixtures("always")
def test_the_figures_of_a_worker_move_alike_for_gold_and_for_the_rest():
    campaign = mixed(n_sampled=4, n_gold=4)
    person = UserFactory.create()
    seen = [figures_of(campaign, person)]

    kinds = []
    for _ in range(7):
        kinds.append(done(campaign, person).unit.is_gold)
        seen.append(figures_of(campaign, person))

    assert kinds == [True] * 4 + [False] * 3
    assert [one["n_submitted"] for one in seen] == list(range(8))
    assert [one["n_units_done"] for one in seen] == list(range(8))
    assert {one["n_places"] for one in seen} == {8}
    assert all(one["has_work"] for one in seen)
    assert {one["n_gold_places"] for one in seen} == {0}


def figures_of(campaign: Campaign, person: User) -> dict[str, int]:
    """What the API and the review page say to somebody at work."""
    client = Client()
    client.force_login(person)
    told = client.get(f"/api/v1/campaigns/{campaign.pk}/").json()["progress"]
    (row,) = [row for row in worklist.rows(person) if row.campaign == campaign]
    assert (told["n_submitted"], told["n_places"]) == (row.pace.n_submitted, row.pace.n_places)
    assert row.pace.n_own == row.pace.n_submitted
    return {**told, "has_work": row.has_work}


@pytest.mark.usefixtures("always")
def test_no_page_or_call_tells_a_gold_screen_from_another():
    campaign = mixed()
    person = UserFactory.create()
    client = Client()
    client.force_login(person)
    screens = []
    for _ in range(2):
        held = taken(campaign, person)
        page = client.get(held.get_absolute_url())
        told = client.get(f"/api/v1/assignments/{held.pk}/").json()
        screens.append((held, page, told))
        queue.submit(held, person, complete(held))
        screens.append(
            (held, client.get(held.get_absolute_url()), client.get(f"/api/v1/assignments/{held.pk}/").json())
        )

    assert [held.unit.is_gold for held, *_ in screens] == [True, True, False, False]
    assert {page.status_code for _, page, _ in screens} == {200}
    assert all("gold" not in page.content.decode().lower() for _, page, _ in screens)
    assert screens[0][2].keys() == screens[2][2].keys()
    assert all(str(held.unit_id) not in f"{told}{page.content.decode()}" for held, page, told in screens)


# Left out -------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("always")
def test_gold_reviews_enter_no_estimate_no_agreement_and_no_progress_of_the_sample():
    campaign = mixed(n_sampled=2)
    person = UserFactory.create()
    held = done(campaign, person, FAILING["interest"])
    assert held.unit.is_gold

    filters = Filters(kind="interest")
    assert not comparison.read_reviews(comparison.reviews_of(filters, campaign.rubric))
    progress = campaigns.progress(campaign)
    assert (progress.n_units, progress.n_places, progress.n_submitted) == (2, 2, 0)
    assert progress.n_gold_submitted == 1
    assert [row.drawn for row in campaign_pages.queue(campaign).rows] == [2]


@pytest.mark.usefixtures("always")
def test_a_wrong_answer_on_gold_makes_nothing_contested_and_nobody_overruled():
    campaign = mixed(n_gold=0)
    generation = GenerationFactory.create(stage=Stage.INTERESTS, outputs=2)
    lead = UserFactory.create(role=LEAD)
    for output in Output.objects.rated(generation.pk):
        resolve(output, lead, PASSING["interest"])
        AssessmentFactory.create(output=output)  # the judge, passing
    gold.make_from_resolutions(generation, campaign.rubric, by=lead)

    assert done(campaign, UserFactory.create(), FAILING["interest"]).unit.is_gold

    wanted = Wanted(Filters(kind="interest"), state=disagreements.State.ALL)
    assert disagreements.find(wanted, lead).places == ()
    assert overruled.overruled(wanted).people.n == 0


@pytest.mark.usefixtures("always")
def test_an_export_has_gold_reviews_without_a_probability():
    campaign = mixed()
    person = UserFactory.create()
    done(campaign, person), done(campaign, person)

    rows = [dict(zip(NAMES, row, strict=True)) for row in select(Selection(Filters()).assessments())]

    assert Assessment.objects.count() == len(rows) == 4
    assert sorted(str(row["inclusion_probability"]) for row in rows) == ["1.0", "1.0", "None", "None"]


def test_extending_leaves_gold_without_a_probability():
    made = known()
    GenerationFactory.create_batch(20, stage=Stage.INTERESTS, outputs=1)
    campaign = campaigns.start(
        name="Half", stage=Stage.INTERESTS, rubric=made.rubric, gold_share=0.1, sampling_rate=0.5
    )

    campaigns.extend(campaign, sampling_rate=0.9)

    assert {unit.inclusion_probability for unit in campaign.units.gold()} == {None}
    assert {unit.inclusion_probability for unit in campaign.units.sampled()} == {0.9}


# Asked for ------------------------------------------------------------------------------------------------------------


def test_a_lead_asks_for_gold_in_the_form_and_by_the_api():
    current_rubric("interest")
    client = Client()
    client.force_login(UserFactory.create(role=LEAD))
    form = {"name": "By form", "stage": "interests", "plan": "uniform", "target": "rate", "rate": "100"}
    form |= {"overlap": "1", "blind": "yes", "gold_percent": "5", "bar_percent": "90"}

    by_form = client.post(reverse("judge:campaign-new"), form)
    body = {"name": "By API", "stage": "interests", "gold_share": 0.05, "gold_bar": 0.9}
    by_api = client.post("/api/v1/campaigns/", body, content_type="application/json")

    assert (by_form.status_code, by_api.status_code) == (302, 201)
    for campaign in Campaign.objects.all():
        assert (campaign.gold_share, campaign.gold_bar) == (0.05, 0.9)
    too_much = client.post("/api/v1/campaigns/", {**body, "gold_share": 0.6}, content_type="application/json")
    assert too_much.status_code == 400


def test_a_lead_changes_the_gold_of_a_campaign_either_way():
    campaign = CampaignFactory.create(gold_share=0.1, gold_bar=0.9)
    client = Client()
    client.force_login(UserFactory.create(role=LEAD))
    unchanged = {"overlap": "1", "deadline": "", "rate": "100"}

    client.post(reverse("judge:campaign-extend", args=[campaign.pk]), unchanged | {"gold_percent": "5"})

    campaign.refresh_from_db()
    assert (campaign.gold_share, campaign.gold_bar) == (0.05, None)
    told = client.post(
        f"/api/v1/campaigns/{campaign.pk}/extend/", {"gold_share": 0, "gold_bar": 0.7}, content_type="application/json"
    )
    assert (told.json()["gold_share"], told.json()["gold_bar"]) == (0, 0.7)
