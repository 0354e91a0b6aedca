"""The pages as a whole: who lands where, who is let in, and that every page keeps to the house's rules."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from judge import queue
from judge.services import seed_rubrics
from recommend.roles import ADMIN, ANNOTATOR, LEAD
from tests.judge.factories import UserFactory
from tests.support.review_data import campaign, full_run

pytestmark = pytest.mark.django_db
STATIC = Path(settings.BASE_DIR) / "static"


@pytest.fixture
def as_role(client: Client) -> Callable[[str], Client]:
    def sign_in(role: str) -> Client:
        client.force_login(UserFactory.create(role=role, is_superuser=role == ADMIN, is_staff=role == ADMIN))
        return client

    return sign_in


@pytest.mark.parametrize(
    ("role", "page"),
    [(ANNOTATOR, "judge:review"), (LEAD, "judge:dashboard"), (ADMIN, "judge:dashboard"), ("", "recommend:demo")],
)
def test_the_front_page_leads_everybody_to_their_work(as_role: Callable[[str], Client], role: str, page: str):
    answer = as_role(role).get("/")

    assert answer.headers["Location"] == reverse(page)


@pytest.mark.parametrize("page", ["/", "/review/", "/dashboard/", "/dashboard/outputs/", "/demo/"])
def test_who_is_not_signed_in_is_asked_to_and_comes_back(client: Client, page: str):
    answer = client.get(page)

    assert answer.headers["Location"] == f"/login/?next={page}"


def test_signing_in_leads_on_and_a_wrong_password_says_so(client: Client):
    User.objects.create_user("somebody", password="a long passphrase")

    wrong = client.post("/login/", {"username": "somebody", "password": "no"})
    right = client.post("/login/", {"username": "somebody", "password": "a long passphrase"})

    assert "correct username and password" in wrong.content.decode()
    assert right.headers["Location"] == "/"


@pytest.mark.parametrize("page", ["/dashboard/", "/dashboard/outputs/"])
def test_the_quality_pages_are_closed_to_annotators_and_say_why(as_role: Callable[[str], Client], page: str):
    answer = as_role(ANNOTATOR).get(page)

    assert answer.status_code == 403
    assert "This page is for leads." in answer.content.decode()


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("address", [f"/review/assignments/{uuid4()}/", "/nothing-here/"])
def test_a_page_that_is_not_there_is_a_404_with_a_way_back(as_role: Callable[[str], Client], settings, debug, address):
    settings.DEBUG = debug

    answer = as_role(ANNOTATOR).get(address)

    assert answer.status_code == 404
    assert "To the front page" in answer.content.decode()
    assert "URLconf" not in answer.content.decode()


def test_an_address_without_its_last_slash_is_still_found(as_role: Callable[[str], Client], settings):
    settings.DEBUG = True

    answer = as_role(ANNOTATOR).get("/review")

    assert answer.headers["Location"] == "/review/"


def test_the_navigation_shows_only_what_opens(as_role: Callable[[str], Client]):
    page = as_role(ANNOTATOR).get("/review/").content.decode()

    assert 'href="/review/"' in page
    assert 'href="/demo/"' in page
    assert 'href="/dashboard/"' not in page
    assert 'href="/admin/"' not in page


def test_the_health_check_needs_no_session_and_tells_nothing_else(client: Client):
    answer = client.get("/healthz")

    assert answer.json() == {"status": "ok"}


class _Rules(HTMLParser):
    """Collects what the content security policy forbids, doubled ids, and fields without a name for readers."""

    def __init__(self) -> None:
        super().__init__()
        self.broken: list[str] = []
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.fields: list[str] = []
        self._in_label = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "style" or "style" in given or (tag == "script" and "src" not in given):
            self.broken.append(f"inline {tag}")
        self.broken += [f"{tag} {name}" for name in given if name.startswith(("on", "hx-on"))]
        if "id" in given:
            self.ids.append(str(given["id"]))
        if tag == "label":
            self._in_label += 1
            self.labelled.add(str(given.get("for")))
        if tag in ("input", "textarea", "select") and given.get("type") != "hidden":
            named = self._in_label or "aria-label" in given
            if not named:
                self.fields.append(str(given.get("id")))

    def handle_endtag(self, tag: str) -> None:
        self._in_label -= tag == "label"

    def check(self) -> list[str]:
        doubled = {one for one in self.ids if self.ids.count(one) > 1}
        unnamed = [field for field in self.fields if field not in self.labelled]
        return [*self.broken, *(f"doubled id {one}" for one in doubled), *(f"unnamed field {one}" for one in unnamed)]


def test_every_page_keeps_to_the_content_security_policy_and_names_its_fields(client: Client):
    seed_rubrics()
    lead = UserFactory.create(role=LEAD)
    made = campaign()
    run = full_run(by=lead).run
    assignment = queue.next_assignment(made, lead)
    assert assignment is not None
    client.force_login(lead)
    pages = [
        "/review/",
        assignment.get_absolute_url(),
        "/dashboard/",
        "/dashboard/?kind=tag",
        "/dashboard/outputs/?criterion=overall&human=pass&judge_label=fail",
        "/demo/",
        run.get_absolute_url(),
        f"/review/runs/{run.pk}/labels/",
        "/nowhere/",
    ]

    for page in pages:
        answer = client.get(page)
        rules = _Rules()
        rules.feed(answer.content.decode())
        assert rules.check() == [], page
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "script-src 'self'" in policy


def test_scripts_and_styles_have_nothing_from_elsewhere_and_no_eval():
    for file in [*STATIC.rglob("*.js"), *STATIC.rglob("*.css")]:
        text = file.read_text()
        assert "http://" not in text
        assert "https://" not in text
        assert not re.search(r"\beval\(|new Function|innerHTML|\.style\.", text), file


TOKEN = re.compile(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)")
# (text, ground): what stands on what; 4.5 is WCAG AA for text, 3 for the outlines of controls.
PAIRS = [
    *[(text, ground, 4.5) for text in ("ink", "dim", "accent") for ground in ("bg", "panel", "accent-soft")],
    ("ink", "mark", 4.5),
    ("dim", "mark", 4.5),
    ("on-accent", "accent", 4.5),
    *[(name, f"{name}-soft", 4.5) for name in ("ok", "bad", "warn")],
    *[(name, ground, 4.5) for name in ("ok", "bad") for ground in ("panel", "bg", "accent-soft")],
    ("line-strong", "panel", 3),
    ("line-strong", "bg", 3),
    ("accent", "panel", 3),
]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_pair_of_colours_that_meet_has_enough_contrast(theme: int):
    found = {name: (light, dark) for name, light, dark in TOKEN.findall((STATIC / "css/tokens.css").read_text())}

    poor = {
        (text, ground): round(_contrast(found[text][theme], found[ground][theme]), 2)
        for text, ground, least in PAIRS
        if _contrast(found[text][theme], found[ground][theme]) < least
    }

    assert poor == {}


def _contrast(one: str, other: str) -> float:
    """The WCAG 2 contrast ratio of two colours, 1 to 21."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
