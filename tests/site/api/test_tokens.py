"""Tokens: made once, stored hashed, revoked, expired."""

import hashlib
import io
import logging
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.test import APIClient

from recgpt_site.api import tokens
from recgpt_site.models import ApiToken
from tests.judge.factories import UserFactory
from tests.site.api.clients import problem

pytestmark = pytest.mark.django_db
URL = "/api/v1/shoppers/"


def call(token: str):
    return APIClient().get(URL, HTTP_AUTHORIZATION=f"Bearer {token}")


def test_a_token_opens_the_api_for_its_user():
    _, token = tokens.create(UserFactory.create(), name="import")

    assert call(token).status_code == 200


def test_only_a_hash_of_the_token_is_stored():
    row, token = tokens.create(UserFactory.create(), name="import")

    row.refresh_from_db()
    assert row.digest == hashlib.sha512(token.encode()).hexdigest()
    stored = {str(value) for value in ApiToken.objects.values_list().get()}
    assert not any(token in value for value in stored)
    assert len(bytes.fromhex(token.removeprefix("recgpt_"))) * 8 == 256


def test_the_command_prints_the_token_alone_and_once():
    UserFactory.create(username="engineer")
    out, err = io.StringIO(), io.StringIO()

    call_command("create_token", "engineer", name="nightly import", stdout=out, stderr=err)

    assert call(out.getvalue().strip()).status_code == 200
    assert "nightly import" in err.getvalue()
    assert ApiToken.objects.get().expiry > timezone.now() + timedelta(days=364)


@pytest.mark.parametrize(
    ("user", "days", "words"),
    [("nobody", 1, "No user is called 'nobody'"), ("gone", 1, "not active"), ("engineer", -1, "in the past")],
)
def test_the_command_says_why_it_makes_no_token(user, days, words):
    UserFactory.create(username="engineer")
    UserFactory.create(username="gone", is_active=False)

    with pytest.raises(CommandError, match=words):
        call_command("create_token", user, name="x", days=days)

    assert not ApiToken.objects.exists()


def test_a_revoked_token_opens_nothing_and_stays_in_the_list():
    row, token = tokens.create(UserFactory.create(), name="import")

    tokens.revoke(row)

    problem(call(token), 401)
    row.refresh_from_db()
    assert row.state == "revoked"


def test_an_expired_token_opens_nothing_and_stays_in_the_list():
    row, token = tokens.create(UserFactory.create(), name="import")
    ApiToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))

    problem(call(token), 401)

    row.refresh_from_db()
    assert row.state == "expired"


def test_a_token_of_a_user_who_is_not_active_opens_nothing():
    row, token = tokens.create(UserFactory.create(), name="import")
    row.user.is_active = False
    row.user.save()

    problem(call(token), 401)


@pytest.mark.parametrize("token", ["", "x", "recgpt_" + "0" * 64, "two words", "recgpt_%00", "ÿ", "recgpt_" + "g" * 64])
def test_what_is_no_token_is_refused_with_a_challenge(token):
    response = call(token)

    problem(response, 401)
    assert response["WWW-Authenticate"].startswith('Bearer realm="RecGPT Studio API"')


def test_all_that_can_be_wrong_with_a_token_has_one_answer():
    expired, expired_token = tokens.create(UserFactory.create(), name="a")
    revoked, revoked_token = tokens.create(UserFactory.create(), name="b")
    ApiToken.objects.filter(pk=expired.pk).update(expiry=timezone.now() - timedelta(days=1))
    tokens.revoke(revoked)

    answers = {problem(call(token), 401)["detail"] for token in (expired_token, revoked_token, "recgpt_" + "0" * 64)}

    assert len(answers) == 1


def test_the_last_use_is_noted_to_the_minute():
    row, token = tokens.create(UserFactory.create(), name="import")

    call(token)

    row.refresh_from_db()
    first = row.last_used_at
    assert first is not None
    call(token)
    row.refresh_from_db()
    assert row.last_used_at == first


def test_no_log_has_the_token(caplog):
    caplog.set_level(logging.DEBUG)
    row, token = tokens.create(UserFactory.create(), name="import")
    tokens.revoke(row)

    call(token)
    call(token[:-1] + "0")

    assert token not in caplog.text
    assert token[20:-1] not in caplog.text
