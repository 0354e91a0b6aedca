"""The demo's pages."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils.html import escape

from recommend import retrieval
from recommend.models import AuditEntry, JobState, PipelineRun, Stage
from recommend.roles import ANNOTATOR, LEAD
from recommend.steps.items import ranking
from tests.judge.factories import UserFactory
from tests.recommend.factories import (
    REFERENCE,
    BehaviorFactory,
    GenerationFactory,
    ItemFactory,
    OutputFactory,
    PipelineRunFactory,
    ShopperFactory,
)
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
    wanted = {"shopper": shopper("1001").pk, "beta": "0.3", "n_items": "4", "tag_strategy": "experts"}

    answer = client.post("/demo/runs/", wanted)

    run = PipelineRun.objects.get()
    assert answer.headers["Location"] == run.get_absolute_url()
    assert (run.beta, run.n_items, run.tag_strategy, run.created_by) == (0.3, 4, "experts", annotator)
    assert "tags by planner, experts, arbiter" in client.get(run.get_absolute_url()).content.decode()


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

    for part in (
        "baby care",
        "useful baby care",
        "Dry nights.",
        "cites line",
        "0.5 × 0.80 collaborative",
        "both arms",
        "(1)",
    ):
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


@pytest.mark.parametrize(
    "page", ["runs/", *(f"runs/00000000-0000-0000-0000-000000000000/{act}/" for act in ("cancel", "again", "share"))]
)
def test_what_changes_something_is_no_get(client: Client, annotator, page):
    assert client.get(f"/demo/{page}").status_code == 405


SOUP = "2017-12-20 purchase S-1 ×2  # soup\n2017-12-28 search oat milk"


def by_hand(client: Client, history: str, **wishes: str):
    wanted = {"source": "hand", "history": history, "shopper": "", "beta": "0.5", "n_items": "6"} | wishes
    return client.post("/demo/runs/", wanted)


def test_a_history_by_hand_is_run_for_a_guest(client: Client, annotator):
    ItemFactory.create(sku="S-1")

    answer = by_hand(client, SOUP, shopper=str(shopper("1001").pk))

    run = PipelineRun.objects.get()
    assert answer.headers["Location"] == run.get_absolute_url()
    assert run.shopper.is_guest
    assert [one["kind"] for one in run.shopper.guest_history.behaviors] == ["purchase", "search"]
    assert f"Guest {run.shopper.external_id[6:14]}" in client.get(run.get_absolute_url()).content.decode()
    assert run.shopper.external_id not in client.get("/demo/").content.decode()


@pytest.mark.parametrize(
    ("history", "says"),
    [
        ("", "give at least one behaviour"),
        ("# soup\n2017-12-20 purchase S-9", "Line 2: no item has this sku"),
        ("2017-12-20 bought S-1", "Line 1: &quot;kind&quot; must be one of"),
        ("2999-01-01 purchase S-1", "lies in the future"),
        ("<script>alert(1)</script>", "&lt;script&gt;"),
    ],
)
def test_a_history_that_cannot_be_used_is_kept_and_its_lines_are_named(client: Client, annotator, history, says):
    ItemFactory.create(sku="S-1")

    answer = by_hand(client, history)

    page = answer.content.decode()
    assert answer.status_code == 422
    assert says in page
    assert f">{escape(history)}</textarea>" in page
    assert not PipelineRun.objects.exists()


def test_the_history_of_a_run_is_there_to_be_edited(client: Client, annotator):
    made = shopper("1001")
    run = interests_generation(created_by=annotator, shopper=made).run

    page = client.get("/demo/", {"edit": str(run.pk)}).content.decode()

    sku = made.behaviors.get().item.sku
    assert f"2017-12-30 purchase {sku}  # diapers</textarea>" in page
    assert 'value="hand" form="run-form" checked' in page
    assert client.get("/demo/", {"edit": str(interests_generation().run.pk)}).status_code == 404


def test_run_again_starts_the_same_once_more(client: Client, annotator):
    made = shopper("1001")
    first = interests_generation(created_by=annotator, shopper=made, beta=0.3, language="de", state=JobState.DONE).run

    answer = client.post(f"{first.get_absolute_url()}again/")

    again = PipelineRun.objects.exclude(pk=first.pk).get()
    assert answer.headers["Location"] == again.get_absolute_url()
    assert (again.beta, again.language, again.shopper) == (0.3, "de", made)


def test_run_again_says_why_it_cannot(client: Client, annotator):
    run = interests_generation(created_by=annotator, state=JobState.DONE).run  # its shopper has no behaviours

    page = client.post(f"{run.get_absolute_url()}again/", follow=True).content.decode()

    assert "It cannot be run again" in page
    assert PipelineRun.objects.count() == 1


# Another weight of the arms -----------------------------------------------------------------------------------------


@pytest.fixture
def ranked(annotator) -> PipelineRun:
    """A finished run whose best item by what others bought is not its best item by the tag."""
    items = {
        name: ItemFactory.create(short_text=name, title=name.title(), category=["food", name, name])
        for name in ("tea", "coffee", "oat milk")
    }
    for _ in range(4):
        buyer = ShopperFactory.create()
        for day, name in enumerate(("tea", "coffee")):
            BehaviorFactory.create(shopper=buyer, item=items[name], occurred_at=REFERENCE - timedelta(days=90 - day))
    BehaviorFactory.create(item=items["oat milk"], occurred_at=REFERENCE - timedelta(days=90))
    retrieval.fit()
    made = ShopperFactory.create(last_behavior_at=REFERENCE)
    BehaviorFactory.create(shopper=made, item=items["tea"], occurred_at=REFERENCE - timedelta(days=60))
    run = PipelineRunFactory.create(
        shopper=made, created_by=annotator, state=JobState.DONE, step="finished", beta=1.0, n_items=1
    )
    interest = OutputFactory.create(generation=GenerationFactory.create(run=run), text="breakfast")
    tags = GenerationFactory.create(run=run, stage=Stage.TAGS)
    OutputFactory.create(generation=tags, text="oat milk", parent=interest)
    for row in ranking(run, beta=1.0):
        row.save()
    return run


def test_the_slider_ranks_again_without_a_language_model(client: Client, ranked: PipelineRun):
    page = client.get(ranked.get_absolute_url()).content.decode()
    address = f"{ranked.get_absolute_url()}ranking/"

    semantic = client.get(address, {"beta": "0"}, headers=HTMX)

    assert f'hx-get="{address}"' in page
    assert "Coffee" in page
    assert "Oat Milk" not in page
    text = semantic.content.decode()
    assert "Oat Milk" in text
    assert "0 × 0.00 collaborative + 1 × 1.00 semantic" in text
    assert "Coffee" not in text
    assert semantic.headers["HX-Replace-Url"] == f"{ranked.get_absolute_url()}?beta=0"
    assert "Oat Milk" in client.get(ranked.get_absolute_url(), {"beta": "0"}).content.decode()
    assert [one.item.title for one in ranked.recommendations.all()] == ["Coffee"]
    assert ranked.generations.count() == 2


@pytest.mark.parametrize("beta", ["", "2", "nan", "x"])
def test_a_weight_that_is_none_is_refused(client: Client, ranked: PipelineRun, beta: str):
    assert client.get(f"{ranked.get_absolute_url()}ranking/", {"beta": beta}).status_code == 400
    assert client.get(ranked.get_absolute_url(), {"beta": beta}).status_code == 200


def test_only_a_finished_run_of_ones_own_is_ranked_again(client: Client, ranked: PipelineRun):
    PipelineRun.objects.update(state=JobState.RUNNING)
    at_work = client.get(f"{ranked.get_absolute_url()}ranking/", {"beta": "0"})
    PipelineRun.objects.update(state=JobState.DONE, created_by=UserFactory.create())
    foreign = client.get(f"{ranked.get_absolute_url()}ranking/", {"beta": "0"})

    assert (at_work.status_code, foreign.status_code) == (404, 404)


def test_a_run_is_ranked_by_its_own_rules(ranked: PipelineRun, settings):
    settings.RETRIEVAL_RULES = {"taken": "offered"}
    ranked.n_items = 3
    assert {row.item.title for row in ranking(ranked, beta=0.5)} == {"Tea", "Coffee", "Oat Milk"}

    ranked.rules = {"categories": ["coffee", "tea"]}
    assert {row.item.title for row in ranking(ranked, beta=0.5)} == {"Tea", "Coffee"}

    ranked.rules = {"categories": ["coffee", "tea"], "taken": "ever"}
    assert {row.item.title for row in ranking(ranked, beta=0.5)} == {"Coffee"}


# Sharing ------------------------------------------------------------------------------------------------------------


def shared(client: Client, run: PipelineRun) -> str:
    client.post(f"{run.get_absolute_url()}share/", {"shared": "yes"})
    run.refresh_from_db()
    return run.shared_url


def test_a_shared_run_is_seen_by_who_has_the_link_and_changed_by_nobody(client: Client, ranked: PipelineRun):
    address = shared(client, ranked)
    own = client.get(ranked.get_absolute_url()).content.decode()
    reranked = client.get(ranked.get_absolute_url(), {"beta": "0.25"}).content.decode()
    client.force_login(UserFactory.create(role=""))

    page = client.get(address).content.decode()

    assert f'href="http://testserver{address}"' in own
    assert f'href="http://testserver{address}?beta=0.25"' in reranked
    assert "Coffee" in page
    assert all(word not in page for word in ("Run again", "End the link", "Edit the history", "judge-labels"))
    assert "Oat Milk" in client.get(f"{address}ranking/", {"beta": "0"}).content.decode()
    assert client.get(f"{address}ranking/", {"beta": "0"}).headers["HX-Replace-Url"] == f"{address}?beta=0"
    assert client.get(ranked.get_absolute_url()).status_code == 404
    assert client.post(f"{ranked.get_absolute_url()}share/", {"shared": "no"}).status_code == 404
    client.logout()
    assert client.get(address).headers["Location"].startswith("/login/")


def test_a_link_that_was_ended_leads_nowhere_and_a_new_one_is_another(client: Client, ranked: PipelineRun):
    address = shared(client, ranked)

    client.post(f"{ranked.get_absolute_url()}share/", {"shared": "no"})

    assert client.get(address).status_code == 404
    assert shared(client, ranked) != address
    assert AuditEntry.objects.filter(verb="run.shared", object_id=str(ranked.pk)).count() == 3


def test_a_run_at_work_is_not_shared(client: Client, annotator):
    run = interests_generation(created_by=annotator, state=JobState.RUNNING, step="tags").run

    page = client.post(f"{run.get_absolute_url()}share/", {"shared": "yes"}, follow=True).content.decode()

    run.refresh_from_db()
    assert run.share_key is None
    assert "share it once it has ended" in page
