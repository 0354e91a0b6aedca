"""The work of a data set: read, clean, split, write, and say that it is done, in this order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import transaction

from recommend import jobs
from recommend.models import JobState
from training.data_sets import files, reports, wanted
from training.data_sets.builders import BUILDERS
from training.data_sets.cleaning import REASONS, Cleaned, HeldOut, cleaned
from training.data_sets.rows import Row, UntracedRowError, content_sha256, counted
from training.data_sets.wanted import DataSetError, Wanted
from training.models import DataSet, EvaluationSet


def advance(data_set_id: UUID) -> DataSet | None:
    """Build a data set; returns it as it then is, None where it has ended or another worker builds it."""
    return jobs.advance(DataSet.objects.all(), data_set_id, build)


def build(data_set: DataSet, token: UUID) -> None:
    """Build a data set that is held. Raises LostError where it was cancelled meanwhile, or taken over."""
    try:
        asked = wanted.read(data_set.query)
        builder = BUILDERS[asked.stage]
        _renew(data_set, token, step="reading")
        fates: Counter[str] = Counter()
        made = builder.rows(asked, fates, lambda n: _renew(data_set, token, n_read=n))
        before = list(islice(made, asked.most))
        _renew(data_set, token, step="cleaning")
        kept = cleaned(before, asked, held_out())
        if not kept.rows:
            raise DataSetError(_nothing(before, kept, fates, builder.fates))
    except (DataSetError, UntracedRowError) as error:
        jobs.end(data_set, token, JobState.FAILED, str(error))
        return
    _renew(data_set, token, step="writing")
    found = reports.report(before, kept, fates, builder.fates)
    _store(data_set, token, asked, kept, found)


def held_out() -> list[HeldOut]:
    """Every evaluation set there is: no data set is without the check."""
    return [
        HeldOut(name, frozenset(shoppers), starts_on)
        for name, shoppers, starts_on in EvaluationSet.objects.values_list("name", "shoppers", "starts_on")
    ]


def _renew(data_set: DataSet, token: UUID, **values: Any) -> None:
    with transaction.atomic():
        jobs.renew(data_set, token, **values)


def _store(data_set: DataSet, token: UUID, asked: Wanted, kept: Cleaned, report: dict[str, Any]) -> None:
    sha256, counts = content_sha256(kept.rows), counted(kept.rows)
    # Each attempt has a folder of its own: of two workers, one that lost its lease writes over nothing.
    folder = f"data-sets/{data_set.pk}-{token.hex[:8]}"
    manifest = files.write(
        folder,
        kept.rows,
        {
            "data_set": str(data_set.pk),
            "name": data_set.name,
            "stage": data_set.stage,
            "query": asked.as_json(),
            "rows": len(kept.rows),
            "counts": counts,
            "sha256": sha256,
            "evaluation_sets": kept.held_out,
            "dropped": kept.dropped,
        },
    )
    try:
        with transaction.atomic():
            jobs.renew(
                data_set,
                token,
                n_rows=len(kept.rows),
                counts=counts,
                report=report,
                sha256=sha256,
                folder=folder,
                manifest=manifest,
                step="",
            )
            jobs.end(data_set, token, JobState.DONE)
    except jobs.LostError:
        files.forget(folder)
        raise


def _nothing(before: list[Row], kept: Cleaned, fates: Counter[str], words: Mapping[str, str]) -> str:
    """Why nothing is left, with the numbers that say where it went."""
    if not fates.total():
        return "There is nothing that the query chooses. Loosen it, or generate, judge and review first."
    if not before:
        found = "; ".join(f"{n:,} {words[name]}" for name, n in fates.items() if "." in name and n)
        return f"Nothing became a row ({found}). Have more judged or reviewed, or loosen the query."
    lost = "; ".join(f"{n:,} {REASONS[name]}" for name, n in kept.dropped.items() if n)
    return f"All {len(before):,} rows were dropped ({lost}). Loosen the query."
