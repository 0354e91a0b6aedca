"""Files handed in by page or API, imported by a worker, with a report and the bad rows.

The worker holds the import's row locked in the transaction that stores what the file says, and ends it there: so it is
imported once, however often its task is delivered, and a worker that dies leaves it queued.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, transaction
from django.utils import timezone
from psycopg import Error as PsycopgError

from judge.exchange import imports, mappings
from judge.models import FileImport
from recommend import audit
from recommend.audit import Verb
from recommend.imports import elsewhere, files, outputs, readers
from recommend.imports.outputs import Origin
from recommend.imports.problems import ImportStopped
from recommend.imports.reports import Report
from recommend.models import JobState

SHOWN = 50  # bad rows on a page; the file has all
_KEPT_S = 3600  # progress in the cache
_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a file is to be read.

    tool      label-studio or argilla; "": rows of our own names
    source    the system that made the outputs; "" only for labels that name our output ids
    mapping   JSON: for labels `Mapping`, for outputs {name of ours: place}; "": as usual
    kind, model, prompt_version   of outputs whose rows do not say it
    """

    what: str
    format: str = ""
    tool: str = ""
    source: str = ""
    mapping: str = ""
    kind: str = ""
    model: str = ""
    prompt_version: str = ""


def run(pk: UUID) -> None:
    """Import a file that waits. Nothing happens where it has ended or another worker has it."""
    with transaction.atomic():
        held = FileImport.objects.select_for_update(skip_locked=True).filter(pk=pk, state=JobState.QUEUED).first()
        if held is None:
            return
        try:
            with transaction.atomic():
                held.report = _loaded(held)
                if held.report["bad"] and not held.skips_bad:
                    raise ImportStopped(
                        "Rows are bad, so nothing was stored. Correct them, or hand the file in again and have bad "
                        "rows left out."
                    )
            held.state = JobState.DONE
        except ImportStopped as stopped:
            held.state, held.error = JobState.FAILED, str(stopped)
            held.report = {name: held.report[name] for name in ("read", "bad") if name in held.report}
        except (DatabaseError, PsycopgError) as error:
            held.state, held.error = JobState.FAILED, f"PostgreSQL refused the import: {str(error).strip()}"
        held.finished_at = timezone.now()
        held.save()
        detail = {"rows": held.what, "file": held.name, "state": held.state} | held.report
        audit.record(Verb.FILE_IMPORTED, held, detail, by=held.created_by)
        # The bad rows stay; the file itself has done its part.
        transaction.on_commit(lambda: (folder(held) / held.name).unlink(missing_ok=True))


def folder(one: FileImport) -> Path:
    """Where an import's file and its bad rows are."""
    return Path(settings.IMPORT_DIR) / str(one.pk)


def bad_file(one: FileImport) -> Path:
    """The bad rows, one JSON object a line: line or number, reason, value, row. Missing where there are none."""
    return folder(one) / "bad.jsonl"


def bad_rows(one: FileImport) -> list[dict[str, Any]]:
    """The first SHOWN bad rows."""
    if not bad_file(one).exists():
        return []
    with bad_file(one).open(encoding="utf-8") as lines:
        found = [json.loads(line) for line in islice(lines, SHOWN)]
    return [{**row, "at": row.get("line", row.get("number"))} for row in found]


def progress(one: FileImport) -> float:
    """How much of the file is read, 0 to 1."""
    return 1.0 if not one.is_active else float(cache.get(_key(one), 0.0))


def _loaded(one: FileImport) -> dict[str, Any]:
    wanted = Wanted(**one.options)
    file = source(one)
    reached = _telling(one, readers.size(file))
    bad = bad_file(one)
    bad.unlink(missing_ok=True)
    if one.what == FileImport.What.OUTPUTS:
        given = {"kind": wanted.kind, "model": wanted.model, "prompt_version": wanted.prompt_version}
        defaults = {name: value for name, value in given.items() if value}
        origin = Origin(wanted.source, defaults, wanted.tool, elsewhere.places(wanted.mapping))
        report = outputs.load(file, origin, say=_quiet, bad_file=bad, by=one.created_by, reached=reached)
        return _as_json(report)
    mapping = mappings.parsed(wanted.tool, wanted.mapping) if wanted.tool else None
    done = imports.load(
        file,
        say=_quiet,
        bad_file=bad,
        mapping=mapping,
        source=wanted.source,
        by=one.created_by,
        reached=reached,
    )
    counts = {"verdicts": done.n_verdicts, "outside": done.n_outside, "unanswered": done.n_unanswered}
    return _as_json(done.report) | counts


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "read": report.read,
        "added": report.added,
        "there": report.unchanged,
        "bad": report.bad,
        "ignored_columns": list(report.ignored_columns),
    }


def source(one: FileImport) -> files.Source:
    """The file that was handed in. Raises ImportStopped."""
    path = folder(one) / one.name
    if not path.exists():
        raise ImportStopped(
            f"{one.name} is not where the worker looks for it: IMPORT_DIR must be one folder for web and workers."
        )
    tool = one.options.get("tool")
    return files.source(path, "jsonl" if tool else one.options.get("format") or None)


def _telling(one: FileImport, total: int) -> Callable[[int], object]:
    """Tells the cache how far a reader is: the transaction at hand shows nothing before it ends."""
    told_at = 0.0

    def tell(position: int) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= _EVERY_S:
            told_at = time.monotonic()
            cache.set(_key(one), min(1.0, position / max(1, total)), _KEPT_S)

    return tell


def _key(one: FileImport) -> str:
    return f"file-import:{one.pk}"


def _quiet(words: str) -> None:
    """What a command would print."""
