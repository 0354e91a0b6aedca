"""Train the user-item-tag towers of the V1 report on the stored catalogue and behaviours.

    python -m training.towers all                   the two below, one after the other
    python -m training.towers data                  catalogue and behaviours of the database, as one file
    python -m training.towers train [--device cuda] the towers, on that file; needs no database

and then, where the site runs: python manage.py towers load build/towers/towers.npz

Needs the environment of requirements/train.txt for `all` and `train`; `data` runs in the ordinary one too. Where the
report says nothing (sizes, negatives, what a positive is, sharing of item representations) the modules say what we do.
"""

import argparse
import os
from pathlib import Path

import django

BUILD = Path("build/towers")


def main() -> None:
    """Read the command line and do what it says."""
    parser = argparse.ArgumentParser(
        prog="python -m training.towers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("all", "data", "train"))
    parser.add_argument("--out", type=Path, default=BUILD, help="folder of data, towers and record")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--alpha", type=float, default=0.5, help="weight of the tag loss; 1 - alpha is the category loss's"
    )
    parser.add_argument("--negatives", type=int, default=256, help="sampled for each batch, at least 128")
    parser.add_argument("--steps", type=int, default=2000, help="at most; the training ends when it gets no better")
    parser.add_argument("--learning-rate", type=float, default=4e-3)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    options = parser.parse_args()
    if not 0.0 <= options.alpha <= 1.0:
        parser.error(f"--alpha is {options.alpha}; it lies between 0 and 1.")
    if options.negatives < 128:
        parser.error(f"--negatives is {options.negatives}; with fewer than 128 the softmax tells popular items only.")
    options.out.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "recgpt_site.settings")
    django.setup()
    if options.command in ("all", "data"):
        _data(options.out)
    if options.command in ("all", "train"):
        _train(options)


def _data(out: Path) -> None:
    # Models can only be imported once Django is set up.
    from recommend.towers import reading

    try:
        reading.read(print).save(out / "data.npz")
    except reading.NothingToLearnError as error:
        raise SystemExit(str(error)) from error
    print(f"Data in {out / 'data.npz'}")


def _train(options: argparse.Namespace) -> None:
    path = options.out / "data.npz"
    if not path.is_file():
        raise SystemExit(f"{path} does not exist; `python -m training.towers data` makes it.")
    # torch lives in the training environment only.
    from recommend.towers.log import Log
    from training.towers import runs
    from training.towers.train import TrainConfig

    config = TrainConfig(
        seed=options.seed,
        n_negatives=options.negatives,
        learning_rate=options.learning_rate,
        tag=options.alpha,
        cate=1 - options.alpha,
        max_steps=options.steps,
        device=options.device,
    )
    made = runs.run(Log.load(path), config, options.out)
    print(f"Towers in {options.out / 'towers.npz'}; weight of the user tower {made.weight:g}")


if __name__ == "__main__":
    main()
