"""The model card, written from the figures and from what the training run recorded."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.adapter import record
from training.adapter.record import Record, Run

_TITLES = {"interests": "Interests", "tags": "Item tags", "explanations": "Explanations", "judge": "Judge"}

# What an interest has to reach on held-out households before the adapter counts as having learned its job.
GOALS = {
    "reason cites only what the history holds": 0.95,
    "counts are exact": 0.90,
    "teacher's interests found": 0.70,
}

_CARD = Path(__file__).with_name("card.md")


def write(folder: Path) -> None:
    """MODEL_CARD.md from evaluation.json and, of generator and judge each, the adapter and its record in `folder`."""
    figures = json.loads((folder / "evaluation.json").read_text())
    generator, judge = (folder / part / "final" / f"{part}.gguf" for part in ("generator", "judge"))
    card = _CARD.read_text(encoding="utf-8").format(
        megabytes=max(generator.stat().st_size, judge.stat().st_size) / 1e6,
        generator=_how(record.read(generator)),
        judge=_how(record.read(judge)),
        seed=figures["seed"],
        demo_date=figures["dates"]["interests, explanations, judge"],
        tags_date=figures["dates"]["tags"],
        table=table(figures),
        defects=defects(figures),
        goals=goals(figures),
    )
    (folder / "MODEL_CARD.md").write_text(card, encoding="utf-8")


def _how(made: Record) -> str:
    """The training in words: one run, or several of which each went on from the one before."""
    said = [f"{run.minutes:.0f} minutes ({run.steps} steps of {_tasks(run)})" for run in made.runs]
    if len(said) == 1:
        return f"{said[0]}, about {made.tokens:,} tokens"
    return (
        f"{len(said)} runs, each going on from the one before (`--start`): {', '.join(said[:-1])} and {said[-1]}; "
        f"about {made.tokens:,} tokens in all"
    )


def _tasks(run: Run) -> str:
    return "all tasks" if set(run.tasks) == set(_TITLES) else ", ".join(run.tasks)


def table(figures: Mapping[str, Any]) -> str:
    """All shares of base and adapter as a Markdown table."""
    rows = ["| task | figure | before | after |", "|---|---|---|---|"]
    for task, title in _TITLES.items():
        before, after = figures["base"][task]["shares"], figures["adapter"][task]["shares"]
        for name in after:
            rows.append(f"| {title} | {name} | {_cell(before.get(name))} | {_cell(after[name])} |")
    return "\n".join(rows)


def goals(figures: Mapping[str, Any]) -> str:
    """What was aimed at for interests, and whether it is reached, as a Markdown table."""
    shares = figures["adapter"]["interests"]["shares"]
    rows = ["| interests | goal | measured | |", "|---|---|---|---|"]
    for name, goal in GOALS.items():
        verdict = "reached" if shares[name]["value"] >= goal else "**missed**"
        rows.append(f"| {name} | {goal:.2f} | {_cell(shares[name])} | {verdict} |")
    return "\n".join(rows)


def defects(figures: Mapping[str, Any]) -> str:
    """Which planted defects the judge fails, as a Markdown table."""
    before, after = figures["base"]["judge"]["defects"], figures["adapter"]["judge"]["defects"]
    rows = ["| planted defect | failed before | failed after |", "|---|---|---|"]
    rows += [f"| {name} | {_cell(before.get(name))} | {_cell(share)} |" for name, share in sorted(after.items())]
    return "\n".join(rows)


def _cell(share: Mapping[str, Any] | None) -> str:
    if not share or share["value"] is None:
        return "none, n = 0"
    return f"{share['value']:.2f} ({share['low']:.2f}–{share['high']:.2f}), n = {share['n']}"
