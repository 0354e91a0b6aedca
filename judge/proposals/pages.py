"""What the pages of proposed edits show, as plain values."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, QuerySet

from judge import panels, services, visibility
from judge.models import Proposal, Rater, Resolution, Rubric, Trial, TrialCase
from judge.proposals import plugins, results, switching
from judge.proposals.optimizers import PromptOptimizer, ProposalError
from judge.proposals.proposing import check_judge, held_out
from judge.proposals.results import Result
from judge.proposals.truth import same_words
from judge.rubric_changes import Change, changes
from recommend.models import Output

MAX_LISTED = 50
MAX_TURNED = 20

READ_ALONG = (
    "rater__language_model",
    "rater__panel",
    "rater__user",
    "current",
    "draft",
    "created_by",
    "switched_on_by",
)


@dataclass(frozen=True, slots=True)
class Start:
    """What a new proposal of one kind would begin from.

    rubric     what judges go by; None where there is none
    n_decided  outputs of the kind with a resolution under it
    trouble    why the judge that serves cannot be improved so, "" where it can
    """

    rubric: Rubric | None
    n_decided: int
    trouble: str


@dataclass(frozen=True, slots=True)
class Said:
    """What the judge said of one output on one criterion under the two prompts, and what is right."""

    title: str
    right: str
    current: str
    proposed: str


@dataclass(frozen=True, slots=True)
class Turned:
    """A held-out output on which the two prompts differ."""

    output: Output
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A proposal laid out.

    reasons   [criterion's title, why]
    trial     the newest; None before the first
    result    of the newest that is done
    turned    of the same, at most MAX_TURNED, without what the reader holds blind
    counts    what is held out, as `Trial.held_out` has it
    obstacle  why it cannot be switched on without an admin's word, "" where it can
    """

    proposal: Proposal
    optimizer: str
    reasons: tuple[tuple[str, str], ...]
    changes: list[Change]
    trial: Trial | None
    result: Result | None
    turned: tuple[Turned, ...]
    counts: dict[str, int]
    obstacle: str


def start(kind: str) -> Start:
    """What leads see before they propose an edit for a kind of output."""
    try:
        rubric = Rubric.objects.current(kind)
    except Rubric.DoesNotExist:
        return Start(None, 0, "")
    n_decided = Resolution.objects.filter(rubric__in=same_words(rubric)).values("output").distinct().count()
    judge = services.find_serving_judge()
    try:
        if judge is None:
            raise ProposalError("No judge model serves. Choose a judge, or have one serve.")
        check_judge(judge)
    except ProposalError as error:
        return Start(rubric, n_decided, str(error))
    return Start(rubric, n_decided, "")


def judges() -> list[Rater]:
    """The judges whose prompt can be edited."""
    found = Rater.objects.filter(user__isnull=True).select_related("language_model", "panel").order_by("-created_at")
    return [one for one in found if panels.is_asked_today(one) and _can_be_edited(one)]


def proposals(kind: str) -> QuerySet[Proposal]:
    """Those of a kind, newest first, with whether a trial is done."""
    done = Trial.objects.filter(proposal=OuterRef("pk"), state="done")
    found = Proposal.objects.filter(current__kind=kind).select_related(*READ_ALONG)
    return found.annotate(is_tried=Exists(done))[:MAX_LISTED]


def shown(proposal: Proposal, user: User) -> Shown:
    """Everything that the page of a proposal says to a person."""
    before, after = services.definition(proposal.current), services.definition(proposal.draft)
    titles = {one.name: one.title for one in after.criteria}
    trials = list(proposal.trials.with_progress())
    trial = trials[0] if trials else None
    done = next((one for one in trials if one.figures), None)
    return Shown(
        proposal=proposal,
        optimizer=_optimizer(proposal.optimizer),
        reasons=tuple((titles.get(one["criterion"], one["criterion"]), one["why"]) for one in proposal.reasons),
        changes=changes(before, after),
        trial=trial,
        result=results.result(done) if done else None,
        turned=_turned(done, user) if done else (),
        counts=trial.held_out if trial else held_out(proposal).counts,
        obstacle="" if proposal.switched_on_at else switching.obstacle(proposal),
    )


def _optimizer(path: str) -> str:
    """Its title; the path where it is not installed any more."""
    try:
        optimizer: PromptOptimizer = plugins.load(path)
    except plugins.OptimizerError:
        return path
    return optimizer.title


def _can_be_edited(judge: Rater) -> bool:
    try:
        check_judge(judge)
    except ProposalError:
        return False
    return True


def _turned(trial: Trial, user: User) -> tuple[Turned, ...]:
    held = visibility.blind_work(user).values("unit__generation")
    other = trial.cases.filter(output=OuterRef("output"), prompt=TrialCase.Prompt.PROPOSED, passed__isnull=False)
    cases = (
        trial.cases.filter(prompt=TrialCase.Prompt.CURRENT, passed__isnull=False)
        .filter(Exists(other), ~Exists(other.filter(labels=OuterRef("labels"))))
        .exclude(output__generation__in=held)
        .select_related("output__parent")
        .order_by("pk")[:MAX_TURNED]
    )
    found = list(cases)
    proposed = dict(
        trial.cases.filter(prompt=TrialCase.Prompt.PROPOSED, output__in=[one.output_id for one in found]).values_list(
            "output_id", "labels"
        )
    )
    criteria = services.definition(trial.proposal.current).criteria
    return tuple(
        Turned(
            case.output,
            tuple(
                Said(one.title, case.right.get(one.name, ""), case.labels[one.name], proposed[case.output_id][one.name])
                for one in criteria
                if case.labels[one.name] != proposed[case.output_id][one.name]
            ),
        )
        for case in found
    )
