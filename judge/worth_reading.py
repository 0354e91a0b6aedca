"""Disagreements worth reading: what a lead may see of the most surprising ones, and has not decided yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef

from judge import visibility
from judge.models import Resolution, Rubric
from judge.statistics.surprise import Surprise
from recommend.models import Output

# As many are kept as can be decided on or in somebody's hands while a few are still left to show.
N_KEPT, N_SHOWN = 60, 5


@dataclass(frozen=True, slots=True)
class WorthReading:
    """One output, and how far people surprise whoever believes the judge."""

    output: Output
    surprise: Surprise

    @property
    def sentence(self) -> str:
        """Who said what."""
        found = self.surprise
        sure = "" if found.confidence is None else f", {100 * found.confidence:.0f}% sure"
        people = "one person" if found.n_people == 1 else f"all {found.n_people} people"
        judge, others = ("passes", "fails") if found.judge_passed else ("fails", "passes")
        others = others if found.n_people == 1 else others.removesuffix("es").removesuffix("s")
        return f"The judge {judge} it{sure}; {people} {others} it."


def worth_reading(
    found: Sequence[Surprise], rubric: Rubric, user: User, limit: int = N_SHOWN
) -> tuple[WorthReading, ...]:
    """The first few that `user` may see and nobody has decided; two queries."""
    outputs = Output.objects.kept().filter(pk__in=[one.output for one in found])
    decided = Resolution.objects.filter(output=OuterRef("pk"), rubric=rubric)
    held = visibility.blind_work(user).values("unit__generation")
    shown = outputs.exclude(generation__in=held).filter(~Exists(decided)).select_related("generation__shopper")
    by_id = {output.pk: output for output in shown}
    return tuple(WorthReading(by_id[one.output], one) for one in found if one.output in by_id)[:limit]  # type: ignore[index]
