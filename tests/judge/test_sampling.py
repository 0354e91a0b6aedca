"""Sampling plans: what they draw, with which probability, and that the weights give the population's mean back."""

import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge import sampling
from judge.sampling import Design, SizeError, allocate

RUNS = 2_000


class One(NamedTuple):
    """A generation of a made-up population: its stratum, how unsure the judge is, and whether people accept it."""

    id: UUID
    stratum: str
    uncertainty: float
    accepted: bool


def population(n: int = 120) -> list[One]:
    """The judge is unsure mostly where people reject, and one stratum is small and bad: any other weight is biased."""
    dice = random.Random(7)
    made = []
    for _ in range(n):
        stratum = "rare" if dice.random() < 0.15 else "common"
        uncertainty = dice.random() ** 2
        accepted = dice.random() > 0.1 + 0.6 * uncertainty + (0.3 if stratum == "rare" else 0)
        made.append(One(UUID(int=dice.getrandbits(128)), stratum, uncertainty, accepted))
    return made


POPULATION = population()
N_RARE = sum(one.stratum == "rare" for one in POPULATION)
COUNTS = {"common": len(POPULATION) - N_RARE, "rare": N_RARE}
Numbers = Callable[[UUID], float]


def uniform_rate(number: Numbers) -> Design:
    return Design(0.25)


def uniform_size(number: Numbers) -> Design:
    return sampling.by_strata({"": [number(one.id) for one in POPULATION]}, {"": 30})


def proportional(number: Numbers) -> Design:
    return _stratified(number, equal=False)


def equal(number: Numbers) -> Design:
    return _stratified(number, equal=True)


def _stratified(number: Numbers, *, equal: bool) -> Design:
    numbers = {name: [number(one.id) for one in POPULATION if one.stratum == name] for name in COUNTS}
    return sampling.by_strata(numbers, allocate(30, COUNTS, equal=equal))


def category(one: One) -> str:
    """Where a made-up shopper buys most: one category has half of the common ones, and some have few."""
    kind = one.id.int % 8
    return "rare" if one.stratum == "rare" else "soup" if kind < 4 else "milk" if kind < 7 else f"c{one.id.int % 5}"


def by_category(number: Numbers) -> Design:
    own = sampling.own_categories(Counter(category(one) for one in POPULATION), 30)
    numbers: dict[str, list[float]] = {}
    for one in POPULATION:
        numbers.setdefault(sampling.category_stratum(category(one), own), []).append(number(one.id))
    sizes = allocate(30, {name: len(found) for name, found in numbers.items()}, equal=True)
    return replace(sampling.by_strata(numbers, sizes), categories=own)


def stratum(one: One, plan: Callable[[Numbers], Design], design: Design) -> str:
    if plan is by_category:
        return sampling.category_stratum(category(one), design.categories)
    return one.stratum if plan in STRATIFIED else ""


def uncertainty_first(number: Numbers) -> Design:
    return sampling.by_uncertainty([one.uncertainty for one in POPULATION], 30, 0.2)


UNIFORM = [uniform_rate, uniform_size, proportional]
UNEQUAL = [equal, uncertainty_first]
PLANS = [*UNIFORM, *UNEQUAL, by_category]
STRATIFIED = {proportional, equal}


@pytest.fixture(scope="module")
def drawn() -> dict[str, list[list[tuple[One, float]]]]:
    """For every plan RUNS samples, each a list of (generation, its stored probability)."""
    dice = random.Random(11)
    campaigns = [UUID(int=dice.getrandbits(128)) for _ in range(RUNS)]
    samples: dict[str, list[list[tuple[One, float]]]] = {}
    for plan in PLANS:
        samples[plan.__name__] = []
        for campaign in campaigns:
            numbers = {one.id: sampling.number(campaign, one.id) for one in POPULATION}
            design = plan(numbers.__getitem__)
            found = []
            for one in POPULATION:
                name = stratum(one, plan, design)
                if numbers[one.id] < design.threshold(name, one.uncertainty):
                    found.append((one, design.probability(name, one.uncertainty)))
            samples[plan.__name__].append(found)
    return samples


def mean_and_error(values: list[float]) -> tuple[float, float]:
    """The mean of simulated values and its standard error."""
    mean = sum(values) / len(values)
    return mean, math.sqrt(sum((one - mean) ** 2 for one in values) / len(values) / len(values))


@pytest.mark.parametrize("plan", PLANS)
def test_the_weighted_mean_is_unbiased_under_every_plan(plan, drawn):
    truth = sum(one.accepted for one in POPULATION) / len(POPULATION)

    estimates = [sum(one.accepted / p for one, p in found) / len(POPULATION) for found in drawn[plan.__name__]]

    mean, error = mean_and_error(estimates)
    assert abs(mean - truth) < 4 * error
    assert error < 0.006


