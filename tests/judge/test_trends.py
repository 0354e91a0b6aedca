"""Corrected acceptance over time, against numbers worked out by hand and against the estimate over everything."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from judge import dashboard, trend_charts, trends
from judge.comparison import Filters, Span, Split
from judge.models import Campaign, Rater
from judge.services import seed_rubrics
from judge.trends import Line
from recommend.models import LanguageModel, Stage
from tests.judge.factories import AssessmentFactory, JudgeFactory, UserFactory
from tests.judge.test_dashboard import BAD, GOOD, page_of, reviewed
from tests.recommend.factories import GenerationFactory, LanguageModelFactory, OutputFactory

pytestmark = pytest.mark.django_db
TODAY = date(2026, 3, 5)  # a Thursday
MONDAY = date(2026, 3, 2)


def at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def reviewed_on(day: date, campaign: Campaign, n: int = 12, judge: Rater | None = None, **facts: object) -> None:
    """`n` shoppers of a day with three outputs each: the judge passes all, people two of three."""
    person = UserFactory.create()
    for _ in range(n):
        unit = reviewed(campaign, person, [GOOD, GOOD, BAD], [GOOD, GOOD, GOOD])
        type(unit.generation).objects.filter(pk=unit.generation_id).update(created_at=at(day), **facts)


def judged_on(day: date, n: int = 1, **facts: object) -> None:
    """`n` outputs of a day that the judge passes and nobody has reviewed."""
    for _ in range(n):
        output = OutputFactory.create()
        AssessmentFactory.create(output=output, labels=GOOD)
        type(output.generation).objects.filter(pk=output.generation_id).update(created_at=at(day), **facts)


def only_line(filters: Filters = Filters()) -> Line:  # noqa: B008  (frozen)
    (line,) = trends.trend(filters, TODAY).lines
    return line


def test_each_week_has_an_estimate_of_its_own_from_what_was_made_in_it(campaign: Campaign):
    reviewed_on(MONDAY, campaign)
    judged_on(MONDAY - timedelta(days=1), n=2)  # Sunday: the week before

    *_, before, now = only_line().points

    assert (before.start, now.start) == (date(2026, 2, 23), MONDAY)
    assert now.judge.value == 1.0
    assert now.corrected.value == pytest.approx(2 / 3)
    assert now.corrected.low is not None
    assert (now.corrected.n, now.corrected.n_clusters) == (36, 12)
    assert before.judge.n == 2


def test_a_week_that_holds_everything_says_what_the_dashboard_says(campaign: Campaign):
    reviewed_on(MONDAY, campaign)
    judged_on(TODAY, n=5)

    assert only_line().points[-1].corrected == dashboard.quality(Filters()).report.overall.corrected_rate


def test_a_week_with_too_few_labels_says_so_and_is_not_drawn(campaign: Campaign):
    reviewed_on(MONDAY, campaign, n=3)

    line = only_line()

    point = line.points[-1]
    assert (point.corrected.value, point.corrected.low) == (None, None)
    assert point.corrected.note == "it takes 30 labelled outputs from 10 shoppers; so far there are 9 from 3"
    drawn = trend_charts.chart(trends.trend(Filters(), TODAY)).lines[0]
    assert (drawn.bands, drawn.corrected, drawn.dots) == ((), (), ())
    assert len(drawn.gaps) == 1
    assert "too few labels" in drawn.sentence


def test_a_week_in_which_nothing_was_judged_says_that():
    judged_on(MONDAY)

    first = only_line().points[0]

    assert first.corrected.note == first.judge.note == trends.NOTHING_JUDGED


@pytest.mark.parametrize(
    ("span", "first", "n"),
    [("day", date(2026, 2, 6), 28), ("week", date(2025, 12, 15), 12), ("month", date(2025, 4, 1), 12)],
)
def test_periods_are_days_weeks_or_months_until_today(span: str, first: date, n: int):
    periods = trends.periods_until(TODAY, Span(span))

    assert (periods[0], len(periods)) == (first, n)
    assert periods[-1] <= TODAY


def test_the_database_and_the_reviews_are_put_into_the_same_period_at_its_edge(campaign: Campaign, settings):
    settings.TIME_ZONE = "Pacific/Auckland"
    with timezone.override("Pacific/Auckland"):
        reviewed_on(MONDAY, campaign)
        # Sunday, 12:30 in UTC, is Monday in Auckland.
        generations = type(campaign.units.get_queryset()[0].generation).objects
        generations.update(created_at=datetime(2026, 3, 1, 12, 30, tzinfo=UTC))

        point = only_line().points[-1]

    assert (point.judge.n, point.corrected.n) == (36, 36)


def test_lines_are_told_apart_by_model_and_by_prompt_version(campaign: Campaign):
    newer = LanguageModelFactory.create(name="newer")
    reviewed_on(MONDAY, campaign, model=newer, prompt_version="2")
    judged_on(MONDAY, n=4)

    by_model = trends.trend(Filters(by=Split.MODEL), TODAY).lines
    by_prompt = trends.trend(Filters(by=Split.PROMPT), TODAY).lines

    assert [(line.title, line.n_judged, line.n_known) for line in by_model] == [("newer", 36, 1), ("smollm2", 4, 0)]
    assert [(line.title, line.n_judged, line.n_known) for line in by_prompt] == [
        ("Prompt version 2", 36, 1),
        ("Prompt version 1", 4, 0),
    ]


def test_each_kind_has_its_line_and_a_model_narrows_its_own_kind_only(campaign: Campaign):
    judged_on(MONDAY, n=2)
    tag = OutputFactory.create(generation=GenerationFactory.create(stage=Stage.TAGS))
    AssessmentFactory.create(output=tag)
    type(tag.generation).objects.filter(pk=tag.generation_id).update(created_at=at(MONDAY))
    nobody = LanguageModelFactory.create(name="nobody's")

    everything = trends.trend(Filters(by=Split.KIND), TODAY)
    narrowed = trends.trend(Filters(by=Split.KIND, model=nobody.pk), TODAY)

    assert [(line.title, line.n_judged) for line in everything.lines] == [("Interest", 2), ("Item tag", 1)]
    assert [line.title for line in narrowed.lines] == ["Item tag"]


def test_one_judge_at_a_time(campaign: Campaign):
    judged_on(MONDAY)
    other = JudgeFactory.create(language_model__name="other", language_model__state=LanguageModel.State.CANDIDATE)

    assert trends.trend(Filters(judge=other.pk), TODAY).lines == ()


def test_more_lines_than_fit_are_counted():
    for number in range(trends.MAX_LINES + 2):
        judged_on(MONDAY, prompt_version=f"{number}")

    found = trends.trend(Filters(by=Split.PROMPT), TODAY)

    assert (len(found.lines), found.n_left_out) == (trends.MAX_LINES, 2)


def test_more_periods_and_lines_cost_no_more_queries(campaign: Campaign, django_assert_max_num_queries):
    reviewed_on(MONDAY, campaign, n=2)
    judged_on(MONDAY - timedelta(weeks=3), n=3, prompt_version="2")

    with django_assert_max_num_queries(7):
        trends.trend(Filters(by=Split.PROMPT), TODAY)


def test_neighbours_are_joined_and_gaps_are_not(campaign: Campaign):
    for weeks in (0, 1, 3):
        reviewed_on(MONDAY - timedelta(weeks=weeks), campaign)
    judged_on(MONDAY - timedelta(weeks=2))

    drawn = trend_charts.chart(trends.trend(Filters(), TODAY)).lines[0]

    assert len(drawn.bands) == 1
    assert len(drawn.corrected) == 1
    assert [dot.is_alone for dot in drawn.dots] == [True, False, False]
    assert len(drawn.gaps) == 1
    assert len(drawn.judge) == 1  # it has a rate in all four
    # The last of twelve periods is centred at 11.5 twelfths; two thirds passed.
    assert drawn.corrected[0].split()[-1] == f"{100 * 11.5 / 12:.2f},{100 - 100 * 2 / 3:.2f}"


def test_the_page_shows_it_and_keeps_it_in_its_address(client: Client, campaign: Campaign):
    reviewed_on(timezone.localdate(), campaign)

    page = page_of(client, "?by=model&span=month")

    assert '<option value="model" selected>' in page
    assert '<option value="month" selected>' in page
    assert 'class="over-time__dot"' in page
    assert "/dashboard/figures/acceptance-over-time.csv?kind=interest&by=model&span=month" in page
    assert '<input type="hidden" name="by" value="model">' in page  # a changed model keeps it


def test_a_page_without_anything_judged_says_what_would_be_there(client: Client):
    seed_rubrics()

    assert "Nothing that was made in the last 12 periods has been judged." in page_of(client)


def test_what_is_not_understood_is_as_if_it_had_not_been_said():
    assert dashboard.read_filters({"by": "shoe size", "span": "eon"}) == Filters()
