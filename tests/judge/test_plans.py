"""Campaigns by their plan: what is drawn from real rows, what every unit stores, and what extending changes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from judge import campaigns, plans, sampling
from judge.frames import Population, Reading
from judge.models import Campaign, CampaignUnit
from judge.plans import Plan, PlanError
from recommend.models import Generation, Stage
from tests.judge.factories import AssessmentFactory, UserFactory, current_rubric
from tests.recommend.factories import GenerationFactory, LanguageModelFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _rubrics() -> None:
    current_rubric("interest")


def generations(n: int, **fields: Any) -> list[Generation]:
    return GenerationFactory.create_batch(n, outputs=1, **fields)


def judged(generation: Generation, highest: float) -> None:
    """The judge gave each output's labels with this highest probability."""
    for output in generation.outputs.all():
        AssessmentFactory.create(
            output=output, probabilities={"willingness": {"Spontaneity": highest, "Necessity": 1 - highest}}
        )


def started(**settings: Any) -> Campaign:
    return campaigns.start(name=settings.pop("name", "Plan"), stage=Stage.INTERESTS, **settings)


def stored(campaign: Campaign) -> dict[str, set[float]]:
    """The stored probabilities by stratum."""
    found: dict[str, set[float]] = {}
    for stratum, probability in campaign.units.values_list("stratum", "inclusion_probability"):
        assert probability is not None
        found.setdefault(stratum, set()).add(probability)
    return found


def test_a_size_is_drawn_exactly_and_each_unit_stores_its_share():
    generations(12)

    campaign = started(size=5)

    assert campaign.units.count() == 5
    assert stored(campaign) == {"": {5 / 12}}
    assert campaigns.enrol_existing(campaign) == 0
    assert [campaigns.enrol(one) for one in Generation.objects.values_list("pk", flat=True)] == [0] * 12


def test_what_finishes_later_is_drawn_by_the_same_lot():
    generations(10)
    campaign = started(size=5)
    threshold = campaigns.design_of(campaign).threshold("")

    for one in generations(30):
        is_drawn = sampling.number(campaign.pk, one.pk) < threshold
        assert campaigns.enrol(one.pk) == is_drawn
        assert campaigns.enrol(one.pk) == 0
        if is_drawn:
            assert campaign.units.get(generation=one).inclusion_probability == threshold


def test_strata_by_model_get_the_same_number_each():
    large, small = LanguageModelFactory.create(name="large"), LanguageModelFactory.create(name="small")
    generations(9, model=large)
    generations(3, model=small)

    campaign = started(
        plan=Campaign.Plan.STRATIFIED, strata_by=Campaign.StrataBy.MODEL, allocation=Campaign.Allocation.EQUAL, size=4
    )

    assert stored(campaign) == {str(large.pk): {2 / 9}, str(small.pk): {2 / 3}}
    assert campaign.units.count() == 4


def test_strata_by_activity_are_those_of_the_run_whatever_the_shopper_does_later():
    for n_events in (1, 2, 3, 50, 60, 70, 500, 600, 700):
        generations(1, run__history={"n_events": n_events})

    campaign = started(plan=Campaign.Plan.STRATIFIED, strata_by=Campaign.StrataBy.ACTIVITY, size=3)

    assert stored(campaign) == {
        "up to 3 behaviours": {1 / 3},
        "4 to 70 behaviours": {1 / 3},
        "more than 70 behaviours": {1 / 3},
    }


def bought_most_in(category: str, n: int) -> list[Generation]:
    return generations(n, run__history={"n_events": 3, "category": category})


def test_strata_by_category_are_those_that_the_runs_kept_and_rare_ones_share_one():
    bought_most_in("grocery > soup", 40)
    bought_most_in("", 20)
    generations(20, run__history={"n_events": 3})
    bought_most_in("grocery > tea", 12)
    bought_most_in("toys", 8)

    campaign = started(
        plan=Campaign.Plan.STRATIFIED,
        strata_by=Campaign.StrataBy.CATEGORY,
        allocation=Campaign.Allocation.EQUAL,
        size=20,
    )

    assert stored(campaign) == {
        "grocery > soup": {5 / 40},
        "nothing bought": {5 / 20},
        "not kept": {5 / 20},
        "other categories": {5 / 20},
    }
    assert campaign.units.count() == 20
    assert campaigns.enrol_existing(campaign) == 0


