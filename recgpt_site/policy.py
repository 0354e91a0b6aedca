"""The content security policy of every answer: one for all, so it is written once and not for each."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from http import HTTPStatus

from csp.constants import HEADER
from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase


def middleware(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """django-csp's middleware without policies that differ by view, which no view of ours has."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        # Django's own page about an error, for development, has inline styles.
        if not (settings.DEBUG and response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR):
            response.headers[HEADER] = policy()
        return response

    return answer


@cache
def policy() -> str:
    """The policy in the settings, as the header says it."""
    return str(build_policy())
