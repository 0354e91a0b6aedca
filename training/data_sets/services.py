"""What a lead can ask of data sets: have one built, stop that, and hold shoppers out for evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from recommend import jobs
from recommend.audit import Verb, record
from recommend.populations import queries
from recommend.populations.queries import PopulationError
from training import tasks
from training.data_sets import wanted
from training.data_sets.wanted import DataSetError
from training.models import DataSet, EvaluationSet

MAX_NAME = 100


@transaction.atomic
def start(*, name: str, query: Mapping[str, Any], by: User | None) -> DataSet:
    """Store a queued data set, and send its task once it is committed.

    query  as `wanted.Wanted` has it

    Raises DataSetError, naming the value and the remedy.
    """
    data_set = prepare(name=name, query=query, by=by)
    tasks.send_data_set(data_set)
    return data_set


@transaction.atomic
def prepare(*, name: str, query: Mapping[str, Any], by: User | None) -> DataSet:
    """The same, for a caller that builds it itself."""
    asked = wanted.read(query)
    name = " ".join(name.split())
    if not 0 < len(name) <= MAX_NAME:
        raise DataSetError(f"A name has 1 to {MAX_NAME} characters; this one has {len(name)}.", "name")
    data_set = DataSet.objects.create(name=name, stage=asked.stage, query=asked.as_json(), created_by=by)
    record(Verb.DATA_SET_STARTED, data_set, {"stage": asked.stage, "kind": asked.kind}, by=by)
    return data_set


def cancel(data_set: DataSet) -> DataSet:
    """Stop the building; nothing of it stays. One that has ended stays as it is."""
    return jobs.cancel(data_set, Verb.DATA_SET_CANCELLED)


@transaction.atomic
def hold_out(*, name: str, query: str, starts_on: date | None = None, by: User | None = None) -> EvaluationSet:
    """Store which shoppers are never trained on from a day on, as the query chooses them now.

    query  in the language of `recommend.populations.queries`

    Raises DataSetError, naming the value and the remedy.
    """
    try:
        shoppers = list(queries.shoppers(query).order_by("external_id").values_list("external_id", flat=True))
        query = queries.normalised(query)
    except PopulationError as error:
        raise DataSetError(str(error), "query") from error
    if not shoppers:
        raise DataSetError(f"“{query}” chooses nobody. Loosen it.", "query")
    try:
        with transaction.atomic():
            made: EvaluationSet = EvaluationSet.objects.create(
                name=name, query=query, shoppers=shoppers, starts_on=starts_on, created_by=by
            )
    except IntegrityError:
        raise DataSetError(f"There is an evaluation set “{name}” already. Take another name.", "name") from None
    record(Verb.EVALUATION_SET_MADE, made, {"shoppers": len(shoppers)}, by=by)
    return made
