"""Proposed edits by REST: the same rules as on the pages."""

import pytest
from django.contrib.auth.models import User

from judge.models import Proposal, Rater, Rubric, Trial
from judge.proposals.proposing import propose
from recommend.roles import ADMIN
from tests.judge.factories import UserFactory
from tests.judge.proposals.material import confused, finished, learning, serving_judge, tried, world
from tests.site.api.clients import annotator, client_of, lead, problem

pytestmark = pytest.mark.django_db
PROPOSALS, TRIALS = "/api/v1/prompt-proposals/", "/api/v1/prompt-trials/"


@pytest.fixture
def decider() -> User:
    return world(serving_judge())


def test_an_edit_is_proposed_tried_and_switched_on(decider: User):
    client = client_of(decider)
    [optimizer] = client.get(f"{PROPOSALS}optimizers/").json()
    assert optimizer["title"] == "Few-shot examples"

    made = client.post(PROPOSALS, {"kind": "interest", "optimizer": optimizer["path"], "seed": 1}, format="json")
    assert made.status_code == 201
    body = made.json()
    assert (body["current"]["version"], body["draft"]["version"]) == (1, 0)
    assert (body["n_corrections"], body["n_fed_shoppers"]) == (16, 4)
    assert "not been tried" in body["obstacle"]

    address = f"{PROPOSALS}{body['id']}/"
    assert "not been tried" in problem(client.post(f"{address}switch-on/", {}), 409)["detail"]
    started = client.post(TRIALS, {"proposal": body["id"], "budget": 100}, format="json")
    assert started.status_code == 202
    trial = started.json()
    assert (trial["state"], trial["n_questions"], trial["n_answered"], trial["result"]) == ("queued", 80, 0, None)
    assert trial["held_out"]["shoppers"] == 20
    again = problem(client.post(TRIALS, {"proposal": body["id"]}, format="json"), 409)
    assert again["type"].endswith("trial-running")

    finished(Trial.objects.get(), learning())

    result = client.get(f"{TRIALS}{trial['id']}/").json()["result"]
    assert [row["name"] for row in result["rows"]] == ["overall", "willingness", "reasonableness"]
    agreement = result["rows"][0]["figures"][0]
    assert (agreement["standing"], agreement["current"]["value"], agreement["proposed"]["value"]) == ("better", 0.5, 1)
    assert agreement["sentence"].startswith("Better: ")
    assert client.get(address).json()["obstacle"] == ""

    on = client.post(f"{address}switch-on/", {}, format="json").json()
    assert on["switched_on_at"]
    assert str(Rubric.objects.current("interest").pk) == body["draft"]["id"]
    assert [one["id"] for one in client.get(PROPOSALS, {"kind": "interest"}).json()["results"]] == [body["id"]]
    assert client.get(PROPOSALS, {"kind": "tag"}).json()["results"] == []
    listed = client.get(TRIALS, {"proposal": body["id"], "state": "done"}).json()["results"]
    assert [one["id"] for one in listed] == [trial["id"]]


def test_a_trial_is_cancelled(decider: User):
    proposal = propose("interest", by=decider, seed=1)
    client = client_of(decider)
    trial = client.post(TRIALS, {"proposal": str(proposal.pk)}, format="json").json()

    assert client.post(f"{TRIALS}{trial['id']}/cancel/").json()["state"] == "cancelled"


def test_only_an_admin_overrides_a_trial(decider: User):
    proposal = propose("interest", by=decider, seed=1)
    tried(proposal, confused())
    address = f"{PROPOSALS}{proposal.pk}/switch-on/"

    refused = problem(client_of(decider).post(address, {"reason": "please"}, format="json"), 409)
    assert "An admin may switch it on all the same" in refused["detail"]
    admin = client_of(UserFactory.create(role=ADMIN))
    assert "Say why" in problem(admin.post(address, {}, format="json"), 409)["detail"]

    assert admin.post(address, {"reason": "Policy."}, format="json").json()["without_trial"] == "Policy."


def test_what_cannot_be_proposed_is_a_bad_request(decider: User):
    client = client_of(decider)

    for sent, field, words in (
        ({"kind": "tag"}, "kind", "Nothing has been decided on tags"),
        ({"kind": "interest", "optimizer": "os.system"}, "optimizer", "is no optimiser of this site"),
        ({"kind": "interest", "judge": str(Rater.objects.filter(user__isnull=False)[0].pk)}, "judge", "does not exist"),
        ({"kind": "interest", "sed": 1}, "sed", "Unknown field"),
    ):
        body = problem(client.post(PROPOSALS, sent, format="json"), 400)
        assert [(one["pointer"], words in one["detail"]) for one in body["errors"]] == [(f"#/{field}", True)]
    assert not Proposal.objects.exists()


def test_the_calls_are_for_leads(decider: User):
    proposal = propose("interest", by=decider, seed=1)
    one = f"{PROPOSALS}{proposal.pk}/"

    for address in (PROPOSALS, one, f"{PROPOSALS}optimizers/", TRIALS):
        problem(annotator().get(address), 403)
    for address in (PROPOSALS, f"{one}switch-on/", TRIALS):
        problem(annotator().post(address, {}), 403)
    assert lead().get(one).status_code == 200