@pytest.mark.parametrize("plan", UNEQUAL)
def test_the_unweighted_mean_is_biased_where_probabilities_differ(plan, drawn):
    truth = sum(one.accepted for one in POPULATION) / len(POPULATION)

    estimates = [sum(one.accepted for one, _ in found) / len(found) for found in drawn[plan.__name__]]

    mean, error = mean_and_error(estimates)
    assert mean < truth - 0.05
    assert truth - mean > 10 * error


@pytest.mark.parametrize("plan", PLANS)
def test_stored_probabilities_are_the_frequencies_of_drawing(plan, drawn):
    times = dict.fromkeys((one.id for one in POPULATION), 0)
    stored: dict[UUID, float] = {}
    for found in drawn[plan.__name__]:
        for one, probability in found:
            times[one.id] += 1
            assert stored.setdefault(one.id, probability) == probability

    # Chi-square with a term for each generation: its mean is their number, and 6 standard deviations are never reached.
    assert len(stored) == len(POPULATION)
    terms = [(times[one] - RUNS * p) ** 2 / (RUNS * p * (1 - p)) for one, p in stored.items() if p < 1]
    assert abs(sum(terms) - len(terms)) < 6 * math.sqrt(2 * len(terms))
    assert all(times[one] == RUNS for one, p in stored.items() if p == 1)


@pytest.mark.parametrize("plan", [uniform_size, proportional, equal])
def test_a_size_is_drawn_exactly(plan, drawn):
    assert {len(found) for found in drawn[plan.__name__]} == {30}


def test_uncertainty_first_draws_its_size_on_average_and_more_where_the_judge_is_unsure(drawn):
    samples = drawn["uncertainty_first"]

    mean, error = mean_and_error([float(len(found)) for found in samples])
    unsure, _ = mean_and_error([one.uncertainty for found in samples for one, _ in found])

    assert abs(mean - 30) < 4 * error
    assert unsure > 1.3 * sum(one.uncertainty for one in POPULATION) / len(POPULATION)


def test_later_arrivals_are_drawn_with_the_probability_that_they_store():
    early = [uuid4() for _ in range(40)]
    late = [uuid4() for _ in range(2_000)]
    hits, expected, variance = 0, 0.0, 0.0

    for _ in range(20):
        campaign = uuid4()
        design = sampling.by_strata({"": [sampling.number(campaign, one) for one in early]}, {"": 10})
        hits += sum(sampling.number(campaign, one) < design.threshold("") for one in late)
        expected += len(late) * design.threshold("")
        variance += len(late) * design.threshold("") * (1 - design.threshold(""))

    assert abs(hits - expected) < 5 * math.sqrt(variance)


def test_the_place_in_the_queue_tells_nothing_of_the_draw():
    campaign = uuid4()
    pairs = [(sampling.number(campaign, one), sampling.queue_number(campaign, one)) for one in map(_id, range(4_000))]

    both = sum(a < 0.5 and b < 0.5 for a, b in pairs)

    assert abs(both - 1_000) < 5 * math.sqrt(4_000 * 0.25 * 0.75)


def _id(number: int) -> UUID:
    return UUID(int=number + 1)


@given(
    st.dictionaries(st.text(max_size=3), st.integers(0, 40), min_size=1, max_size=6),
    st.integers(1, 150),
    st.booleans(),
)
def test_an_allocation_gives_the_size_and_to_every_stratum_what_it_has_at_most(populations, size, equal):
    filled = {name: n for name, n in populations.items() if n}
    if not len(filled) <= size <= sum(filled.values()):
        with pytest.raises(SizeError):
            allocate(size, populations, equal=equal)
        return

    given_out = allocate(size, populations, equal=equal)

    assert sum(given_out.values()) == size
    assert all(1 <= given_out[name] <= n for name, n in filled.items())
    if equal:
        fewest = max(given_out.values()) - 1
        assert all(n >= fewest or n == filled[name] for name, n in given_out.items())


@pytest.mark.parametrize(
    ("size", "sizes"),
    [(10, {"a": 8, "b": 1, "c": 1}), (50, {"a": 40, "b": 7, "c": 3}), (100, {"a": 80, "b": 15, "c": 5})],
)
def test_strata_get_their_share_and_one_at_least(size, sizes):
    # 50 of (80, 15, 5): shares 40, 7.5, 2.5; beyond the one that each has, what is left goes by the largest remainder.
    found = allocate(size, {"a": 80, "b": 15, "c": 5})

    assert sum(found.values()) == size
    assert all(abs(found[name] - n) <= 1 for name, n in sizes.items())


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.floats(0.01, 1), st.floats(0.02, 1))
def test_probabilities_by_uncertainty_sum_to_the_size_and_keep_the_floor(uncertainties, floor, share):
    size = share * len(uncertainties)

    design = sampling.by_uncertainty(uncertainties, size, floor)

    found = [design.probability("", one) for one in uncertainties]
    assert sum(found) == pytest.approx(size)
    assert all(0 < one <= 1 for one in found)
    assert min(found) >= min(1, floor * share) - 1e-12


