"""A trial: the judge answers held-out outputs under the current and under the proposed prompt, in the background."""

from __future__ import annotations

import random
import uuid
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from judge import judging, panels, passports, services
from judge.asking import Question
from judge.cases import BATCH_SIZE, store
from judge.models import Proposal, Rubric, Trial, TrialCase
from judge.proposals import results
from judge.proposals.optimizers import ProposalError
from judge.proposals.proposing import check_judge, held_out
from judge.proposals.truth import Truth
from judge.rubrics import RubricDef
from recommend import audit, jobs
from recommend.audit import Verb
from recommend.engines.types import Engine
from recommend.models import JobState

# Ours: 200 outputs under either prompt show a difference of about 7 points where every fifth changes.
BUDGET = 400
MIN_BUDGET, MAX_BUDGET = 20, 20_000
MIN_SHOPPERS = 2

Prompt = TrialCase.Prompt


class TrialRunningError(ProposalError):
    """The proposal is being tried already."""


@transaction.atomic
def prepare(proposal: Proposal, *, budget: int | None = None, seed: int | None = None, by: User | None = None) -> Trial:
    """Store a queued trial with its questions, two for each output that is held out, as far as the budget goes.

    budget  most questions; None for BUDGET
    seed    of which shoppers come first where the budget does not go for all; None for another at every trial

    Raises TrialRunningError, or ProposalError where there is nothing to try it on.
    """
    budget = BUDGET if budget is None else budget
    if not MIN_BUDGET <= budget <= MAX_BUDGET:
        raise ProposalError(f"{budget} questions are not between {MIN_BUDGET} and {MAX_BUDGET:,}.", "budget")
    if proposal.switched_on_at is not None:
        raise ProposalError("It is switched on already. Propose another edit of what judges go by now.")
    check_judge(proposal.rater)
    _check_comparable(proposal)
    found = held_out(proposal)
    if found.n_shoppers < MIN_SHOPPERS:
        raise ProposalError(
            f"There are right labels of {found.n_shoppers} shopper{'' if found.n_shoppers == 1 else 's'} that the "
            f"proposal has not seen; a trial takes {MIN_SHOPPERS} or more. Have people label outputs of others, or "
            "resolve more disagreements."
        )
    trial = Trial(
        proposal=proposal,
        created_by=by,
        budget=budget,
        seed=uuid.uuid4().int % 1_000_000 if seed is None else seed,
        version=_versions(proposal),
        held_out=found.counts,
    )
    try:
        with transaction.atomic():
            trial.save()
    except IntegrityError as error:
        raise TrialRunningError("This proposal is being tried already. Wait for that trial, or cancel it.") from error
    TrialCase.objects.bulk_create(
        TrialCase(trial=trial, output_id=one.output, prompt=prompt, right=one.labels, is_decided=one.is_decided)
        for one in _drawn(found.truths, budget // len(Prompt), trial.seed)
        for prompt in Prompt
    )
    audit.record(Verb.TRIAL_STARTED, trial, {"budget": budget, "proposal": str(proposal.pk)}, by=by)
    return trial


def cancel(trial: Trial) -> Trial:
    """Stop a trial: answers stay, no more is asked, and it allows nothing. One that has ended stays as it is."""
    return jobs.cancel(trial, Verb.TRIAL_CANCELLED)


def advance(trial_id: UUID, engine: Engine) -> Trial | None:
    """Ask the next batch of a trial; returns it as it stands then, None where it has ended or another worker has it.

    Raises EngineUnavailableError, after storing what came, where a question got no answer at all.
    """
    rows = Trial.objects.select_related(
        "proposal__rater__language_model", "proposal__rater__panel", "proposal__draft", "proposal__current"
    )
    return jobs.advance(rows, trial_id, partial(_advance, engine=engine))


def changed(trial: Trial) -> str:
    """What differs between either prompt, or the judge, and what was tried, in words; "" where nothing does."""
    now = _versions(trial.proposal)
    return passports.changes(trial.version["current"], now["current"]) or passports.changes(
        trial.version["proposed"], now["proposed"]
    )


def _advance(trial: Trial, token: UUID, engine: Engine) -> None:
    if changes := changed(trial):
        jobs.end(trial, token, JobState.FAILED, f"The judge or the draft changed meanwhile: {changes} Try it again.")
        return
    rubrics: dict[str, Rubric] = {Prompt.CURRENT: trial.proposal.current, Prompt.PROPOSED: trial.proposal.draft}
    waiting = trial.cases.filter(answered_at=None).select_related("output__generation", "output__parent")
    batch: defaultdict[str, list[TrialCase]] = defaultdict(list)
    for case in waiting.order_by("pk")[:BATCH_SIZE]:
        batch[case.prompt].append(case)
    for prompt, cases in batch.items():
        rules = services.definition(rubrics[prompt])
        replies = panels.replies(_questions(trial, cases, rules), trial.proposal.rater, rules, engine)
        store(trial, token, replies, trial.cases.all())
    if waiting.exists():
        return
    with transaction.atomic():
        jobs.renew(trial, token)
        Trial.objects.filter(pk=trial.pk).update(figures=results.measured(trial))
        jobs.end(trial, token, JobState.DONE)


def _questions(trial: Trial, cases: Sequence[TrialCase], rules: RubricDef) -> list[Question]:
    model = trial.proposal.rater.models[0]
    return [
        Question(
            str(case.pk),
            judging.verdict_input(case.output, case.output.generation, rules, model),
            group=str(case.output.generation_id),
        )
        for case in cases
    ]


def _drawn(truths: Sequence[Truth], n: int, seed: int) -> list[Truth]:
    """At most `n`, a shopper's outputs before the next one's, in random order: so every output counts the same."""
    shoppers = sorted({one.shopper for one in truths})
    random.Random(seed).shuffle(shoppers)  # noqa: S311  # a sample that can be drawn again, no secret
    place = {shopper: number for number, shopper in enumerate(shoppers)}
    return sorted(truths, key=lambda one: (place[one.shopper], one.output))[:n]


def _check_comparable(proposal: Proposal) -> None:
    """Raises ProposalError where labels under the current prompt say nothing about the proposed one."""

    def scales(rubric: Rubric) -> dict[str, list[tuple[str, bool]]]:
        criteria = services.definition(rubric).criteria
        return {one.name: [(label.value, label.passes) for label in one.labels] for one in criteria}

    if scales(proposal.current) != scales(proposal.draft):
        raise ProposalError(
            f"The draft has other criteria or labels than “{proposal.current}”, so the labels given under that say "
            "nothing about it. Take that back in the draft, or have people label under it in a campaign."
        )


def _versions(proposal: Proposal) -> dict[str, Any]:
    return {
        Prompt.CURRENT.value: passports.version_of(proposal.rater, proposal.current),
        Prompt.PROPOSED.value: passports.version_of(proposal.rater, proposal.draft),
    }
