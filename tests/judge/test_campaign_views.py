"""The campaign pages by their requests: making, previewing, following and steering a campaign."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from judge import campaigns, queue
from judge.models import Campaign
from recommend.models import Stage
from tests.judge.factories import CampaignFactory, UserFactory, current_rubric
from tests.recommend.factories import GenerationFactory, LanguageModelFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _rubric() -> None:
    current_rubric("interest")


def form(**fields: Any) -> dict[str, Any]:
    """The form as a browser sends it."""
    filled = {
        "name": "Spring check",
        "stage": "interests",
        "plan": "uniform",
        "target": "size",
        "size": "4",
        "floor": "20",
        "overlap": "2",
        "blind": "yes",
        "lease_min": "20",
        "guidelines": "Look at **brands**.",
    }
    return filled | fields


def started(**settings: Any) -> Campaign:
    return campaigns.start(name=settings.pop("name", "Spring check"), stage=Stage.INTERESTS, **settings)


def test_a_lead_makes_a_campaign_by_the_form(client: Client, lead: User):
    GenerationFactory.create_batch(6, outputs=1)
    member = UserFactory.create()

    answer = client.post("/campaigns/new/", form(members=[member.pk], prompt_versions="1, 2"))

    made = Campaign.objects.get()
    assert answer.headers["Location"] == f"/campaigns/{made.pk}/"
    assert (made.units.count(), made.overlap, made.blind, made.lease_s) == (4, 2, True, 1200)
    assert (list(made.members.all()), made.prompt_versions, made.created_by) == ([member], ["1", "2"], lead)


def test_a_share_is_typed_in_percent_and_a_precision_in_points(client: Client, lead: User):
    GenerationFactory.create_batch(60, outputs=1)

    client.post("/campaigns/new/", form(name="Share", target="rate", rate="25"))
    client.post("/campaigns/new/", form(name="Precise", target="precision", points="15"))

    assert Campaign.objects.get(name="Share").sampling_rate == 0.25
    assert Campaign.objects.get(name="Precise").precision == 0.15
    assert Campaign.objects.get(name="Precise").units.count() == 43  # 1.96² / 4 / .15² = 42.7


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "Taken"}, "“Taken” is the name of another campaign"),
        ({"name": ""}, "Give the campaign a name."),
        ({"size": "99"}, "Only 6 generations are finished, fewer than 99."),
        ({"size": ""}, "Say how much is drawn"),
        ({"target": "precision", "points": "3"}, "All of them give about ±"),
        ({"plan": "uncertainty"}, "finished and judged yet. Choose uniform by rate."),
        ({"created_from": "2026-05-02", "created_until": "2026-05-01"}, "2026-05-01 is before 2026-05-02"),
        ({"deadline": "2020-01-01"}, "2020-01-01 is past."),
        ({"overlap": "0"}, "greater than or equal to 1"),
    ],
)
def test_a_refusal_names_value_and_remedy_and_keeps_what_was_typed(client: Client, lead: User, fields, words):
    GenerationFactory.create_batch(6, outputs=1)
    CampaignFactory.create(name="Taken")

    answer = client.post("/campaigns/new/", form(**fields))

    assert answer.status_code == 422
    page = answer.content.decode()
    assert words in page
    assert "Look at **brands**." in page
    assert Campaign.objects.count() == 1


def test_a_model_or_rubric_of_another_stage_is_refused(client: Client, lead: User):
    tagger = LanguageModelFactory.create(name="tagger", role="tags")

    page = client.post(
        "/campaigns/new/", form(population_models=[tagger.pk], rubric=current_rubric("tag").pk)
    ).content.decode()

    assert "tagger does not make interests. Leave it out." in page
    assert "is for outputs of another kind" in page


def test_the_preview_says_how_many_would_be_drawn_and_starts_nothing(client: Client, lead: User):
    GenerationFactory.create_batch(6, outputs=1)

    part = client.post("/campaigns/preview/", form(name=""), headers={"HX-Request": "true"}).content.decode()
    refused = client.post("/campaigns/preview/", form(size="9"), headers={"HX-Request": "true"}).content.decode()
    whole = client.post("/campaigns/preview/", form()).content.decode()

    assert "of 6 finished generations would be drawn, each with probability 66.7%" in part
    assert "<form" not in part
    assert "Only 6 generations are finished" in refused
    assert "each with probability 66.7%" in whole
    assert 'value="Spring check"' in whole
    assert not Campaign.objects.exists()


def test_a_campaign_by_category_names_its_strata_as_text(client: Client, lead: User):
    GenerationFactory.create_batch(20, outputs=1, run__history={"n_events": 1, "category": "<b>soup</b>"})
    GenerationFactory.create_batch(20, outputs=1, run__history={"n_events": 1})
    typed = form(plan="stratified", strata_by="category", target="size", size="8")

    part = client.post("/campaigns/preview/", typed, headers={"HX-Request": "true"}).content.decode()
    page = client.post("/campaigns/new/", typed, follow=True).content.decode()

    for shown in (part, page):
        assert "&lt;b&gt;soup&lt;/b&gt;" in shown
        assert "not kept" in shown
    assert "Stratified by category bought most, in proportion to each stratum: 8 of 40 generations" in page


def test_the_page_explains_the_queue(client: Client, lead: User):
    large, small = LanguageModelFactory.create(name="large"), LanguageModelFactory.create(name="small")
    GenerationFactory.create_batch(6, outputs=1, model=large)
    GenerationFactory.create_batch(2, outputs=1, model=small)
    made = started(plan="stratified", strata_by="model", allocation="equal", size=4, guidelines="Mind **brands**.")
    annotator = UserFactory.create(username="anna")
    held = queue.next_assignment(made, annotator)
    assert held is not None
    queue.flag(held, annotator, "Looks <b>odd</b>")
    queue.skip(held, annotator, "No history at all")

    page = client.get(f"/campaigns/{made.pk}/").content.decode()

    for part in (
        "4 of 8 finished generations",
        "Stratified by model, the same number from each stratum: 4 of 8 generations were drawn by lot.",
        "33.3%",
        "100%",
        "No history at all",
        "Looks &lt;b&gt;odd&lt;/b&gt;",
        "Mind <strong>brands</strong>.",
        "anna",
    ):
        assert part in page


def test_the_list_shows_state_progress_deadline_and_who(client: Client, lead: User):
    GenerationFactory.create_batch(2, outputs=1)
    day = timezone.localdate() + timedelta(days=3)
    started(name="Open one", by=lead, deadline=day, members=[UserFactory.create()])
    campaigns.set_state(started(name="Shut one"), Campaign.State.CLOSED)

    page = client.get("/campaigns/").content.decode()

    for part in ("Open one", "Shut one", "0 / 2", "1 member", "made by lead", f"{day.day} {day:%b %Y}", "closed"):
        assert part in page
    assert page.index("Open one") < page.index("Shut one")


def test_an_empty_list_says_how_to_begin(client: Client, lead: User):
    assert "There is no campaign yet" in client.get("/campaigns/").content.decode()


@pytest.mark.parametrize("state", ["paused", "closed", "active"])
def test_a_campaign_is_paused_closed_and_opened(client: Client, lead: User, state):
    made = CampaignFactory.create(state="paused" if state == "active" else "active")

    client.post(f"/campaigns/{made.pk}/state/", {"state": state})

    made.refresh_from_db()
    assert made.state == state


def test_an_unknown_state_changes_nothing_and_says_so(client: Client, lead: User):
    made = CampaignFactory.create()

    page = client.post(f"/campaigns/{made.pk}/state/", {"state": "gone"}, follow=True).content.decode()

    assert "is no state of a campaign" in page
    made.refresh_from_db()
    assert made.state == "active"


def test_a_campaign_is_extended_and_refusals_keep_what_was_typed(client: Client, lead: User):
    GenerationFactory.create_batch(6, outputs=1)
    made = started(size=3, overlap=2)

    refused = client.post(f"/campaigns/{made.pk}/extend/", {"overlap": "1", "size": "5", "deadline": ""})
    accepted = client.post(f"/campaigns/{made.pk}/extend/", {"overlap": "3", "size": "5", "deadline": ""})

    assert refused.status_code == 422
    assert "1 is fewer people per generation than the 2 there are now" in refused.content.decode()
    assert 'name="size" value="5"' in refused.content.decode()
    assert accepted.headers["Location"] == f"/campaigns/{made.pk}/"
    made.refresh_from_db()
    assert (made.overlap, made.size, made.units.count()) == (3, 5, 5)


def test_cloning_fills_the_form_with_the_same_settings(client: Client, lead: User):
    GenerationFactory.create_batch(6, outputs=1)
    made = started(size=3, overlap=2, blind=False, guidelines="Mind brands.")

    page = client.get(f"/campaigns/new/?from={made.pk}").content.decode()

    assert 'value="Spring check, again"' in page
    assert "Mind brands." in page
    assert 'name="size" value="3"' in page
    for odd in ("", "nonsense", str(uuid4())):
        assert client.get(f"/campaigns/new/?from={odd}").status_code == 200


def test_the_guidelines_of_a_campaign_stand_beside_the_work(client: Client, lead: User):
    GenerationFactory.create_batch(1, outputs=1)
    made = started(guidelines="Mind **our** <i>brands</i>.")

    listed = client.get("/review/").content.decode()
    screen = client.get(f"/review/campaigns/{made.pk}/next/", follow=True).content.decode()

    for page in (listed, screen):
        assert "Mind <strong>our</strong> &lt;i&gt;brands&lt;/i&gt;." in page
        assert "An interest is good if the shopper" in page


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", ""),
        ("get", "new/"),
        ("post", "new/"),
        ("post", "preview/"),
        ("get", "{pk}/"),
        ("post", "{pk}/state/"),
        ("get", "{pk}/extend/"),
        ("post", "{pk}/extend/"),
    ],
)
def test_the_pages_are_for_leads(client: Client, method, path):
    made = CampaignFactory.create()
    url = "/campaigns/" + path.format(pk=made.pk)

    signed_out = getattr(client, method)(url)
    client.force_login(UserFactory.create())
    annotator = getattr(client, method)(url)

    assert signed_out.headers["Location"].startswith("/login/")
    assert annotator.status_code == 403
    made.refresh_from_db()
    assert made.state == "active"


def test_a_model_of_several_jobs_is_named_with_each(client: Client, lead: User):
    for role in ("interests", "tags"):
        LanguageModelFactory.create(name="one-for-all", role=role)

    page = client.get("/campaigns/new/").content.decode()

    assert "one-for-all, interests" in page
    assert "one-for-all, item tags" in page
