"""The pages of data sets in a browser: they fit, a form is worked through by keyboard, and progress comes by itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from tests.support.browser import too_wide
from tests.training.data_sets.material import QUERY, serving_judge, tags
from training import tasks
from training.data_sets import building, services
from training.models import DataSet

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.TRAINING_DIR = str(tmp_path)
    monkeypatch.setattr(tasks.build_data_set, "apply_async_on_commit", lambda **sent: None)


def material() -> list[DataSet]:
    """One that was built, one that failed and one that waits."""
    for number in range(9):
        tags(
            *([True] * (1 + number % 4)),
            False,
            None,
            shopper=f"household-{number}",
            first=number,
            reference_at=f"2018-{1 + number % 5:02}-01T00:00:00Z",
        )
    shopper = tags(True, shopper="household-held").shopper
    shopper.last_behavior_at = timezone.now()
    shopper.save()
    services.hold_out(name="spring-check", query="all")
    wanted = [("Tags of spring, round 1", {}), ("By people alone", {"curation": "people"}), ("Waiting", {})]
    made = [services.prepare(name=name, query=QUERY | {"near": 1.0} | more, by=None) for name, more in wanted]
    for one in made[:2]:
        building.advance(one.pk)
    return made


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_fits(
    new_page: Callable[..., Page], sign_in: Callable[[Page, User], None], lead: User, width: int, scheme: str
):
    made = material()
    page = new_page(width=width, color_scheme=scheme)
    sign_in(page, lead)

    forms = [f"/training/data-sets/new/{stage}/" for stage in DataSet.Stage.values]
    pages = ["/training/data-sets/", "/training/data-sets/new/", *forms, *(one.get_absolute_url() for one in made)]
    assert too_wide(page, pages) == {}


def test_a_data_set_is_asked_for_by_keyboard_followed_and_taken_out(
    new_page: Callable[..., Page], sign_in: Callable[[Page, User], None], lead: User
):
    serving_judge()
    tags(True, False)
    page = new_page(clean=False)  # the browser's console tells of the refusal
    sign_in(page, lead)
    page.goto("/dashboard/")
    page.get_by_role("link", name="Training").click()
    page.get_by_role("link", name="New data set").click()
    page.get_by_role("link", name="Self-training").click()

    page.get_by_label("Name").focus()
    page.keyboard.type("Typed")
    page.keyboard.press("Tab")
    expect(page.get_by_role("radio", name="Item tag")).to_be_focused()
    page.get_by_label("Shoppers held out").fill("2")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Nothing is built yet.")
    expect(page.get_by_label("Name")).to_have_value("Typed")
    page.get_by_label("Shoppers held out").fill("0")
    page.keyboard.press("Enter")

    expect(page.get_by_role("status")).to_contain_text("queued")
    building.advance(DataSet.objects.get().pk)
    expect(page.get_by_role("heading", name="What was left out")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("1 rows: 1 for training")
    with page.expect_download() as taken:
        page.get_by_role("link", name="JSON Lines").click()
    assert "completion" in Path(taken.value.path()).read_text()
