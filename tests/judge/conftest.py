"""What many tests of `judge` begin with."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from judge.models import Campaign
from recommend.roles import LEAD
from tests.judge.factories import CampaignFactory, UserFactory


@pytest.fixture
def lead(client: Client) -> User:
    """A lead, signed in at `client`."""
    user: User = UserFactory.create(username="lead", role=LEAD)
    client.force_login(user)
    return user


@pytest.fixture
def annotator(client: Client) -> User:
    """An annotator, signed in at `client`."""
    user: User = UserFactory.create(username="annotator")
    client.force_login(user)
    return user


@pytest.fixture
def person() -> User:
    """Somebody who labels."""
    user: User = UserFactory.create(username="reviewer")
    return user


@pytest.fixture
def campaign() -> Campaign:
    """A campaign, still without units."""
    made: Campaign = CampaignFactory.create()
    return made
