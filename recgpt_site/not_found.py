"""Our page where an address leads to nothing, in development as in a deployment: Django's own lists every address."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponseBase
from django.views.defaults import page_not_found


def middleware(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Puts our page in the place of Django's for development; the API answers by itself."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        is_djangos = settings.DEBUG and response.status_code == HTTPStatus.NOT_FOUND
        if is_djangos and response.headers["Content-Type"].startswith("text/html"):
            return page_not_found(request, Http404())
        return response

    return answer
