"""Adjudication: every rater's labels for one output side by side, and the labels that a lead decides on, with why.

A resolution stands beside the labels that people and judges gave and never in their place: the corrected rate goes on
resting on people's own first labels. What resolving says about people and judge is a figure of its own (`overruled`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet

from judge import answers, services, visibility
from judge.comparison import judge_of
from judge.disagreements import Wanted, rubric_of
from judge.models import Assessment, Rater, Resolution, Rubric
from judge.refusals import AlreadyResolved, InvalidAnswer
from judge.rubrics import CriterionDef, LabelDef, RubricDef
from recommend import audit
from recommend.audit import Verb
from recommend.models import Output

RELATED = ("generation__run", "generation__shopper", "generation__model", "parent", "item")


@dataclass(frozen=True, slots=True)
class Voice:
    """One rater's word: the first labels, which count, and what they were revised to, None where they were not."""

    rater: Rater
    first: Assessment
    revised: Assessment | None


@dataclass(frozen=True, slots=True)
class Said:
    """One voice on one criterion: its first label, a later one where it changed its mind, and how sure a judge was.

    probability  0 to 1, None where the engine gave none, and for people
    """

    label: LabelDef
    revised: LabelDef | None
    probability: float | None


@dataclass(frozen=True, slots=True)
class Question:
    """One criterion: what each voice said, in the order of the voices, None where it said nothing."""

    criterion: CriterionDef
    said: tuple[Said | None, ...]

    @property
    def counts(self) -> list[tuple[LabelDef, int]]:
        """How many gave each label, the most frequent first."""
        return Counter(one.label for one in self.said if one is not None).most_common()

    @property
    def is_contested(self) -> bool:
        return len(self.counts) > 1


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One output with all that was said of it under one rubric, people first; resolutions newest first."""

    output: Output
    rubric: Rubric
    voices: tuple[Voice, ...]
    questions: tuple[Question, ...]
    resolutions: tuple[Resolution, ...]

    @property
    def resolution(self) -> Resolution | None:
        """The one in force."""
        return self.resolutions[0] if self.resolutions else None

    @property
    def revision(self) -> int:
        """The number of the resolution in force, 0 before the first: `resolve` takes it."""
        return self.resolutions[0].revision if self.resolutions else 0

    @property
    def n_people(self) -> int:
        return sum(voice.rater.is_person for voice in self.voices)

    @property
    def decisions(self) -> list[tuple[Resolution, list[tuple[CriterionDef, LabelDef]]]]:
        """Each resolution with its labels in the rubric's order, newest first."""
        asked = [one.criterion for one in self.questions]
        return [
            (one, [(question, question.label(one.labels[question.name])) for question in asked])
            for one in self.resolutions
        ]

    @property
    def proposed(self) -> dict[str, str]:
        """What a decision starts from, {criterion: label}: the one in force, else what nobody contests."""
        if self.resolution is not None:
            return dict(self.resolution.labels)
        found = {one.criterion.name: one.counts for one in self.questions}
        return {name: counts[0][0].value for name, counts in found.items() if len(counts) == 1}

    @property
    def lines(self) -> list[tuple[Voice, tuple[Said | None, ...]]]:
        """Each voice with what it said on each criterion."""
        return [(voice, tuple(one.said[number] for one in self.questions)) for number, voice in enumerate(self.voices)]

    def rated_by(self, user: User) -> bool:
        """Whether this person labelled the output: then they would judge in their own cause."""
        return any(voice.rater.user_id == user.pk for voice in self.voices)


def disagreements(wanted: Wanted, user: User, output_ids: Sequence[UUID]) -> list[Disagreement]:
    """What was said of some outputs, in that order, as far as `user` may see it; a handful of queries for any number.

    An output that a rule rejected, and one of which something is still hidden from `user`, is not among them. Raises
    Rubric.DoesNotExist.
    """
    rubric, judge = rubric_of(wanted), judge_of(wanted.filters)
    rules = services.definition(rubric)
    outputs = Output.objects.kept().filter(kind=rubric.kind, pk__in=output_ids)
    found = {one.pk: one for one in outputs.select_related(*RELATED)}
    counted = Q(rater__user__isnull=False) | Q(rater=judge, revision=1)
    said = _by_output(
        visibility.visible_assessments(user, outputs)
        .filter(counted, rubric=rubric)
        .select_related("rater__user", "rater__language_model", "rater__panel")
        .order_by("revision")
    )
    hidden = _hidden(user, outputs)
    resolved = _by_output(
        Resolution.objects.filter(output__in=outputs, rubric=rubric).select_related("by").order_by("-revision")
    )
    return [
        _disagreement(found[pk], rubric, rules, said[pk], resolved[pk])
        for pk in output_ids
        if pk in found and pk not in hidden
    ]


