"""The pages of imports in a browser: a file is handed in, and its bad rows are read on every screen."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from judge import tasks
from judge.exchange import file_imports
from judge.models import FileImport
from tests.recommend.factories import ShopperFactory
from tests.support.browser import too_wide

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_file_is_handed_in_and_its_bad_rows_are_read(
    new_page: Callable[..., Page],
    sign_in: Callable[[Page, User], None],
    lead: User,
    live_site: str,
    settings: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    width: int,
    scheme: str,
) -> None:
    settings.IMPORT_DIR = str(tmp_path / "imports")
    monkeypatch.setattr(tasks.import_file, "delay_on_commit", lambda pk: None)  # the worker is the test
    ShopperFactory.create(external_id="household-7")
    row = {"generation": "call-1", "kind": "interest", "model": "big-model", "text": "dairy"}
    rows = [row | {"shopper": "household-7"}, row | {"generation": "call-2", "shopper": "nobody"}]
    file = tmp_path / "made.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in rows))
    page = new_page(width=width, color_scheme=scheme)
    sign_in(page, lead)

    page.goto(f"{live_site}/dashboard/import/")
    page.get_by_label("File").set_input_files(file)
    page.get_by_label("It holds").select_option("outputs")
    page.get_by_label("System that made the outputs").fill("Persona service")
    page.get_by_label("Leave bad rows out").check()
    page.get_by_role("button", name="Import the file").click()

    expect(page.get_by_role("status").first).to_contain_text("queued")
    one = FileImport.objects.get()
    file_imports.run(one.pk)
    expect(page.get_by_role("heading", name="1 bad row")).to_be_visible()  # the page asks by itself
    expect(page.get_by_text("load it with import_shoppers first")).to_be_visible()
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}/import-{width}-{scheme}.png", full_page=True)
        page.goto(f"{live_site}/dashboard/import/")
        page.screenshot(path=f"{folder}/imports-{width}-{scheme}.png", full_page=True)
    assert too_wide(page, [f"{live_site}/dashboard/import/", f"{live_site}{one.get_absolute_url()}"]) == {}
