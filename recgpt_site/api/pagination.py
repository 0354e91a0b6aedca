"""Pages of a list that may grow while it is read."""

from __future__ import annotations

from uuid import UUID

from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor as Position
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from recommend.api.errors import InvalidParametersError


class Cursor(CursorPagination):
    """Newest first, by id: ours are UUIDv7, so the order is that of creation and has no ties."""

    ordering = "-id"
    page_size_query_param = "page_size"
    max_page_size = 200

    def decode_cursor(self, request: Request) -> Position | None:
        """The position that the `cursor` parameter names. Raises InvalidParametersError."""
        try:
            cursor = super().decode_cursor(request)
            if cursor is not None and cursor.position is not None:
                UUID(str(cursor.position))
        except (NotFound, ValueError) as error:
            message = "Not a cursor. Take it from `next` or `previous` of an earlier page, or leave it out."
            raise InvalidParametersError({"cursor": [message]}) from error
        return cursor
