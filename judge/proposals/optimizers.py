"""Prompt optimisers: from what leads decided, with why, to edits of the judge's prompt. Pure: no Django, no engine.

Anything with a `title` and a `propose` is one; the setting JUDGE_PROMPT_OPTIMIZERS names those that leads may choose
from. `FewShotExamples` comes along.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from judge.rubrics import CriterionDef, ExampleDef, LabelError, RubricDef, stored_text

_WORDS = re.compile(r"\w+")


class ProposalError(ValueError):
    """A proposal that cannot be made, tried or switched on; the text names the value and the remedy.

    field  names the value at fault, "" where it is none
    """

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Correction:
    """What a lead decided on one criterion of one output.

    output, shopper  their ids
    text             what the judge reads of the output: it, its reason and the interest that it serves, a line each
    context          what the judge reads beside it: the history, or the item's card
    label            the right one
    judge_label      what the judge had said, "" where it said nothing of use
    reason           the lead's, about the output as a whole
    """

    criterion: str
    output: str
    shopper: str
    text: str
    context: str
    label: str
    judge_label: str
    reason: str

    @property
    def is_mistake(self) -> bool:
        """Whether the judge had said something else."""
        return self.judge_label not in ("", self.label)

    @property
    def example(self) -> ExampleDef:
        """The correction as an example that the judge can be shown."""
        return ExampleDef(self.text, self.label, self.reason, self.output, self.shopper)


@dataclass(frozen=True, slots=True)
class Edit:
    """What to change of one criterion, and why.

    add        examples: of a correction, or made up
    remove     examples of now, as they stand in the criterion
    guideline  the new text; None leaves it as it is
    """

    criterion: str
    add: tuple[ExampleDef, ...] = ()
    remove: tuple[ExampleDef, ...] = ()
    guideline: str | None = None
    why: str = ""


class PromptOptimizer(Protocol):
    """Chooses edits of the judge's prompt.

    title  what a lead chooses it by
    """

    @property
    def title(self) -> str: ...

    def propose(self, rules: RubricDef, corrections: Sequence[Correction]) -> Sequence[Edit]:
        """Edits of the criteria of `rules`, at most one of each; none where there is nothing to improve.

        Called while the lead waits, with the corrections that may feed the edit: those of other shoppers are held out
        to try it on, and are never shown.
        """
        ...


def edited(rules: RubricDef, edits: Iterable[Edit], corrections: Iterable[Correction]) -> RubricDef:
    """The rubric after the edits; an example of a correction gets the output and shopper that this one has.

    So the guard against leakage does not hang on what an optimiser says. Raises ProposalError for a criterion, label or
    example that is not there.
    """
    corrections = list(corrections)
    exact = {(one.criterion, stored_text(one.text), one.output): one for one in corrections}
    by_example = {(one.criterion, stored_text(one.text)): one for one in corrections}
    by_output = {one.output: one for one in by_example.values()}
    for edit in edits:
        try:
            criterion = rules.criterion(edit.criterion)
            for one in edit.add:
                criterion.label(one.label)
        except LabelError as error:
            raise ProposalError(
                f"The optimiser proposes what the rubric does not have: {error}.", "optimizer"
            ) from error
        if gone := [one.text for one in edit.remove if one not in criterion.examples]:
            raise ProposalError(f"{criterion.name} has no example “{gone[0]}” to take out.", "optimizer")
        examples = {stored_text(one.text): one for one in criterion.examples if one not in edit.remove}
        for one in edit.add:
            said = criterion.name, stored_text(one.text)
            # Two shoppers' outputs may say the same: then the one that the example is of.
            known = exact.get((*said, one.output)) or by_example.get(said) or by_output.get(one.output)
            source = (known.output, known.shopper) if known else ("", "")
            # One of a text: sources are told apart by it, and twice the same teaches nothing.
            examples.setdefault(
                stored_text(one.text), replace(one, text=stored_text(one.text), output=source[0], shopper=source[1])
            )
        changed = replace(
            criterion,
            examples=tuple(examples.values()),
            guideline=criterion.guideline if edit.guideline is None else edit.guideline,
        )
        rules = replace(rules, criteria=tuple(changed if one.name == changed.name else one for one in rules.criteria))
    return rules


# Few-shot examples ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FewShotExamples:
    """Corrections as examples: balanced over the labels, unlike each other, what the judge got wrong first.

    per_criterion  most examples of a criterion, those that stand there already counted
    longest        characters of an example; longer outputs are no examples

    Each shopper gives one example at most, so that the examples speak of many and the guard takes few away. An example
    that leads decided otherwise since is taken out.
    """

    per_criterion: int = 4
    longest: int = 1_000
    title: str = field(default="Few-shot examples", init=False)

    def propose(self, rules: RubricDef, corrections: Sequence[Correction]) -> list[Edit]:
        """Examples to add and to take out, by criterion."""
        stale = {one.name: _contradicted(one, corrections) for one in rules.criteria}
        kept = {one.name: [ex for ex in one.examples if ex not in stale[one.name]] for one in rules.criteria}
        chosen: dict[str, list[Correction]] = {one.name: [] for one in rules.criteria}
        shoppers = {ex.shopper for found in kept.values() for ex in found if ex.shopper}
        # One for each criterion before any gets a second: a shopper serves once, and there may be few.
        for _ in range(self.per_criterion):
            for criterion in rules.criteria:
                standing = [*kept[criterion.name], *(one.example for one in chosen[criterion.name])]
                if len(standing) >= self.per_criterion:
                    continue
                fitting = [one for one in self._fitting(criterion, corrections) if one.shopper not in shoppers]
                if best := _next(criterion, fitting, standing):
                    chosen[criterion.name].append(best)
                    shoppers.add(best.shopper)
        return [
            Edit(
                one.name,
                add=tuple(found.example for found in chosen[one.name]),
                remove=stale[one.name],
                why=_why(chosen[one.name], stale[one.name]),
            )
            for one in rules.criteria
            if chosen[one.name] or stale[one.name]
        ]

    def _fitting(self, criterion: CriterionDef, corrections: Sequence[Correction]) -> list[Correction]:
        return [
            one
            for one in corrections
            if one.criterion == criterion.name
            and one.label in criterion.values
            and one.text.strip()
            and len(one.text) <= self.longest
        ]


def _contradicted(criterion: CriterionDef, corrections: Sequence[Correction]) -> tuple[ExampleDef, ...]:
    right = {one.output: one.label for one in corrections if one.criterion == criterion.name}
    return tuple(one for one in criterion.examples if one.output and right.get(one.output, one.label) != one.label)


def _next(criterion: CriterionDef, fitting: Sequence[Correction], standing: Sequence[ExampleDef]) -> Correction | None:
    """The correction to show next: of the label with the fewest examples, a mistake, unlike what stands there."""
    texts = {stored_text(one.text) for one in standing}
    found = [one for one in fitting if stored_text(one.text) not in texts]
    counts = Counter(one.label for one in standing)
    words = [_words(one.text) for one in standing]
    return min(
        found,
        key=lambda one: (
            counts[one.label],
            not one.is_mistake,
            -min((_distance(_words(one.text), other) for other in words), default=1.0),
            criterion.values.index(one.label),
            one.output,  # whatever the order in which they come
        ),
        default=None,
    )


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORDS.findall(text.casefold()))


def _distance(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard's: 0 for the same words, 1 for none in common."""
    return 1 - len(one & other) / len(one | other) if one | other else 0.0


def _why(added: Sequence[Correction], removed: Sequence[ExampleDef]) -> str:
    said = []
    if added:
        labels = ", ".join(f"{label} ×{n}" for label, n in Counter(one.label for one in added).items())
        n_wrong = sum(one.is_mistake for one in added)
        wrong = f"; the judge had labelled {n_wrong} of them otherwise" if n_wrong else ""
        said.append(f"Examples added from what was decided: {labels}{wrong}.")
    if removed:
        said.append(f"Examples taken out, as leads decided otherwise since: {len(removed)}.")
    return " ".join(said)
