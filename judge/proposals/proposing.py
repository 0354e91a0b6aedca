"""Proposing an edit: corrections are split by shopper, some feed an optimiser, and what it says becomes a draft."""

from __future__ import annotations

import logging
import math
import random
import re
import uuid
from collections import Counter
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction

from judge import asking, panels, rubric_editing, services
from judge.models import Proposal, Rater, Rubric
from judge.proposals import plugins
from judge.proposals.optimizers import Correction, Edit, PromptOptimizer, ProposalError, edited
from judge.proposals.truth import Truth, corrections, truths
from judge.rubric_changes import changes
from judge.rubric_editing import RubricError
from judge.rubrics import RubricDef
from recommend import audit
from recommend.audit import Verb
from recommend.models import LanguageModel, Output

logger = logging.getLogger(__name__)

# Ours. A few examples want few shoppers, and what is held out decides how small a difference can be seen.
FED_SHARE = 0.5
_WORDS = re.compile(r"\w+")


@transaction.atomic
def propose(
    kind: str, *, by: User, judge: Rater | None = None, optimizer: str = "", seed: int | None = None
) -> Proposal:
    """Store a proposal: a draft made from the rubric that judges of a kind go by, with an optimiser's edits.

    judge      the one that is to be improved; None for the one that serves
    optimizer  its dotted path; "" for the first of the setting
    seed       of which shoppers' corrections feed it; None for another at every proposal

    Raises ProposalError where nothing can be proposed, with what to do about it.
    """
    try:
        rubric, judge = Rubric.objects.current(kind), judge or services.serving_judge()
    except (Rubric.DoesNotExist, LanguageModel.DoesNotExist) as missing:
        raise ProposalError(str(missing)) from missing
    check_judge(judge)
    chosen = plugins.chosen(optimizer)
    found = corrections(rubric, judge, by)
    if not found:
        raise ProposalError(
            f"Nothing has been decided on {kind}s under “{rubric}” yet, so there is nothing to learn from. Resolve "
            "some disagreements first: a proposal is made from the labels and the reasons given there."
        )
    fed = feeding(found, uuid.uuid4().int % 1_000_000 if seed is None else seed)
    seen = [one for one in found if one.shopper in fed]
    rules = services.definition(rubric)
    edits = _edits(chosen, rules, seen)
    wanted = edited(rules, edits, seen)
    if not changes(rules, wanted):
        raise ProposalError(
            f"“{chosen.title}” proposes no change: what was decided says nothing that “{rubric}” does not say already. "
            "Resolve more disagreements, or choose another optimiser.",
            "optimizer",
        )
    draft = rubric_editing.new_draft(made_from=rubric, by=by)
    try:
        draft = rubric_editing.save(draft, wanted, draft.edition, from_outputs=True)
    except RubricError as error:
        raise ProposalError(f"“{chosen.title}” proposes what no rubric can be: {error}", "optimizer") from error
    proposal = Proposal.objects.create(
        created_by=by,
        rater=judge,
        current=rubric,
        draft=draft,
        optimizer=optimizer or plugins.default(),
        reasons=[{"criterion": one.criterion, "why": one.why} for one in edits],
        fed_shoppers=sorted(fed),
        n_corrections=len(seen),
    )
    audit.record(Verb.PROPOSAL_MADE, proposal, {"kind": kind, "corrections": len(seen)}, by=by)
    return proposal


def check_judge(judge: Rater) -> None:
    """Raises ProposalError for a judge whose prompt no edit can change."""
    if judge.is_person:
        raise ProposalError(f"{judge} is a person; only a judge model has a prompt.", "judge")
    if not panels.is_asked_today(judge):
        raise ProposalError(f"{judge} cannot be asked any more: no prompt has that version now.", "judge")
    if not any(asking.reads_guidelines(model) for model in judge.models):
        raise ProposalError(
            f"{judge} has an adapter and was trained on the questions alone: it is shown neither guidelines nor "
            "examples, so that no edit of them changes what it says. Choose a judge without an adapter.",
            "judge",
        )