def test_a_larger_size_keeps_all_that_was_drawn():
    uncertainties = [one.uncertainty for one in POPULATION]

    small = sampling.by_uncertainty(uncertainties, 30, 0.2)
    large = sampling.by_uncertainty(uncertainties, 60, 0.2, mean=small.mean_uncertainty)

    assert all(small.threshold("", one) < large.threshold("", one) for one in uncertainties)


def test_more_than_there_is_cannot_be_drawn():
    with pytest.raises(SizeError, match="Only 2 generations are finished and judged, fewer than 3"):
        sampling.by_uncertainty([0.1, 0.2], 3, 0.2)
    with pytest.raises(SizeError, match="Only 2 generations are finished, fewer than 3"):
        allocate(3, {"": 2})
    with pytest.raises(SizeError, match="1 is too few for 2 strata"):
        allocate(1, {"a": 5, "b": 5})


def test_a_design_is_the_same_after_it_was_stored():
    designs = [plan(lambda one: one.int / 2**128) for plan in PLANS]

    assert [Design.from_json(one.as_json()) for one in designs] == designs


@pytest.mark.parametrize(
    ("probabilities", "margin", "entropy"),
    [
        ([0.5, 0.5], 1, 1),
        ([1, 0], 0, 0),
        ([1 / 3, 1 / 3, 1 / 3], 1, 1),
        # 1 - .8 over 1 - 1/2; -(.8 log2 .8 + .2 log2 .2) = .2575 + .4644
        ([0.8, 0.2], 0.4, 0.7219),
        ([0.4, 0.1], 0.4, 0.7219),  # half of the judge's probability was on no label
        ([0.9], 0, 0),
        ([0, 0], 0, 0),
    ],
)
def test_uncertainty_of_a_label_by_both_measures(probabilities, margin, entropy):
    assert sampling.uncertainty_of_labels(probabilities) == pytest.approx(margin)
    assert sampling.uncertainty_of_labels(probabilities, "entropy") == pytest.approx(entropy, abs=5e-5)


def test_an_output_is_as_uncertain_as_its_least_certain_criterion():
    labels = {"relevance": {"Yes": 0.99, "No": 0.01}, "validity": {"Yes": 0.6, "No": 0.4}}

    assert sampling.uncertainty_of_output(labels) == pytest.approx(0.8)
    assert sampling.uncertainty_of_output({}) == 0


def test_activity_is_cut_into_thirds_that_cover_every_number():
    counts = [1, 2, 3, 10, 11, 12, 90, 91, 92]

    cuts = sampling.activity_cuts(counts)
    names = [sampling.activity_stratum(one, cuts) for one in (0, *counts, 1_000)]

    assert cuts == (3, 12)
    assert [names.count(name) for name in dict.fromkeys(names)] == [4, 3, 4]
    assert sampling.activity_cuts([5, 5, 5]) == sampling.activity_cuts([]) == ()
    assert sampling.activity_stratum(5, ()) == "any number of behaviours"


@pytest.mark.parametrize(
    ("populations", "size", "own"),
    [
        ({"milk": 40, "soup": 60, "tea": 20}, 30, ("soup", "milk", "tea")),
        # 15 and 10 are too few, and share one.
        ({"milk": 40, "soup": 60, "tea": 15, "figs": 10}, 30, ("soup", "milk")),
        # So are 19 altogether: the smallest of the others goes with them.
        ({"milk": 40, "soup": 60, "tea": 19}, 30, ("soup",)),
        # Two of each of three strata.
        ({"a": 50, "b": 50, "c": 50, "d": 50}, 7, ("a", "b")),
        ({"a": 50, "b": 50, "c": 50, "d": 50}, 8, ("a", "b", "c", "d")),
        ({"a": 500}, 1, ()),
        ({"a": 5, "b": 9}, 14, ()),
        ({}, 5, ()),
    ],
)
def test_rare_categories_share_a_stratum(populations, size, own):
    assert sampling.own_categories(populations, size) == own


@given(
    st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.integers(1, 90), min_size=1, max_size=40), st.data()
)
def test_however_many_categories_there_are_each_stratum_can_be_drawn_from_twice(populations, data):
    size = data.draw(st.integers(1, sum(populations.values())))

    own = sampling.own_categories(populations, size)

    strata: Counter[str] = Counter()
    for name, n in populations.items():
        strata[sampling.category_stratum(name, own)] += n
    assert len(strata) == 1 or (len(strata) <= size / 2 and min(strata.values()) >= sampling.LEAST_OF_CATEGORY)
    drawn = allocate(size, strata, equal=True)
    assert sum(drawn.values()) == size
    assert len(strata) == 1 or min(drawn.values()) >= 2
    backwards = dict(reversed(populations.items()))
    assert sampling.own_categories(backwards, size) == own


def test_a_category_is_named_as_far_as_a_unit_can_store_it():
    assert sampling.category_name("grocery > soup") == "grocery > soup"
    assert sampling.category_name("") == sampling.NOTHING_BOUGHT
    assert sampling.category_name(None) == sampling.NOT_KEPT
    assert len(sampling.category_name("x" * 400)) == 100
