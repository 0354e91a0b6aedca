"""A receiver next door, and webhooks that may lead there."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from recgpt_site.models import Event, Webhook
from recgpt_site.webhooks import services
from recommend.roles import LEAD
from tests.judge.factories import UserFactory
from tests.support.receiver import Receiver, receiver


@pytest.fixture
def received() -> Iterator[Receiver]:
    with receiver() as kept:
        yield kept


@pytest.fixture
def webhook(settings: Any, received: Receiver) -> Callable[..., Webhook]:
    """`webhook(*events)` registers one that leads to `received`; all events if none is named."""
    settings.WEBHOOK_PRIVATE_ADDRESSES = True

    def register(*events: str) -> Webhook:
        lead = UserFactory.create(role=LEAD)
        return services.register(url=received.url, events=events or Event.values, by=lead)[0]

    return register
