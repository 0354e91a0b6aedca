"""What a call can be refused for, besides what Django REST framework knows already."""

from __future__ import annotations

from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError


class InvalidParametersError(ValidationError):
    """A query parameter or header, not the body, is at fault: the answer names it as `parameter`."""


class ConflictError(APIException):
    """The request is well-formed, but what it met does not allow it. `code` becomes the problem's type."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class TooLargeError(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too-large"


class UnavailableError(APIException):
    """What was asked for is being made; `wait` becomes the answer's Retry-After, in seconds."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "unavailable"
    wait = 30
