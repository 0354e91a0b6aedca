"""Make and measure the adapter of the embedded model.

    python -m training.adapter all                    examples, training, evaluation, and the files that are shipped
    python -m training.adapter examples               the teacher's examples
    python -m training.adapter train [--minutes 55]   the adapter, on two cores
    python -m training.adapter evaluate               base and adapter on held-out households

Needs the environment of requirements/train.txt for `all` and `train`; the others run in the ordinary one. Departs from
the papers in everything but the tasks: targets are made by code (see teacher.py), the model has 135 million parameters.
"""

import argparse
from pathlib import Path

BUILD = Path("build/adapter")


def main() -> None:
    """Read the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="python -m training.adapter", description=__doc__)
    parser.add_argument("command", choices=("all", "examples", "train", "evaluate"))
    parser.add_argument("--out", type=Path, default=BUILD, help="folder for examples, checkpoints and the log")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--situations", type=int, default=2000, help="households × dates to make examples of")
    parser.add_argument("--minutes", type=float, default=55.0, help="wall time of the training")
    parser.add_argument("--processes", type=int, default=2, help="single-threaded training processes")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.command in ("all", "examples"):
        _examples(options)
    if options.command in ("all", "train"):
        _train(options)


def _examples(options: argparse.Namespace) -> None:
    from training.adapter import examples

    n = examples.write(examples.training_examples(options.seed, options.situations), options.out / "examples.jsonl")
    print(f"{n} examples in {options.out / 'examples.jsonl'}")


def _train(options: argparse.Namespace) -> None:
    # torch lives in the training environment only.
    from training.adapter.train import TrainConfig, train

    config = TrainConfig(seed=options.seed, minutes=options.minutes, processes=options.processes)
    train(config, options.out / "examples.jsonl", options.out)


if __name__ == "__main__":
    main()
