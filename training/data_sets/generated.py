"""What was generated and what was said of it, as builders read it: in batches, newest first, each with its origin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
from training.data_sets.chats import Chat
from training.data_sets.labels import JUDGE, LEAD, PEOPLE, Reading, Said
from training.data_sets.rows import Lineage
from training.data_sets.wanted import RULES, DataSetError, Wanted

BATCH = 500
STAGE_OF_KIND = {kind.value: stage for stage, kind in judges.KIND_OF_STAGE.items()}
# What a row rests on where labels accepted or rejected its outputs: parts of a lineage.
LABELS = ("assessments", "decisions")
# What may become of an output, in words.
OUTPUT_FATES = {
    "outputs": "Outputs looked at",
    "outputs.rule": "rejected by a rule",
    "outputs.unlabelled": "not labelled on every criterion",
    "outputs.failed": "failed a criterion",
    "outputs.incomplete": "without the reason, stage or interest that the answer needs",
    "outputs.accepted": "accepted",
}


@dataclass(frozen=True, slots=True)
class Authority:
    """Whose labels are read, and the rubric that outputs have to pass."""

    rubric: Rubric
    rules: RubricDef
    reading: Reading

    @classmethod
    def of(cls, wanted: Wanted, *, people_alone: bool = False) -> Authority:
        """Raises DataSetError where there is no rubric, or not the judge that is asked for."""
        try:
            rubric = Rubric.objects.current(wanted.kind)
            judge = None
            if not people_alone:
                chosen = Rater.objects.filter(user__isnull=True)
                judge = judges.serving_judge() if wanted.judge is None else chosen.get(pk=wanted.judge)
        except (Rubric.DoesNotExist, LanguageModel.DoesNotExist) as missing:
            raise DataSetError(str(missing), "judge") from missing
        except Rater.DoesNotExist as missing:
            raise DataSetError(f"{wanted.judge} is no judge. Give the id of one that has judged.", "judge") from missing
        return cls(rubric, judges.definition(rubric), Reading.of(rubric, judge))

    def fate(self, stage: Stage, output: Output, said: Said | None, curation: str) -> str:
        """What becomes of an output, as OUTPUT_FATES has it after the point."""
        if output.is_rejected:
            return "rule"
        if curation != RULES:
            passes = said.passes(self.rules) if said is not None else None
            if passes is None:
                return "unlabelled"
            if not passes:
                return "failed"
        return "accepted" if chats.is_complete(stage, output) else "incomplete"


def generations(wanted: Wanted) -> QuerySet[Generation]:
    """The finished generations that a query chooses, newest first. A guest's history serves its request alone."""
    stage = STAGE_OF_KIND[wanted.kind]
    chosen = Population(stage, wanted.models, wanted.prompt_versions, wanted.created_from, wanted.created_until)
    found = chosen.generations().filter(shopper__is_guest=False)
    if wanted.languages:
        found = found.filter(run__language__in=wanted.languages)
    return found.order_by("-created_at", "-pk")


def with_outputs(found: QuerySet[Generation]) -> QuerySet[Generation]:
    """The generations with all that rows are made from."""
    outputs = Output.objects.select_related("parent").order_by("position")
    return found.select_related("run", "shopper", "model").prefetch_related(Prefetch("outputs", outputs))


def batches(
    found: QuerySet[Generation], reading: Reading | None
) -> Iterator[tuple[list[Generation], dict[UUID, Said]]]:
    """The generations, some at a time, with what was said of their outputs; reading None: nothing."""
    rows = with_outputs(found).iterator(chunk_size=BATCH)
    while batch := list(islice(rows, BATCH)):
        outputs = [one.pk for generation in batch for one in generation.outputs.all()]
        yield batch, reading.said(outputs) if reading is not None else {}


def chat_of(stage: Stage, generation: Generation, n: int, *answers: Sequence[Output]) -> tuple[Chat, list[str]]:
    """What asks for `n` outputs as the generation was asked, by today's prompt, and each answer to it, of its outputs.

    Raises IncompleteInputError.
    """
    parts = chats.parts_of(generation.input, [one for outputs in answers for one in outputs])
    asked = chats.chat(stage, generation.input, LANGUAGES[generation.run.language], n, parts)
    return asked, [chats.answer(stage, outputs, parts) for outputs in answers]


def origin(
    stage: Stage, made_by: Sequence[Generation], outputs: Iterable[Output], said: Mapping[UUID, Said]
) -> Lineage:
    """The lineage of a row of these generations' outputs, with the labels that count for them."""
    used = list(outputs)
    by = [said[one.pk] for one in used if one.pk in said]
    return Lineage(
        outputs=tuple(str(one.pk) for one in used),
        generations=tuple(str(one.pk) for one in made_by),
        assessments=tuple(pk for one in by for pk in one.assessments),
        decisions=tuple(pk for one in by for pk in one.decisions),
        models=tuple(dict.fromkeys(one.model.name for one in made_by)),
        prompt_versions=tuple(
            dict.fromkeys(f"{stage} {one.prompt_version} sha256:{one.prompt_sha256}" for one in made_by)
        ),
        asked_with=chats.named(stage, chats.prompt_of(stage)),
    )


def weakest(said: Iterable[Said]) -> str:
    """Who stands behind a whole answer: the weakest of those behind its outputs."""
    return min((one.by for one in said), key=(JUDGE, PEOPLE, LEAD).index)