def feeding(found: list[Correction], seed: int) -> frozenset[str]:
    """The shoppers whose corrections feed the edit: a share of those who have any, at least one, drawn by the seed."""
    shoppers = sorted({one.shopper for one in found})
    random.Random(seed).shuffle(shoppers)  # noqa: S311  # a split that can be made again, no secret
    return frozenset(shoppers[: math.ceil(len(shoppers) * FED_SHARE)])


def _edits(optimizer: PromptOptimizer, rules: RubricDef, seen: list[Correction]) -> list[Edit]:
    try:
        return list(optimizer.propose(rules, seen))
    except ProposalError:
        raise
    except Exception as error:  # anybody's code
        logger.exception("The prompt optimiser “%s” failed.", optimizer.title)
        raise ProposalError(
            f"“{optimizer.title}” failed with {type(error).__name__}: {error}. The server's log has where.", "optimizer"
        ) from error


# What is held out -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The outputs that a proposal can be tried on, and how many with labels are left out.

    n_of_seen_shoppers  their shopper's labels fed the proposal, or one of its examples is theirs
    n_like_an_example   an example says the same words, with its label
    """

    truths: tuple[Truth, ...]
    n_of_seen_shoppers: int
    n_like_an_example: int

    @property
    def n_decided(self) -> int:
        return sum(one.is_decided for one in self.truths)

    @property
    def n_shoppers(self) -> int:
        return len({one.shopper for one in self.truths})

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each, as a trial keeps them."""
        return {
            "outputs": len(self.truths),
            "decided": self.n_decided,
            "shoppers": self.n_shoppers,
            "of_seen_shoppers": self.n_of_seen_shoppers,
            "like_an_example": self.n_like_an_example,
        }


def held_out(proposal: Proposal) -> HeldOut:
    """What nobody who shaped either prompt, person or program, was shown: the guard against leakage.

    No shopper whose corrections fed this proposal, or one behind the current prompt; none of those in the examples of
    either; and no output that says the same as an example, whosever it is.
    """
    both = [services.definition(proposal.current), services.definition(proposal.draft)]
    seen = frozenset(proposal.fed_shoppers) | _fed_before(proposal.current)
    seen |= both[0].example_shoppers | both[1].example_shoppers
    told = {text for rules in both for text in _told(rules)}
    why = [(one, _leak(one, seen, told)) for one in truths(proposal.current)]
    counts = Counter(leak for _, leak in why)
    return HeldOut(tuple(one for one, leak in why if not leak), counts["shopper"], counts["text"])


def _leak(truth: Truth, seen: frozenset[str], told: set[str]) -> str:
    if truth.shopper in seen:
        return "shopper"
    return "text" if _plain(truth.text) in told else ""


def _fed_before(rubric: Rubric) -> frozenset[str]:
    """Shoppers who fed the proposals that a rubric and those before it came from."""
    line = []
    one: Rubric | None = rubric
    while one is not None and one.pk not in line:
        line.append(one.pk)
        one = one.made_from
    fed = Proposal.objects.filter(draft__in=line).values_list("fed_shoppers", flat=True)
    return frozenset(shopper for shoppers in fed for shopper in shoppers)


def _told(rules: RubricDef) -> set[str]:
    """What the outputs of the examples say."""
    examples = [example for one in rules.criteria for example in one.examples]
    outputs = Output.objects.filter(pk__in={one.output for one in examples if one.output})
    return {
        _plain(text)
        for text in (
            *outputs.values_list("text", flat=True),
            *(one.text for one in examples),
            # As a judge reads an output, and as an optimiser writes it down.
            *(
                line.partition(": ")[2]
                for one in examples
                for line in one.text.splitlines()
                if line.startswith(rules.kind)
            ),
        )
    }


def _plain(text: str) -> str:
    return " ".join(_WORDS.findall(text.casefold()))
