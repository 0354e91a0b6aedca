"""Who is at the browser."""

import pytest
from django.contrib.auth.models import User

from recommend.roles import LEAD
from tests.judge.factories import UserFactory


@pytest.fixture
def lead() -> User:
    user: User = UserFactory.create(username="lead", role=LEAD)
    return user
