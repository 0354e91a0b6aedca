"""What an adapter has been through, kept in a small file beside its weights."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Run:
    """One training: wall minutes, optimiser steps, the tasks that were learned."""

    minutes: float
    steps: int
    tasks: Sequence[str]


@dataclass(frozen=True, slots=True)
class Record:
    """The runs that made an adapter, the first one first, and the tokens that they read in all."""

    runs: Sequence[Run] = ()
    tokens: int = 0

    def then(self, run: Run, tokens: int) -> "Record":
        """The record after one more run."""
        return Record((*self.runs, run), self.tokens + tokens)

    def write(self, adapter: Path) -> None:
        """Store it beside the adapter's weights."""
        adapter.with_suffix(".json").write_text(json.dumps(asdict(self), indent=1) + "\n")


def read(adapter: Path) -> Record:
    """The record of the adapter in this file.

    Raises FileNotFoundError where none lies beside it: an adapter of unknown making is not gone on from.
    """
    path = adapter.with_suffix(".json")
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: --start needs an adapter with its record, as training writes both")
    held = json.loads(path.read_text())
    runs = tuple(Run(run["minutes"], run["steps"], tuple(run["tasks"])) for run in held["runs"])
    return Record(runs, held["tokens"])
