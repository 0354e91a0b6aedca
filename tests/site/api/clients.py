"""Callers of the API, as tests need them."""

from typing import Any

from django.contrib.auth.models import User
from rest_framework.test import APIClient

from recgpt_site.api import tokens
from recommend.roles import LEAD
from tests.judge.factories import UserFactory


def client_of(user: User) -> Any:
    """A client that calls with a token of `user`."""
    _, token = tokens.create(user, name="test")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def lead() -> Any:
    return client_of(UserFactory.create(role=LEAD))


def annotator() -> Any:
    return client_of(UserFactory.create())


def problem(response: Any, status: int) -> dict[str, Any]:
    """The problem that a response carries, its shape checked."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert {"type", "title", "status", "detail", "instance"} <= body.keys()
    assert body["status"] == status
    return body
