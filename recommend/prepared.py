"""Questions that are asked of the database at every call: built once a process, planned once a connection.

Django builds the SQL of a query set anew each time and PostgreSQL plans it anew. For a look-up of a few rows both cost
many times what finding them does, so the calls that people wait for all day keep what was built and planned.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import count
from typing import Any, Generic, TypeVar
from uuid import UUID

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import Model, QuerySet
from django.db.models.expressions import DatabaseDefault
from django.db.models.query import ModelIterable, ValuesIterable

M = TypeVar("M", bound=Model)
R = TypeVar("R")
# Values that no row has: where the built SQL has one of them, the caller's value goes.
_MARKS: Mapping[type, Callable[[int], Any]] = {
    int: lambda number: -1_000_000_007 - number,
    str: lambda number: f"\x01mark {number}",
    UUID: lambda number: UUID(int=(0xFEED << 112) + number),
}


def execute(statement: str, values: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of a statement; none where it returns none.

    The values go to PostgreSQL apart from the statement, which Django's cursors do not do: so it can keep the plan.
    """
    cursors: Any = connections[DEFAULT_DB_ALIAS]  # `connection` looks this up at each of the steps below
    cursors.ensure_connection()
    asked = psycopg.Cursor(cursors.connection)
    # Django's wrapper translates errors. The other one writes down every statement, for whoever counts them; in
    # development it would do that always, at the cost of a small statement.
    with (cursors.make_debug_cursor if cursors.force_debug_cursor else cursors.make_cursor)(asked) as cursor:
        cursor.execute(statement, values)
        # None: nothing can be fetched. The description would say so too, and costs more than the rows.
        return asked.fetchall() if asked.rownumber is not None else []


def insert(rows: Sequence[M]) -> None:
    """Store new rows of one model, all in one statement; without what `bulk_create` does beside it."""
    if not rows:
        return
    # One value whatever their number, so that the statement stays the same. Defaults of the database are left to it.
    found = [
        {
            field.column: value
            for field in rows[0]._meta.concrete_fields
            if not isinstance(value := field.pre_save(row, add=True), DatabaseDefault)
        }
        for row in rows
    ]
    execute(_insertion(rows[0]._meta.db_table, tuple(found[0])), [json.dumps(found, default=str)])
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


@cache
def _insertion(table: str, columns: tuple[str, ...]) -> str:
    names = ", ".join(f'"{column}"' for column in columns)  # ours: nobody's text is in them
    return f'INSERT INTO "{table}" ({names}) SELECT {names} FROM json_populate_recordset(NULL::"{table}", %s)'  # noqa: S608


class Prepared(Generic[R]):
    """A query set with values that differ from call to call.

    make   makes the query set of the values, by name; it must ask for the same whatever they are. It gives objects, or
           by `values()` dicts, which cost a fraction of it where many are read to be shown
    kinds  the type of each value: int, str or UUID

    >>> by_name = Prepared(lambda name: Group.objects.filter(name=name), name=str)  # doctest: +SKIP
    >>> by_name(name="lead")  # doctest: +SKIP
    [<Group: lead>]
    """

    def __init__(self, make: Callable[..., QuerySet[Any, R]], **kinds: type) -> None:
        self._make = make
        self._kinds = kinds
        self._built: _Built[R] | None = None

    def __call__(self, **values: Any) -> list[R]:
        """The rows that the query set finds for these values, with what it selects of related rows."""
        if self._built is None:  # two threads may both build it, which does no harm
            self._built = _Built(self._make, self._kinds)
        return self._built.rows(values)


class _Built(Generic[R]):
    """What Django makes of a query set before it asks, kept."""

    def __init__(self, make: Callable[..., QuerySet[Any, R]], kinds: Mapping[str, type]) -> None:
        numbers = count()
        marks = {name: _MARKS[kind](next(numbers)) for name, kind in kinds.items()}
        self.queryset: Any = make(**marks)
        self.iterable: Any = self.queryset._iterable_class
        assert self.iterable in (ModelIterable, ValuesIterable)
        self.compiler = self.queryset.query.get_compiler(self.queryset.db)
        self.statement, params = self.compiler.as_sql()
        names = {mark: name for name, mark in marks.items()}
        self.names = [names.get(param) if isinstance(param, int | str | UUID) else None for param in params]
        self.params = list(params)
        assert set(names.values()) <= set(self.names), "A value is not in the query as it was given."
        self.converters = self.compiler.get_converters([column[0] for column in self.compiler.select])

    def rows(self, values: Mapping[str, Any]) -> list[R]:
        params = [param if name is None else values[name] for name, param in zip(self.names, self.params, strict=True)]
        found = self.compiler.apply_converters(execute(self.statement, params), self.converters)
        answered: Any = _Answered(self, found)
        rows: list[R] = list(self.iterable(answered))
        return rows


class _Answered:
    """Stands in for a query set, its query and its compiler where Django makes objects or dicts of rows: all here."""

    def __init__(self, built: _Built[Any], rows: Iterable[Sequence[Any]]) -> None:
        self._known_related_objects = built.queryset._known_related_objects
        self.db, self.model = built.queryset.db, built.queryset.model
        self.select, self.klass_info = built.compiler.select, built.compiler.klass_info
        self.annotation_col_map = built.compiler.annotation_col_map
        self.selected = built.queryset.query.selected  # the names of what `values()` chose
        self._fetch_mode = getattr(built.queryset, "_fetch_mode", None)  # from Django 6.1
        self.query = self
        self.rows = rows

    def get_compiler(self, using: str) -> _Answered:
        return self

    def execute_sql(self, **how: Any) -> Iterable[Sequence[Any]]:
        return self.rows

    def results_iter(self, results: object = None, **how: Any) -> Iterable[Sequence[Any]]:
        return self.rows
