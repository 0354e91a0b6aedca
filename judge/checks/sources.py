"""The real outputs that a check is made of: a seeded sample, shopper by shopper."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from itertools import zip_longest
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch

from judge import judging
from judge.comparison import STAGE_OF_KIND
from judge.models import Rubric
from judge.rubrics import RubricDef
from judge.verdicts import VerdictInput
from recommend.models import Generation, JobState, LanguageModel, Output

# The newest are drawn from, so that a check is about what is made now, and costs the same in a table of millions.
POPULATION = 5_000
# Fewer than these would seldom hold a donor that has nothing to do with an output.
MIN_GENERATIONS = 40


@dataclass(frozen=True, slots=True)
class Source:
    """A real output as the judge reads it.

    own  the other outputs of its generation: the same shopper, the same history
    """

    output: UUID
    shopper: UUID
    input: VerdictInput
    own: tuple[VerdictInput, ...]


def draw(rubric: Rubric, rules: RubricDef, judge: LanguageModel, *, n: int, seed: int) -> list[Source]:
    """Outputs to build a check on, in the order in which they are to be used: at least `n` where there are so many.

    Every generation of the sample gives one output before any gives a second, and every shopper one generation before
    any gives a second, as outputs of one shopper tell less than those of many.
    """
    rng = random.Random(seed)  # noqa: S311  # a sample that can be drawn again, no secret
    rows: list[list[Source]] = []
    for generation in _generations(rubric, rules, max(n, MIN_GENERATIONS), rng):
        inputs = {one.pk: judging.verdict_input(one, generation, rules, judge) for one in generation.outputs.all()}
        row = [
            Source(pk, generation.shopper_id, asked, tuple(other for key, other in inputs.items() if key != pk))
            for pk, asked in inputs.items()
        ]
        rng.shuffle(row)
        rows.append(row)
    return [source for turn in zip_longest(*rows) for source in turn if source is not None]


def _generations(rubric: Rubric, rules: RubricDef, n: int, rng: random.Random) -> list[Generation]:
    """At most `n` finished generations with kept outputs, drawn from the newest; none of a shopper in the examples."""
    kept = Output.objects.kept()
    found = (
        Generation.objects.filter(
            Exists(kept.filter(generation=OuterRef("pk"))),
            stage=STAGE_OF_KIND[Output.Kind(rubric.kind)],
            state=JobState.DONE,
        )
        .exclude(shopper__in=[UUID(one) for one in rules.example_shoppers])
        .order_by("-created_at")
        .values_list("pk", "shopper_id")[:POPULATION]
    )
    by_shopper: defaultdict[UUID, list[UUID]] = defaultdict(list)
    for pk, shopper in rng.sample(list(found), len(found)):
        by_shopper[shopper].append(pk)
    drawn = [pk for turn in zip_longest(*by_shopper.values()) for pk in turn if pk is not None][:n]
    outputs = Prefetch("outputs", kept.select_related("parent").order_by("position"))
    generations = Generation.objects.prefetch_related(outputs).in_bulk(drawn)
    return [generations[pk] for pk in drawn]
