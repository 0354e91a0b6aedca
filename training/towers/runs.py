"""One training from a log to files: what the command calls, and whatever else trains towers."""

import json
from dataclasses import asdict
from pathlib import Path

from recommend.towers import served
from recommend.towers.log import Log
from training.towers import export, fusing
from training.towers.train import TrainConfig, train


def run(log: Log, config: TrainConfig, out: Path) -> served.Towers:
    """Train, learn the weight beside co-occurrence, and export: towers.npz, and run.json last, in `out`.

    Raises ValueError where there is nothing to learn from.
    """
    trained = train(log, config, say=print)
    fusion = fusing.learn(trained.held, trained.scores)
    record = trained.record | {"fusion": asdict(fusion)}
    made = export.export(trained.towers, log, weight=fusion.weight, record=record)
    (out / "towers.npz").write_bytes(made.to_bytes())
    (out / "run.json").write_text(json.dumps(record, indent=2) + "\n")
    return made
