"""Rubrics as drafts: making one, changing it, fixing it as a version, putting a version in use.

A draft may be as unfinished as its author likes; `open_points` says what is missing before it can be fixed. Fixed, it
never changes again: its labels, the judge's answers and the passports were all given under its words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import get_args

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from judge import services
from judge.fixed import RubricFixedError
from judge.models import Proposal, Rubric
from judge.rubrics import CriterionDef, ExampleDef, Kind, LabelDef, RubricDef, stored_text, yes_no
from judge.statistics.report import OVERALL
from judge.verdicts import RATIONALE
from recommend import audit
from recommend.audit import Verb

MAX_CRITERIA = 10
MAX_LABELS = 5
MAX_EXAMPLES = 12  # of one criterion: all of them stand in every prompt
MAX_TEXT = 20_000
MAX_EXAMPLE = 2_000
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
# The judge's answer and the figures have these beside the criteria's names.
RESERVED = {RATIONALE, OVERALL, "output", "evidence", "kind"}

SCALES: dict[str, tuple[LabelDef, ...]] = {
    "binary": yes_no("", ""),
    "three-level": (
        LabelDef("Excellent", "Excellent", True),
        LabelDef("Good", "Good", True),
        LabelDef("Bad", "Bad", False),
    ),
    "1–5": tuple(LabelDef(str(value), str(value), value >= 4) for value in (5, 4, 3, 2, 1)),
}
SCALE_TITLES = {"binary": "Yes / No", "three-level": "Excellent / Good / Bad", "1–5": "5 to 1, passing from 4"}


class RubricError(ValueError):
    """A wish that a rubric cannot meet; the text names the value and the remedy, `where` the criterion's name."""

    def __init__(self, message: str, where: str = "") -> None:
        super().__init__(message)
        self.where = where


class StaleEditionError(RubricError):
    """Somebody saved the draft since it was read."""


# Drafts ---------------------------------------------------------------------------------------------------------------


@transaction.atomic
def new_draft(*, kind: str = "", made_from: Rubric | None = None, by: User) -> Rubric:
    """Store a draft with the words of another rubric, or an empty one of a kind. Raises RubricError."""
    kind = kind or (made_from.kind if made_from else "")
    if kind not in get_args(Kind):
        raise RubricError(f"“{kind}” is no kind of output. Give one of {', '.join(get_args(Kind))}.")
    if made_from is not None and made_from.kind != kind:
        raise RubricError(f"“{made_from}” is for the kind {made_from.kind}, not {kind}. Leave the kind out.")
    draft = Rubric(kind=kind, made_from=made_from, created_by=by, in_use_since=None)
    draft.title, draft.guideline = (made_from.title, made_from.guideline) if made_from else ("New rubric", "")
    draft.save()
    if made_from is not None:
        services.write_criteria(draft, services.definition(made_from).criteria)
    return draft


def save(draft: Rubric, wanted: RubricDef, edition: int, *, from_outputs: bool = False) -> Rubric:
    """Store what a draft is to say; `wanted.kind` and `wanted.version` are not read.

    edition       the one that the change was made from
    from_outputs  whether `wanted` is believed where it says which outputs its examples are from: the program's own word

    Raises RubricFixedError, StaleEditionError, and RubricError for what could not even be stored.
    """
    believed = _sources(wanted) if from_outputs else {}
    wanted = _cleaned(wanted)
    _check_storable(wanted)
    with transaction.atomic():
        locked = _locked_draft(draft)
        known = _sources(services.definition(locked)) | believed
        if locked.edition != edition:
            raise StaleEditionError(
                f"This draft was saved meanwhile: yours is of edition {edition}, and it is at {locked.edition} now. "
                "Open it again and bring your changes in; nothing of the other's was overwritten."
            )
        locked.title, locked.guideline, locked.edition = wanted.title, wanted.guideline, edition + 1
        locked.save()
        services.write_criteria(locked, _with_sources(wanted.criteria, known))
    return locked


