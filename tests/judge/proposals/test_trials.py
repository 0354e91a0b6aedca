"""A proposal tried on held-out labels and switched on, with judges whose ways are known: scripted answers."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from celery.signals import before_task_publish
from django.contrib.auth.models import User
from django.utils import timezone

from judge import cases, panels, passports, rubric_editing, tasks
from judge import services as rubrics
from judge.models import Panel, Passport, Proposal, Rater, Rubric, Trial
from judge.panels import Seat
from judge.proposals import results, services, switching, trials
from judge.proposals.optimizers import ProposalError
from judge.proposals.proposing import held_out, propose
from judge.proposals.results import Result
from judge.proposals.trials import TrialRunningError
from judge.ways import Way
from recommend import jobs
from recommend.engines import factory
from recommend.engines.errors import EngineUnavailableError
from recommend.engines.types import ChatRequest, EngineError
from recommend.models import AuditEntry, JobState, LanguageModel
from recommend.roles import ADMIN
from tests.judge.factories import CampaignFactory, UserFactory
from tests.judge.proposals.material import (
    GOOD,
    confused,
    finished,
    generation,
    learning,
    reviewed,
    serving_judge,
    tried,
    world,
)
from tests.recommend.factories import LanguageModelFactory
from tests.support.recorded_engine import RecordedEngine

pytestmark = pytest.mark.django_db


@pytest.fixture
def judge() -> Rater:
    return serving_judge()


@pytest.fixture
def lead(judge: Rater) -> User:
    return world(judge)


@pytest.fixture
def proposal(lead: User) -> Proposal:
    return propose("interest", by=lead, seed=1)


def found(trial: Trial) -> Result:
    laid_out = results.result(trial)
    assert laid_out is not None
    return laid_out


# From a proposal to a judge that goes by it ---------------------------------------------------------------------------


def test_a_proposal_that_helps_is_tried_switched_on_and_judged_by(judge: Rater, lead: User, proposal: Proposal):
    old = Rubric.objects.current("interest")
    trial = tried(proposal, learning())

    assert (trial.state, trial.cases.count()) == (JobState.DONE, 80)  # two outputs of 20 shoppers, under two prompts
    result = found(trial)
    agreement, tpr, tnr = result.rows[0].figures
    assert (agreement.first.value, agreement.second.value, agreement.standing) == (0.5, 1.0, "better")
    assert (tnr.first.value, tnr.second.value, tnr.difference.n) == (0.0, 1.0, 20)
    assert (tpr.first.value, tpr.second.value) == (1.0, 1.0)
    assert agreement.difference.n_clusters == 20
    assert (result.n_compared, result.n_decided, result.unusable, result.n_earlier) == (40, 8, (0, 0), 0)
    assert [row.title for row in result.rows] == ["All criteria together", "Willingness", "Reasonableness"]
    assert result.rows[2].figures[0].standing != "better"

    switching.switch_on(proposal, by=lead)

    now = Rubric.objects.current("interest")
    assert (now.pk, now.version, now.fixed_by) == (proposal.draft_id, old.version + 1, lead)
    assert passports.changes(passports.version_of(judge, old), passports.version_of(judge, now))
    verbs = set(AuditEntry.objects.values_list("verb", flat=True))
    assert verbs >= {"proposal.made", "trial.started", "proposal.switched_on", "rubric.fixed", "rubric.in_use"}
    assert AuditEntry.objects.get(verb="proposal.switched_on").detail == {"tried": True}
    with pytest.raises(ProposalError, match="switched on already"):
        switching.switch_on(proposal, by=lead)
    with pytest.raises(ProposalError, match="switched on already"):
        trials.prepare(Proposal.objects.get())


def test_the_passport_of_before_expires(judge: Rater, lead: User, proposal: Proposal):
    from judge.checks import runner

    check = runner.prepare(Rubric.objects.current("interest"), judge=judge, budget=20)
    while (advanced := runner.advance(check.pk, learning())) is not None and advanced.is_active:
        pass
    assert Passport.objects.count() == 1
    assert passports.valid_for("interest").is_valid
    tried(proposal, learning())

    switching.switch_on(proposal, by=lead)

    validity = passports.valid_for("interest")
    assert validity.standing == passports.Standing.EXPIRED
    assert "The rubric was version 1 and is version 2 now." in validity.reason


def test_one_that_makes_the_judge_worse_takes_an_admin_who_says_why(lead: User, proposal: Proposal):
    trial = tried(proposal, confused())

    headline = found(trial).headline
    assert headline.standing == "worse"
    assert "The trial says that it is worse. Worse: 50% instead of 100%" in switching.obstacle(proposal)
    with pytest.raises(ProposalError, match="An admin may switch it on all the same"):
        switching.switch_on(proposal, by=lead, reason="I like it")
    admin = UserFactory.create(role=ADMIN)
    with pytest.raises(ProposalError, match="Say why") as refused:
        switching.switch_on(proposal, by=admin, reason="  ")
    assert refused.value.field == "reason"
    assert Rubric.objects.current("interest").version == 1

    switching.switch_on(proposal, by=admin, reason="A new policy on needs.")

    stored = Proposal.objects.get()
    assert (stored.without_trial, stored.switched_on_by) == ("A new policy on needs.", admin)
    entry = AuditEntry.objects.get(verb="proposal.switched_on")
    assert entry.detail == {"tried": False, "reason": "A new policy on needs."}


def test_what_was_not_tried_as_it_is_now_is_not_switched_on(judge: Rater, lead: User, proposal: Proposal):
    assert "not been tried" in switching.obstacle(proposal)
    trials.cancel(trials.prepare(proposal))
    assert "not been tried" in switching.obstacle(proposal)

    tried(proposal, learning())
    assert switching.obstacle(proposal) == ""

    rules = rubrics.definition(proposal.draft)
    first, *others = rules.criteria
    edited = replace(rules, criteria=(replace(first, guideline="Other words."), *others))
    rubric_editing.save(proposal.draft, edited, 1)
    assert "The judge is asked in other words, or shown other examples. Try it again." in switching.obstacle(proposal)
    tried(proposal, learning())
    assert switching.obstacle(proposal) == ""

    other = rubric_editing.new_draft(made_from=proposal.current, by=lead)
    rubric_editing.fix(other, by=lead, in_use=True)
    assert "judges go by “Interests v2” now" in switching.obstacle(proposal)


def test_trials_of_other_proposals_on_the_same_labels_are_told(lead: User, proposal: Proposal):
    tried(proposal, learning())
    other = propose("interest", by=lead, seed=5)

    result = found(tried(other, learning()))

    assert result.n_earlier == 1
    assert "The best of several looks better than it is." in result.warnings[0]


# The trial itself -----------------------------------------------------------------------------------------------------


def test_no_more_is_asked_than_the_budget_allows_and_each_output_under_both_prompts(proposal: Proposal):
    trial = trials.prepare(proposal, budget=21, seed=3)
    engine = learning()

    finished(trial, engine)

    assert len(engine.requests) == 20
    assert trial.cases.values("output").distinct().count() == 10
    assert trial.cases.values("output__generation__shopper").distinct().count() == 5
    assert trial.held_out == {
        "outputs": 40,
        "decided": 8,
        "shoppers": 20,
        "of_seen_shoppers": 8,
        "like_an_example": 0,
    }


def test_a_killed_worker_costs_what_was_in_flight_alone(proposal: Proposal):
    trial = trials.prepare(proposal)
    keys: list[str] = []

    def dying(request: ChatRequest) -> dict[str, Any] | EngineError:
        keys.append(request.key)
        if len(keys) > 5:
            return EngineError("unavailable", "no answer from http://judge")
        return GOOD | {"rationale": "Yes."}

    with pytest.raises(EngineUnavailableError, match="http://judge"):
        trials.advance(trial.pk, RecordedEngine(dying))
    trial.refresh_from_db()
    assert (trial.state, trial.error) == (JobState.RUNNING, "no answer from http://judge")

    Trial.objects.update(lease_token=trial.pk, lease_until=timezone.now() + timedelta(minutes=1))
    engine = learning()
    assert trials.advance(trial.pk, engine) is None  # another worker's, until that one is dead
    Trial.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    finished(trial, engine)

    assert trial.state == JobState.DONE
    assert len(engine.requests) == trial.cases.count() - 5
    assert not {request.key for request in engine.requests} & set(keys[:5])


def test_a_cancelled_trial_asks_no_more_and_allows_nothing(proposal: Proposal):
    trial = trials.prepare(proposal)

    def cancelling(request: ChatRequest) -> dict[str, Any]:
        trials.cancel(trial)
        return GOOD | {"rationale": "Too late."}

    engine = RecordedEngine(cancelling)
    assert trials.advance(trial.pk, engine) is None

    trial.refresh_from_db()
    assert (trial.state, len(engine.requests), trial.figures) == (JobState.CANCELLED, 1, {})
    assert not trial.cases.filter(answered_at__isnull=False).exists()
    assert AuditEntry.objects.filter(verb="trial.cancelled").count() == 1


def test_a_judge_or_draft_that_changes_meanwhile_ends_the_trial(proposal: Proposal):
    trial = trials.prepare(proposal)
    LanguageModel.objects.filter(role="judge").update(engine="elsewhere")

    advanced = trials.advance(trial.pk, learning())

    assert advanced is not None
    assert advanced.state == JobState.FAILED
    assert "engine was" in advanced.error
    assert advanced.error.endswith("Try it again.")


def test_answers_of_no_use_count_in_no_figure_and_are_told(proposal: Proposal):
    def cut(request: ChatRequest) -> dict[str, Any] | EngineError:
        if "<example>" in request.messages[0].content and "need 9" in request.messages[-1].content:
            return EngineError("truncated", "cut at 768 tokens")
        return GOOD | {"rationale": "Yes."}

    result = found(tried(proposal, RecordedEngine(cut)))

    assert (result.n_compared, result.unusable) == (39, (0, 1))
    assert "1 under the proposed prompt, 0 under the current one" in result.warnings[0]


def test_what_cannot_be_tried_is_refused_in_words(judge: Rater, lead: User, proposal: Proposal):
    with pytest.raises(ProposalError, match="5 questions are not between 20 and 20,000"):
        trials.prepare(proposal, budget=5)
    trial = trials.prepare(proposal)
    with pytest.raises(TrialRunningError, match="being tried already"):
        trials.prepare(proposal)
    trials.cancel(trial)
    rules = rubrics.definition(proposal.draft)
    rubric_editing.save(proposal.draft, replace(rules, criteria=rules.criteria[:1]), 1)
    with pytest.raises(ProposalError, match="The draft has other criteria or labels than “Interests v1”"):
        trials.prepare(Proposal.objects.get())


def test_labels_of_one_shopper_are_too_few(judge: Rater):
    lead = world(judge, n_shoppers=1, n_decided=1)
    proposal = propose("interest", by=lead)
    reviewed(CampaignFactory.create(), generation("chess"))

    assert held_out(proposal).n_shoppers == 1
    with pytest.raises(ProposalError, match="right labels of 1 shopper that the proposal has not seen"):
        trials.prepare(proposal)


def test_a_panel_is_tried_by_its_members_of_which_those_with_an_adapter_are_shown_no_example(judge: Rater):
    trained = LanguageModelFactory.create(name="trained", role=LanguageModel.Role.JUDGE, adapter="judge.gguf")
    assert judge.language_model is not None
    seats = [Seat(judge.language_model, Way()), Seat(trained, Way())]
    panel = Rater.objects.get(panel=panels.make("both", vote=Panel.Vote.MAJORITY, seats=seats))
    proposal = propose("interest", by=world(judge), judge=panel, seed=1)
    engine = learning()

    trial = tried(proposal, engine, budget=20)

    assert trial.state == JobState.DONE
    shown = {(one.model, "<example>" in one.messages[0].content) for one in engine.requests}
    assert shown == {("judge-model", False), ("judge-model", True), ("trained", False)}
    assert len(engine.requests) == 40
    # One passes and one fails: a tie between passing and failing fails.
    assert found(trial).headline.second.value == 1.0


# Tasks ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def sent() -> Iterator[list[str]]:
    """Ids of the trials that were sent to the judge's queue."""
    ids: list[str] = []

    def record(sender: str, body: Any, routing_key: str, **kwargs: Any) -> None:
        if sender == "judge.tasks.advance_trial":
            assert routing_key == "judge"
            ids.append(body[0][0])

    before_task_publish.connect(record)
    yield ids
    before_task_publish.disconnect(record)


def test_a_started_trial_is_sent_on_commit_and_sends_itself_until_it_has_ended(
    proposal: Proposal, lead: User, sent: list[str], monkeypatch, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        trial = services.start_trial(proposal, by=lead)
    assert sent == [str(trial.pk)]

    engine = learning()
    monkeypatch.setattr(factory, "from_settings", lambda name: engine)
    while sent:
        with django_capture_on_commit_callbacks(execute=True):
            tasks.advance_trial(sent.pop())

    trial.refresh_from_db()
    assert trial.state == JobState.DONE
    assert len(engine.requests) == 80 > cases.BATCH_SIZE


def test_the_sweep_sends_a_forgotten_trial_again_once(
    proposal: Proposal, sent: list[str], django_capture_on_commit_callbacks
):
    trial = trials.prepare(proposal)
    Trial.objects.update(sent_at=timezone.now() - timedelta(seconds=jobs.SENT_FOR_S + 1))

    with django_capture_on_commit_callbacks(execute=True):
        assert (tasks.resend_jobs(), tasks.resend_jobs()) == (1, 0)

    assert sent == [str(trial.pk)]
