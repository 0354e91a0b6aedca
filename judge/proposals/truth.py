"""What counts as right, and what leads corrected: the labels that feed a proposal, and those that it is tried on.

Where a lead decided on an output, that counts: they saw every comment, and said why. Else people's first labels count,
given blind and of sampled units, as for every figure here; where several labelled an output, what most of them say, and
a criterion on which they are split evenly counts not at all. A judge's labels are never right.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import QuerySet

from judge import judging, services, verdicts, visibility
from judge.comparison import Filters, reviews_of
from judge.models import Assessment, Rater, Resolution, Rubric
from judge.proposals.optimizers import Correction
from judge.rubric_changes import changes
from judge.rubrics import RubricDef
from recommend.models import Output


@dataclass(frozen=True, slots=True)
class Truth:
    """The labels of an output that count as right: of a lead, or of the people who labelled it."""

    output: UUID
    shopper: str
    text: str
    labels: Mapping[str, str]
    is_decided: bool


def same_words(rubric: Rubric) -> list[Rubric]:
    """The rubric, and the earlier versions behind it under which people were asked in the same words.

    A version with other examples for the judge is another version, but people's labels mean the same under it.
    """
    found, rules = [rubric], _asked(services.definition(rubric))
    earlier = rubric.made_from
    while earlier is not None and not earlier.is_draft and earlier not in found:
        if changes(_asked(services.definition(earlier)), rules):
            break
        found.append(earlier)
        earlier = earlier.made_from
    return found


def truths(rubric: Rubric) -> list[Truth]:
    """Every kept output with labels that count as right under a rubric, by their ids."""
    rubrics = same_words(rubric)
    decided = {one.output_id: one.labels for one in _decided(rubrics)}
    said: defaultdict[UUID, list[Mapping[str, str]]] = defaultdict(list)
    for one in rubrics:
        reviews = reviews_of(Filters(kind=rubric.kind), one).filter(output__rejected_by="")
        for output, labels in reviews.values_list("output_id", "labels"):
            said[output].append(labels)
    labels_of = {output: most_said(labels) for output, labels in said.items()} | decided
    outputs = Output.objects.kept().filter(pk__in=labels_of)
    rows = outputs.order_by("pk").values_list("pk", "generation__shopper_id", "text")
    return [Truth(pk, str(shopper), text, labels_of[pk], pk in decided) for pk, shopper, text in rows if labels_of[pk]]


def corrections(rubric: Rubric, judge: Rater, user: User) -> list[Correction]:
    """What leads decided under a rubric, beside what the judge had said, by output and criterion.

    Without outputs that `user` holds blind: an edit of theirs would show them the labels.
    """
    rubrics = same_words(rubric)
    held = visibility.blind_work(user).values("unit__generation")
    decided = _decided(rubrics).exclude(output__generation__in=held)
    newest = {one.output_id: one for one in decided.select_related("output__generation", "output__parent")}
    judged = _verdicts(judge, rubrics, newest)
    rules, model = services.definition(rubric), judge.models[0]
    found = []
    for pk, one in sorted(newest.items()):
        read = judging.verdict_input(one.output, one.output.generation, rules, model)
        found += [
            Correction(
                criterion=criterion.name,
                output=str(pk),
                shopper=str(one.output.generation.shopper_id),
                text=verdicts.output_lines(read),
                context=read.context_text,
                label=one.labels[criterion.name],
                judge_label=judged.get(pk, {}).get(criterion.name, ""),
                reason=one.reason,
            )
            for criterion in rules.criteria
            if criterion.name in one.labels
        ]
    return found


def most_said(said: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The label that most gave, by criterion; none where several have the most."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for labels in said:
        for name, label in labels.items():
            counts[name][label] += 1
    found = {}
    for name, one in counts.items():
        (label, n), *others = one.most_common(2)
        if not others or others[0][1] < n:
            found[name] = label
    return found


def _asked(rules: RubricDef) -> RubricDef:
    """What people are asked: all but the examples, which judges alone are shown."""
    return replace(rules, version=0, title="", criteria=tuple(replace(one, examples=()) for one in rules.criteria))


def _decided(rubrics: Iterable[Rubric]) -> QuerySet[Resolution]:
    """Resolutions of kept outputs in rising order, so that the one in force comes last."""
    return Resolution.objects.filter(rubric__in=rubrics, output__rejected_by="").order_by("created_at", "revision")


def _verdicts(judge: Rater, rubrics: Iterable[Rubric], outputs: Iterable[UUID]) -> dict[UUID, Mapping[str, str]]:
    said = Assessment.objects.filter(rater=judge, rubric__in=rubrics, output__in=outputs, revision=1)
    return dict(said.order_by("created_at").values_list("output_id", "labels"))
