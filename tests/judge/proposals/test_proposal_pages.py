"""The pages of proposed edits: from what was decided to what judges go by, and who may do what."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from judge.models import Proposal, Rater, Rubric, Trial
from judge.proposals import trials
from judge.proposals.proposing import propose
from recommend.models import LanguageModel
from recommend.roles import ADMIN
from tests.judge.factories import AssignmentFactory, UserFactory
from tests.judge.proposals.material import confused, finished, learning, serving_judge, tried, world

pytestmark = pytest.mark.django_db
LIST = "/rubrics/proposals/"


@pytest.fixture
def judge() -> Rater:
    return serving_judge()


@pytest.fixture
def lead(judge: Rater, client: Client) -> User:
    user = world(judge)
    client.force_login(user)
    return user


@pytest.fixture
def proposal(lead: User) -> Proposal:
    return propose("interest", by=lead, seed=1)


def text_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def said(answer: Any) -> str:
    """The messages on the page that a form leads to."""
    return " ".join(str(one) for one in answer.context["messages"])


def test_a_lead_goes_from_what_was_decided_to_what_judges_go_by(client: Client, lead: User):
    assert "Propose an edit of the judge’s prompt" in text_of(client, "/rubrics/")
    assert "/rubrics/proposals/?kind=interest" in text_of(client, "/dashboard/adjudication/?kind=interest&state=all")
    page = text_of(client, LIST)
    assert "16</span> outputs decided by leads under Interests v1" in page

    answer = client.post(f"{LIST}new/", {"kind": "interest", "judge": "", "optimizer": _first(page)}, follow=True)

    proposal = Proposal.objects.get()
    assert answer.redirect_chain[-1][0] == f"{LIST}{proposal.pk}/"
    page = answer.content.decode()
    assert "not tried" in page
    assert "<ins>" in page
    assert "It has not been tried on held-out labels to the end." in page
    assert "A need, no liking." in page
    assert proposal.draft.title in text_of(client, f"/rubrics/{proposal.draft_id}/")
    assert "To the proposal" in text_of(client, f"/rubrics/{proposal.draft_id}/")

    page = client.post(f"{LIST}{proposal.pk}/try/", {"budget": "100"}, follow=True).content.decode()
    assert "Waiting for a worker" in page
    assert "hx-get" in page
    finished(Trial.objects.get(), learning())

    page = text_of(client, f"{LIST}{proposal.pk}/")
    assert "Better: 100% instead of 50%" in page
    assert "Where the two prompts differ" in page
    assert "Willingness: Spontaneity → Necessity" in page
    assert "right now" in page

    page = client.post(f"{LIST}{proposal.pk}/switch-on/", follow=True).content.decode()
    assert "is switched on: judges go by it from now on." in page
    assert Rubric.objects.current("interest").pk == proposal.draft_id
    assert "switched on" in text_of(client, LIST)


def _first(page: str) -> str:
    return page.split('name="optimizer"')[1].split('value="')[1].split('"')[0]


def test_what_is_refused_comes_back_in_words(client: Client, lead: User, proposal: Proposal):
    address = f"{LIST}{proposal.pk}/"

    assert "“many” is not a number" in said(client.post(f"{address}try/", {"budget": "many"}, follow=True))
    assert "are not between 20" in said(client.post(f"{address}try/", {"budget": "3"}, follow=True))
    assert "choose a kind, a judge" in said(client.post(f"{LIST}new/", {"kind": "song"}, follow=True))
    wanted = {"kind": "tag", "optimizer": "judge.proposals.optimizers.FewShotExamples"}
    assert "Nothing has been decided on tags" in said(client.post(f"{LIST}new/", wanted, follow=True))


def test_a_judge_with_an_adapter_is_said_to_read_no_examples(client: Client, lead: User):
    LanguageModel.objects.filter(role="judge").update(adapter="judge.gguf")

    page = text_of(client, LIST)

    assert "it is shown neither guidelines nor examples" in page
    assert "judge-model" not in page.split('name="judge"')[1].split("</select>")[0]


def test_only_an_admin_switches_on_what_no_trial_allows(client: Client, lead: User, proposal: Proposal):
    tried(proposal, confused())
    address = f"{LIST}{proposal.pk}/"
    page = text_of(client, address)
    assert "An admin may switch it on all the same" in page
    assert 'name="reason"' not in page
    assert "The trial says that it is worse." in said(
        client.post(f"{address}switch-on/", {"reason": "please"}, follow=True)
    )

    client.force_login(UserFactory.create(role=ADMIN))
    assert 'name="reason"' in text_of(client, address)
    assert "Say why" in said(client.post(f"{address}switch-on/", {"reason": ""}, follow=True))
    page = client.post(f"{address}switch-on/", {"reason": "<b>Policy</b>"}, follow=True).content.decode()
    assert "“&lt;b&gt;Policy&lt;/b&gt;”" in page


def test_progress_asks_for_itself_and_a_trial_is_cancelled(client: Client, lead: User, proposal: Proposal):
    trial = trials.prepare(proposal)
    address = f"{LIST}{proposal.pk}/"

    part = client.get(address, headers={"HX-Request": "true"}).content.decode()
    assert part.strip().startswith("<div class=")
    assert "0 of 80" in part

    client.post(f"/rubrics/trials/{trial.pk}/cancel/")
    assert client.get(address, headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    assert "cancelled" in text_of(client, address)


def test_what_a_lead_holds_blind_is_not_listed(client: Client, lead: User, proposal: Proposal):
    trial = tried(proposal, learning())
    turned = [one for one in trial.cases.filter(prompt="proposed") if one.labels != one.right or not one.passed]
    held = turned[0].output
    assert held.text in text_of(client, f"{LIST}{proposal.pk}/").split("Where the two")[1]

    AssignmentFactory.create(annotator=lead, unit__generation=held.generation)

    page = text_of(client, f"{LIST}{proposal.pk}/").split("Where the two")[1]
    assert f"<strong>{held.text}</strong>" not in page


def test_untrusted_texts_are_escaped(client: Client, lead: User, proposal: Proposal):
    trial = tried(proposal, learning())
    output = trial.cases.filter(prompt="proposed", passed=False).order_by("pk")[0].output
    output.text = "<script>alert(1)</script>"
    output.save()

    page = text_of(client, f"{LIST}{proposal.pk}/")

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page


def test_the_pages_are_for_leads(client: Client, proposal: Proposal):
    trial = trials.prepare(proposal)
    client.force_login(UserFactory.create())
    one = f"{LIST}{proposal.pk}/"

    assert [client.get(address).status_code for address in (LIST, one)] == [403, 403]
    posts = (f"{LIST}new/", f"{one}try/", f"{one}switch-on/", f"/rubrics/trials/{trial.pk}/cancel/")
    assert [client.post(address).status_code for address in posts] == [403] * 4
    client.logout()
    assert client.get(one).status_code == 302