def test_a_category_keeps_its_stratum_when_much_of_it_comes_later_and_the_campaign_is_extended():
    bought_most_in("soup", 30)
    bought_most_in("milk", 20)
    campaign = started(plan=Campaign.Plan.STRATIFIED, strata_by=Campaign.StrataBy.CATEGORY, size=10)
    before = set(campaign.units.values_list("generation", flat=True))

    for one in (late := bought_most_in("tea", 30)):
        campaigns.enrol(one.pk)

    arrived = campaign.units.filter(generation__in=late)
    assert set(arrived.values_list("stratum", "inclusion_probability")) == {("other categories", 10 / 50)}
    assert set(campaigns.chances(campaign, [one.pk for one in late]).values()) == {10 / 50}
    campaigns.extend(campaign, size=40)
    assert stored(campaign) == {"soup": {15 / 30}, "milk": {10 / 20}, "other categories": {15 / 30}}
    assert before < set(campaign.units.values_list("generation", flat=True))


def test_more_categories_than_can_be_drawn_from_are_no_reason_to_refuse():
    for number in range(30):
        bought_most_in(f"category {number}", 2)

    campaign = started(plan=Campaign.Plan.STRATIFIED, strata_by=Campaign.StrataBy.CATEGORY, size=6)

    assert stored(campaign) == {"other categories": {6 / 60}}


def test_a_model_that_was_not_there_yet_is_drawn_at_the_overall_rate():
    generations(10, model=LanguageModelFactory.create(name="known"))
    campaign = started(plan=Campaign.Plan.STRATIFIED, strata_by=Campaign.StrataBy.MODEL, size=5)
    newcomer = LanguageModelFactory.create(name="newcomer")

    for one in generations(20, model=newcomer):
        campaigns.enrol(one.pk)

    found = campaign.units.filter(stratum=str(newcomer.pk))
    assert 0 < found.count() < 20
    assert set(found.values_list("inclusion_probability", flat=True)) == {0.5}


def test_uncertainty_first_stores_the_exact_probability_above_the_floor():
    for highest in (1.0, 1.0, 0.75, 0.5):
        [one] = generations(1)
        judged(one, highest)

    campaign = started(plan=Campaign.Plan.UNCERTAINTY, size=1)

    # Uncertainties 0, 0, .5, 1: mean .375. A fourth of .2 + .8 u / .375, for every one of the four.
    chances = campaigns.chances(campaign, Generation.objects.values_list("pk", flat=True))
    assert sorted(chances.values()) == pytest.approx([0.05, 0.05, 0.05 + 0.2 * 0.5 / 0.375, 0.05 + 0.2 / 0.375])
    for unit in campaign.units.all():
        assert unit.inclusion_probability == chances[unit.generation_id]
    assert set(campaign.units.values_list("stratum", flat=True)) <= {sampling.SURER, sampling.LESS_SURE}


def test_a_plan_by_uncertainty_passes_over_what_is_not_judged_until_it_is():
    for highest in (0.5, 0.6):
        [one] = generations(1)
        judged(one, highest)
    campaign = started(plan=Campaign.Plan.UNCERTAINTY, sampling_rate=1.0)
    [late] = GenerationFactory.create_batch(1, outputs=2)
    judged(late, 0.5)
    late.outputs.all()[0].assessments.all().delete()

    assert campaigns.enrol(late.pk) == 0
    AssessmentFactory.create(output=late.outputs.all()[0], labels={}, error="no JSON")

    # A half of the probability comes from the unusable answer, which counts as wholly unsure: it is certain.
    assert campaigns.enrol(late.pk) == 1
    assert campaigns.enrol(late.pk) == 0
    assert campaign.units.get(generation=late).inclusion_probability == 1.0


