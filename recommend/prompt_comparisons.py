"""Two versions of a prompt beside each other: what stored generations by each say for the same shoppers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any
from uuid import UUID

from django.db.models import Max

from recommend.comparisons import Row
from recommend.models import Generation, JobState, LanguageModel, Output, Stage
from recommend.prompts import UnknownPromptError, changes
from recommend.steps.explanations import GUIDELINES_FROM

# The newest calls by each version that are looked at: a page must not read a year of them.
MAX_CALLS = 5000
ENDED = (JobState.DONE, JobState.FAILED)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is compared: two versions of a stage's prompt, asked of one model or of any."""

    stage: Stage
    a: str
    b: str
    model: LanguageModel | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """What both versions said for one shopper, from the same day; of explanations, of the same item."""

    a: Generation
    b: Generation
    outputs_a: tuple[Output, ...]
    outputs_b: tuple[Output, ...]

    @property
    def sides(self) -> tuple[tuple[str, Generation, tuple[Output, ...]], ...]:
        return ("A", self.a, self.outputs_a), ("B", self.b, self.outputs_b)

    @property
    def has_same_input(self) -> bool:
        """Whether both were made from the same; else the history, the interests or the model's settings differ too."""
        return self.a.input_sha256 == self.b.input_sha256


@dataclass(frozen=True, slots=True)
class Comparison:
    """The pairs that there are, by the ids of their generations, the newest first, and what they come to."""

    pairs: Sequence[tuple[UUID, UUID]]
    figures: tuple[Row, ...]
    changes: tuple[tuple[str, str], ...]

    @property
    def n_differing(self) -> int:
        return sum(row.differs for row in self.figures)


def versions_of(stage: Stage) -> list[str]:
    """The versions by which calls of a stage were made, the one of the latest call first."""
    made = Generation.objects.filter(stage=stage, state__in=ENDED).order_by().values_list("prompt_version")
    return [version for version, _ in made.annotate(latest=Max("created_at")).order_by("-latest")]


def compare(chosen: Chosen) -> Comparison:
    """Pair what was made by both versions, and count."""
    calls_a, calls_b = (_calls(chosen, version) for version in (chosen.a, chosen.b))
    pairs = [(pk, calls_b[key]) for key, pk in calls_a.items() if key in calls_b]
    figures = zip(_figures([a for a, _ in pairs]), _figures([b for _, b in pairs]), strict=True)
    rows = [Row(name, said_a, said_b) for (name, said_a), (_, said_b) in figures]
    rejected_a, rejected_b = (_rejected(ids) for ids in ([a for a, _ in pairs], [b for _, b in pairs]))
    rows += [
        Row(f"Rejected: {rule.replace('_', ' ')}", f"{rejected_a[rule]:,}", f"{rejected_b[rule]:,}")
        for rule in sorted(rejected_a | rejected_b)
    ]
    return Comparison(pairs, tuple(rows), _changed(chosen))


def read(pairs: Sequence[tuple[UUID, UUID]]) -> list[Pair]:
    """Some pairs with all that a page shows of them."""
    ids = [pk for pair in pairs for pk in pair]
    found = Generation.objects.select_related("shopper", "model").in_bulk(ids)
    outputs: dict[UUID, list[Output]] = defaultdict(list)
    for output in Output.objects.filter(generation__in=ids).select_related("parent", "item").order_by("position"):
        outputs[output.generation_id].append(output)
    return [Pair(found[a], found[b], tuple(outputs[a]), tuple(outputs[b])) for a, b in pairs]


def _calls(chosen: Chosen, version: str) -> dict[tuple[Any, ...], UUID]:
    """What a call was for -> the newest one that was."""
    found = Generation.objects.filter(
        stage=chosen.stage, prompt_version=version, state__in=ENDED, position__lt=GUIDELINES_FROM
    )
    if chosen.model is not None:
        found = found.filter(model=chosen.model)
    newest: dict[tuple[Any, ...], UUID] = {}
    rows = found.order_by("-created_at", "-pk").values_list(
        "pk", "shopper_id", "position", "input__reference", "input__item__title"
    )
    for pk, shopper, position, reference, item in rows[:MAX_CALLS]:
        newest.setdefault((shopper, reference, item or position), pk)
    return newest


def _figures(ids: Sequence[UUID]) -> list[tuple[str, str]]:
    """What the calls of one version come to, in words; the same names whatever they are."""
    calls = list(
        Generation.objects.filter(pk__in=ids).values_list("state", "prompt_tokens", "completion_tokens", "latency_s")
    )
    outputs = list(Output.objects.filter(generation__in=ids).values_list("text", "rejected_by"))
    kept = [text.casefold() for text, rule in outputs if not rule]
    return [
        ("Calls that failed", f"{sum(call[0] == JobState.FAILED for call in calls):,} of {len(calls):,}"),
        ("Outputs", f"{len(outputs):,}"),
        ("Outputs for each call", _mean([len(outputs) / len(calls)] if calls else [])),
        ("Accepted by the rules", _share(len(kept), len(outputs))),
        ("Different texts of those", _share(len(set(kept)), len(kept))),
        ("Tokens read for each call", _mean([call[1] for call in calls])),
        ("Tokens written for each call", _mean([call[2] for call in calls])),
        ("Seconds for each call", _mean([call[3] for call in calls])),
    ]


def _rejected(ids: Sequence[UUID]) -> Counter[str]:
    rejected = Output.objects.filter(generation__in=ids).exclude(rejected_by="")
    return Counter(rejected.values_list("rejected_by", flat=True))


def _mean(values: Iterable[float]) -> str:
    given = list(values)
    return f"{fmean(given):,.1f}" if given else "–"


def _share(n: int, of: int) -> str:
    return f"{n / of:.0%}" if of else "–"


def _changed(chosen: Chosen) -> tuple[tuple[str, str], ...]:
    """What each version that is compared changed, by the changelog; nothing of one that was imported."""
    try:
        said = changes(chosen.stage)
    except UnknownPromptError:
        return ()
    return tuple((version, said[version]) for version in dict.fromkeys((chosen.a, chosen.b)) if version in said)
