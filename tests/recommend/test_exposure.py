"""How popular a run's items are and how diverse: figures by hand, the plot's places, page and REST."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client

from recommend import exposure, exposure_charts, retrieval
from recommend.models import Item, PipelineRun, Recommendation, RetrievalIndex
from tests.judge.factories import UserFactory
from tests.recommend.factories import REFERENCE, BehaviorFactory, ItemFactory, PipelineRunFactory, ShopperFactory
from tests.site.api.clients import client_of, problem

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
# name: behaviours and category. 20 of the 25 behaviours, 80 %, are of the first two.
CATALOGUE = {
    "milk": (12, ["food", "dairy", "milk"]),
    "bread": (8, ["food", "bakery", "bread"]),
    "yoghurt": (3, ["food", "dairy", "yoghurt"]),
    "crayons": (2, ["toys", "drawing", "crayons"]),
    "easel": (0, ["toys", "drawing", "easels"]),
}


@pytest.fixture
def owner(client: Client) -> User:
    user: User = UserFactory.create(role="")
    client.force_login(user)
    return user


@pytest.fixture
def items() -> dict[str, Item]:
    made = {}
    for name, (n, category) in CATALOGUE.items():
        made[name] = ItemFactory.create(sku=name, title=f"{name} <b>", category=category)
        BehaviorFactory.create_batch(n, item=made[name])
    retrieval.fit()
    return made


@pytest.fixture
def run(owner: User, items: dict[str, Item]) -> PipelineRun:
    """Yoghurt, milk and the easel that nobody took."""
    shopper = ShopperFactory.create(last_behavior_at=REFERENCE)
    made: PipelineRun = PipelineRunFactory.create(shopper=shopper, created_by=owner, state="done", step="finished")
    for rank, name in enumerate(("yoghurt", "milk", "easel"), start=1):
        Recommendation.objects.create(
            run=made, item=items[name], rank=rank, score=0.5, collaborative=0.5, semantic=0.5, arm="both"
        )
    return made


def test_places_tail_and_diversity_are_those_worked_out_by_hand(run: PipelineRun):
    found = exposure.exposure_of(run)

    assert [(one.item.sku, one.place, one.is_tail) for one in found.run.items] == [
        ("yoghurt", 3, True),
        ("milk", 1, False),
        ("easel", 5, True),
    ]
    assert [one.item.sku for one in found.baseline.items] == ["milk", "bread", "yoghurt"]
    assert (found.n_items, found.n_head) == (4, 2)
    assert (found.run.tail_share, found.baseline.tail_share) == pytest.approx((2 / 3, 1 / 3))
    assert (found.run.median_place, found.baseline.median_place) == (3, 2)
    # Dairy twice and drawing once: 3 / 2**(2/3) even categories.
    assert (found.run.exposed.n, found.run.exposed.effective) == pytest.approx((2, 3 / 2 ** (2 / 3)))
    assert found.baseline.exposed == found.run.exposed


def test_what_the_shopper_did_since_is_what_was_clicked(run: PipelineRun, items: dict[str, Item]):
    assert exposure.exposure_of(run).clicked is None

    BehaviorFactory.create(shopper=run.shopper, item=items["bread"], occurred_at=REFERENCE + timedelta(days=1))
    assert exposure.exposure_of(run).clicked == exposure.Diversity(0, 0.0)

    for name in ("easel", "milk"):
        BehaviorFactory.create(
            shopper=run.shopper, item=items[name], kind="click", occurred_at=REFERENCE + timedelta(days=2)
        )
    clicked = exposure.exposure_of(run).clicked
    assert clicked is not None
    assert (clicked.n, clicked.effective) == pytest.approx((2, 2.0))


def test_the_plot_has_a_dot_for_every_item_on_a_scale_of_tens(run: PipelineRun):
    chart = exposure_charts.chart(exposure.exposure_of(run))

    assert chart.ticks == (1, 10)
    assert [(dot.item.place, dot.x) for dot in chart.lines[0].dots] == [
        (1, 0.0),
        (3, pytest.approx(47.71, abs=0.01)),
        (5, pytest.approx(69.90, abs=0.01)),
    ]
    assert chart.head == pytest.approx(39.79, abs=0.01)  # between places 2 and 3


def test_dots_at_one_place_stand_one_above_the_other(run: PipelineRun):
    twins = ItemFactory.create_batch(2, n_behaviors=0)
    for rank, item in enumerate(twins, start=4):
        Recommendation.objects.create(run=run, item=item, rank=rank, score=0.1, collaborative=0, semantic=0.1)

    heights = [dot.y for dot in exposure_charts.chart(exposure.exposure_of(run)).lines[0].dots if dot.item.place == 5]

    assert heights == [85, 69, 53]


def test_the_page_opens_it_and_without_scripts_it_is_a_page(client: Client, run: PipelineRun):
    address = f"{run.get_absolute_url()}exposure/"
    part, page = client.get(address, headers=HTMX).content.decode(), client.get(address).content.decode()

    assert f'hx-get="{address}" hx-trigger="toggle once"' in client.get(run.get_absolute_url()).content.decode()
    assert "<html" not in part
    for text in (part, page):
        assert "67 % from the tail" in text
        assert "2 of 4 items have 80 % of all behaviours" in text
        assert 'aria-label="This run: places by popularity 1, 3, 5"' in text
        assert "1. yoghurt &lt;b&gt;" in text
        assert "nothing can have been clicked" in text


def test_it_is_had_by_rest_for_runs_of_ones_own(owner: User, run: PipelineRun):
    found = client_of(owner).get(f"/api/v1/pipeline-runs/{run.pk}/exposure/").json()

    assert [(one["item"]["sku"], one["place"]) for one in found["run"]["items"]] == [
        ("yoghurt", 3),
        ("milk", 1),
        ("easel", 5),
    ]
    assert (found["n_items"], found["n_head"], found["clicked"]) == (4, 2, None)
    assert found["baseline"]["exposed"]["n"] == 2
    problem(client_of(UserFactory.create()).get(f"/api/v1/pipeline-runs/{run.pk}/exposure/"), 404)


def test_before_a_fit_it_says_what_to_do(client: Client, owner: User, run: PipelineRun):
    RetrievalIndex.objects.all().delete()

    assert "manage.py fit_retrieval" in client.get(f"{run.get_absolute_url()}exposure/").content.decode()
    refused = problem(client_of(owner).get(f"/api/v1/pipeline-runs/{run.pk}/exposure/"), 503)
    assert "fit_retrieval" in refused["detail"]


def test_a_foreign_run_is_not_found_and_a_shared_one_is(client: Client, run: PipelineRun):
    client.post(f"{run.get_absolute_url()}share/", {"shared": "yes"})
    run.refresh_from_db()
    client.force_login(UserFactory.create())

    assert client.get(f"{run.get_absolute_url()}exposure/").status_code == 404
    assert "from the tail" in client.get(f"{run.shared_url}exposure/").content.decode()
