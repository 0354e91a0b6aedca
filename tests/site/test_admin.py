"""The admin pages: every table opens, at a cost that does not grow with its rows."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from judge.models import (
    Alert,
    Assessment,
    Backfill,
    Campaign,
    CheckCase,
    FileImport,
    Gold,
    JudgeCheck,
    JudgeProfile,
    Panel,
    PanelMember,
    Passport,
    Preference,
    Proposal,
    Rater,
    Resolution,
    Rubric,
    Tally,
    Trial,
    TrialCase,
    Withdrawal,
)
from judge.services import seed_rubrics
from recgpt_site.api import tokens
from recgpt_site.models import ApiToken, Delivery, Webhook
from recommend.admin_base import EstimatingPaginator
from recommend.models import (
    AuditEntry,
    Behavior,
    ExplanationFill,
    Generation,
    GuestHistory,
    Item,
    ItemShortForm,
    JobState,
    LanguageModel,
    PopulationChunk,
    PopulationJob,
    PopulationShopper,
    Recommendation,
    RetrievalIndex,
    ShortFormFill,
    StoredExplanation,
    TextEmbedding,
    Vector,
    VectorAlias,
    VectorVersion,
)
from tests.judge.factories import AssessmentFactory, AssignmentFactory, CampaignFactory, PersonFactory, UserFactory
from tests.recommend.factories import (
    BehaviorFactory,
    GenerationFactory,
    ItemFactory,
    LanguageModelFactory,
    OutputFactory,
    ShopperFactory,
)
from training.models import DataSet, EvaluationSet

pytestmark = pytest.mark.django_db
MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
LABELS = [model._meta.label for model in MODELS]
QUERIES = 16  # session, user, savepoints, filters' choices, count, rows, inlines


@pytest.fixture
def superuser(client: Client) -> User:
    user = User.objects.create_superuser("admin", password="not-used-here")
    client.force_login(user)
    return user


def fill() -> None:
    """One more row of every table."""
    n = Item.objects.count()
    seed_rubrics()
    generation = GenerationFactory.create(outputs=2)
    item = ItemFactory.create(
        text_embedding=TextEmbedding.objects.create(text=f"diapers {n}", model="test", embedding=[0.0] * 384)
    )
    BehaviorFactory.create(shopper=generation.shopper, item=item)
    guest = ShopperFactory.create(is_guest=True)
    behaviors = [{"kind": "search", "query": "tea", "occurred_at": "2017-12-20T00:00:00.000000+00:00"}]
    GuestHistory.objects.create(shopper=guest, behaviors=behaviors)
    interest = generation.outputs.get(position=0)
    tag = OutputFactory.create(parent=interest, item=item, rejected_by="too-long", rejected_because="It is.")
    Recommendation.objects.create(run=generation.run, item=item, rank=1, score=1, collaborative=1, semantic=1, tag=tag)
    population = PopulationJob.objects.create(query=f"sample=0.1 seed={n}", steps=["history", "interests"])
    chunk = PopulationChunk.objects.create(population=population)
    PopulationShopper.objects.create(population=population, chunk=chunk, shopper=generation.shopper)
    shortener = LanguageModelFactory.create(name=f"model {n}")
    ShortFormFill.objects.create(model=shortener, state=JobState.DONE)
    ItemShortForm.objects.create(item=item, text="diapers", model=shortener)
    ExplanationFill.objects.create(n_interests=1, n_items=1, days=1, max_age_days=1, state=JobState.DONE)
    StoredExplanation.objects.create(item=item, interest="baby care", language="en", item_version="", output=tag)
    RetrievalIndex.objects.create(n_items=1, n_behaviors=1, data=b"")
    version = VectorVersion.objects.create(model="test", dimensions=2, kind="exact")
    VectorAlias.objects.create(name=f"texts {n}", version=version)
    Vector.objects.create(version=version, key=n, vector=[0.6, 0.8])
    AssessmentFactory.create(output=interest, rater=PersonFactory.create())
    verdict = AssessmentFactory.create(output=interest)
    work = AssignmentFactory.create()
    Tally.objects.create(campaign=work.unit.campaign, annotator=work.annotator, n_submitted=1)
    Preference.objects.create(assignment=work, choice="a", a_was_left=True)
    Withdrawal.objects.create(assignment=work, submitted_at=timezone.now(), labels={})
    made_of = verdict.output.generation
    Gold.objects.create(generation=made_of, rubric=verdict.rubric, labels={}, source="hand", by=UserFactory.create())
    Resolution.objects.create(
        output=interest, rubric=verdict.rubric, labels={}, passed=True, reason="Twice.", by=UserFactory.create()
    )
    check = JudgeCheck.objects.create(
        rater=verdict.rater, rubric=verdict.rubric, budget=1, version={}, state=JobState.DONE
    )
    Backfill.objects.create(
        rater=check.rater, rubric=check.rubric, max_calls=1, n_outputs=1, n_to_ask=1, state=JobState.DONE
    )
    CheckCase.objects.create(judge_check=check, key="a", probe=CheckCase.Probe.BASE, output=interest, question={})
    Passport.objects.create(
        judge_check=check, rater=check.rater, rubric=check.rubric, version={}, figures={}, measured_on={}
    )
    FileImport.objects.create(what="labels", name="labels.csv", n_bytes=1, created_by=UserFactory.create())
    draft = Rubric.objects.create(kind="interest", title="Draft", in_use_since=None)
    proposal = Proposal.objects.create(
        rater=verdict.rater, current=verdict.rubric, draft=draft, optimizer="a.b", fed_shoppers=[], n_corrections=1
    )
    trial = Trial.objects.create(proposal=proposal, budget=20, version={}, state=JobState.DONE)
    TrialCase.objects.create(trial=trial, output=interest, prompt="current", right={}, is_decided=True)
    about = date(2026, 1, 5) + timedelta(weeks=Alert.objects.count())  # one a week, of a judge and rubric
    Alert.objects.create(signal="drift", rater=check.rater, rubric=check.rubric, about=about, facts={})
    judge = check.rater.language_model
    panel = Panel.objects.create(name=f"panel {n}")
    PanelMember.objects.create(panel=panel, position=0, rater=check.rater)
    AssessmentFactory.create(output=interest, rater=Rater.objects.create(panel=panel))
    JudgeProfile.objects.get_or_create(language_model=judge)
    tokens.create(UserFactory.create(), name="nightly import")
    hook = Webhook.objects.create(url=f"https://hooks.example/{n}", events=["judge.alert"], secret="whsec_x")
    Delivery.objects.create(webhook=hook, event="judge.alert", data={})
    DataSet.objects.create(name=f"tags {n}", stage="self-training", query={})
    EvaluationSet.objects.create(name=f"spring-{n}", query="all", shoppers=["household-1"])
    Group.objects.get_or_create(name=f"group {n}")


def url(model: type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def n_queries(client: Client, address: str) -> int:
    before = len(connection.queries_log)
    connection.force_debug_cursor = True
    try:
        response = client.get(address)
    finally:
        connection.force_debug_cursor = False
    assert response.status_code == 200, address
    return len(connection.queries_log) - before


def test_every_table_of_the_project_is_in_the_admin():
    ours = {"recommend", "judge", "training", "recgpt_site"}

    from django.apps import apps

    missing = {model for model in apps.get_models() if model._meta.app_label in ours} - set(MODELS)

    assert missing == set()


@pytest.mark.parametrize("model", MODELS, ids=LABELS)
def test_every_page_of_a_table_opens_with_a_bounded_number_of_queries(client, superuser, model):
    fill()
    listing = url(model, "changelist")
    once = n_queries(client, listing)
    for _ in range(4):
        fill()

    assert n_queries(client, listing) <= once
    assert once <= QUERIES
    row = model._default_manager.order_by("pk").first()
    assert n_queries(client, url(model, "change", row.pk)) <= QUERIES
    if admin.site._registry[model].has_add_permission(client.get(listing).wsgi_request):
        assert n_queries(client, url(model, "add")) <= QUERIES


@pytest.mark.parametrize("model", MODELS, ids=LABELS)
def test_every_search_finds_or_finds_nothing_without_an_error(client, superuser, model):
    fill()

    for words in ("diapers", "household-1", "%", "' OR 1=1 --", "019b0000-0000-7000-8000-000000000000", "é" * 300):
        assert client.get(url(model, "changelist"), {"q": words}).status_code == 200, words


@pytest.mark.parametrize("model", [Behavior, Assessment, Item], ids=lambda model: model.__name__)
def test_what_was_stored_can_be_read_but_not_changed(client, superuser, model):
    fill()
    row = model._default_manager.first()

    page = client.get(url(model, "change", row.pk))

    assert b'name="_save"' not in page.content
    assert client.post(url(model, "change", row.pk), {}).status_code == 403
    assert client.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert client.get(url(model, "add")).status_code == 403


def test_a_large_table_is_counted_by_the_estimate(django_assert_num_queries):
    class Small(EstimatingPaginator):
        exact_below = 2
        count_limit = 3

        def estimate(self, table: str) -> int:
            return 1_000_000

    BehaviorFactory.create_batch(5, kind="click")
    rows = Behavior.objects.order_by("-pk")

    assert EstimatingPaginator(rows, 50).count == 5
    assert Small(rows, 50).count == 1_000_000
    assert Small(rows.filter(kind="click"), 50).count == 3
    assert Small(rows.filter(kind="cart"), 50).count == 0


def test_a_token_is_made_in_the_admin_and_shown_once(client, superuser):
    page = client.post(
        url(ApiToken, "add"), {"user": superuser.pk, "name": "nightly", "days": 30}, follow=True
    ).content.decode()

    found = re.search(r"recgpt_[0-9a-f]{64}", page)
    assert found is not None
    answer = APIClient().get("/api/v1/items/", HTTP_AUTHORIZATION=f"Bearer {found[0]}")
    assert answer.status_code == 200
    token = ApiToken.objects.get()
    assert found[0] not in client.get(url(ApiToken, "changelist")).content.decode()
    assert found[0] not in client.get(url(ApiToken, "change", token.pk)).content.decode()


def test_tokens_are_revoked_by_an_action(client, superuser):
    row, _ = tokens.create(superuser, name="lost laptop")

    client.post(url(ApiToken, "changelist"), {"action": "revoke", "_selected_action": [str(row.pk)]})

    row.refresh_from_db()
    assert row.state == "revoked"


def test_campaigns_are_started_paused_and_opened_again(client, superuser):
    rubric = CampaignFactory.create().rubric
    GenerationFactory.create(outputs=1)
    wish = {"name": "Spring", "stage": "interests", "rubric": str(rubric.pk), "state": "active", "sampling_rate": 1}

    client.post(url(Campaign, "add"), wish | {"overlap": 1, "lease_s": 900, "blind": "on"})

    campaign = Campaign.objects.get(name="Spring")
    assert campaign.units.count() == 1
    assert campaign.created_by == superuser
    for action, state in (("pause", "paused"), ("open", "active"), ("close", "closed")):
        client.post(url(Campaign, "changelist"), {"action": action, "_selected_action": [str(campaign.pk)]})
        campaign.refresh_from_db()
        assert campaign.state == state


@pytest.mark.parametrize("role", ["", "annotator"])
def test_who_is_neither_lead_nor_admin_does_not_get_in(client, role):
    client.force_login(UserFactory.create(role=role))

    assert client.get("/admin/").status_code == 302


def test_a_lead_reads_every_table_of_the_pipeline_and_the_judge(client):
    fill()
    client.force_login(UserFactory.create(role="lead"))
    ours = [model for model in MODELS if model._meta.app_label in ("recommend", "judge") and model is not AuditEntry]

    assert len(ours) > 12
    for model in ours:
        row = model._default_manager.order_by("pk")[0]
        assert client.get(url(model, "changelist")).status_code == 200, model
        assert client.get(url(model, "change", row.pk)).status_code == 200, model
        assert client.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403, model
    for model in (LanguageModel, Generation):
        assert client.post(url(model, "change", model._default_manager.all()[0].pk), {}).status_code == 403


def test_a_lead_changes_campaigns_but_neither_users_nor_tokens(client):
    campaign = CampaignFactory.create()
    client.force_login(UserFactory.create(role="lead"))

    client.post(url(Campaign, "changelist"), {"action": "pause", "_selected_action": [str(campaign.pk)]})

    campaign.refresh_from_db()
    assert campaign.state == "paused"
    assert client.get(url(Campaign, "add")).status_code == 200
    for model in (User, Group, ApiToken):
        assert client.get(url(model, "changelist")).status_code == 403


def test_a_lead_at_work_blind_does_not_find_the_judge_in_the_admin(client):
    lead = UserFactory.create(role="lead")
    held = AssignmentFactory.create(annotator=lead)
    AssessmentFactory.create(output=held.unit.generation.outputs.first(), rationale="The judge's reason.")
    hidden = Assessment.objects.get()
    client.force_login(lead)

    assert str(hidden.pk) not in client.get(url(Assessment, "changelist")).content.decode()
    assert client.get(url(Assessment, "change", hidden.pk)).status_code == 302


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_admin_works_within_the_content_security_policy(new_page, sign_in):
    fill()
    page = new_page()  # fails where the policy stopped anything
    page.set_default_timeout(60_000)
    sign_in(page, User.objects.create_superuser("admin", password="not-used-here"))

    page.goto(url(Campaign, "add"))
    page.locator(".field-rubric .select2-selection").click()
    page.locator(".select2-results__option").filter(has_text="v1").first.click()
    page.goto(url(Behavior, "changelist"))
    page.get_by_text("purchased").first.wait_for()
