"""Every refusal of the API in one shape: problem details (RFC 9457)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core import exceptions as django_exceptions
from django.core.signals import got_request_exception
from django.http import Http404
from django.utils.log import log_response
from rest_framework import exceptions, views
from rest_framework.request import Request
from rest_framework.response import Response

from recgpt_site.uploads import UploadTooLargeError
from recommend.api.errors import ConflictError, InvalidParametersError, TooLargeError

CONTENT_TYPE = "application/problem+json"
# Names that a client may branch on. Every other problem says no more than its status: `about:blank`.
TYPE = "urn:recgpt-studio:problem:{}"
VALUE_SHOWN = 100  # characters of a refused value that are said back


def handler(exc: Exception, context: Mapping[str, Any]) -> Response:
    """Turn whatever a view raised into a problem; what nobody foresaw is logged and becomes a 500."""
    request: Request = context["request"]
    view: views.APIView = context["view"]
    error = translate(exc, request)
    views.set_rollback()
    response = Response(problem(error, request, view), status=error.status_code, content_type=CONTENT_TYPE)
    for name, value in headers(error).items():
        response[name] = value
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR and error is not exc:
        # As Django does for a page: the log has the traceback; error trackers and the test client hear of it.
        log_response("%s: %s", error.detail, request.path, response=response, request=request, exception=exc)
        got_request_exception.send(sender=None, request=request._request)
    # Else a page's renderer, like that of /api/docs/, would look for an error template.
    response.exception = True
    return response


def translate(exc: Exception, request: Request) -> exceptions.APIException:
    """The API exception that says what `exc` means."""
    match exc:
        case exceptions.APIException():
            return exc
        case Http404():
            return exceptions.NotFound()
        case django_exceptions.PermissionDenied():
            return exceptions.PermissionDenied(str(exc) or None)
        case UploadTooLargeError():
            return TooLargeError(str(exc))
        case django_exceptions.RequestDataTooBig():
            limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
            return TooLargeError(f"The body is larger than {limit:,} bytes, the most taken here. Send less at once.")
        case django_exceptions.SuspiciousOperation():
            return exceptions.ParseError("The request could not be read.")
    return exceptions.APIException("Something went wrong on this side. The server's log has the details.")


def problem(error: exceptions.APIException, request: Request, view: views.APIView) -> dict[str, Any]:
    """The body of an answer: type, title, status, detail, instance and, for a bad value, errors."""
    status = HTTPStatus(error.status_code)
    body: dict[str, Any] = {
        "type": problem_type(error),
        "title": status.phrase,
        "status": status.value,
        "detail": detail(error, request, view),
        "instance": request.path,
    }
    if isinstance(error, exceptions.ValidationError):
        body["errors"] = list(faults(error, request))
        body["detail"] = summary(body["errors"])
    return body


def problem_type(error: exceptions.APIException) -> str:
    """A name for what a client may want to tell apart, else `about:blank`."""
    if isinstance(error, exceptions.ValidationError):
        return TYPE.format("invalid-request")
    if isinstance(error, ConflictError):
        return TYPE.format(error.get_codes())
    return "about:blank"


def detail(error: exceptions.APIException, request: Request, view: views.APIView) -> str:
    """What happened and what can be done about it."""
    match error:
        case exceptions.NotAuthenticated():
            return (
                "Send a token as `Authorization: Bearer TOKEN`. "
                "`manage.py create_token USER --name NAME`, or /admin/, makes one."
            )
        case exceptions.NotFound() if error.detail == exceptions.NotFound.default_detail:
            return f"Nothing is at {request.path}, or it is not yours to see."
        case exceptions.MethodNotAllowed():
            return f"{request.method} is not possible here. Possible: {', '.join(view.allowed_methods)}."
        case exceptions.Throttled():
            wait: float | None = getattr(error, "wait", None)
            return "Too many calls." if wait is None else f"Too many calls. Try again in {math.ceil(wait)} s."
    return str(error.detail)


def headers(error: exceptions.APIException) -> dict[str, str]:
    found = {}
    if scheme := getattr(error, "auth_header", None):
        found["WWW-Authenticate"] = f'{scheme} realm="RecGPT Studio API"'
        if isinstance(error, exceptions.AuthenticationFailed):
            found["WWW-Authenticate"] += ', error="invalid_token"'
    if (wait := getattr(error, "wait", None)) is not None:
        found["Retry-After"] = str(math.ceil(wait))
    return found


def faults(error: exceptions.ValidationError, request: Request) -> Iterator[dict[str, Any]]:
    """Each bad value of a request: where it is, what is wrong, and the value itself."""
    if isinstance(error, InvalidParametersError):
        for path, message in leaves(error.detail):
            yield {"parameter": ".".join(path), "detail": message}
        return
    for path, message in leaves(error.detail):
        fault = {"pointer": pointer(path), "detail": message}
        shown = value_at(request.data, path)
        yield fault | ({"value": shown} if shown is not None else {})


def leaves(detail: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every message of a nested error detail with the path of names and indexes that leads to it.

    >>> list(leaves({"a": [{}, {"b": ["Too long."]}], "non_field_errors": ["No."]}))
    [(('a', '1', 'b'), 'Too long.'), ((), 'No.')]
    """
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from leaves(inner, path if name == "non_field_errors" else (*path, str(name)))
    elif isinstance(detail, Sequence) and not isinstance(detail, str):
        for index, inner in enumerate(detail):
            yield from [(path, str(inner))] if isinstance(inner, str) else leaves(inner, (*path, str(index)))
    else:
        yield path, str(detail)


def pointer(path: Sequence[str]) -> str:
    """A JSON pointer (RFC 6901) in the form of a URI fragment, as RFC 9457 shows it.

    >>> pointer(["a/b", "0"])
    '#/a~1b/0'
    """
    return "#" + "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)


def value_at(data: Any, path: Sequence[str]) -> str | int | float | bool | None:
    """The plain value that `path` leads to, cut where it is long; None where there is none."""
    for part in path:
        if isinstance(data, Mapping) and part in data:
            data = data[part]
        elif isinstance(data, Sequence) and not isinstance(data, str) and part.isdigit() and int(part) < len(data):
            data = data[int(part)]
        else:
            return None
    if isinstance(data, str) and len(data) > VALUE_SHOWN:
        return data[:VALUE_SHOWN] + "…"
    return data if isinstance(data, str | int | float) else None


def summary(found: Sequence[Mapping[str, Any]]) -> str:
    """One sentence for a person who reads only the detail."""
    if len(found) == 1:
        fault = found[0]
        where = fault.get("parameter") or fault["pointer"].lstrip("#/")
        return f"{where}: {fault['detail']}" if where else str(fault["detail"])
    return f"{len(found)} values need a change; `errors` names them."
