"""Campaigns by REST: plans, previews and what a lead can do with a campaign; the same rules as on the pages."""

import pytest

from judge.models import Campaign
from tests.judge.factories import CampaignFactory, current_rubric
from tests.recommend.factories import GenerationFactory, LanguageModelFactory
from tests.site.api.clients import annotator, lead, problem

pytestmark = pytest.mark.django_db
CAMPAIGNS = "/api/v1/campaigns/"
WISH = {"name": "Spring", "stage": "interests"}


@pytest.fixture(autouse=True)
def _rows() -> None:
    current_rubric("interest")
    GenerationFactory.create_batch(6, outputs=1)


def test_a_lead_starts_a_stratified_campaign_of_a_size():
    small = LanguageModelFactory.create(name="small")
    GenerationFactory.create_batch(2, outputs=1, model=small)
    wish = WISH | {"plan": "stratified", "strata_by": "model", "allocation": "equal", "size": 4, "guidelines": "Mind."}

    body = lead().post(CAMPAIGNS, wish).json()

    made = Campaign.objects.get()
    assert body["id"] == str(made.pk)
    assert (body["plan"], body["size"], body["guidelines"]) == ("stratified", 4, "Mind.")
    assert made.units.filter(stratum=str(small.pk)).count() == 2


def test_a_lead_stratifies_by_the_category_bought_most():
    GenerationFactory.create_batch(20, outputs=1, run__history={"n_events": 1, "category": "grocery > soup"})
    GenerationFactory.create_batch(14, outputs=1, run__history={"n_events": 1, "category": "toys"})
    wish = {"plan": "stratified", "strata_by": "category", "size": 20}

    preview = lead().post(f"{CAMPAIGNS}preview/", {"stage": "interests"} | wish).json()
    lead().post(CAMPAIGNS, WISH | wish)

    # Six runs kept no category, and with the toys they are just enough for a stratum.
    assert [(row["name"], row["population"], row["drawn"]) for row in preview["strata"]] == [
        ("grocery > soup", 20, 10),
        ("other categories", 20, 10),
    ]
    assert Campaign.objects.get().units.filter(stratum="other categories").count() == 10


def test_a_preview_starts_nothing():
    body = lead().post(f"{CAMPAIGNS}preview/", {"stage": "interests", "size": 3}).json()

    assert (body["n_finished"], body["n_drawn"], body["is_exact"]) == (6, 3, True)
    assert body["strata"] == [{"name": "", "population": 6, "drawn": 3.0, "lowest": 0.5, "highest": 0.5}]
    assert not Campaign.objects.exists()


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"size": 7}, "size"),
        ({"size": 3, "precision": 0.03}, "precision"),
        ({"precision": 0.03}, "precision"),
        ({"plan": "stratified"}, "strata_by"),
        ({"strata_by": "model"}, "strata_by"),
        ({"plan": "uncertainty"}, "plan"),
        ({"plan": "guess"}, "plan"),
        ({"uniform_floor": 0}, "uniform_floor"),
        ({"population_models": ["00000000-0000-7000-8000-000000000000"]}, "population_models"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_by_the_field(wish, field):
    for path in (CAMPAIGNS, f"{CAMPAIGNS}preview/"):
        body = problem(lead().post(path, (WISH if path == CAMPAIGNS else {"stage": "interests"}) | wish), 400)
        assert body["errors"][0]["pointer"].startswith(f"#/{field}")

    assert not Campaign.objects.exists()


def test_a_lead_pauses_opens_extends_closes_and_clones():
    client = lead()
    made = client.post(CAMPAIGNS, WISH | {"size": 3}).json()
    address = f"{CAMPAIGNS}{made['id']}/"

    assert client.post(f"{address}pause/").json()["state"] == "paused"
    assert client.post(f"{address}open/").json()["state"] == "active"
    extended = client.post(f"{address}extend/", {"overlap": 2, "size": 5}).json()
    assert extended["progress"]["n_places"] == 10
    problem(client.post(f"{address}extend/", {"overlap": 1}), 400)
    assert client.post(f"{address}close/").json()["state"] == "closed"
    problem(client.post(f"{address}clone/", {"name": "Spring"}), 400)
    copy = client.post(f"{address}clone/", {"name": "Spring, again"})

    assert copy.status_code == 201
    assert (copy.json()["size"], copy.json()["overlap"], copy.json()["state"]) == (5, 2, "active")
    assert Campaign.objects.count() == 2


@pytest.mark.parametrize("call", ["pause", "open", "close", "extend", "clone"])
def test_steering_is_for_leads(call):
    made = CampaignFactory.create()

    problem(annotator().post(f"{CAMPAIGNS}{made.pk}/{call}/", {}), 403)
    problem(annotator().post(f"{CAMPAIGNS}preview/", {"stage": "interests"}), 403)

    made.refresh_from_db()
    assert (made.state, Campaign.objects.count()) == ("active", 1)
