"""Self-training and pre-alignment: a model's outputs that were accepted, as the answer to what it was asked.

One row is one generation: its answer has the outputs that passed every criterion, and none that did not. So a model
learns to give lists that are right from end to end, and a generation with one weak tag is not lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from uuid import UUID

from recommend.models import Generation
from training.data_sets import chats, generated
from training.data_sets.generated import LABELS, OUTPUT_FATES, STAGE_OF_KIND, Authority
from training.data_sets.labels import Said
from training.data_sets.rows import Row, traced
from training.data_sets.wanted import PEOPLE_ALONE, RULES, Wanted

# What became of each output and generation that was looked at: the keys of the report's first table.
FATES = OUTPUT_FATES | {
    "generations": "Generations looked at",
    "generations.none": "without an accepted output",
    "generations.input": "whose input is not all there",
    "generations.form": "whose answer is not of the form asked for",
    "generations.rows": "made rows of",
}


def rows(wanted: Wanted, fates: Counter[str], looked: Callable[[int], None]) -> Iterator[Row]:
    """The rows that a query asks for, newest generation first.

    fates   counts what became of outputs and generations, by the keys of FATES
    looked  told how many generations were looked at so far, after each batch

    Raises DataSetError where the query cannot be answered, UntracedRowError for a row without its origin.
    """
    authority = Authority.of(wanted, people_alone=wanted.curation in (RULES, PEOPLE_ALONE))
    reading = None if wanted.curation == RULES else authority.reading
    for batch, said in generated.batches(generated.generations(wanted), reading):
        for generation in batch:
            row = _row(authority, generation, said, wanted, fates)
            if row is not None:
                yield traced(row, *LABELS) if reading else traced(row)
        looked(fates["generations"])


def _row(
    authority: Authority, generation: Generation, said: Mapping[UUID, Said], wanted: Wanted, fates: Counter[str]
) -> Row | None:
    stage = STAGE_OF_KIND[wanted.kind]
    fates["generations"] += 1
    accepted = []
    for output in generation.outputs.all():
        fate = authority.fate(stage, output, said.get(output.pk), wanted.curation)
        fates["outputs"] += 1
        fates[f"outputs.{fate}"] += 1
        if fate == "accepted":
            accepted.append(output)
    if not accepted:
        fates["generations.none"] += 1
        return None
    try:
        chat, [answer] = generated.chat_of(stage, generation, len(accepted), accepted)
    except chats.IncompleteInputError:
        fates["generations.input"] += 1
        return None
    if not chat.takes(answer):
        fates["generations.form"] += 1
        return None
    fates["generations.rows"] += 1
    return Row(
        task=stage.value,
        shopper=generation.shopper.external_id,
        at=generation.run.reference_at.date(),
        language=generation.run.language,
        messages=chat.messages,
        answer=answer,
        labelled=RULES if wanted.curation == RULES else generated.weakest(said[one.pk] for one in accepted),
        n_outputs=len(accepted),
        lineage=generated.origin(stage, [generation], accepted, said),
        essence=f"{chat.messages[-1].content}\n{answer}",
    )
