"""What our views are given: the request type, and ids in query strings."""

from uuid import UUID

from django.contrib.auth.models import User
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class Request(HttpRequest):
    """A request of somebody signed in, with htmx's details."""

    user: User  # views that take it are behind login_required
    htmx: HtmxDetails


def read_id(text: str) -> UUID | None:
    """The id that a query string names; None where it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None
