"""Serializers for what is asked all day: the same answers, without asking each field at each row how it is read.

REST framework looks up for every value where it comes from, whether it is there and what it is of. That costs several
times what writing it does, and is the same for every row.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from types import MethodType
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.utils.functional import cached_property
from rest_framework import serializers
from rest_framework.fields import Field, SkipField

Read = Callable[[Any], Any]
UTC_OFFSET = timedelta(0)


class Quick(serializers.Serializer[Any]):
    """Mixed into a serializer: how its fields are read and written is found out once, at its first row."""

    @cached_property
    def _steps(self) -> list[tuple[str, Field[Any, Any, Any, Any], Read, Read]]:
        return [(str(field.field_name), field, _reader(field), _writer(field)) for field in self._readable_fields]

    def to_representation(self, instance: Any) -> dict[str, Any]:
        found = {}
        for name, field, read, write in self._steps:
            try:
                value = read(instance)
            except (AttributeError, KeyError, ObjectDoesNotExist):
                # Not there: REST framework knows the defaults and what to say.
                try:
                    value = field.get_attribute(instance)
                except SkipField:
                    continue
            found[name] = None if value is None else write(value)
        return found


def _reader(field: Field[Any, Any, Any, Any]) -> Read:
    """How a field's value is got from a row or a mapping; raises what `to_representation` expects."""
    names: list[str] = field.source_attrs
    if type(field) is serializers.PrimaryKeyRelatedField:
        (name,) = names
        # The id that is in the row: nothing is fetched for it.
        return lambda row: row[name] if type(row) is dict else row.serializable_value(name)
    assert not isinstance(field, serializers.RelatedField), f"{field} is read in a way of its own."
    if type(field).get_attribute is not Field.get_attribute:
        return field.get_attribute
    if len(names) == 1:
        (name,) = names
        return lambda row: _step(row, name)
    return lambda row: _followed(row, names)


def _step(row: Any, name: str) -> Any:
    # Other mappings than a dict have no such attribute, and are then read by REST framework.
    value = row[name] if type(row) is dict else getattr(row, name)
    return value() if type(value) is MethodType else value


def _followed(row: Any, names: list[str]) -> Any:
    for name in names:
        row = _step(row, name)
    return row


def _writer(field: Field[Any, Any, Any, Any]) -> Read:
    """How a value that is there is written."""
    if type(field) is serializers.DateTimeField and not hasattr(field, "format"):
        return lambda value: _utc(value) or field.to_representation(value)
    if type(field) is serializers.PrimaryKeyRelatedField:
        return field.pk_field.to_representation if field.pk_field is not None else _as_it_is
    return field.to_representation


def _as_it_is(value: Any) -> Any:
    return value


def _utc(value: Any) -> str:
    """A moment as REST framework writes it; empty where it is not plainly one in UTC."""
    if isinstance(value, datetime) and value.utcoffset() == UTC_OFFSET:
        return value.isoformat().removesuffix("+00:00") + "Z"
    return ""
