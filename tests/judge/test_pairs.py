"""Campaigns that compare: which pairs are drawn, and that one queue serves them as it serves ratings."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import IntegrityError

from judge import campaigns, pairs, plans, queue, requeue, reveal, sampling, undo, visibility
from judge.models import Assignment, Campaign, Preference, Tally, Withdrawal
from judge.refusals import Incomplete, InvalidAnswer, NotSubmitted, NotUndoable
from recommend.models import AuditEntry, JobState, Output
from tests.judge.factories import (
    PASSING,
    AssessmentFactory,
    CampaignFactory,
    UserFactory,
    current_rubric,
)
from tests.recommend.factories import REFERENCE, ShopperFactory
from tests.support.pair_data import answer, both_answer, choose, comparing, model, side_of_a

pytestmark = pytest.mark.django_db


def drawn(campaign):
    return set(campaign.units.values_list("generation", "rival"))


def taken(campaign, person):
    held = queue.next_assignment(campaign, person)
    assert held is not None
    return held


# Drawing --------------------------------------------------------------------------------------------------------------


def test_a_pair_is_of_one_shopper_and_one_reference_day():
    one, other = ShopperFactory.create_batch(2)
    a = answer("careful", one)
    b = answer("quick", one, reference_at=REFERENCE + timedelta(hours=23))
    answer("quick", one, reference_at=REFERENCE + timedelta(days=1))  # of another day
    answer("careful", other)  # without a rival

    assert drawn(comparing()) == {(a.pk, b.pk)}


def test_of_several_answers_the_first_finished_make_the_pair():
    shopper = ShopperFactory.create()
    late = answer("careful", shopper)
    late.finished_at = REFERENCE + timedelta(hours=1)
    late.save()
    a, b = answer("careful", shopper), answer("quick", shopper)
    again = answer("quick", shopper)
    again.finished_at = REFERENCE + timedelta(hours=1)
    again.save()

    campaign = comparing()

    assert drawn(campaign) == {(a.pk, b.pk)}
    assert campaigns.enrol(late.pk) == campaigns.enrol(again.pk) == 0


@pytest.mark.parametrize("first", ["careful", "quick"])
def test_a_pair_is_drawn_when_its_second_answer_finishes_whichever_that_is(first):
    shopper = ShopperFactory.create()
    campaign = comparing()
    second = {"careful": "quick", "quick": "careful"}[first]

    assert campaigns.enrol(answer(first, shopper).pk) == 0
    assert campaigns.enrol(answer(second, shopper).pk) == 1
    assert campaign.units.get(rival__model__name="quick").generation.model.name == "careful"


def test_answers_without_a_kept_output_or_unfinished_pair_with_nothing():
    shopper, other = ShopperFactory.create_batch(2)
    answer("careful", shopper)
    Output.objects.filter(generation=answer("quick", shopper)).update(rejected_by="filler")
    answer("careful", other)
    running = answer("quick", other)
    running.state = JobState.RUNNING
    running.save()

    assert drawn(comparing()) == set()


def test_prompt_versions_of_one_model_can_be_the_two_sides():
    shopper = ShopperFactory.create()
    a, b = answer("careful", shopper), answer("careful", shopper)
    b.prompt_version = "2"
    b.save()

    campaign = comparing(
        population_models=[model("careful")],
        prompt_versions=["1"],
        rival_models=[model("careful")],
        rival_prompt_versions=["2"],
    )

    assert drawn(campaign) == {(a.pk, b.pk)}


def test_pairs_are_drawn_by_the_numbers_and_probabilities_of_ratings():
    both_answer(40)
    campaign = comparing(sampling_rate=0.4)

    everything = comparing(name="All").units.values_list("generation", flat=True)
    below = {one for one in everything if sampling.number(campaign.draw, one) < 0.4}
    assert {unit.generation_id for unit in campaign.units.all()} == below
    assert set(campaign.units.values_list("inclusion_probability", flat=True)) == {0.4}
    assert 0 < len(below) < 40


def test_a_fixed_number_of_pairs_is_drawn_with_its_exact_probability():
    both_answer(12)

    units = comparing(size=3).units.all()

    assert [unit.inclusion_probability for unit in units] == [0.25] * 3
    assert all(unit.rival_id for unit in units)


def test_a_precision_counts_one_choice_for_each_pair():
    both_answer(30)
    with pytest.raises(plans.PlanError, match="267 generations"):
        comparing(precision=0.06)  # (1.96 / 0.06)² / 4 = 266.8 independent choices


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"rival_models": []}, "rival_models"),
        ({"population_models": []}, "rival_models"),
        ({"plan": "uncertainty"}, "plan"),
        ({"blind": False}, "blind"),
        ({"gold_share": 0.1}, "gold_share"),
    ],
)
def test_a_comparison_that_cannot_be_is_refused_where_it_was_asked(options, field):
    with pytest.raises(plans.PlanError) as refused:
        comparing(**options)
    assert refused.value.field == field


def test_a_clone_compares_the_same_and_is_not_queued_again_by_rubric():
    both_answer(2)
    campaign = comparing()

    assert drawn(campaigns.clone(campaign, "Once more")) == drawn(campaign)
    with pytest.raises(plans.PlanError, match="compares answers"):
        requeue.again(campaign, current_rubric("interest"), by=UserFactory.create())


# Working --------------------------------------------------------------------------------------------------------------


def test_sides_are_a_lot_that_stays():
    both_answer(60)
    campaign, person = comparing(), UserFactory.create()
    sides = Counter(pairs.a_is_left(unit.pk, person.pk) for unit in campaign.units.all())
    # A fair lot of 60 is outside 15 to 45 less than once in 10,000 draws.
    assert 15 <= sides[True] <= 45
    held = taken(campaign, person)
    before = pairs.a_stands_left(held)
    choose(held, person, "left")
    undo.undo(held, person)
    assert pairs.a_stands_left(Assignment.objects.get(pk=held.pk)) == before


@pytest.mark.parametrize(("says", "stored"), [("a", "a"), ("b", "b"), ("both", "both"), ("neither", "neither")])
def test_a_choice_of_a_side_is_stored_by_population(says, stored):
    both_answer(1)
    campaign, person = comparing(), UserFactory.create()
    held = taken(campaign, person)
    other = {"left": "right", "right": "left"}[side_of_a(held)]

    choose(held, person, {"a": side_of_a(held), "b": other}.get(says, says), "Both know of the diapers.", seconds=9)

    found = Preference.objects.get()
    assert (found.choice, found.comment, found.seconds) == (stored, "Both know of the diapers.", 9)
    assert found.a_was_left == pairs.a_stands_left(held)
    assert held.state == Assignment.State.SUBMITTED
    unit = campaign.units.get()
    assert (unit.n_taken, unit.n_submitted, Tally.objects.get().n_submitted) == (1, 1, 1)


def test_a_repeated_submit_stores_nothing_more_and_other_answers_are_refused():
    both_answer(1)
    campaign, person = comparing(), UserFactory.create()
    held = taken(campaign, person)
    with pytest.raises(Incomplete):
        queue.submit(held, person, {})
    with pytest.raises(InvalidAnswer, match="'first' is not a label"):
        choose(held, person, "first")
    choose(held, person, "left")
    choose(held, person, "right")
    assert pairs.side_of(Preference.objects.get()) == "left"
    with pytest.raises(InvalidAnswer, match="is not revised"):
        queue.revise(held, person, held.unit.generation.outputs.all()[0], PASSING["interest"])


def test_a_draft_of_a_choice_is_kept_and_comes_back_after_a_release():
    both_answer(1)
    campaign, person = comparing(), UserFactory.create()
    held = taken(campaign, person)
    draft = {str(held.pk): {"labels": {"preference": "both"}, "comment": "Hm."}}
    queue.save_draft(held, person, draft, 0)
    queue.release(held, person)
    again = taken(campaign, person)
    assert (again.pk, again.draft) == (held.pk, draft)


def test_an_undone_choice_is_a_draft_by_side_until_the_person_is_told_whose_the_answers_are():
    both_answer(1)
    campaign, person = comparing(), UserFactory.create()
    held = taken(campaign, person)
    choose(held, person, "right", "Shorter.")

    undo.undo(held, person)

    assert held.draft == {str(held.pk): {"labels": {"preference": "right"}, "comment": "Shorter."}}
    assert not Preference.objects.exists()
    assert Withdrawal.objects.get().labels == {
        str(held.pk): {"labels": {"preference": "right"}, "comment": "Shorter.", "seconds": 5}
    }
    choose(held, person, "right")
    reveal.reveal(held, person)
    with pytest.raises(NotUndoable, match="you were told whose"):
        undo.undo(held, person)
    assert AuditEntry.objects.filter(verb="labels.revealed", object_id=str(held.pk)).count() == 1


def test_whose_the_answers_are_is_told_after_the_submit_and_right():
    both_answer(1)
    campaign, person = comparing(), UserFactory.create()
    held = taken(campaign, person)
    with pytest.raises(NotSubmitted):
        reveal.reveal(held, person)
    choose(held, person, "left")
    assert reveal.told(held) is None
    reveal.reveal(held, person)
    told = reveal.told(held)
    assert told is not None
    left, right = ("careful", "quick") if pairs.a_stands_left(held) else ("quick", "careful")
    assert (told.left.model, told.right.model) == (left, right)
    assert (told.left.population, told.right.population) == (("A", "B") if left == "careful" else ("B", "A"))


def test_the_same_pair_of_another_campaign_is_not_given_twice_but_its_answers_are_rated():
    both_answer(1)
    campaign, person = comparing(), UserFactory.create()
    held = taken(campaign, person)
    choose(held, person, "left")

    assert queue.next_assignment(comparing(name="The same pairs"), person) is None
    ratings = CampaignFactory.create()
    campaigns.enrol_existing(ratings)
    rated = []
    while (one := queue.next_assignment(ratings, person)) is not None:
        rated.append(one.unit.generation_id)
        queue.submit(one, person, {str(output.pk): {"labels": PASSING["interest"]} for output in one.kept_outputs})
    assert sorted(rated) == sorted([held.unit.generation_id, held.unit.rival_id])


def test_judges_labels_of_either_answer_are_hidden_while_the_pair_is_in_hand():
    both_answer(1)
    campaign, person = comparing(), UserFactory.create(role="lead")
    held = taken(campaign, person)
    of_both = Output.objects.filter(generation__in=[held.unit.generation, held.unit.rival])
    for output in of_both:
        AssessmentFactory.create(output=output)

    assert not visibility.visible_assessments(person, of_both).exists()
    choose(held, person, "left")
    assert visibility.visible_assessments(person, of_both).count() == 6


def test_a_campaign_cannot_be_stored_that_compares_in_the_open():
    with pytest.raises(IntegrityError, match="campaign_compares_blind_without_gold"):
        CampaignFactory.create(task=Campaign.Task.COMPARE, blind=False)
