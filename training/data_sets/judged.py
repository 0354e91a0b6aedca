"""Judge: what people and leads said of outputs, a row for each criterion, in all rounds of annotation there were.

The V1 report keeps these labels in a buffer; here it is the tables of labels themselves, since none is ever
overwritten. Rows are balanced after they are split (`balancing`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from judge import agents, judging, verdicts
from judge.models import Assessment, Resolution
from judge.rubrics import CriterionDef
from judge.verdicts import VerdictInput
from judge.ways import Way
from recommend.models import Generation, LanguageModel, Output
from training.data_sets import generated
from training.data_sets.generated import LABELS, STAGE_OF_KIND, Authority
from training.data_sets.labels import Said
from training.data_sets.rows import Row, traced
from training.data_sets.wanted import DataSetError, Wanted

FATES = {
    "generations": "Generations with labels of people",
    "outputs": "Outputs of these",
    "outputs.rule": "rejected by a rule",
    "outputs.unlabelled": "not labelled by anybody, or split evenly",
    "labels": "Labels that count",
    "labels.lead": "decided by a lead",
    "labels.people": "given by people",
}


def rows(wanted: Wanted, fates: Counter[str], looked: Callable[[int], None]) -> Iterator[Row]:
    """A row for every label that counts, of the criteria that are asked for; see `accepted.rows`."""
    authority = Authority.of(wanted, people_alone=True)
    if unknown := set(wanted.criteria) - {one.name for one in authority.rules.criteria}:
        known = ", ".join(one.name for one in authority.rules.criteria)
        raise DataSetError(f"“{min(unknown)}” is no criterion of {authority.rubric}. It has {known}.", "criteria")
    found = _with_labels(generated.generations(wanted), authority)
    for batch, said in generated.batches(found, authority.reading):
        reasons = _Reasons.of(authority, said)
        for generation in batch:
            fates["generations"] += 1
            for output in generation.outputs.all():
                yield from _of_output(authority, generation, output, said.get(output.pk), reasons, wanted, fates)
        looked(fates["generations"])


def _with_labels(found: QuerySet[Generation], authority: Authority) -> QuerySet[Generation]:
    rubrics = authority.reading.rubrics
    labelled = Assessment.objects.filter(
        output__generation=OuterRef("pk"), rater__user__isnull=False, rubric__in=rubrics
    )
    decided = Resolution.objects.filter(output__generation=OuterRef("pk"), rubric__in=rubrics)
    return found.filter(Exists(labelled) | Exists(decided))


def _of_output(
    authority: Authority,
    generation: Generation,
    output: Output,
    said: Said | None,
    reasons: _Reasons,
    wanted: Wanted,
    fates: Counter[str],
) -> Iterator[Row]:
    fates["outputs"] += 1
    if output.is_rejected or said is None:
        fates["outputs.rule" if output.is_rejected else "outputs.unlabelled"] += 1
        return
    # As an evaluator of one criterion is asked: the report has a task for each. A trained judge reads no guidelines.
    whole = judging.verdict_input(output, generation, authority.rules, LanguageModel(adapter="trained"))
    for name, asked in agents.evaluators(whole).items():
        if name not in said.labels or (wanted.criteria and name not in wanted.criteria):
            continue
        fates["labels"] += 1
        fates[f"labels.{said.by}"] += 1
        yield traced(_row(authority, generation, output, asked, said, reasons), *LABELS)


def _row(
    authority: Authority, generation: Generation, output: Output, asked: VerdictInput, said: Said, reasons: _Reasons
) -> Row:
    (criterion,) = (authority.rules.criterion(one.name) for one in asked.criteria)
    stage, way = STAGE_OF_KIND[authority.rubric.kind], Way(calls="criterion")
    label = said.labels[criterion.name]
    reason, of = reasons.why(output.pk, criterion, label)
    answer = json.dumps({criterion.name: label, verdicts.RATIONALE: reason}, ensure_ascii=False)
    origin = generated.origin(stage, [generation], [output], {output.pk: said})
    return Row(
        task=f"judge {output.kind} {criterion.name}",
        shopper=generation.shopper.external_id,
        at=said.at,
        language=generation.run.language,
        messages=verdicts.messages(asked, way.prompt),
        answer=answer,
        labelled=said.by,
        n_outputs=1,
        label=label,
        lineage=replace(
            origin,
            assessments=tuple(dict.fromkeys((*origin.assessments, *of))),
            asked_with=f"judge {way.prompt.version} sha256:{way.prompt.sha256}",
        ),
        # Of two outputs of one history nearly the whole chat is the same; what is judged tells them apart.
        essence=f"{criterion.name} {generation.input_sha256} {verdicts.output_lines(asked)}",
    )


class _Reasons:
    """Sentences that say why an output has a label: a lead's, a person's, else a judge's that gave the same label."""

    def __init__(self, decided: Mapping[UUID, Resolution], said: Mapping[UUID, list[Assessment]]) -> None:
        self.decided, self.said = decided, said

    @classmethod
    def of(cls, authority: Authority, outputs: Iterable[UUID]) -> _Reasons:
        wanted = list(outputs)
        rubrics = authority.reading.rubrics
        decided = Resolution.objects.filter(rubric__in=rubrics, output__in=wanted).order_by("created_at", "revision")
        found: dict[UUID, list[Assessment]] = {}
        said = Assessment.objects.filter(rubric__in=rubrics, output__in=wanted, revision=1).exclude(rationale="")
        # People first, then judges, the newest first.
        for one in said.select_related("rater").order_by("-created_at"):
            found.setdefault(one.output_id, []).append(one)
        for several in found.values():
            several.sort(key=lambda one: not one.rater.is_person)
        return cls({one.output_id: one for one in decided}, found)

    def why(self, output: UUID, criterion: CriterionDef, label: str) -> tuple[str, tuple[str, ...]]:
        """The sentence, and the assessment that it is from; without any, what the label says by itself."""
        decided = self.decided.get(output)
        if decided is not None and decided.labels.get(criterion.name) == label:
            return _short(decided.reason), ()
        for one in self.said.get(output, ()):
            if one.labels.get(criterion.name) == label:
                return _short(one.rationale), (str(one.pk),)
        return f"{criterion.title}: {criterion.label(label).title}.", ()


def _short(text: str) -> str:
    return " ".join(text.split())[: verdicts.RATIONALE_CHARS]
