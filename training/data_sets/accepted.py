"""Self-training and pre-alignment: a model's outputs that were accepted, as the answer to what it was asked.

One row is one generation: its answer has the outputs that passed every criterion, and none that did not. So a model
learns to give lists that are right from end to end, and a generation with one weak tag is not lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from judge import services as judges
from judge.frames import Population
from judge.models import Rater, Rubric
from judge.rubrics import RubricDef
from recommend.languages import LANGUAGES
from recommend.models import Generation, LanguageModel, Output, Stage
from training.data_sets import chats
from training.data_sets.labels import Reading, Said
from training.data_sets.rows import Lineage, Row, traced
from training.data_sets.wanted import DataSetError, Wanted

BATCH = 500
RULES = "rules"
STAGE_OF_KIND = {kind.value: stage for stage, kind in judges.KIND_OF_STAGE.items()}
# What became of each output and generation that was looked at: the keys of the report's first table.
FATES = {
    "outputs": "Outputs looked at",
    "outputs.rule": "rejected by a rule",
    "outputs.unlabelled": "not labelled on every criterion",
    "outputs.failed": "failed a criterion",
    "outputs.incomplete": "without the reason, stage or interest that the answer needs",
    "outputs.accepted": "accepted",
    "generations": "Generations looked at",
    "generations.none": "without an accepted output",
    "generations.input": "whose input is not all there",
    "generations.form": "whose answer is not of the form asked for",
    "generations.rows": "made rows of",
}


def rows(wanted: Wanted, fates: Counter[str], looked: Callable[[int], None]) -> Iterator[Row]:
    """The rows that a query asks for, newest generation first, at most `wanted.most`.

    fates   counts what became of outputs and generations, by the keys of FATES
    looked  told how many generations were looked at so far, after each batch

    Raises DataSetError where the query cannot be answered, UntracedRowError for a row without its origin.
    """
    stage = STAGE_OF_KIND[wanted.kind]
    rubric, judge = _authorities(wanted)
    reading, rules = Reading.of(rubric, judge), judges.definition(rubric)
    found = _generations(wanted, stage).iterator(chunk_size=BATCH)
    n_made = 0
    while batch := list(islice(found, BATCH)):
        outputs = [one for generation in batch for one in generation.outputs.all()]
        said = {} if wanted.curation == RULES else reading.said(one.pk for one in outputs)
        for generation in batch:
            row = _row(stage, generation, said, rules, wanted, fates)
            if row is not None:
                yield traced(row, labelled=wanted.curation != RULES)
                n_made += 1
            if n_made == wanted.most:
                break
        looked(fates["generations"])
        if n_made == wanted.most:
            break


def _authorities(wanted: Wanted) -> tuple[Rubric, Rater | None]:
    """The rubric that outputs have to pass, and the judge whose labels count where people said nothing."""
    try:
        rubric = Rubric.objects.current(wanted.kind)
        if wanted.curation != "labels":
            return rubric, None
        if wanted.judge is None:
            return rubric, judges.serving_judge()
        return rubric, Rater.objects.get(pk=wanted.judge, user__isnull=True)
    except (Rubric.DoesNotExist, LanguageModel.DoesNotExist) as missing:
        raise DataSetError(str(missing), "judge") from missing
    except Rater.DoesNotExist as missing:
        raise DataSetError(f"{wanted.judge} is no judge. Give the id of one that has judged.", "judge") from missing


def _generations(wanted: Wanted, stage: Stage) -> QuerySet[Generation]:
    chosen = Population(stage, wanted.models, wanted.prompt_versions, wanted.created_from, wanted.created_until)
    # A guest's history came with one request, and is of no other use.
    found = chosen.generations().filter(shopper__is_guest=False)
    if wanted.languages:
        found = found.filter(run__language__in=wanted.languages)
    outputs = Output.objects.select_related("parent").order_by("position")
    return (
        found.select_related("run", "shopper", "model")
        .prefetch_related(Prefetch("outputs", outputs))
        .order_by("-created_at", "-pk")
    )


def _row(
    stage: Stage,
    generation: Generation,
    said: Mapping[UUID, Said],
    rules: RubricDef,
    wanted: Wanted,
    fates: Counter[str],
) -> Row | None:
    fates["generations"] += 1
    accepted = []
    for output in generation.outputs.all():
        fate = _fate(stage, output, said.get(output.pk), rules, wanted)
        fates["outputs"] += 1
        fates[f"outputs.{fate}"] += 1
        if fate == "accepted":
            accepted.append(output)
    if not accepted:
        fates["generations.none"] += 1
        return None
    language = LANGUAGES[generation.run.language]
    try:
        chat = chats.chat(stage, generation.input, language, len(accepted))
    except chats.IncompleteInputError:
        fates["generations.input"] += 1
        return None
    answer = chats.answer(stage, accepted)
    if not chat.takes(answer):
        fates["generations.form"] += 1
        return None
    fates["generations.rows"] += 1
    by = [said[one.pk] for one in accepted if one.pk in said]
    return Row(
        task=stage.value,
        shopper=generation.shopper.external_id,
        at=generation.run.reference_at.date(),
        language=language.code,
        messages=chat.messages,
        answer=answer,
        labelled=_weakest(by) if wanted.curation != RULES else RULES,
        n_outputs=len(accepted),
        lineage=Lineage(
            outputs=tuple(str(one.pk) for one in accepted),
            generations=(str(generation.pk),),
            assessments=tuple(pk for one in by for pk in one.assessments),
            decisions=tuple(pk for one in by for pk in one.decisions),
            models=(generation.model.name,),
            prompt_versions=(f"{stage} {generation.prompt_version} sha256:{generation.prompt_sha256}",),
            asked_with=chats.named(stage, chats.prompt_of(stage)),
        ),
        essence=f"{chat.messages[-1].content}\n{answer}",
    )


def _fate(stage: Stage, output: Output, said: Said | None, rules: RubricDef, wanted: Wanted) -> str:
    if output.is_rejected:
        return "rule"
    if wanted.curation != RULES:
        passes = said.passes(rules) if said is not None else None
        if passes is None:
            return "unlabelled"
        if not passes:
            return "failed"
    return "accepted" if chats.is_complete(stage, output) else "incomplete"


def _weakest(said: Sequence[Said]) -> str:
    """Who stands behind a whole answer: the weakest of those behind its outputs."""
    order = ("judge", "people", "lead")
    return min((one.by for one in said), key=order.index)
