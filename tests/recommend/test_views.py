"""The demo's pages."""

from datetime import UTC, datetime

import pytest
from django.test import Client

from recommend.models import JobState, PipelineRun
from recommend.roles import ANNOTATOR, LEAD
from tests.judge.factories import UserFactory
from tests.recommend.factories import BehaviorFactory, ShopperFactory
from tests.support.review_data import full_run, interests_generation

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def annotator(client: Client):
    user = UserFactory.create(role=ANNOTATOR)
    client.force_login(user)
    return user


def shopper(external_id: str, **attributes: str):
    last = datetime(2017, 12, 30, tzinfo=UTC)
    made = ShopperFactory.create(external_id=external_id, attributes=attributes, n_behaviors=9, last_behavior_at=last)
    BehaviorFactory.create(shopper=made, occurred_at=last)
    return made


def test_shoppers_are_found_by_id_and_by_attribute(client: Client, annotator):
    shopper("1001", age="25-34", kids="2")
    shopper("2002", age="65+")

    by_id = client.get("/demo/", {"q": "2002"}, headers=HTMX).content.decode()
    by_attribute = client.get("/demo/", {"q": "25-34"}, headers=HTMX).content.decode()

    assert "2002" in by_id
    assert "1001" not in by_id
    assert "1001" in by_attribute
    assert "2002" not in by_attribute


def test_one_shopper_is_always_chosen(client: Client, annotator):
    first, second = shopper("1001"), shopper("2002")

    kept_choice = client.get("/demo/", {"q": "00", "shopper": second.pk}, headers=HTMX).content.decode()
    hidden_choice = client.get("/demo/", {"q": "1001", "shopper": second.pk}, headers=HTMX).content.decode()

    assert f'value="{second.pk}" checked' in kept_choice
    assert kept_choice.count(" checked") == 1
    assert f'value="{first.pk}" checked' in hidden_choice


def test_many_shoppers_come_in_pages(client: Client, annotator):
    for number in range(30):
        shopper(f"{number:04}")

    page = client.get("/demo/", {"page": 2}, headers=HTMX).content.decode()

    assert page.count('name="shopper"') == 12
    assert "page 2 of 3" in page
    assert "<html" not in page


def test_a_search_without_a_match_says_what_to_do(client: Client, annotator):
    shopper("1001")

    assert "Fewer words find more" in client.get("/demo/", {"q": "nobody"}).content.decode()


def test_an_empty_catalogue_says_how_to_fill_it(client: Client, annotator):
    assert "manage.py load_sample" in client.get("/demo/").content.decode()


def test_run_starts_a_run_and_leads_to_its_page(client: Client, annotator):
    answer = client.post("/demo/runs/", {"shopper": shopper("1001").pk, "beta": "0.3", "n_items": "4"})

    run = PipelineRun.objects.get()
    assert answer.headers["Location"] == run.get_absolute_url()
    assert (run.beta, run.n_items, run.created_by) == (0.3, 4, annotator)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"beta": "2"}, "less than or equal to 1"),
        ({"n_items": "0"}, "greater than or equal to 1"),
        ({"shopper": ""}, "Choose a shopper."),
        ({"shopper": "00000000-0000-0000-0000-000000000000"}, "There is no such shopper."),
    ],
)
def test_a_run_that_cannot_be_is_refused_in_words(client: Client, annotator, change, says):
    wanted = {"shopper": shopper("1001").pk, "beta": "0.5", "n_items": "6"} | change

    answer = client.post("/demo/runs/", wanted)

    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not PipelineRun.objects.exists()


def test_a_finished_run_shows_every_stage_and_asks_no_more(client: Client, annotator):
    run = full_run(by=annotator).run

    page = client.get(run.get_absolute_url()).content.decode()

    for part in ("baby care", "useful baby care", "Dry nights.", "cites line", "0.5 × 0.80 collaborative", "(1)"):
        assert part in page
    assert "every 1s" not in page
    assert "32 older ones" in page


def test_a_run_in_progress_asks_again_and_hears_of_changes_only(client: Client, annotator):
    run = interests_generation(created_by=annotator, state=JobState.RUNNING, step="tags").run
    page = client.get(run.get_absolute_url(), headers=HTMX)
    seen = page.content.decode().split("?seen=")[1].split('"')[0]

    same = client.get(run.get_absolute_url(), {"seen": seen}, headers=HTMX)
    PipelineRun.objects.update(step="items")
    changed = client.get(run.get_absolute_url(), {"seen": seen}, headers=HTMX)

    assert "every 1s" in page.content.decode()
    assert same.status_code == 204
    assert changed.status_code == 200


def test_a_failed_run_says_what_happened_and_what_to_do(client: Client, annotator):
    run = interests_generation(created_by=annotator, state=JobState.FAILED, step="tags", error="No answer.").run

    page = client.get(run.get_absolute_url()).content.decode()

    assert "The run stopped at" in page
    assert "No answer." in page
    assert "Run it again" in page


def test_cancel_stops_a_run(client: Client, annotator):
    run = interests_generation(created_by=annotator, state=JobState.RUNNING, step="tags").run

    answer = client.post(f"{run.get_absolute_url()}cancel/", follow=True)

    run.refresh_from_db()
    assert run.state == JobState.CANCELLED
    assert "What was made before stays" in answer.content.decode()


def test_a_run_is_its_callers_and_the_leads(client: Client, annotator):
    run = full_run(by=UserFactory.create()).run

    foreign = client.get(run.get_absolute_url())
    cancelled = client.post(f"{run.get_absolute_url()}cancel/")
    labels = client.get(f"/review/runs/{run.pk}/labels/")
    client.force_login(UserFactory.create(role=LEAD))

    assert (foreign.status_code, cancelled.status_code, labels.status_code) == (404, 404, 404)
    assert client.get(run.get_absolute_url()).status_code == 200


@pytest.mark.parametrize("page", ["runs/", "runs/00000000-0000-0000-0000-000000000000/cancel/"])
def test_what_changes_something_is_no_get(client: Client, annotator, page):
    assert client.get(f"/demo/{page}").status_code == 405
