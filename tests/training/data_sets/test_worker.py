"""A real worker builds a data set, and kill -9 of one that is at it leaves it to the next."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db import connection

from recgpt_site.embedded.processes import Process
from recommend.models import JobState
from tests.training.data_sets.material import QUERY, tags
from training.data_sets import files, services
from training.models import DataSet

LONGEST_S = 240


def wait_for(state: str) -> None:
    end = time.monotonic() + LONGEST_S
    while DataSet.objects.get().state != state:
        assert time.monotonic() < end, f"waited {LONGEST_S} s for {state}: {DataSet.objects.get().error}"
        time.sleep(0.05)


def test_a_data_set_survives_kill_9_of_its_worker(
    transactional_db: None, celery_worker_process: Callable[..., Process], settings: Any, tmp_path: Path
) -> None:
    settings.TRAINING_DIR = str(tmp_path)
    quick = {"RUN_LEASE_S": "3", "SWEEP_INTERVAL_S": "1", "TRAINING_DIR": str(tmp_path)}
    generation = tags(True)
    other = connection.copy()
    other.set_autocommit(False)
    # What the worker reads is locked, so that it is at it when it is killed.
    other.cursor().execute("LOCK TABLE recommend_output IN ACCESS EXCLUSIVE MODE")
    worker = celery_worker_process(**quick)

    services.start(name="Spring", query=QUERY, by=None)
    wait_for(JobState.RUNNING)
    worker.kill()
    other.rollback()
    other.close()
    celery_worker_process(beat=True, **quick)
    wait_for(JobState.DONE)

    built = DataSet.objects.get()
    assert [row["generations"] for row in files.read(built)] == [[str(generation.pk)]]
    assert [path.name for path in (tmp_path / "data-sets").iterdir()] == [Path(built.folder).name]
