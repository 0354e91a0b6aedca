"""A real browser in front of a real server."""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.support import chromium

_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
_FLAGS += ["--disable-component-update", "--disable-sync"]
_TIMEOUT_MS = 15_000

LoadState = Literal["domcontentloaded", "load", "networkidle"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, with an empty profile, without a window."""
    # Playwright's event loop runs in the test's thread, so Django would refuse the test's own queries there.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.executable(), headless=True, args=_FLAGS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


def too_wide(page: Page, addresses: Iterable[str], until: LoadState = "networkidle") -> dict[str, int]:
    """By how many pixels pages are wider than the window; those that fit are left out."""
    found = {}
    for address in addresses:
        page.goto(address)
        page.wait_for_load_state(until)
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            found[address] = over
    return found


@pytest.fixture
def live_site(live_server: Any) -> str:
    """The URL of the project on the test database."""
    return str(live_server.url)


@pytest.fixture
def new_page(browser: Browser, live_site: str) -> Iterator[Callable[..., Page]]:
    """Opens pages of separate users: `new_page(width=390, color_scheme="dark")`; `goto("/review/")` is relative.

    An error in the browser's console (a script that failed, something that the content security policy stopped) fails
    the test, except in pages opened with `clean=False`.
    """
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def open_page(*, width: int = 1280, height: int = 800, clean: bool = True, **options: Any) -> Page:
        context = browser.new_context(base_url=live_site, viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(_TIMEOUT_MS)
        if clean:
            page.on("console", lambda message: _keep_error(message, errors))
            page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def browser_page(new_page: Callable[..., Page]) -> Page:
    """One page, 1280 × 800, light."""
    return new_page()


@pytest.fixture
def sign_in(live_site: str) -> Callable[[Page, User], None]:
    """`sign_in(page, user)` without the form: the browser gets the cookie of a session that was just made."""

    def give_session(page: Page, user: User) -> None:
        client = Client()
        client.force_login(user)
        name = settings.SESSION_COOKIE_NAME
        page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_site}])

    return give_session


def _keep_error(message: ConsoleMessage, errors: list[str]) -> None:
    if message.type == "error":
        errors.append(message.text)