def disagreement(wanted: Wanted, user: User, output_id: UUID) -> Disagreement | None:
    """What was said of one output; None where there is none that `user` may see. Raises Rubric.DoesNotExist."""
    found = disagreements(wanted, user, [output_id])
    return found[0] if found else None


def _by_output(rows: Iterable[Any]) -> defaultdict[UUID, list[Any]]:
    found: defaultdict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.output_id].append(row)
    return found


def _hidden(user: User, outputs: QuerySet[Output]) -> set[UUID]:
    """Outputs that the user has in work in a blind campaign, whether or not anybody has labelled them yet."""
    held = visibility.blind_work(user).values("unit__generation")
    return set(outputs.filter(generation__in=held).values_list("pk", flat=True))


def _disagreement(
    output: Output,
    rubric: Rubric,
    rules: RubricDef,
    said: Sequence[Assessment],
    resolutions: Sequence[Resolution],
) -> Disagreement:
    by_rater: dict[UUID, list[Assessment]] = {}
    for one in said:
        by_rater.setdefault(one.rater_id, []).append(one)
    voices = [
        Voice(all_of[0].rater, all_of[0], all_of[-1] if len(all_of) > 1 else None) for all_of in by_rater.values()
    ]
    voices.sort(key=lambda voice: (not voice.rater.is_person, str(voice.rater)))
    questions = tuple(Question(one, tuple(_said(one, voice) for voice in voices)) for one in rules.criteria)
    return Disagreement(output, rubric, tuple(voices), questions, tuple(resolutions))


def _said(criterion: CriterionDef, voice: Voice) -> Said | None:
    value = voice.first.labels.get(criterion.name)
    if value is None:
        return None
    revised = voice.revised.labels.get(criterion.name, value) if voice.revised else value
    return Said(
        label=criterion.label(value),
        revised=criterion.label(revised) if revised != value else None,
        probability=voice.first.probabilities.get(criterion.name, {}).get(value),
    )


@transaction.atomic
def resolve(
    *, output: Output, rubric: Rubric, labels: Mapping[str, str], reason: str, by: User, revision: int
) -> Resolution:
    """Store the labels that are decided for an output, and why; an earlier resolution stays, below the new one.

    labels    {criterion name: label value} for every criterion
    revision  the number of the newest resolution that `by` has seen, 0 where there was none

    Sending what is in force already returns that. Raises InvalidAnswer for what does not fit the rubric or has no
    reason, Incomplete, and AlreadyResolved where somebody else decided meanwhile.
    """
    rules = services.definition(rubric)
    if output.kind != rubric.kind or output.is_rejected:
        raise InvalidAnswer(f"“{output}” is not rated under {rubric}.")
    clean = answers.cleaned({str(output.pk): {"labels": labels, "comment": reason}}, rules, [output])
    answers.check_complete(clean, rules, [output])
    answer = clean[str(output.pk)]
    if not answer["comment"]:
        raise InvalidAnswer("Say why: the raters who are overruled, and whoever reads the labels later, learn from it.")
    Output.objects.select_for_update().get(pk=output.pk)  # two leads at once: the second sees the first one's decision
    newest = Resolution.objects.filter(output=output, rubric=rubric).order_by("-revision").first()
    if newest is not None and (newest.labels, newest.reason, newest.by) == (answer["labels"], answer["comment"], by):
        return newest
    stored = newest.revision if newest else 0
    if stored != revision:
        raise AlreadyResolved(newest)
    resolution = Resolution.objects.create(
        output=output,
        rubric=rubric,
        revision=stored + 1,
        labels=answer["labels"],
        passed=rules.passes(answer["labels"]),
        reason=answer["comment"],
        by=by,
        by_rater=Assessment.objects.filter(output=output, rubric=rubric, rater__user=by).exists(),
    )
    audit.record(Verb.DISAGREEMENT_RESOLVED, output, {"revision": resolution.revision}, by=by)
    return resolution