def test_a_later_judge_changes_no_probability():
    found = generations(6)
    for one in found:
        judged(one, 0.9)
    campaign = started(plan=Campaign.Plan.UNCERTAINTY, size=3)
    before = campaigns.chances(campaign, [one.pk for one in found])

    for one in found:
        AssessmentFactory.create(
            output=one.outputs.get(),
            rater__prompt_version="2",
            probabilities={"willingness": {"Spontaneity": 0.5, "Necessity": 0.5}},
        )

    assert campaigns.chances(campaign, [one.pk for one in found]) == before
    assert campaigns.enrol_existing(campaign) == 0


def test_the_population_is_that_of_models_prompts_and_days():
    wanted = LanguageModelFactory.create(name="wanted")
    inside, other_model, other_prompt, too_old = generations(4, model=wanted)
    Generation.objects.filter(pk=other_model.pk).update(model=LanguageModelFactory.create(name="other"))
    Generation.objects.filter(pk=other_prompt.pk).update(prompt_version="0")
    Generation.objects.filter(pk=too_old.pk).update(created_at=datetime(2026, 1, 1, tzinfo=UTC))
    today = timezone.localdate()

    campaign = started(population_models=[wanted], prompt_versions=["1"], created_from=today, created_until=today)

    assert set(campaign.units.values_list("generation", flat=True)) == {inside.pk}
    assert campaigns.enrol(other_model.pk) == campaigns.enrol(too_old.pk) == 0
    assert campaigns.chances(campaign, [inside.pk, too_old.pk]) == {inside.pk: 1.0, too_old.pk: 0.0}


def test_a_precision_becomes_a_number_of_generations_or_says_what_can_be_reached():
    generations(100)

    campaign = started(precision=0.11)
    with pytest.raises(PlanError) as refused:
        started(name="Finer", precision=0.03)

    # 1.96² / 4 / .11² = 79.4 labels, one for each generation; 1068 for ±3 points, and 100 give .03 * sqrt(10.68) = 9.8.
    assert (campaign.size, campaign.units.count()) == (80, 80)
    assert refused.value.field == "precision"
    assert "1,068 generations; 100 are finished" in str(refused.value)
    assert "about ±9.9 points" in str(refused.value)
    assert Campaign.objects.count() == 1


