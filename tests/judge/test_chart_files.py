"""Every chart of the dashboard as a table: the same numbers as CSV on the page and as JSON or CSV by REST."""

import csv
import io

import pytest
from django.test import Client
from django.utils import timezone

from judge import dashboard, tables
from judge.comparison import Filters
from judge.models import Assessment, Campaign
from judge.services import seed_rubrics
from recommend.roles import LEAD
from tests.judge.factories import CampaignFactory, UserFactory
from tests.judge.test_dashboard import BAD, GOOD, page_of, review_again, reviewed
from tests.site.api.clients import annotator, lead, problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def reviews() -> Campaign:
    campaign: Campaign = CampaignFactory.create(overlap=3)
    people = [UserFactory.create(username=name) for name in ("=1+1", "ben", "cleo")]
    for _ in range(12):
        unit = reviewed(campaign, people[0], [GOOD, GOOD, BAD], [GOOD, GOOD, GOOD])
        for person in people[1:]:
            review_again(unit, person, [GOOD, GOOD, BAD])
    sure = {"willingness": {"Spontaneity": 0.9}, "reasonableness": {"Strong": 0.8}}
    Assessment.objects.filter(rater__user__isnull=True).update(probabilities=sure)
    return campaign


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_chart_comes_as_csv_with_the_numbers_of_the_page(client: Client, reviews: Campaign):
    client.force_login(UserFactory.create(role=LEAD))

    response = client.get(f"/dashboard/figures/acceptance.csv?campaign={reviews.pk}")

    overall, willingness, _ = rows_of(response.content.decode())
    shown = dashboard.quality(Filters(campaign=reviews.pk)).report.overall
    assert (overall["criterion"], willingness["criterion"]) == ("All together", "Willingness")
    assert float(overall["corrected"]) == shown.corrected_rate.value
    assert float(overall["corrected_low"]) == shown.corrected_rate.low
    assert (overall["judge_alone"], overall["judged"], overall["labelled"]) == ("1.0", "36", "36")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith('attachment; filename="interest-acceptance-')
    assert response["Cache-Control"] == "no-store"


# Lists of tags are on the page of tags only, drift is there once a week is over.
@pytest.mark.parametrize("name", [name for name in tables.CHARTS if name not in ("tag-lists", "drift")])
def test_every_chart_has_rows_and_its_link_on_the_page(client: Client, reviews: Campaign, name: str):
    table = tables.CHARTS[name].table(Filters())

    assert {len(row) for row in table.rows} <= {len(table.columns)}
    assert len(set(table.columns)) == len(table.columns)
    assert f"/dashboard/figures/{name}.csv?" in page_of(client)


def test_the_matrix_has_a_row_for_each_of_its_cells(reviews: Campaign):
    cells = tables.CHARTS["matrix"].table(Filters()).as_records()

    assert [tuple(one.values()) for one in cells[:4]] == [
        ("All together", "pass", "pass", 72),
        ("All together", "pass", "fail", 0),
        ("All together", "fail", "pass", 36),
        ("All together", "fail", "fail", 0),
    ]


def test_no_name_becomes_a_formula_and_no_number_becomes_a_text(reviews: Campaign):
    text = tables.CHARTS["reviewers"].table(Filters()).as_csv()

    assert {row["reviewer"] for row in rows_of(text)} == {"'=1+1", "ben", "cleo"}
    assert tables.Table(
        ("a",), ((-0.5,), (None,), ("-0.5",)), timezone.now()
    ).as_csv() == "a\r\n-0.5\r\n\r\n'-0.5\r\n".replace("\r\n\r\n", '\r\n""\r\n')


def test_figures_that_cannot_be_computed_are_empty_with_the_reason():
    seed_rubrics()

    assert tables.CHARTS["reviewers"].table(Filters()).rows == ()
    overall = tables.CHARTS["acceptance"].table(Filters()).as_records()[0]
    assert (overall["corrected"], overall["judged"]) == (None, 0)


def test_the_same_by_rest_as_json_and_csv(client: Client, reviews: Campaign):
    caller = lead()

    listed = caller.get("/api/v1/figures/").json()
    found = caller.get("/api/v1/figures/agreement/", {"campaign": str(reviews.pk)}).json()
    file = caller.get("/api/v1/figures/agreement/", {"campaign": str(reviews.pk), "format": "csv"})

    assert [one["id"] for one in listed] == list(tables.CHARTS)
    assert found["columns"][:3] == ["criterion", "n", "same_label"]
    assert found["rows"][0]["same_label"] == pytest.approx(2 / 3)
    client.force_login(UserFactory.create(role=LEAD))
    page = client.get(f"/dashboard/figures/agreement.csv?campaign={reviews.pk}")
    assert file.content == page.content


def test_dates_and_splits_go_through_rest(reviews: Campaign):
    found = lead().get("/api/v1/figures/acceptance-over-time/", {"by": "model", "span": "month"}).json()

    assert len(found["rows"]) == 12
    assert found["rows"][-1]["line"] == "smollm2"
    assert found["rows"][-1]["from"].endswith("-01")


def test_figures_are_for_leads_on_page_and_by_rest(client: Client):
    seed_rubrics()
    client.force_login(UserFactory.create())

    assert client.get("/dashboard/figures/acceptance.csv").status_code == 403
    problem(annotator().get("/api/v1/figures/"), 403)
    problem(annotator().get("/api/v1/figures/acceptance/"), 403)
    client.logout()
    assert client.get("/dashboard/figures/acceptance.csv").status_code == 302


def test_unknown_figures_and_options_are_refused_with_what_there_is(client: Client):
    client.force_login(UserFactory.create(role=LEAD))

    assert client.get("/dashboard/figures/nothing.csv").status_code == 404
    assert "acceptance-over-time" in problem(lead().get("/api/v1/figures/nothing/"), 404)["detail"]
    problem(lead().get("/api/v1/figures/acceptance/", {"span": "eon"}), 400)
    problem(lead().get("/api/v1/figures/acceptance/"), 404)  # no rubric yet: the detail says what to run
