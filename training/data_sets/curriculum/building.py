"""The rows of the curriculum, task after task in the order in which they are learned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, time

from django.utils import timezone

from training.data_sets.curriculum import from_catalogue, from_files, from_logs
from training.data_sets.curriculum.samples import row_of
from training.data_sets.curriculum.tasks import TASKS, in_order
from training.data_sets.rows import Row
from training.data_sets.wanted import DataSetError, Wanted

FATES = {
    "tasks": "Tasks asked for",
    "tasks.none": "without a sample: bring a file, or import what they are made from",
    "samples": "Samples",
    "samples.catalogue": "from the catalogue",
    "samples.logs": "from what shoppers did",
    "samples.files": "from files that were brought",
}


def rows(wanted: Wanted, fates: Counter[str], looked: Callable[[int], None]) -> Iterator[Row]:
    """At most `per_task` rows of every task; see `accepted.rows`.

    A file that is brought for a task takes the place of what catalogue or logs would supply.
    """
    if unknown := set(wanted.tasks) - TASKS.keys():
        raise DataSetError(f"“{min(unknown)}” is no task. There is {', '.join(TASKS)}.", "tasks")
    today = timezone.now().date()
    tasks = in_order(wanted.tasks)
    from_shoppers = [one.name for one in tasks if one.source == "logs" and not _is_brought(one.name)]
    midnight = datetime.combine(wanted.until or today, time(), UTC)
    logs = from_logs.samples(from_shoppers, wanted.per_task, wanted.seed, midnight)
    for task in tasks:
        found: Iterable[Row]
        if _is_brought(task.name) or task.source == "files":
            source, found = "files", from_files.rows(task.name, wanted.per_task, today)
        elif task.source == "logs":
            source, found = "logs", map(row_of, logs[task.name])
        else:
            samples = from_catalogue.samples(task.name, wanted.per_task, wanted.seed, today)
            source, found = "catalogue", map(row_of, samples)
        n_before = fates["samples"]
        for row in found:
            fates["samples"] += 1
            fates[f"samples.{source}"] += 1
            yield row
        fates["tasks"] += 1
        fates["tasks.none"] += fates["samples"] == n_before
        looked(fates["samples"])


def _is_brought(task: str) -> bool:
    return (from_files.folder() / f"{task}.jsonl").is_file()