@pytest.mark.parametrize(
    ("settings", "field", "words"),
    [
        ({"size": 5}, "size", "Only 3 generations are finished, fewer than 5"),
        ({"plan": "uncertainty"}, "plan", "finished and judged yet"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_the_remedy_and_stores_nothing(settings, field, words):
    generations(3)

    with pytest.raises(PlanError, match=words) as refused:
        started(**settings)

    assert refused.value.field == field
    assert not Campaign.objects.exists()


def test_a_preview_says_what_the_plan_then_draws():
    large, small = LanguageModelFactory.create(name="large"), LanguageModelFactory.create(name="small")
    generations(8, model=large)
    generations(4, model=small)
    plan = Plan(Population("interests"), Reading(strata_by="model"), equal=True, size=6)

    found = plans.preview(plan)

    assert (found.n_finished, found.n_drawn, found.is_exact) == (12, 6, True)
    assert [(row.name, row.population, row.drawn) for row in found.strata] == [("large", 8, 3), ("small", 4, 3)]
    assert (found.lowest, found.highest) == (3 / 8, 3 / 4)
    by_rate = plans.preview(Plan(Population("interests"), rate=0.5))
    assert (by_rate.n_finished, by_rate.n_drawn, by_rate.is_exact) == (12, 6, False)


# Extending ------------------------------------------------------------------------------------------------------------


def test_a_larger_rate_keeps_what_was_drawn_and_gives_every_unit_its_new_probability():
    generations(60)
    campaign = started(sampling_rate=0.2)
    before = set(campaign.units.values_list("generation", flat=True))

    campaigns.extend(campaign, sampling_rate=0.6)

    after = set(campaign.units.values_list("generation", flat=True))
    assert before < after
    assert after == {
        one for one in Generation.objects.values_list("pk", flat=True) if sampling.number(campaign.pk, one) < 0.6
    }
    assert stored(campaign) == {"": {0.6}}


def test_a_larger_size_draws_from_all_that_is_there_now():
    generations(10)
    campaign = started(size=4)
    before = set(campaign.units.values_list("generation", flat=True))
    for one in generations(10):
        campaigns.enrol(one.pk)

    campaigns.extend(campaign, size=15)

    assert campaign.size == campaign.units.count() == 15
    assert before < set(campaign.units.values_list("generation", flat=True))
    assert stored(campaign) == {"": {0.75}}


def test_a_larger_size_by_uncertainty_raises_every_probability():
    for highest in (1.0, 0.9, 0.8, 0.7, 0.6, 0.5):
        [one] = generations(1)
        judged(one, highest)
    campaign = started(plan=Campaign.Plan.UNCERTAINTY, size=2)
    before = {unit.generation_id: unit.inclusion_probability or 0 for unit in campaign.units.all()}

    campaigns.extend(campaign, size=5)

    chances = campaigns.chances(campaign, Generation.objects.values_list("pk", flat=True))
    assert sum(chances.values()) == pytest.approx(5)
    units = {unit.generation_id: unit.inclusion_probability or 0 for unit in campaign.units.all()}
    assert units == pytest.approx({one: chances[one] for one in units})
    assert all(units[one] > probability for one, probability in before.items())


@pytest.mark.parametrize(
    ("settings", "change", "field", "words"),
    [
        ({"overlap": 2}, {"overlap": 1}, "overlap", "1 is fewer people per generation than the 2"),
        ({"sampling_rate": 0.5}, {"sampling_rate": 0.5}, "sampling_rate", "50 % is no more than the 50 % of now"),
        ({"sampling_rate": 0.5}, {"size": 9}, "size", "draws by rate"),
        ({"size": 3}, {"size": 3}, "size", "Give a size above 3"),
        ({"size": 3}, {"size": 7}, "size", "Only 6 generations are finished"),
        ({"size": 3}, {"sampling_rate": 0.9}, "sampling_rate", "has a size, 3"),
        ({}, {"deadline": timezone.localdate() - timedelta(days=1)}, "deadline", "is past"),
    ],
)
def test_less_than_before_or_more_than_there_is_changes_nothing(settings, change, field, words):
    generations(6)
    campaign = started(**settings)
    before = list(CampaignUnit.objects.values_list("generation", "inclusion_probability").order_by("pk"))

    with pytest.raises(PlanError, match=words) as refused:
        campaigns.extend(campaign, **change)

    assert refused.value.field == field
    assert list(CampaignUnit.objects.values_list("generation", "inclusion_probability").order_by("pk")) == before


def test_overlap_and_deadline_are_extended_without_touching_the_sample():
    generations(2)
    campaign = started(overlap=1)
    day = timezone.localdate() + timedelta(days=7)

    campaigns.extend(campaign, overlap=3, deadline=day)

    assert (campaign.overlap, campaign.deadline, campaign.units.count()) == (3, day, 2)
    assert campaigns.progress(campaign).n_places == 6


def test_a_clone_has_the_same_settings_and_draws_anew():
    generations(12)
    lead, member = UserFactory.create(role="lead"), UserFactory.create()
    first = started(size=5, overlap=2, blind=False, members=[member], guidelines="Look at **brands**.", by=lead)

    second = campaigns.clone(first, "Plan, again", by=lead)

    assert second.pk != first.pk
    assert campaigns.settings_of(second) == campaigns.settings_of(first)
    assert (second.units.count(), second.created_by) == (5, lead)


def test_a_campaign_tells_the_chance_of_what_it_did_not_draw_as_well():
    sure, unsure = generations(2)
    judged(sure, 1.0)
    judged(unsure, 0.5)
    by_judge = started(name="By judge", plan=Campaign.Plan.UNCERTAINTY, size=1)

    found = campaigns.chances(by_judge, [sure.pk, unsure.pk])

    # Uncertainties 0 and 1, mean .5: half of .2 for the sure one, and what is left of one expected draw for the other.
    assert found == pytest.approx({sure.pk: 0.1, unsure.pk: 0.9})