def fix(draft: Rubric, *, by: User, in_use: bool = False) -> Rubric:
    """Give a draft its version, the next of its kind; from now on it never changes.

    in_use  whether judges go by it from now on; else it can be chosen for campaigns

    Raises RubricFixedError, and RubricError while there are open points, and for a proposed edit that is not on.
    """
    with transaction.atomic():
        locked = _locked_draft(draft)
        if in_use:
            _check_switched_on(locked)
        if points := open_points(services.definition(locked)):
            raise RubricError(f"“{locked.title}” cannot be fixed yet. {' '.join(points)}")
        highest = Rubric.objects.filter(kind=locked.kind).aggregate(highest=Max("version"))["highest"]
        locked.version, locked.fixed_at, locked.fixed_by = highest + 1, timezone.now(), by
        locked.in_use_since = timezone.now() if in_use else None
        try:
            with transaction.atomic():
                locked.save()
        except IntegrityError as error:
            raise RubricError("Another draft was fixed at this very moment. Fix this one again.") from error
        audit.record(Verb.RUBRIC_FIXED, locked, {"kind": locked.kind, "version": locked.version}, by=by)
        if in_use:
            audit.record(Verb.RUBRIC_IN_USE, locked, {"kind": locked.kind, "version": locked.version}, by=by)
    return locked


@transaction.atomic
def put_in_use(rubric: Rubric, *, by: User) -> Rubric:
    """Have judges go by a fixed rubric from now on, be it newer or older than the one before. Raises RubricError."""
    if rubric.is_draft:
        raise RubricError(f"“{rubric}” is not fixed yet, so its words may still change. Fix it first.")
    _check_switched_on(rubric)
    rubric.in_use_since = timezone.now()
    rubric.save(update_fields=["in_use_since"])
    audit.record(Verb.RUBRIC_IN_USE, rubric, {"kind": rubric.kind, "version": rubric.version}, by=by)
    return rubric


@transaction.atomic
def discard(draft: Rubric) -> None:
    """Delete a draft. Raises RubricFixedError."""
    _locked_draft(draft).delete()


def _check_switched_on(rubric: Rubric) -> None:
    """Raises RubricError for a proposed edit of the judge's prompt, which judges go by only once it is switched on."""
    if Proposal.objects.filter(draft=rubric, switched_on_at=None).exists():
        raise RubricError(
            f"“{rubric}” is a proposed edit of the judge's prompt. Try it on held-out labels and switch it on there."
        )


def _locked_draft(draft: Rubric) -> Rubric:
    locked = Rubric.objects.select_for_update().get(pk=draft.pk)
    if not locked.is_draft:
        raise RubricFixedError(locked)
    return locked


def _sources(rules: RubricDef) -> dict[tuple[str, str], tuple[str, str]]:
    """{(criterion, text of an example): (output, shopper)} for the examples that were taken from an output."""
    return {
        (one.name, stored_text(example.text)): (example.output, example.shopper)
        for one in rules.criteria
        for example in one.examples
        if example.output or example.shopper
    }


def _with_sources(
    criteria: Iterable[CriterionDef], known: Mapping[tuple[str, str], tuple[str, str]]
) -> list[CriterionDef]:
    """The criteria, where an example that is known already keeps the output that it was taken from.

    So the guard against leakage does not hang on what a form or a client sends back.
    """

    def sourced(name: str, example: ExampleDef) -> ExampleDef:
        output, shopper = known.get((name, example.text), ("", ""))
        return replace(example, output=output, shopper=shopper)

    return [replace(one, examples=tuple(sourced(one.name, example) for example in one.examples)) for one in criteria]


# What a rubric must be ------------------------------------------------------------------------------------------------


def _cleaned(wanted: RubricDef) -> RubricDef:
    """With every text as it is stored, and no example that says itself where it is from."""
    text = stored_text
    criteria = tuple(
        CriterionDef(
            name=text(one.name),
            title=text(one.title),
            question=text(one.question),
            guideline=text(one.guideline),
            labels=tuple(
                LabelDef(text(label.value), text(label.title) or text(label.value), label.passes, text(label.help))
                for label in one.labels
            ),
            examples=tuple(
                ExampleDef(text(example.text), text(example.label), text(example.reason)) for example in one.examples
            ),
        )
        for one in wanted.criteria
    )
    return replace(wanted, title=text(wanted.title), guideline=text(wanted.guideline), criteria=criteria)


