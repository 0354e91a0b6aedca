"""The request type that our views take."""

from django.contrib.auth.models import User
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class Request(HttpRequest):
    """A request of somebody signed in, with htmx's details."""

    user: User  # views that take it are behind login_required
    htmx: HtmxDetails
