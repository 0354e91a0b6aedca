"""With many assessments a worker computes the figures, and pages show what it kept, with its time."""

import html
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from judge import adjudication, dashboard_figures, disagreements, stored, tasks
from judge.comparison import Filters
from judge.disagreements import Wanted
from judge.models import Campaign
from judge.stored import NotReadyError
from recommend.models import LanguageModel, Output
from recommend.roles import LEAD
from tests.judge.factories import CampaignFactory, JudgeFactory, UserFactory, current_rubric
from tests.judge.test_dashboard import BAD, GOOD, reviewed
from tests.site.api.clients import lead, problem

pytestmark = pytest.mark.django_db
Sent = list[tuple[str, str, str]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """Everything counts as many assessments; what a worker would be sent for is in the list."""
    found: Sent = []
    monkeypatch.setattr(stored, "LIVE_UP_TO", 0)
    monkeypatch.setattr(stored.compute_figures, "apply_async", lambda args, **options: found.append(args))
    return found


@pytest.fixture
def campaign() -> Campaign:
    campaign: Campaign = CampaignFactory.create()
    reviewed(campaign, UserFactory.create(), [GOOD, BAD], [GOOD, GOOD])
    return campaign


def work(sent: Sent) -> None:
    while sent:
        stored.compute_figures(*sent.pop(0))


def page(client: Client, query: str = "", **headers: Any) -> Any:
    client.force_login(UserFactory.create(role=LEAD))
    return client.get(f"/dashboard/{query}", **headers)


def test_little_is_computed_when_it_is_asked_for(campaign: Campaign, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stored, "LIVE_UP_TO", 4)  # two of the judge, two of a person
    assert not stored.is_large()
    found = dashboard_figures.quality(Filters())
    assert found.is_live
    assert not found.is_old

    monkeypatch.setattr(stored, "LIVE_UP_TO", 3)

    assert stored.is_large()


def test_much_is_sent_to_a_worker_once_and_shown_when_it_is_there(campaign: Campaign, sent: Sent):
    for _ in range(2):
        with pytest.raises(NotReadyError, match="half a minute"):
            dashboard_figures.all_of(Filters())
    assert [name for name, *_ in sent] == ["quality", "trend", "burn-downs", "drift"]

    work(sent)

    found, *_ = dashboard_figures.all_of(Filters())
    assert found.value.report.overall.n == 2
    assert not found.is_live
    assert sent == []


def test_old_figures_are_shown_while_newer_ones_are_computed(
    campaign: Campaign, sent: Sent, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(NotReadyError):
        dashboard_figures.quality(Filters())
    work(sent)
    reviewed(campaign, UserFactory.create(), [GOOD], [GOOD])
    assert dashboard_figures.quality(Filters()).value.report.overall.n == 2
    assert sent == []

    with monkeypatch.context() as later:
        later.setattr(stored, "FRESH_FOR", timedelta(0))
        old = dashboard_figures.quality(Filters())
        assert old.is_old
    assert old.value.report.overall.n == 2
    assert len(sent) == 1
    work(sent)
    new = dashboard_figures.quality(Filters())
    assert (new.value.report.overall.n, new.is_old) == (3, False)


def test_another_judge_that_serves_has_figures_of_its_own_at_once(campaign: Campaign, sent: Sent):
    with pytest.raises(NotReadyError):
        dashboard_figures.quality(Filters())
    work(sent)

    LanguageModel.objects.filter(role="judge").update(state=LanguageModel.State.RETIRED)
    JudgeFactory.create(language_model__name="newer", language_model__state=LanguageModel.State.SERVING)

    with pytest.raises(NotReadyError):
        dashboard_figures.quality(Filters())


def test_what_only_concerns_one_part_does_not_compute_the_others_anew(campaign: Campaign, sent: Sent):
    with pytest.raises(NotReadyError):
        dashboard_figures.all_of(Filters())
    work(sent)

    with pytest.raises(NotReadyError):
        dashboard_figures.all_of(Filters(by="model"))
    assert [name for name, *_ in sent] == ["trend"]
    work(sent)
    with pytest.raises(NotReadyError):
        dashboard_figures.all_of(Filters(by="model", gate=90))

    assert [name for name, *_ in sent] == ["quality"]


def test_the_page_asks_again_until_they_are_there_and_then_loads_anew(client: Client, campaign: Campaign, sent: Sent):
    first = html.unescape(page(client, "?kind=interest").content.decode())
    assert 'hx-get="/dashboard/?kind=interest"' in first
    assert "These figures are being computed" in first
    part = page(client, headers={"HX-Request": "true"})
    assert part.content.decode().lstrip().startswith("<section")
    assert "HX-Refresh" not in part

    work(sent)

    assert page(client, headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    shown = page(client).content.decode()
    assert f"Figures of {timezone.localtime():%-d %b %Y}" in shown
    assert "newer ones" not in shown


def test_a_page_of_old_figures_says_so(client: Client, campaign: Campaign, sent: Sent, monkeypatch: pytest.MonkeyPatch):
    page(client)
    work(sent)

    monkeypatch.setattr(stored, "FRESH_FOR", timedelta(0))

    assert "newer ones are being computed" in page(client).content.decode()


def test_files_and_rest_say_when_to_ask_again_and_of_when_the_figures_are(
    client: Client, campaign: Campaign, sent: Sent
):
    client.force_login(UserFactory.create(role=LEAD))
    file = client.get("/dashboard/figures/acceptance.csv")
    assert (file.status_code, file["Retry-After"]) == (503, "30")
    response = lead().get("/api/v1/figures/acceptance/")
    assert "half a minute" in problem(response, 503)["detail"]
    assert response["Retry-After"] == "30"
    problem(lead().get("/api/v1/disagreements/worth-reading/"), 503)

    work(sent)

    made_at = dashboard_figures.quality(Filters()).made_at
    assert (
        lead().get("/api/v1/figures/acceptance/").json()["made_at"][:19] == timezone.localtime(made_at).isoformat()[:19]
    )
    assert "Last-Modified" in client.get("/dashboard/figures/acceptance.csv")


def test_the_ranking_of_disagreements_is_kept_but_not_what_is_decided(campaign: Campaign, sent: Sent):
    user = UserFactory.create(role=LEAD)
    first = disagreements.find(Wanted(Filters()), user)
    assert (first.n_from_here, first.made_at is not None) == (1, True)
    reviewed(campaign, UserFactory.create(), [BAD], [GOOD])
    assert disagreements.find(Wanted(Filters()), user).n_from_here == 1  # not ranked yet

    cache.clear()

    assert disagreements.find(Wanted(Filters()), user).n_from_here == 2
    output = Output.objects.get(pk=disagreements.find(Wanted(Filters()), user).places[0].output)
    rubric = current_rubric("interest")
    adjudication.resolve(output=output, rubric=rubric, labels=GOOD, reason="x", by=user, revision=0)
    assert disagreements.find(Wanted(Filters()), user).n_from_here == 1


def test_a_schedule_keeps_every_kind_ready(campaign: Campaign, sent: Sent):
    tasks.keep_figures()
    work(sent)

    assert dashboard_figures.quality(Filters(kind="tag")).value.report.overall.n == 0
    assert dashboard_figures.quality(Filters()).value.report.overall.n == 2


def test_without_rubrics_a_worker_gives_up_quietly(sent: Sent):
    stored.compute_figures("quality", "kind=interest", "a rubric that was removed")

    assert sent == []
