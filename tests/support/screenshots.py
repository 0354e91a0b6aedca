"""Takes docs/images/ of the demo that is running: `make demo` in one terminal, `make screenshots` in another."""

import argparse
import json
import os
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from recgpt_site.embedded import paths
from tests.support import chromium

IMAGES = Path(__file__).parents[2] / "docs/images"
LOGINS_FILE = "demo-logins.json"  # as recgpt_site.seeds writes it, which needs Django
SIZES = {"": (1280, 800), "-phone": (390, 844)}
_FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}"
    parser.add_argument("--url", default=default, help="where the demo listens; default: this machine, PORT or 8000")
    options = parser.parse_args()
    kept = json.loads((paths.DATA_DIR / LOGINS_FILE).read_text())
    passwords = {role: entry["password"] for role, entry in kept.items()}
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.executable(), args=_FLAGS)
        for theme in ("light", "dark"):
            for suffix, (width, height) in SIZES.items():
                take(
                    browser,
                    options.url,
                    passwords,
                    theme,
                    width,
                    height,
                    f"{suffix}{'-dark' if theme == 'dark' else ''}",
                )
        browser.close()


def take(
    browser: Browser, url: str, passwords: dict[str, str], theme: str, width: int, height: int, suffix: str
) -> None:
    """One picture of each main page, as its own user sees it."""
    for role, name, address in (
        ("annotator", "review", "/review/"),
        ("lead", "dashboard", "/dashboard/"),
        ("lead", "demo", "/demo/"),
        ("lead", "run", "/demo/"),
    ):
        context = browser.new_context(
            base_url=url,
            viewport={"width": width, "height": height},
            color_scheme="dark" if theme == "dark" else "light",
        )
        page = context.new_page()
        sign_in(page, role, passwords[role])
        page.goto(address)
        if name == "review":
            page.locator(".campaign .button--primary").first.click()
            page.wait_for_selector("[data-review]")
        if name == "run":
            page.locator(".runs li", has_text="done").first.locator("a").click()
            page.wait_for_selector(".labels .pill")
        page.wait_for_load_state("networkidle")
        path = IMAGES / f"{name}{suffix}.png"
        page.screenshot(path=path)
        print(path.relative_to(IMAGES.parents[1]))
        context.close()


def sign_in(page: Page, role: str, password: str) -> None:
    page.goto("/login/")
    page.get_by_label("User name").fill(role)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda address: "/login/" not in address)


if __name__ == "__main__":
    main()
