"""Both strategies for item tags beside each other: `python -m benchmarks.tags.run`.

For shoppers of the sample data whom the embedded model's adapter was not trained on: interests for each strategy, then
tags, by the steps that a run takes. Counted are tags that the rules keep, distinct categories, calls and tokens, HR@30
of the next basket, and whether any category was taken in the four weeks that follow. The server is that of LLM_BASE_URL
and LLM_MODEL, else the embedded llama.cpp.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db.models import Sum

from benchmarks.pipeline.run import load, say, server
from benchmarks.services import database
from recommend import categories, pipeline
from recommend.categories.model import category_at
from recommend.categories.serving import categories_of
from recommend.hit_rates import hit_rate
from recommend.models import Behavior, JobState, Output, PipelineRun, Shopper, Stage, TagStrategy
from training.adapter.examples import is_held_out

REFERENCE = datetime(2017, 12, 1, tzinfo=UTC)
FOLLOWING = timedelta(days=28)
ADAPTER_SEED = 1  # of `training.adapter`

Category = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one strategy made for one shopper; tokens and calls are of the tags stage alone."""

    tags: tuple[str, ...]
    categories: tuple[Category, ...]
    rejected_by: tuple[str, ...]
    n_calls: int
    prompt_tokens: int
    completion_tokens: int
    error: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=200, help="of the sample data; those held out are asked")
    parser.add_argument("--shoppers", type=int, default=20, help="asked at most")
    parser.add_argument("--out", type=Path, help="write every outcome here as JSON")
    options = parser.parse_args()
    with database() as supervisor:
        server(supervisor)
        load(options.households, is_small=False)
        categories.fit(report=say)
        found = [one for one in Shopper.objects.order_by("external_id") if is_held_out(one.external_id, ADAPTER_SEED)]
        next_basket, month = following(found)
        asked = [shopper for shopper in found if shopper.external_id in next_basket][: options.shoppers]
        made: dict[str, dict[str, Outcome]] = {strategy: {} for strategy in TagStrategy.values}
        for number, shopper in enumerate(asked, start=1):
            for strategy in TagStrategy.values:
                made[strategy][shopper.external_id] = outcome(shopper, strategy)
            say(f"{number} of {len(asked)} shoppers")
        names = [shopper.external_id for shopper in asked]
        print(table(made, {name: next_basket[name] for name in names}, {name: month[name] for name in names}))
        if options.out:
            options.out.write_text(json.dumps(made, default=lambda one: one.__getstate__(), indent=1) + "\n")


def following(shoppers: Iterable[Shopper]) -> tuple[dict[str, list[Category]], dict[str, list[Category]]]:
    """Categories of each shopper's next basket, and of all of the four weeks; without those who took nothing."""
    basket: dict[str, list[Category]] = {}
    month: dict[str, list[Category]] = {}
    until = REFERENCE + FOLLOWING
    for shopper in shoppers:
        taken = Behavior.objects.filter(shopper=shopper, occurred_at__gte=REFERENCE, occurred_at__lt=until)
        rows = list(taken.order_by("occurred_at").values_list("occurred_at", "item__category"))
        if rows:
            month[shopper.external_id] = [category_at(path) for _, path in rows]
            basket[shopper.external_id] = [category_at(path) for at, path in rows if at == rows[0][0]]
    return basket, month


def outcome(shopper: Shopper, strategy: str) -> Outcome:
    """Interests and tags of a shopper."""
    steps = ["history", "interests", "tags"]
    run = PipelineRun.objects.create(shopper=shopper, reference_at=REFERENCE, steps=steps, tag_strategy=strategy)
    while (after := pipeline.advance(run.pk)) is not None and after.is_active:
        pass
    run.refresh_from_db()
    asked = run.generations.filter(stage=Stage.TAGS)
    outputs = Output.objects.filter(generation__run=run, kind=Output.Kind.TAG).order_by(
        "generation__position", "position"
    )
    tags = [output.text for output in outputs if not output.is_rejected]
    tokens = asked.aggregate(read=Sum("prompt_tokens"), written=Sum("completion_tokens"))
    return Outcome(
        tags=tuple(tags),
        categories=tuple(one.path for one in categories_of(tags)) if tags else (),
        rejected_by=tuple(output.rejected_by for output in outputs if output.is_rejected),
        n_calls=asked.count(),
        prompt_tokens=tokens["read"] or 0,
        completion_tokens=tokens["written"] or 0,
        error=run.error if run.state == JobState.FAILED else "",
    )


def table(
    made: Mapping[str, Mapping[str, Outcome]],
    basket: Mapping[str, list[Category]],
    month: Mapping[str, list[Category]],
) -> str:
    """The figures as a Markdown table, a column a strategy; what failed counts, without tags."""
    rows: dict[str, list[str]] = {}
    for outcomes in made.values():
        n = len(outcomes)
        predicted = {name: one.categories for name, one in outcomes.items()}
        all_tags = [tag for one in outcomes.values() for tag in one.tags]
        rejected = Counter(rule for one in outcomes.values() for rule in one.rejected_by)
        any_of = sum(bool(set(predicted[name]) & set(taken)) for name, taken in month.items())
        figures = {
            "shoppers": f"{n}",
            "failed": f"{sum(bool(one.error) for one in outcomes.values())}",
            "HR@30, next basket": f"{hit_rate(predicted, basket):.3f}",
            "some tag of a category taken within four weeks": f"{any_of / n:.3f}",
            "tags kept a shopper": f"{len(all_tags) / n:.1f}",
            "distinct categories a shopper": f"{sum(len(set(one)) for one in predicted.values()) / n:.1f}",
            "distinct tags over all": f"{len(set(all_tags))}",
            "rejected by rules": ", ".join(f"{rule} {count}" for rule, count in rejected.most_common()) or "none",
            "calls a shopper": f"{sum(one.n_calls for one in outcomes.values()) / n:.1f}",
            "tokens read a shopper": f"{sum(one.prompt_tokens for one in outcomes.values()) / n:.0f}",
            "tokens written a shopper": f"{sum(one.completion_tokens for one in outcomes.values()) / n:.0f}",
        }
        for name, value in figures.items():
            rows.setdefault(name, []).append(value)
    head = f"| | {' | '.join(made)} |\n|---|{'---|' * len(made)}\n"
    return head + "\n".join(f"| {name} | {' | '.join(values)} |" for name, values in rows.items())


if __name__ == "__main__":
    main()
