"""Why an item is in a run's list: by page and by REST."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client

from recommend import retrieval
from recommend.models import Item, JobState, PipelineRun, Recommendation, RetrievalIndex, Stage
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
from tests.site.api.clients import client_of, problem

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
LINE = "60 days ago (purchased) | tea ×2, <b>rice</b>"
OTHER = "1 day ago (searched) | oats"


@pytest.fixture
def owner(client: Client) -> User:
    user: User = UserFactory.create(role="")
    client.force_login(user)
    return user


@pytest.fixture
def items() -> dict[str, Item]:
    """Four shoppers took tea, then coffee; coffee comes back to nobody."""
    made = {
        name: ItemFactory.create(short_text=name, title=f"{name.title()} <i>fine</i>", category=["food", name, name])
        for name in ("tea", "coffee", "oat milk")
    }
    for _ in range(4):
        buyer = ShopperFactory.create()
        for day, name in enumerate(("tea", "coffee")):
            BehaviorFactory.create(shopper=buyer, item=made[name], occurred_at=REFERENCE - timedelta(days=90 - day))
    retrieval.fit()
    return made


@pytest.fixture
def run(owner: User, items: dict[str, Item]) -> PipelineRun:
    """A finished run for somebody who took tea twice: coffee by both arms, oat milk by its tag only."""
    shopper = ShopperFactory.create(last_behavior_at=REFERENCE)
    for day in (60, 50):
        BehaviorFactory.create(shopper=shopper, item=items["tea"], occurred_at=REFERENCE - timedelta(days=day))
    made: PipelineRun = PipelineRunFactory.create(
        shopper=shopper,
        created_by=owner,
        state=JobState.DONE,
        step="finished",
        beta=0.25,
        history={"lines": [{"text": LINE, "contexts": "60 days ago (purchased)", "items": [["tea", 2], ["rice", 1]]}]},
    )
    read = {"history": [LINE, OTHER]}
    interests = GenerationFactory.create(run=made, input=read)
    interest = OutputFactory.create(generation=interests, text="breakfast", reason="Bought tea ×2.", evidence=[0])
    tags = GenerationFactory.create(run=made, stage=Stage.TAGS, input=read)
    tag = OutputFactory.create(
        generation=tags, text="roasted coffee", reason="Searched oats.", parent=interest, evidence=[1, 7]
    )
    for rank, (name, collaborative) in enumerate({"coffee": 1.0, "oat milk": 0.0}.items(), start=1):
        Recommendation.objects.create(
            run=made,
            item=items[name],
            rank=rank,
            score=0.25 * collaborative + 0.75 * 0.4,
            collaborative=collaborative,
            semantic=0.4,
            arm="both",
            tag=tag,
        )
    return made


def address(run: PipelineRun, item: Item) -> str:
    return f"/api/v1/pipeline-runs/{run.pk}/why/{item.pk}/"


def test_the_parts_the_voters_and_the_cited_lines_are_told(owner: User, run: PipelineRun, items: dict[str, Item]):
    found = client_of(owner).get(address(run, items["coffee"])).json()

    assert (found["rank"], found["arm"], found["beta"]) == (1, "both", 0.25)
    assert (found["collaborative_part"], found["semantic_part"]) == pytest.approx((0.25, 0.3))
    assert found["score"] == pytest.approx(found["collaborative_part"] + found["semantic_part"])
    [voter] = found["voters"]
    assert (voter["item"]["id"], voter["share"], voter["n_times"], voter["line"]) == (str(items["tea"].pk), 1.0, 2, 0)
    assert voter["last_at"] == "2017-11-12T00:00:00Z"
    assert found["other_share"] == 0.0
    assert (found["tag"]["text"], found["interest"]["text"]) == ("roasted coffee", "breakfast")
    # The tag's second line is none; what the run does not keep has no number of its own.
    assert found["evidence"] == [
        {"text": LINE, "named": ["tea"], "line": 0},
        {"text": OTHER, "named": ["oats"], "line": None},
    ]
    assert found["is_fitted_again"] is False


def test_an_item_that_nothing_votes_for_says_so(client: Client, run: PipelineRun, items: dict[str, Item]):
    page = client.get(f"{run.get_absolute_url()}why/{items['oat milk'].pk}/").content.decode()

    assert "no item of the history is often followed by it" in page


def test_the_card_opens_the_reasons_and_without_scripts_they_are_a_page(
    client: Client, run: PipelineRun, items: dict[str, Item]
):
    why = f"{run.get_absolute_url()}why/{items['coffee'].pk}/"
    part, page = client.get(why, headers=HTMX).content.decode(), client.get(why).content.decode()

    assert f'hx-get="{why}?beta=0.25" hx-trigger="toggle once"' in client.get(run.get_absolute_url()).content.decode()
    assert "<html" not in part
    assert "<html" in page
    for text in (part, page):
        assert "<mark>tea</mark> ×2, &lt;b&gt;rice&lt;/b&gt;" in text
        assert "Tea &lt;i&gt;fine&lt;/i&gt;" in text
        assert f'href="{run.get_absolute_url()}#line-0"' in text
        assert "2 times, last 12 Nov 2017" in text


def test_without_a_tag_the_history_speaks_alone(client: Client, run: PipelineRun, items: dict[str, Item]):
    run.recommendations.update(tag=None, score=1.0)

    page = client.get(f"{run.get_absolute_url()}why/{items['coffee'].pk}/").content.decode()

    assert "without a tag the collaborative arm speaks alone" in page
    assert "<dd>1.00</dd>" in page


def test_by_another_weight_the_parts_are_of_that_list(client: Client, run: PipelineRun, items: dict[str, Item]):
    page = client.get(f"{run.get_absolute_url()}why/{items['coffee'].pk}/", {"beta": "1"}).content.decode()

    assert "<dd>1.00</dd>" in page
    assert "<dd>0.00</dd>" in page


def test_a_later_fit_is_told(owner: User, run: PipelineRun, items: dict[str, Item]):
    RetrievalIndex.objects.update(created_at=run.recommendations.earliest("rank").created_at + timedelta(days=1))

    assert client_of(owner).get(address(run, items["coffee"])).json()["is_fitted_again"] is True


def test_an_item_outside_the_list_a_foreign_run_and_one_without_a_fit(
    client: Client, owner: User, run: PipelineRun, items: dict[str, Item]
):
    outside = problem(client_of(owner).get(address(run, items["tea"])), 404)
    assert "did not recommend this item" in outside["detail"]
    assert client.get(f"{run.get_absolute_url()}why/{uuid4()}/").status_code == 404
    problem(client_of(UserFactory.create()).get(address(run, items["coffee"])), 404)

    RetrievalIndex.objects.all().delete()

    assert client_of(owner).get(address(run, items["coffee"])).json()["voters"] == []


def test_who_has_the_link_of_a_run_sees_its_reasons(client: Client, run: PipelineRun, items: dict[str, Item]):
    client.post(f"{run.get_absolute_url()}share/", {"shared": "yes"})
    run.refresh_from_db()
    client.force_login(UserFactory.create())
    why = f"{run.shared_url}why/{items['coffee'].pk}/"

    assert why in client.get(run.shared_url).content.decode()
    assert "roasted coffee" in client.get(why, headers=HTMX).content.decode()
    assert client.get(f"{run.get_absolute_url()}why/{items['coffee'].pk}/").status_code == 404
