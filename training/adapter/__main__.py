"""Make and measure the adapters of the embedded model: one that generates, one that judges.

    python -m training.adapter all                    examples, training, evaluation, and the files that are shipped
    python -m training.adapter examples               the teacher's examples
    python -m training.adapter train [--minutes 55]   the adapters one after the other, on two cores
    python -m training.adapter evaluate               base and adapters on held-out households
    python -m training.adapter card                   the model card, from those figures

Needs the environment of requirements/train.txt for `all` and `train`; the others run in the ordinary one with its
extras embedded and demo. Departs from the papers in everything but the tasks: targets are made by code (teacher.py),
the model has 135 million parameters.
"""

import argparse
import shutil
import signal
import sys
from pathlib import Path

BUILD = Path("build/adapter")
# adapter -> what it learns; learning one task more it forgot the judge's (measured)
PARTS = {"generator": ("interests", "tags", "explanations"), "judge": ("judge",)}
SHIPPED = Path(__file__).parents[2] / "recgpt_site" / "embedded" / "adapter"


def main() -> None:
    """Read the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="python -m training.adapter", description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=("all", "examples", "train", "evaluate", "card"))
    parser.add_argument("--out", type=Path, default=BUILD, help="folder for examples, and for each adapter's run")
    parser.add_argument("--parts", default=",".join(PARTS), help="which adapters: " + " or ".join(PARTS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--situations", type=int, default=2000, help="households × dates to make examples of")
    parser.add_argument("--minutes", type=float, default=54.0, help="wall time of each training")
    parser.add_argument("--processes", type=int, default=2, help="single-threaded training processes")
    parser.add_argument("--learning-rate", type=float, default=1e-3, help="at its peak")
    parser.add_argument("--start", default="", help="folder of adapters to go on training from")
    parser.add_argument("--order", type=int, default=1, help="seed of the order of examples")
    parser.add_argument("--models", default="base,adapter", help="what to evaluate: base, adapter or both")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    # A terminated evaluation must end its server: as an exception it passes the place that does.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    steps = {"examples": _examples, "train": _train, "evaluate": _evaluate, "card": _card}
    for name, step in steps.items():
        if options.command in ("all", name):
            step(options)
    if options.command == "all":
        _ship(options)


def _examples(options: argparse.Namespace) -> None:
    from training.adapter import examples

    path = options.out / "examples.jsonl"
    n = examples.write(examples.training_examples(options.seed, options.situations), path)
    print(f"{n} examples in {path}")


def _train(options: argparse.Namespace) -> None:
    # torch lives in the training environment only.
    from training.adapter.train import TrainConfig, train

    for part in options.parts.split(","):
        config = TrainConfig(
            seed=options.seed,
            minutes=options.minutes,
            processes=options.processes,
            learning_rate=options.learning_rate,
            start=str(Path(options.start) / f"{part}.gguf") if options.start else "",
            order=options.order,
            part=part,
            tasks=PARTS[part],
        )
        print(f"Training the {part} for {config.minutes:.0f} minutes; progress in {options.out / part / 'log.jsonl'}")
        train(config, options.out / "examples.jsonl", options.out / part)


def _evaluate(options: argparse.Namespace) -> None:
    from training.adapter import evaluate
    from training.adapter.weights import base_gguf

    plan = evaluate.Plan(seed=options.seed)
    for which in options.models.split(","):
        for part in options.parts.split(","):
            adapter = options.out / part / "final" / f"{part}.gguf" if which == "adapter" else None
            found = evaluate.evaluate(plan, part, adapter, base_gguf())
            evaluate.store(found, plan, which, options.out / "evaluation.json")
    print(f"Figures in {options.out / 'evaluation.json'}")


def _card(options: argparse.Namespace) -> None:
    from training.adapter import card

    card.write(options.out)
    print(f"Model card in {options.out / 'MODEL_CARD.md'}")


def _ship(options: argparse.Namespace) -> None:
    SHIPPED.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        for name in (f"{part}.gguf", f"{part}.json"):
            shutil.copy(options.out / part / "final" / name, SHIPPED)
    for name in ("evaluation.json", "MODEL_CARD.md"):
        shutil.copy(options.out / name, SHIPPED)
    print(f"Shipped to {SHIPPED}")


if __name__ == "__main__":
    main()
