"""The rules for behaviours, checked on whole columns at a time.

Each step turns a column of whatever type the file has into numbers or texts and marks the rows that it must refuse;
a row keeps the first reason that is found.
"""

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from recommend.models import Behavior

KINDS: tuple[str, ...] = tuple(Behavior.Kind.values)
SEARCH = KINDS.index(Behavior.Kind.SEARCH)
MAX_QUANTITY = 2**31 - 1
MAX_QUERY = 1000
FUTURE_TOLERANCE = timedelta(days=1)  # clocks and time zones differ; a plan is no behaviour

# pyarrow's stubs do not know that its functions take plain values beside arrays.
Array = Any
pc: Any = pyarrow.compute
Mask = NDArray[np.bool_]
_CONTROL = r"[\x00-\x1f\x7f]"
_OFFSET = r"(?:Z|[+-]\d{2}(?::?\d{2})?)$"
_DATE_ONLY = r"^\d{4}-\d{2}-\d{2}$"


class Refused(dict[int, tuple[str, str]]):
    """Row number in the batch -> (reason, value)."""

    def mark(self, bad: Mask, reason: str, values: Array | None = None) -> None:
        """Refuse the rows of a mask, unless they already are."""
        for row in np.flatnonzero(bad).tolist():
            value = "" if values is None else values[row].as_py()
            self.setdefault(row, (reason, "" if value is None else str(value)))


@dataclass(slots=True)
class Checked:
    """Columns of one batch, ready to be encoded; rows in `refused` hold anything."""

    shopper: Array  # texts, "" where missing
    sku: Array
    query: Array
    kind: NDArray[np.int16]  # index into KINDS
    at_us: NDArray[np.int64]  # microseconds since 1970, UTC
    quantity: NDArray[np.int32]
    dwell_s: NDArray[np.float64]  # NaN where missing
    refused: Refused = field(default_factory=Refused)


def check(columns: pa.Table, now: datetime) -> Checked:
    """Check all columns that need no database. `now` is aware: what lies more than a day behind it is refused."""
    refused = Refused()
    shopper, kind_text, sku, query = (_texts(columns, name, refused) for name in ("shopper", "kind", "sku", "query"))
    refused.mark(_is(pc.equal(shopper, "")), '"shopper" is missing')
    kind = _kinds(kind_text, refused)
    searched = kind == SEARCH
    no_sku = _is(pc.equal(sku, ""))
    refused.mark(no_sku & ~searched, '"sku" is missing; only a search may come without')
    _check_queries(query, searched & no_sku, refused)
    return Checked(
        shopper=shopper,
        sku=sku,
        query=query,
        kind=kind,
        at_us=_times(columns, refused, now),
        quantity=_quantities(columns, refused),
        dwell_s=_dwells(columns, refused),
        refused=refused,
    )


def _kinds(texts: Array, refused: Refused) -> NDArray[np.int16]:
    codes = pc.fill_null(pc.index_in(texts, value_set=pa.array(KINDS)), -1).to_numpy(zero_copy_only=False)
    refused.mark(_is(pc.equal(texts, "")), '"kind" is missing')
    refused.mark(codes < 0, f'"kind" must be one of {", ".join(KINDS)}', texts)
    return np.asarray(codes, np.int16)


def _check_queries(query: Array, needed: Mask, refused: Refused) -> None:
    empty = _is(pc.equal(query, ""))
    refused.mark(empty & needed, '"query" is missing; a search needs its words')
    if empty.all():
        return
    refused.mark(_is(pc.match_substring_regex(query, _CONTROL)), '"query" holds a control character; remove it', query)
    too_long = _is(pc.greater(pc.utf8_length(query), MAX_QUERY))
    refused.mark(too_long, f'"query" is longer than {MAX_QUERY:,} characters', query)


def _times(columns: pa.Table, refused: Refused, now: datetime) -> NDArray[np.int64]:
    column = _column(columns, "occurred_at")
    missing = _is(pc.is_null(column))
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        stamps = pc.cast(column, pa.timestamp("us", tz=getattr(column.type, "tz", None)), safe=False)
        at_us = _int64(pc.cast(stamps, pa.int64()))
        bad = missing
    else:
        texts = _texts(columns, "occurred_at", refused)
        missing = _is(pc.equal(texts, ""))
        at_us, bad = _parsed_times(texts)
    refused.mark(missing, '"occurred_at" is missing')
    reason = '"occurred_at" must be an ISO 8601 date or time like 2017-03-31 or 2017-03-31T18:30:00Z'
    refused.mark(bad, reason, column)
    latest = now + FUTURE_TOLERANCE
    too_late = at_us > int(latest.timestamp() * 1e6)
    refused.mark(too_late, f'"occurred_at" lies in the future (now is {now:%Y-%m-%d %H:%M} UTC)', column)
    too_early = at_us < _EARLIEST_US
    refused.mark(too_early, '"occurred_at" lies before the year 1900', column)
    return at_us


