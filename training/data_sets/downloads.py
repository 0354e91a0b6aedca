"""Data sets as downloads, for page and API alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.models import User
from django.http import StreamingHttpResponse

from judge import visibility
from recommend.audit import Verb, record
from training.data_sets import files
from training.data_sets.exports import Format
from training.models import DataSet


class HeldBlindError(RuntimeError):
    """Who asks has outputs in work whose labels the rows would give away."""


def attachment(data_set: DataSet, form: Format, split: str | None, by: User) -> StreamingHttpResponse:
    """An export as a download, with its entry in the audit log.

    split  None: all

    Raises HeldBlindError, and DamagedError where the rows are not what was written.
    """
    check_blind(data_set, by)
    files.path(data_set)  # before the answer begins: its words could not be told afterwards
    record(Verb.DATA_SET_EXPORTED, data_set, {"format": form.name, "split": split or "all"}, by=by)
    pieces: Iterator[Any] = form.write(data_set, split)
    response = StreamingHttpResponse(pieces, content_type=form.content_type)
    name = f"{data_set.stage}-{str(data_set.pk)[:13]}{f'-{split}' if split else ''}{form.suffix}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"  # it holds what people said, and what a blind screen hides
    return response


def check_blind(data_set: DataSet, by: User) -> None:
    """Raises HeldBlindError where rows are of a generation that the person holds in a blind campaign."""
    held = {
        str(pk)
        for pair in visibility.blind_work(by).values_list("unit__generation", "unit__rival")
        for pk in pair
        if pk is not None
    }
    if not held:
        return
    if any(held.intersection(row["generations"]) for row in files.read(data_set, ["generations"])):
        raise HeldBlindError(
            "You have outputs of this data set in work in a blind campaign, and its rows say which were accepted. "
            "Submit them or put them down, then take the data set out."
        )
