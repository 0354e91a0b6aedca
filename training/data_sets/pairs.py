"""Preference pairs: of one prompt a better and a worse answer, from labels and from what people chose.

From labels: the outputs that were accepted and those that were rejected, of all generations that were asked the same,
as two answers of the same length. An output that was accepted in one and rejected in another says nothing. From
choices: the answers that people compared, where both were asked the same and most of them chose the same side.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any
from uuid import UUID

from judge.models import Assignment, CampaignUnit, Preference
from recommend.models import Generation, Output, Stage
from recommend.rules import normal_form
from training.data_sets import chats, generated
from training.data_sets.generated import BATCH, LABELS, STAGE_OF_KIND, Authority
from training.data_sets.labels import Said
from training.data_sets.rows import Row, traced
from training.data_sets.wanted import Wanted

CHOICE = "choice"
# An output that a rule or a label rejected is the worse one.
WORSE = ("rule", "failed")
FATES = generated.OUTPUT_FATES | {
    "outputs.contradicted": "accepted in one answer and rejected in another",
    "prompts": "Prompts with labels on their outputs",
    "prompts.one_side": "without both an accepted and a rejected output",
    "prompts.input": "whose input is not all there, or whose answers are not of the form asked for",
    "prompts.rows": "made pairs of",
    "choices": "Pairs that people compared",
    "choices.tied": "on which no side was chosen by most",
    "choices.prompt": "whose two answers were asked for differently",
    "choices.input": "whose input is not all there, or whose answers are not of the form asked for",
    "choices.rows": "made pairs of, too",
}


def rows(wanted: Wanted, fates: Counter[str], looked: Callable[[int], None]) -> Iterator[Row]:
    """The pairs, those of labels first, newest prompt first; see `accepted.rows`."""
    yield from _from_labels(wanted, fates, looked)
    yield from _from_choices(wanted, fates)


def _from_labels(wanted: Wanted, fates: Counter[str], looked: Callable[[int], None]) -> Iterator[Row]:
    authority = Authority.of(wanted)
    stage = STAGE_OF_KIND[wanted.kind]
    prompts: defaultdict[tuple[Any, ...], list[UUID]] = defaultdict(list)
    asked = generated.generations(wanted).values_list("shopper_id", "position", "input_sha256", "pk")
    for shopper, position, input_sha256, pk in asked.iterator():
        prompts[shopper, position, input_sha256].append(pk)
    left = iter(prompts.values())
    while some := list(islice(left, BATCH)):
        chosen = generated.generations(wanted).filter(pk__in=[pk for prompt in some for pk in prompt])
        found, said = {}, {}
        for batch, labels in generated.batches(chosen, authority.reading):
            found.update({one.pk: one for one in batch})
            said.update(labels)
        for prompt in some:
            # What was deleted since they were listed is not missed.
            several = [found[pk] for pk in prompt if pk in found]
            row = _of_prompt(stage, several, said, authority, fates) if several else None
            if row is not None:
                yield traced(row, *LABELS)
        looked(len(prompts))


def _of_prompt(
    stage: Stage, several: Sequence[Generation], said: Mapping[UUID, Said], authority: Authority, fates: Counter[str]
) -> Row | None:
    sides: dict[bool, dict[str, Output]] = {True: {}, False: {}}
    for output in (one for generation in several for one in generation.outputs.all()):
        fate = authority.fate(stage, output, said.get(output.pk), "labels")
        fates["outputs"] += 1
        fates[f"outputs.{fate}"] += 1
        if fate == "accepted" or (fate in WORSE and chats.is_complete(stage, output)):
            sides[fate == "accepted"].setdefault(normal_form(output.text), output)
    fates["prompts"] += 1
    contradicted = sides[True].keys() & sides[False].keys()
    fates["outputs.contradicted"] += len(contradicted)
    better, worse = ([one for text, one in side.items() if text not in contradicted] for side in sides.values())
    n = 1 if stage == Stage.EXPLANATIONS else min(len(better), len(worse))
    if not better or not worse or not any(one.pk in said for one in (*better[:n], *worse[:n])):
        fates["prompts.one_side"] += 1
        return None
    row = _pair(stage, several, better[:n], worse[:n], said, n)
    fates["prompts.input" if row is None else "prompts.rows"] += 1
    return row


def _from_choices(wanted: Wanted, fates: Counter[str]) -> Iterator[Row]:
    stage = STAGE_OF_KIND[wanted.kind]
    units = CampaignUnit.objects.filter(
        generation__in=generated.generations(wanted).order_by(),
        rival__isnull=False,
        assignments__state=Assignment.State.SUBMITTED,
    )
    for unit in units.distinct().order_by("-created_at").iterator():
        fates["choices"] += 1
        made = generated.with_outputs(Generation.objects.filter(pk__in=[unit.generation_id, unit.rival_id]))
        pair = {one.pk: one for one in made}
        chosen = Preference.objects.filter(assignment__unit=unit, assignment__state=Assignment.State.SUBMITTED)
        row = _of_choices(stage, pair[unit.generation_id], pair[unit.rival_id], list(chosen), fates)  # type: ignore[index]
        if row is not None:
            yield traced(row, "preferences")


def _of_choices(
    stage: Stage, a: Generation, b: Generation, chosen: Sequence[Preference], fates: Counter[str]
) -> Row | None:
    votes = Counter(one.choice for one in chosen)
    n_a, n_b = votes[Preference.Choice.A], votes[Preference.Choice.B]
    if max(n_a, n_b) * 2 <= len(chosen):
        fates["choices.tied"] += 1
        return None
    if a.input_sha256 != b.input_sha256:
        fates["choices.prompt"] += 1
        return None
    first, second = (a, b) if n_a > n_b else (b, a)
    better, worse = ([one for one in made.outputs.all() if not one.is_rejected] for made in (first, second))
    complete = all(chats.is_complete(stage, one) for one in (*better, *worse))
    # What people saw, in full: the prompt asks for as many as the longer answer has.
    n = max(len(better), len(worse))
    row = _pair(stage, [first, second], better, worse, {}, n) if complete and better and worse else None
    fates["choices.input" if row is None else "choices.rows"] += 1
    if row is None:
        return None
    return replace(row, labelled=CHOICE, lineage=replace(row.lineage, preferences=tuple(str(one.pk) for one in chosen)))


def _pair(
    stage: Stage,
    several: Sequence[Generation],
    better: Sequence[Output],
    worse: Sequence[Output],
    said: Mapping[UUID, Said],
    n: int,
) -> Row | None:
    newest = several[0]
    try:
        chat, [answer, rejected] = generated.chat_of(stage, newest, n, better, worse)
    except chats.IncompleteInputError:
        return None
    if not chat.takes(answer) or not chat.takes(rejected):
        return None
    by = [said[one.pk] for one in better if one.pk in said]
    used = [one for one in several if any(output.generation_id == one.pk for output in (*better, *worse))]
    return Row(
        task=stage.value,
        shopper=newest.shopper.external_id,
        at=newest.run.reference_at.date(),
        language=newest.run.language,
        messages=chat.messages,
        answer=answer,
        rejected=rejected,
        labelled=generated.weakest(by) if by else CHOICE,
        n_outputs=len(better),
        lineage=generated.origin(stage, used, [*better, *worse], said),
        essence=f"{chat.messages[-1].content}\n{answer}\n{rejected}",
    )