_EARLIEST_US = int(datetime(1900, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000


def _parsed_times(texts: Array) -> tuple[NDArray[np.int64], Mask]:
    """Microseconds and a mask of what is no time. Times without offset are UTC."""
    has_offset = _is(
        pc.and_(pc.match_substring_regex(texts, _OFFSET), pc.invert(pc.match_substring_regex(texts, _DATE_ONLY)))
    )
    try:
        if has_offset.all():
            return _cast_times(texts, "UTC"), np.zeros(len(texts), bool)
        if not has_offset.any():
            return _cast_times(texts, None), np.zeros(len(texts), bool)
    except pa.ArrowInvalid:
        pass
    # Mixed notations, or one that Arrow does not know: one by one, which is also how the bad ones are found.
    parsed = [_parsed_time(text) for text in texts.to_pylist()]
    bad = np.array([one is None for one in parsed], bool)
    return np.array([one or 0 for one in parsed], np.int64), bad


def _cast_times(texts: Array, tz: str | None) -> NDArray[np.int64]:
    return _int64(pc.cast(pc.cast(texts, pa.timestamp("us", tz=tz)), pa.int64()))


def _parsed_time(text: str) -> int | None:
    try:
        at = datetime.fromisoformat(text)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
        return (at - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _quantities(columns: pa.Table, refused: Refused) -> NDArray[np.int32]:
    numbers, bad, column = _numbers(columns, "quantity", missing=1.0)
    whole = ~bad & (numbers == np.floor(numbers)) & (numbers >= 1) & (numbers <= MAX_QUANTITY)
    reason = '"quantity" must be a whole number of at least 1; goods that went back are rows of the kind "return"'
    refused.mark(~whole, reason, column)
    return np.where(whole, numbers, 1).astype(np.int32)


def _dwells(columns: pa.Table, refused: Refused) -> NDArray[np.float64]:
    if "dwell_s" not in columns.column_names:
        return np.full(columns.num_rows, math.nan)
    numbers, bad, column = _numbers(columns, "dwell_s", missing=math.nan)
    refused.mark(bad | (numbers < 0) | np.isinf(numbers), '"dwell_s" must be seconds, 0 or more', column)
    return numbers


def _numbers(columns: pa.Table, name: str, missing: float) -> tuple[NDArray[np.float64], Mask, Array]:
    """A column as floats, a mask of what is no number, and the column. Empty and NaN count as missing."""
    column = _column(columns, name)
    bad: Mask = np.zeros(len(column), bool)
    try:
        if pa.types.is_string(column.type):
            column_or_null = pc.if_else(pc.equal(column, ""), None, column)
            floats = pc.cast(column_or_null, pa.float64())
        else:
            floats = pc.cast(column, pa.float64(), safe=False)
        numbers = pc.fill_null(floats, math.nan).to_numpy(zero_copy_only=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        parsed = [_parsed_number(value) for value in column.to_pylist()]
        bad = np.array([one is None for one in parsed], bool)
        numbers = np.array([math.nan if one is None else one for one in parsed], np.float64)
    return np.where(np.isnan(numbers) & ~bad, missing, numbers), bad, column


def _parsed_number(value: object) -> float | None:
    """A float, NaN for none, None for what is no number."""
    if value is None or value == "":
        return math.nan
    try:
        return float(str(value))
    except ValueError:
        return None


def _texts(columns: pa.Table, name: str, refused: Refused) -> Array:
    """A column as texts, "" where it is missing. Whole numbers become their digits."""
    column = _column(columns, name)
    kind = column.type
    if pa.types.is_null(kind):
        return pa.array([""] * len(column), pa.string())
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
    if pa.types.is_floating(kind):
        # pandas makes floats of whole numbers where a column has gaps.
        whole = pc.and_(pc.equal(column, pc.floor(column)), pc.less(pc.abs(column), 2.0**53))
        refused.mark(
            _is(pc.invert(whole)) & _is(pc.is_finite(column)), f'"{name}" is no text and no whole number', column
        )
        column = pc.cast(pc.if_else(whole, column, None), pa.int64())
    try:
        return pc.fill_null(pc.cast(column, pa.string()), "")
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        refused.mark(np.ones(len(column), bool), f'"{name}" must be text, but the file has {kind}')
        return pa.array([""] * len(column), pa.string())


def _column(columns: pa.Table, name: str) -> Array:
    if name not in columns.column_names:
        return pa.nulls(columns.num_rows)
    return columns[name].combine_chunks()


def _is(mask: Array) -> Mask:
    return np.asarray(pc.fill_null(mask, False).to_numpy(zero_copy_only=False), bool)


def _int64(numbers: Array) -> NDArray[np.int64]:
    return np.asarray(pc.fill_null(numbers, 0).to_numpy(zero_copy_only=False), np.int64)
