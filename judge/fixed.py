"""What is fixed stays: a rubric that has its version, and its criteria, keep their words however a change is tried.

The querysets and the error are below the tables, so that pages, API, admin and shell are refused by the same rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self, TypeVar

from django.db import models

M = TypeVar("M", bound=models.Model)

# What a rubric says; when it is used and who fixed it are no part of it.
WORDING = ("kind", "version", "title", "guideline")


class RubricFixedError(Exception):
    """A fixed rubric was to be changed or deleted; the text says which and what to do instead."""

    def __init__(self, rubric: object) -> None:
        super().__init__(
            f"“{rubric}” is fixed: labels are or may be given under its words, so it can be neither changed nor "
            "deleted. Make a draft from it and fix that as a new version."
        )


class RubricRows(models.QuerySet[M]):
    """Rubrics whose updates and deletions stop at the first fixed one."""

    def fixed(self) -> Self:
        """Those that have their version."""
        return self.filter(version__gt=0)

    def update(self, **values: Any) -> int:
        if not values.keys().isdisjoint(WORDING):
            _refuse(self.fixed())
        return super().update(**values)

    def delete(self) -> tuple[int, dict[str, int]]:
        _refuse(self.fixed())
        return super().delete()


class CriterionRows(models.QuerySet[M]):
    """Criteria that are added, changed and deleted in drafts only."""

    def update(self, **values: Any) -> int:
        _refuse(self.filter(rubric__version__gt=0), "rubric")
        return super().update(**values)

    def delete(self) -> tuple[int, dict[str, int]]:
        _refuse(self.filter(rubric__version__gt=0), "rubric")
        return super().delete()

    def bulk_create(self, objs: Iterable[M], *args: Any, **options: Any) -> list[M]:
        rows = list(objs)
        rubrics = self.model._meta.get_field("rubric").related_model
        _refuse(rubrics._default_manager.filter(pk__in={row.rubric_id for row in rows}, version__gt=0))  # type: ignore[union-attr, attr-defined]
        return super().bulk_create(rows, *args, **options)


def _refuse(rows: models.QuerySet[Any], through: str = "") -> None:
    """Raises RubricFixedError where there is a row."""
    found = rows.order_by().first()
    if found is not None:
        raise RubricFixedError(getattr(found, through) if through else found)
