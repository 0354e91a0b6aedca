"""The burn-down: what is left day by day, a forecast that covers what comes, and the precision reached."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from django.test import Client

from judge import burndown, burndown_charts, dashboard
from judge.burndown import BurnDown
from judge.comparison import Filters
from judge.models import Assignment, Campaign
from recommend.models import Stage
from tests.judge.factories import AssignmentFactory, CampaignFactory, CampaignUnitFactory, UserFactory
from tests.judge.test_dashboard import BAD, GOOD, page_of, reviewed

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)


def campaign_of(n_units: int, days_old: float = 30, **settings: object) -> Campaign:
    campaign: Campaign = CampaignFactory.create(**settings)
    CampaignUnitFactory.create_batch(n_units, campaign=campaign)
    Campaign.objects.filter(pk=campaign.pk).update(created_at=NOW - timedelta(days=days_old))
    return campaign


def submitted(campaign: Campaign, hours_ago: list[float]) -> None:
    """One screen submitted at each of these times."""
    person = UserFactory.create()
    free = campaign.units.filter(assignments=None)
    for unit, hours in zip(list(free), hours_ago, strict=False):
        AssignmentFactory.create(
            unit=unit,
            annotator=person,
            state=Assignment.State.SUBMITTED,
            submitted_at=NOW - timedelta(hours=hours),
        )


def only(campaign: Campaign) -> BurnDown:
    (found,) = burndown.burn_downs(Filters(campaign=campaign.pk), NOW)
    return found


# The forecast itself --------------------------------------------------------------------------------------------------


def test_an_even_pace_ends_on_one_day():
    found = burndown.forecast(70, [10] * 14)

    assert (found.days, found.earliest, found.latest) == (7, 7, 7)


def test_the_interval_ends_where_what_is_left_lies_on_the_edge_of_the_prediction_interval():
    days = [0, 0, 10, 14, 9, 12, 11, 0, 0, 8, 15, 10, 12, 11]
    mean, s2 = np.mean(days), np.var(days, ddof=1)

    found = burndown.forecast(100, days)

    assert found.days == pytest.approx(100 / mean)
    for end, sign in ((found.earliest, 1), (found.latest, -1)):
        assert end is not None
        # t with 13 degrees at 97.5 %: 2.1604 in any table.
        edge = mean * end + sign * 2.1604 * np.sqrt(s2 * (end + end**2 / 14))
        assert edge == pytest.approx(100, rel=1e-3)


def test_the_interval_holds_the_day_it_is_done_about_as_often_as_it_says():
    random = np.random.default_rng(7)
    held = 0
    for _ in range(400):
        days = random.poisson(12, size=14)
        found = burndown.forecast(150, [int(one) for one in days])
        ahead = np.cumsum(random.poisson(12, size=200))
        done = int(np.searchsorted(ahead, 150)) + 1
        assert found.earliest is not None
        assert found.latest is not None
        held += found.earliest - 1 < done < found.latest + 1
    # 95 % of continuous time; whole days are a little wider.
    assert 0.93 <= held / 400 <= 1


def test_a_pace_that_is_too_uneven_has_no_latest_day():
    found = burndown.forecast(50, [0] * 13 + [20])

    assert found.days == pytest.approx(35)
    assert found.latest is None
    assert found.earliest is not None


def test_what_would_take_years_is_no_forecast():
    assert burndown.forecast(5_000, [0] * 13 + [1]).days is None


# Campaigns ------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_what_was_left_is_counted_back_from_now():
    campaign = campaign_of(6, days_old=3, overlap=2)
    submitted(campaign, [1, 25, 26, 60])

    found = only(campaign)

    assert found.left == (
        (date(2026, 3, 17), 11),
        (date(2026, 3, 18), 11),
        (date(2026, 3, 19), 9),
        (date(2026, 3, 20), 8),
    )


@pytest.mark.django_db
def test_the_pace_counts_times_of_24_hours_so_that_a_young_day_is_not_a_slow_one():
    campaign = campaign_of(60)
    submitted(campaign, [24 * day + 23.9 for day in range(14)])  # one each, late in its 24 hours
    submitted(campaign, [24 * 14 + 1] * 20)  # too long ago

    found = only(campaign).forecast

    assert found.per_day == 1
    assert found.days == found.latest == pytest.approx(60 - 34)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("n_units", "days_old", "state", "hours_ago", "said"),
    [
        (0, 30, "active", [], "nothing is in the queue yet"),
        (2, 30, "active", [1, 2], "everything is submitted"),
        (3, 30, "paused", [1], "the campaign is paused"),
        (3, 30, "active", [], "nothing was submitted in the last 14 days"),
        (3, 30, "active", [24 * 20], "nothing was submitted in the last 14 days; the last screen came on 28 February"),
        (3, 0.5, "active", [], "nobody has begun"),
        (3, 1.5, "active", [1], "it takes 3 days of work to see a pace, and this is day 2"),
    ],
)
def test_without_a_pace_it_says_why_there_is_no_forecast(
    n_units: int, days_old: float, state: str, hours_ago: list[float], said: str
):
    campaign = campaign_of(n_units, days_old, state=state)
    submitted(campaign, hours_ago)

    found = only(campaign)

    assert found.forecast.days is None
    assert found.sentence == f"No forecast: {said}."
    assert burndown_charts.chart(found).ahead == ""


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("deadline", "said"), [(2, "will be missed"), (9, "may be missed"), (60, "will be kept"), (None, "")]
)
def test_a_deadline_is_held_against_the_forecast(deadline: int | None, said: str):
    day = None if deadline is None else NOW.date() + timedelta(days=deadline)
    campaign = campaign_of(60, deadline=day)
    submitted(campaign, [24 * day + 5 for day in range(14) for _ in range(2 + day % 2)])

    found = only(campaign)

    assert found.forecast.days == pytest.approx(25 / 2.5)
    assert said in found.deadline_sentence
    assert bool(found.deadline_sentence) == bool(said)


@pytest.mark.django_db
def test_only_active_campaigns_of_the_kind_are_shown_unless_one_is_chosen():
    active, closed = campaign_of(1), campaign_of(1, state="closed")
    campaign_of(1, stage=Stage.TAGS)

    assert [one.campaign for one in burndown.burn_downs(Filters(), NOW)] == [active]
    assert only(closed).campaign == closed


@pytest.mark.django_db
def test_precision_reached_stands_beside_what_was_asked_for():
    campaign = CampaignFactory.create(precision=0.02)
    person = UserFactory.create()
    for _ in range(12):
        reviewed(campaign, person, [GOOD, GOOD, BAD], [GOOD, GOOD, GOOD])

    (found,) = burndown.burn_downs(Filters())

    shown = dashboard.quality(Filters(campaign=campaign.pk)).report.overall.corrected_rate
    assert found.precision.acceptance == shown
    assert shown.half_width is not None
    # The width falls with the root of the 36 labels.
    assert found.precision.more_labels == pytest.approx(36 * (shown.half_width / 0.02) ** 2 - 36, abs=1)
    assert f"±{100 * shown.half_width:.1f} points; ±2.0 points were asked for" in found.precision_sentence


@pytest.mark.django_db
def test_precision_says_when_it_is_reached_when_nobody_asked_and_when_there_is_none():
    campaign = CampaignFactory.create(precision=0.3)
    reviewed(campaign, UserFactory.create(), [GOOD], [GOOD])
    first = burndown.burn_downs(Filters())[0].precision_sentence
    for _ in range(12):
        reviewed(campaign, UserFactory.create(), [GOOD, GOOD, BAD], [GOOD, GOOD, GOOD])

    reached = burndown.burn_downs(Filters())[0].precision_sentence
    Campaign.objects.update(precision=None)
    unasked = burndown.burn_downs(Filters())[0].precision_sentence

    assert first == (
        "±30.0 points were asked for. No precision yet: it takes 30 labelled outputs from 10 shoppers; "
        "so far there are 1 from 1."
    )
    assert reached.endswith("so that is reached.")
    assert unasked.endswith("no precision was asked for.")


@pytest.mark.django_db
def test_more_campaigns_cost_few_more_queries(django_assert_max_num_queries):
    for campaign in (campaign_of(2), campaign_of(2)):
        submitted(campaign, [1, 2])

    with django_assert_max_num_queries(20):
        burndown.burn_downs(Filters(), NOW)


# The chart and the page -----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_chart_goes_on_from_today_to_the_end_of_the_forecast():
    campaign = campaign_of(40, days_old=13.5)
    submitted(campaign, [24 * day + 5 for day in range(14) for _ in range(2)])

    drawn = burndown_charts.chart(only(campaign))

    # 14 days until today, and at 2 a day 6 more: 13 steps and 6, so today lies at 13 of 19.
    assert drawn.now == pytest.approx(100 * 13 / 19, abs=4)
    now, end = drawn.ahead.split()
    assert now.endswith(",70.00")  # 12 of 40 are left
    assert end == "100.00,100.00"


@pytest.mark.django_db
def test_a_campaign_of_today_has_a_chart():
    campaign = campaign_of(3, days_old=0)

    assert burndown_charts.chart(only(campaign)).left == "100.00,0.00"


@pytest.mark.django_db
def test_the_page_shows_it_with_table_and_file(client: Client):
    campaign = CampaignFactory.create(name="Spring <b>check</b>")
    reviewed(campaign, UserFactory.create(), [GOOD], [GOOD])

    page = page_of(client)

    assert "No forecast: everything is submitted." in page
    assert "/dashboard/figures/burn-down.csv?" in page
    assert "/dashboard/figures/forecast.csv?" in page
    rows = client.get("/dashboard/figures/forecast.csv").content.decode().splitlines()
    assert rows[1].startswith("Spring <b>check</b>,0.0,,,,everything is submitted")