def _check_storable(wanted: RubricDef) -> None:
    """Raises RubricError for what even a draft may not be."""
    if not wanted.title:
        raise RubricError("A rubric has a title. Give it one.")
    if len(wanted.criteria) > MAX_CRITERIA:
        raise RubricError(f"{len(wanted.criteria)} criteria are too many for one screen. Leave {MAX_CRITERIA} at most.")
    counted = Counter(one.name for one in wanted.criteria)
    for one in wanted.criteria:
        if not NAME.fullmatch(one.name):
            raise RubricError(
                f"“{one.name}” is not a name for a criterion. It begins with a small letter and has small letters, "
                "digits and _, 40 at most, like “tone” or “price_fit”.",
                one.name,
            )
        if one.name in RESERVED:
            raise RubricError(f"“{one.name}” has a meaning of its own in a judge's answer. Choose another.", one.name)
        if counted[one.name] > 1:
            raise RubricError(f"Two criteria have the name “{one.name}”. Give one of them another.", one.name)
        for title, value, most in _texts(one):
            if len(value) > most:
                raise RubricError(
                    f"{one.name}: the {title} has {len(value):,} characters; {most:,} is the most.", one.name
                )
        if len(one.labels) > MAX_LABELS:
            raise RubricError(f"{one.name}: {len(one.labels)} labels; a scale has {MAX_LABELS} at most.", one.name)
        if len(one.examples) > MAX_EXAMPLES:
            raise RubricError(
                f"{one.name}: {len(one.examples)} examples; a judge reads all of them with every output, so "
                f"{MAX_EXAMPLES} is the most.",
                one.name,
            )
    for title, value, most in (("title", wanted.title, 200), ("guideline", wanted.guideline, MAX_TEXT)):
        if len(value) > most:
            raise RubricError(f"The {title} has {len(value):,} characters; {most:,} is the most.")


def _texts(one: CriterionDef) -> Iterator[tuple[str, str, int]]:
    """The texts of a criterion: what it is called, itself, and how long it may be."""
    yield from (("title", one.title, 100), ("question", one.question, 1_000), ("guideline", one.guideline, MAX_TEXT))
    for label in one.labels:
        yield from (("label", label.value, 30), ("label's title", label.title, 40), ("label's help", label.help, 300))
    for example in one.examples:
        yield from (("example", example.text, MAX_EXAMPLE), ("example's reason", example.reason, MAX_EXAMPLE))


def open_points(wanted: RubricDef) -> list[str]:
    """What is missing before a rubric can be fixed, a sentence each; [] where nothing is."""
    points = []
    if not wanted.guideline:
        points.append("The guideline is empty: say what makes an output good.")
    if not wanted.criteria:
        points.append("There is no criterion: add one.")
    for one in wanted.criteria:
        points += [f"{one.title or one.name}: {point}" for point in _criterion_points(one)]
    return points


def _criterion_points(one: CriterionDef) -> Iterator[str]:
    if not one.title:
        yield "it has no title."
    if not one.question:
        yield "it asks no question."
    yield from _label_points(one)
    for number, example in enumerate(one.examples, start=1):
        if not example.text:
            yield f"example {number} has no output: give its text, or empty its other fields."
        if example.label not in one.values:
            yield f"example {number} has the label “{example.label}”, which is none of {', '.join(one.values)}."


def _label_points(one: CriterionDef) -> Iterator[str]:
    if len(one.labels) < 2:
        yield "it needs two labels at least."
        return
    if any(not value for value in one.values):
        yield "a label has no value."
        return
    begins = Counter(value[0].casefold() for value in one.values)
    if twice := [value for value in one.values if begins[value[0].casefold()] > 1]:
        # The judge's first token tells which label it means, and with it how sure it is.
        yield f"{' and '.join(twice)} begin alike; each label needs a first letter of its own."
    passes = [label.passes for label in one.labels]
    if all(passes) or not any(passes):
        yield "some labels must pass and some must not."
    elif passes != sorted(passes, reverse=True):
        yield "labels run from best to worst, so those that pass come first."
