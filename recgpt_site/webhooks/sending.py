"""One attempt: a signed POST to an address that may be called, and the beginning of the answer."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

import httpx
from django.utils import timezone

from recgpt_site.models import Delivery
from recgpt_site.webhooks import addresses, signing
from recgpt_site.webhooks.addresses import AddressRefusedError

CONNECT_S = 5.0
ANSWER_S = 10.0  # for the whole answer: one that drips must not hold a worker
EXCERPT_BYTES = 1_000
AGENT = "RecGPT-Studio-Webhook/1"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt. `error` is empty where it counts as delivered."""

    status: int | None
    excerpt: str
    error: str
    seconds: float


def body_of(delivery: Delivery) -> bytes:
    """What is sent: id and name of the event, when it happened, and what it tells; the same at every attempt."""
    told = {
        "id": str(delivery.pk),
        "event": delivery.event,
        "created_at": delivery.created_at.isoformat(),
        "data": delivery.data,
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def send(delivery: Delivery) -> Answer:
    """Make one attempt. Redirects are not followed, proxies of the environment not used."""
    started = time.monotonic()
    status, excerpt, error = None, "", ""
    try:
        status, excerpt = _post(delivery, started + ANSWER_S)
        if not 200 <= status < 300:
            hint = " Redirects are not followed; register the address that it leads to." if 300 <= status < 400 else ""
            error = f"It answered {status}; 200 to 299 counts as delivered.{hint}"
    except AddressRefusedError as refused:
        error = str(refused)
    except TimeoutError:
        error = f"No complete answer within {ANSWER_S:g} s."
    except (httpx.HTTPError, OSError) as failure:
        error = f"It could not be reached: {str(failure) or type(failure).__name__}."
    return Answer(status, excerpt, error, time.monotonic() - started)


def _post(delivery: Delivery, until: float) -> tuple[int, str]:
    """Status and beginning of the answer. Raises AddressRefusedError, TimeoutError, httpx.HTTPError, OSError."""
    target = addresses.resolve(delivery.webhook.url)
    body, now = body_of(delivery), int(timezone.now().timestamp())
    headers = {
        "Host": target.host_header,
        "Content-Type": "application/json",
        "User-Agent": AGENT,
        "Accept-Encoding": "identity",  # a small answer must not unpack to a large one
        "RecGPT-Event": delivery.event,
        "RecGPT-Delivery": str(delivery.pk),
        "RecGPT-Timestamp": str(now),
        "RecGPT-Signature": signing.signature(delivery.webhook.secret, now, body),
    }
    timeout = httpx.Timeout(ANSWER_S, connect=CONNECT_S)
    extensions = {"sni_hostname": target.host}  # the certificate must be the name's
    try:
        with (
            httpx.Client(timeout=timeout, follow_redirects=False, trust_env=False) as client,
            client.stream("POST", target.url, content=body, headers=headers, extensions=extensions) as answer,
        ):
            return answer.status_code, _beginning(answer, until)
    except httpx.TimeoutException as late:
        raise TimeoutError from late


def _beginning(answer: httpx.Response, until: float) -> str:
    """The first bytes of an answer as text; the rest is not read. Raises TimeoutError."""
    read = b""
    for piece in answer.iter_raw():
        read += piece[: EXCERPT_BYTES - len(read)]
        if len(read) >= EXCERPT_BYTES:
            break
        if time.monotonic() > until:
            raise TimeoutError
    # PostgreSQL takes no zero bytes in a text.
    return read.decode("utf-8", errors="replace").replace("\x00", "\ufffd")
