"""The CUSUM on disagreement: published run lengths, weeks worked out by hand, and what happens on simulated weeks."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pytest

from judge.statistics import drift as subject
from judge.statistics.drift import Drift, Seen, drift, step

FIRST = date(2026, 1, 5)


def run_lengths(shift: float, limit: float, n_runs: int, seed: int) -> np.ndarray:
    """Weeks until an alarm where every week is `shift` standard errors off."""
    rng = np.random.default_rng(seed)
    rising, falling, length = np.zeros(n_runs), np.zeros(n_runs), np.zeros(n_runs)
    at_work = np.ones(n_runs, dtype=bool)
    while at_work.any():
        rising, falling = step(rising, falling, rng.normal(shift, 1, n_runs))
        length += at_work
        at_work &= (rising <= limit) & (falling <= limit)
    return length


@pytest.mark.parametrize(
    ("limit", "shift", "published"),
    [
        # Montgomery, Introduction to Statistical Quality Control (6th edition), table 9.4: two-sided, k = 1/2.
        (4.0, 0.0, 168.0),
        (4.0, 0.5, 26.6),
        (4.0, 1.0, 8.38),
        (4.0, 2.0, 3.34),
        (5.0, 0.0, 465.0),
        (5.0, 0.5, 38.0),
        (5.0, 1.0, 10.4),
        (5.0, 2.0, 4.01),
    ],
)
def test_run_lengths_are_the_published_ones(limit: float, shift: float, published: float):
    found = run_lengths(shift, limit, n_runs=3_000, seed=17)

    error = found.std() / np.sqrt(len(found))
    assert found.mean() == pytest.approx(published, abs=4 * error + 0.01 * published)
    if shift == 0 and limit == subject.LIMIT:
        assert published == subject.RUN_LENGTH_WEEKS


def weeks_of(shares: Sequence[float], *, shoppers: int, outputs: int, seed: int, alike: float = 0.3) -> list[Seen]:
    """Weeks in which the judge differs on these shares; shoppers differ among each other (a beta distribution)."""
    rng = np.random.default_rng(seed)
    rows = []
    for number, share in enumerate(shares):
        spread = (1 - alike) / alike
        own = rng.beta(share * spread, (1 - share) * spread, shoppers)
        differing = rng.binomial(outputs, own)
        week = FIRST + timedelta(weeks=number)
        rows += [Seen(week, (number, shopper), outputs, int(one)) for shopper, one in enumerate(differing)]
    return rows


def simulated(shares: Sequence[float], n_runs: int) -> list[Drift]:
    return [drift(weeks_of(shares, shoppers=25, outputs=5, seed=seed)) for seed in range(n_runs)]


def test_without_a_change_alarms_are_as_rare_as_published():
    """Shoppers with outputs alike, a target that is learned: a year of weeks has an alarm in about 1 of 10."""
    found = simulated([0.2] * 52, 300)

    expected = 1 - np.exp(-51 / subject.RUN_LENGTH_WEEKS)
    assert np.mean([bool(one.alarms) for one in found]) == pytest.approx(expected, abs=0.05)
    z = np.array([week.z for one in found for week in one.weeks if week.z is not None])
    assert z.mean() == pytest.approx(0, abs=0.05)
    assert z.std() == pytest.approx(1, abs=0.06)


def test_a_change_is_found_within_weeks_and_dated():
    """From 15 to 35 % after 20 weeks, which is some three standard errors of a week."""
    found = simulated([0.15] * 20 + [0.35] * 12, 100)

    alarmed = [one.alarms[0] for one in found if one.alarms]
    assert len(alarmed) >= 98
    late = [(week.start - FIRST).days // 7 - 20 for week in alarmed]
    assert np.median(late) <= 4
    assert {week.alarm for week in alarmed if week.start >= FIRST + timedelta(weeks=20)} == {"rising"}
    dated = [(week.since - FIRST).days // 7 for week in alarmed if week.since is not None]
    assert np.median(dated) == pytest.approx(20, abs=1)


def test_a_judge_that_comes_closer_to_people_is_told_of_as_well():
    found = simulated([0.4] * 15 + [0.1] * 10, 40)

    assert np.mean([bool(one.alarms) and one.alarms[-1].alarm == "falling" for one in found]) > 0.95


def test_what_it_was_alarmed_about_is_usual_afterwards():
    found = simulated([0.15] * 20 + [0.4] * 30, 60)

    assert np.mean([len(one.alarms) == 1 for one in found]) > 0.6


def test_a_week_is_standardised_by_its_shoppers():
    # Before: 10 shoppers with 4 labels, one differing each. Then 10 shoppers, of whom half differ on all of 4.
    rows = [Seen(FIRST, shopper, 4, 1) for shopper in range(10)]
    later = FIRST + timedelta(weeks=1)
    rows += [Seen(later, shopper, 4, 4 if shopper < 5 else 0) for shopper in range(10)]

    first, second = drift(rows).weeks

    # Together 30 of 80 differ. Around .375 a shopper of before is off by -.5, one of now by 2.5 or by -1.5.
    spread = (10 * 0.5**2 + 5 * 2.5**2 + 5 * 1.5**2) / (20 * 4**2) * 20 / 19
    assert second.z == pytest.approx((0.5 - 0.25) / np.sqrt(2 * spread * 10 * 4**2 / 40**2))
    assert (first.z, first.target, second.target) == (None, None, 0.25)
    assert second.rising == pytest.approx((second.z or 0) - 0.5)
    assert second.falling == 0
    assert second.disagreement.value == pytest.approx(0.5)


def test_weeks_of_few_shoppers_wait_for_the_next():
    rows = [Seen(FIRST + timedelta(weeks=week), (week, shopper), 4, 1) for week in range(6) for shopper in range(5)]

    found = drift(rows)

    assert [one.start for one in found.weeks] == [FIRST + timedelta(weeks=week) for week in (1, 3, 5)]
    assert [one.disagreement.n_clusters for one in found.weeks] == [10, 10, 10]


def test_a_judge_that_never_differs_does_not_drift():
    found = drift([Seen(FIRST + timedelta(weeks=week), s, 4, 0) for week in range(5) for s in range(12)])

    assert [one.z for one in found.weeks] == [None, 0.0, 0.0, 0.0, 0.0]
    assert "no drift shows in 4 weeks" in found.sentence


def test_before_there_is_enough_it_says_what_is_missing():
    assert "30 labels of 10 shoppers" in drift([]).sentence
    assert drift([Seen(FIRST, 1, 40, 3)]).weeks == ()


def test_an_alarm_is_put_into_words():
    rows = [Seen(FIRST + timedelta(weeks=week), s, 5, 1) for week in range(4) for s in range(20)]
    rows += [Seen(FIRST + timedelta(weeks=week), s, 5, 4) for week in range(4, 9) for s in range(20)]

    sentence = drift(rows).sentence

    assert "differs from people more often than before, probably since the week of 2 February 2026" in sentence
    assert "80% of that week's labels, " in sentence
