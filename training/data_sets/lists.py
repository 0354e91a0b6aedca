"""Reward lists: the outputs of one generation, each superior, average or bad. Source: V2 report, the list-wise reward.

Superior and average are what a judge with a senior reviewer says (`judge.agents`); bad is what failed a criterion,
whoever said so, people before judges. An output that people passed and the judge called bad says nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from uuid import UUID

from judge.agents import BAD
from judge.models import Assessment
from recommend.models import Generation, Output
from training.data_sets import chats, generated
from training.data_sets.generated import LABELS, OUTPUT_FATES, STAGE_OF_KIND, Authority
from training.data_sets.labels import Said
from training.data_sets.rows import Row, traced
from training.data_sets.wanted import Wanted

FATES = OUTPUT_FATES | {
    "outputs.ungraded": "of those accepted, without a grade",
    "generations": "Generations looked at",
    "generations.one_grade": "whose outputs have no two different grades",
    "generations.input": "whose input is not all there, or whose answers are not of the form asked for",
    "generations.rows": "made lists of",
}


def rows(wanted: Wanted, fates: Counter[str], looked: Callable[[int], None]) -> Iterator[Row]:
    """A list for every generation with two different grades; see `accepted.rows`."""
    authority = Authority.of(wanted)
    for batch, said in generated.batches(generated.generations(wanted), authority.reading):
        grades = _grades(authority, said)
        for generation in batch:
            row = _row(authority, generation, said, grades, fates)
            if row is not None:
                yield traced(row, *LABELS)
        looked(fates["generations"])


def _grades(authority: Authority, outputs: Mapping[UUID, Said]) -> dict[UUID, str]:
    """What the judge that counts graded, by output."""
    said = Assessment.objects.filter(
        rater=authority.reading.judge, rubric__in=authority.reading.rubrics, output__in=list(outputs), revision=1
    ).exclude(grade="")
    return dict(said.order_by("created_at").values_list("output_id", "grade"))


def _row(
    authority: Authority,
    generation: Generation,
    said: Mapping[UUID, Said],
    grades: Mapping[UUID, str],
    fates: Counter[str],
) -> Row | None:
    stage = STAGE_OF_KIND[authority.rubric.kind]
    graded: list[tuple[Output, str]] = []
    fates["generations"] += 1
    for output in generation.outputs.all():
        fate = authority.fate(stage, output, said.get(output.pk), "labels")
        fates["outputs"] += 1
        fates[f"outputs.{fate}"] += 1
        grade = BAD if fate == "failed" else grades.get(output.pk, "") if fate == "accepted" else ""
        if fate == "accepted" and grade in ("", BAD):
            fates["outputs.ungraded"] += 1
        elif grade and chats.is_complete(stage, output):
            graded.append((output, grade))
    if len({grade for _, grade in graded}) < 2:
        fates["generations.one_grade"] += 1
        return None
    try:
        chat, said_by = generated.chat_of(stage, generation, 1, *([output] for output, _ in graded))
    except chats.IncompleteInputError:
        fates["generations.input"] += 1
        return None
    answers = [(answer, grade) for answer, (_, grade) in zip(said_by, graded, strict=True)]
    if not all(chat.takes(answer) for answer, _ in answers):
        fates["generations.input"] += 1
        return None
    fates["generations.rows"] += 1
    outputs = [output for output, _ in graded]
    return Row(
        task=stage.value,
        shopper=generation.shopper.external_id,
        at=generation.run.reference_at.date(),
        language=generation.run.language,
        messages=chat.messages,
        answer="",
        graded=tuple(answers),
        labelled=generated.weakest(said[one.pk] for one in outputs),
        n_outputs=len(outputs),
        lineage=generated.origin(stage, [generation], outputs, said),
        essence="\n".join([chat.messages[-1].content, *(answer for answer, _ in answers)]),
    )
