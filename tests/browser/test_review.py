"""Review in a real browser: by keyboard alone, through a lost connection, and by two people at once."""

import json
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, Route, expect

from judge.models import Assessment, Assignment, Campaign
from tests.judge.factories import UserFactory
from tests.support.review_data import campaign, judge_all

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def annotator() -> User:
    user: User = UserFactory.create(username="annotator")
    return user


@pytest.fixture
def spring_check() -> Campaign:
    """A campaign of three screens of three interests, all rated by the judge."""
    made = campaign(name="Spring check")
    for unit in made.units.all():
        judge_all(unit.generation)
    return made


def text(page: Page, selector: str) -> str:
    return page.locator(selector).inner_text()


def test_a_screen_is_reviewed_wholly_by_keyboard(
    browser_page: Page, sign_in: Callable[[Page, User], None], annotator: User, spring_check: Campaign
):
    page, keys = browser_page, browser_page.keyboard
    sign_in(page, annotator)
    page.goto("/review/")

    keys.press("Enter")
    page.wait_for_url("**/review/assignments/**")
    first = page.url
    # What the output in focus cites lights up.
    assert page.locator(".evidence__line--cited").get_attribute("data-line") == "0"
    keys.press("1")
    keys.press("3")
    # The last label of an output moves on to the next.
    assert text(page, "[aria-current=true] h3").startswith("home baking")
    assert page.locator(".evidence__line--cited").get_attribute("data-line") == "2"
    keys.press("Enter")
    expect(page.locator("#messages")).to_contain_text("Not submitted yet")
    keys.press("2")
    keys.press("4")
    keys.press("c")
    keys.type("Is an easel evidence? 1 2 3")
    keys.press("Escape")
    keys.press("k")
    assert text(page, "[aria-current=true] h3").startswith("home baking")
    keys.press("j")
    keys.press("6")
    keys.press("a")
    expect(page.locator("[data-status]")).to_have_text("Saved just now")
    assert "Spontaneous" not in text(page, "[data-state] >> nth=1")
    assert not page.get_by_text("The cited lines hold it.").count()
    keys.press("Enter")
    page.wait_for_selector("[data-reveal]")

    stored = Assessment.objects.filter(rater__user=annotator).order_by("output__position")
    assert [one.labels for one in stored] == [
        {"willingness": "Spontaneity", "reasonableness": "Strong"},
        {"willingness": "Necessity", "reasonableness": "Weak"},
        {"willingness": "Spontaneity", "reasonableness": "Invented"},
    ]
    assert stored[2].rationale == "Is an easel evidence? 1 2 3"
    expect(page.locator(".reveal__sum")).to_contain_text("3 of 6 labels differ")
    assert page.get_by_text("The cited lines hold it.").count() == 3
    keys.press("Enter")
    page.wait_for_selector("[data-review]")
    assert page.url != first


def test_every_key_is_listed_and_escape_closes_the_list(
    browser_page: Page, sign_in: Callable[[Page, User], None], annotator: User, spring_check: Campaign
):
    page = browser_page
    sign_in(page, annotator)
    page.goto(f"/review/campaigns/{spring_check.pk}/next/")

    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("1")  # rates nothing behind the dialog
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    page.keyboard.press("g")
    expect(page.locator("#guideline")).to_contain_text("Spontaneous: liking, curiosity")

    assert page.locator("input:checked").count() == 0


def test_accepting_the_rest_can_be_undone(
    browser_page: Page, sign_in: Callable[[Page, User], None], annotator: User, spring_check: Campaign
):
    page = browser_page
    sign_in(page, annotator)
    page.goto(f"/review/campaigns/{spring_check.pk}/next/")

    page.keyboard.press("2")
    page.keyboard.press("a")
    accepted = page.locator("input:checked").count()
    page.keyboard.press("u")

    assert accepted == 6
    assert page.locator("input:checked").count() == 1
    expect(page.locator("[data-state] >> nth=0")).to_have_text("1 to rate")


def test_skip_by_keyboard_takes_a_reason(
    browser_page: Page, sign_in: Callable[[Page, User], None], annotator: User, spring_check: Campaign
):
    page = browser_page
    sign_in(page, annotator)
    page.goto(f"/review/campaigns/{spring_check.pk}/next/")
    first = page.url

    page.keyboard.press("s")
    page.keyboard.type("The history is empty")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: url != first)

    assert Assignment.objects.get(state=Assignment.State.SKIPPED).skip_reason == "The history is empty"


def test_a_draft_survives_a_lost_connection_and_a_closed_tab(
    new_page: Callable[..., Page], sign_in: Callable[[Page, User], None], annotator: User, spring_check: Campaign
):
    page = new_page(clean=False)  # the browser reports the lost connection
    sign_in(page, annotator)
    page.goto(f"/review/campaigns/{spring_check.pk}/next/")

    page.context.set_offline(True)
    page.keyboard.press("1")
    page.keyboard.press("3")
    expect(page.locator("[data-status]")).to_contain_text("kept in this browser")
    url = page.url
    page.close()
    page = page.context.new_page()
    page.context.set_offline(False)
    page.goto(url)

    assert page.locator("input:checked").count() == 2
    expect(page.locator("[data-status]")).to_have_text("Saved just now")
    assert len(Assignment.objects.get().draft) == 1


def test_a_draft_of_another_tab_is_never_overwritten(
    new_page: Callable[..., Page], sign_in: Callable[[Page, User], None], annotator: User, spring_check: Campaign
):
    page = new_page(clean=False)  # the browser reports the refusal
    sign_in(page, annotator)
    page.goto(f"/review/campaigns/{spring_check.pk}/next/")
    other = page.context.new_page()
    other.goto(page.url)

    page.keyboard.press("1")
    expect(page.locator("[data-status]")).to_have_text("Saved just now")
    other.keyboard.press("2")
    expect(other.locator("#messages")).to_contain_text("saved in another tab")

    (drafted,) = Assignment.objects.get().draft.values()
    assert drafted["labels"] == {"willingness": "Spontaneity"}


def test_labels_can_be_revised_after_the_reveal(
    browser_page: Page, sign_in: Callable[[Page, User], None], annotator: User, spring_check: Campaign
):
    page = browser_page
    sign_in(page, annotator)
    page.goto(f"/review/campaigns/{spring_check.pk}/next/")
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-reveal]")
    page.wait_for_load_state("load")  # the answer is parsed before its script listens to keys

    page.keyboard.press("r")
    page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="Save the revision").press("Enter")
    expect(page.locator("#messages")).to_contain_text("1 revised")

    assert Assessment.objects.filter(rater__user=annotator, revision=2, blind=False).count() == 1


def test_the_next_screen_is_there_at_once_and_works_like_any_other(
    browser_page: Page, sign_in: Callable[[Page, User], None], annotator: User, spring_check: Campaign
):
    page = browser_page
    sign_in(page, annotator)
    page.goto(f"/review/campaigns/{spring_check.pk}/next/")
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    with page.expect_response("**/ahead/") as fetched:
        page.wait_for_selector("[data-reveal]")
    fetched.value.finished()
    page.wait_for_load_state("networkidle")
    page.evaluate("window.same = true")

    with page.expect_response("**/heartbeat/"):
        page.evaluate(
            """() => {
                const pressed = performance.now();
                document.addEventListener("review:screen", () => requestAnimationFrame(() => {
                    window.tookMs = performance.now() - pressed;
                }));
            }"""
        )
        page.keyboard.press("Enter")
        page.wait_for_selector("[data-review]")
    page.wait_for_function("window.tookMs !== undefined")
    print(f"Going on took {page.evaluate('window.tookMs'):.0f} ms, the key's way through the test included")

    assert page.evaluate("window.same")  # no page was loaded
    held = Assignment.objects.get(state=Assignment.State.LEASED)
    assert page.url.endswith(held.get_absolute_url())
    page.keyboard.press("2")
    expect(page.locator("[data-status]")).to_have_text("Saved just now")
    page.keyboard.press("u")
    page.keyboard.press("u")  # the judge was shown with the last submission
    expect(page.locator("#messages")).to_contain_text("they were given blind")
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-reveal]")
    assert Assignment.objects.filter(state=Assignment.State.SUBMITTED).count() == 2


def test_a_key_pressed_before_the_scripts_have_come_is_kept(
    browser_page: Page, sign_in: Callable[[Page, User], None], annotator: User, spring_check: Campaign
):
    page = browser_page
    sign_in(page, annotator)
    page.goto(f"/review/campaigns/{spring_check.pk}/next/")
    first = page.url
    page.keyboard.press("a")

    def late(route: Route) -> None:
        page.wait_for_selector("[data-next-link]")  # it is seen
        page.keyboard.press("Enter")
        route.continue_()

    page.route("**/reveal*.js", late)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: url != first)

    assert Assignment.objects.filter(state=Assignment.State.SUBMITTED).count() == 1


def test_who_compares_for_long_goes_on_the_usual_way(
    browser_page: Page,
    sign_in: Callable[[Page, User], None],
    annotator: User,
    spring_check: Campaign,
    monkeypatch: pytest.MonkeyPatch,
):
    page = browser_page
    monkeypatch.setattr("judge.views.AHEAD_S", 0)
    sign_in(page, annotator)
    page.goto(f"/review/campaigns/{spring_check.pk}/next/")
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-reveal]")
    page.wait_for_load_state("networkidle")
    page.evaluate("window.same = true")

    page.keyboard.press("Enter")
    page.wait_for_selector("[data-review]")

    assert not page.evaluate("window.same")


def test_a_submit_is_taken_back_by_key_and_a_next_one_on_the_screen_after_it(
    browser_page: Page, sign_in: Callable[[Page, User], None], annotator: User
):
    page, keys = browser_page, browser_page.keyboard
    made = campaign()  # not judged: nothing is shown beside the labels
    sign_in(page, annotator)
    page.goto(f"/review/campaigns/{made.pk}/next/")
    first = page.url

    for where in ("[data-reveal]", "[data-review]"):
        keys.press("a")
        keys.press("Enter")
        page.wait_for_selector("[data-reveal]")
        page.wait_for_load_state("networkidle")
        if where == "[data-review]":
            keys.press("Enter")
            page.wait_for_selector("[data-review]")
            assert page.url != first
        keys.press("u")
        expect(page.locator("#messages")).to_contain_text("Taken back")
        page.wait_for_load_state("networkidle")
        assert page.url == first
        assert page.locator("input:checked").count() == 6
    assert not Assessment.objects.exists()


def test_without_script_the_form_still_submits(
    new_page: Callable[..., Page], sign_in: Callable[[Page, User], None], annotator: User, spring_check: Campaign
):
    page = new_page(java_script_enabled=False)
    sign_in(page, annotator)
    page.goto(f"/review/campaigns/{spring_check.pk}/next/")

    for title in ("Spontaneous", "Strong"):
        for label in page.locator("[data-criterion] label", has_text=title).all():
            label.click()
    page.get_by_role("button", name="Submit").click()

    assert "your labels beside the judge’s" in page.content()
    assert Assessment.objects.filter(rater__user=annotator).count() == 3


def test_two_annotators_at_once_never_get_the_same_generation(
    new_page: Callable[..., Page], sign_in: Callable[[Page, User], None]
):
    made = campaign(n_units=12)
    next_url = f"/review/campaigns/{made.pk}/next/"
    pages = [new_page(), new_page()]
    for page in pages:
        sign_in(page, UserFactory.create())
        page.goto("/review/")

    for _ in range(6):
        for page in pages:
            # Sent, not awaited: both are on their way before either is answered.
            page.evaluate("url => { window.taken = fetch(url).then((answer) => answer.text()); }", next_url)
        for page in pages:
            page.evaluate("async () => { await window.taken; }")
            page.goto(next_url)  # the same one again: it is leased
            page.keyboard.press("a")
            page.keyboard.press("Enter")
            page.wait_for_selector("[data-reveal]")

    assert Assignment.objects.filter(state=Assignment.State.SUBMITTED).count() == 12
    assert set(made.units.values_list("n_taken", "n_submitted")) == {(1, 1)}


def test_the_time_at_work_is_measured_and_sent(
    browser_page: Page, sign_in: Callable[[Page, User], None], annotator: User, spring_check: Campaign
):
    page = browser_page
    sign_in(page, annotator)
    page.goto(f"/review/campaigns/{spring_check.pk}/next/")

    page.wait_for_timeout(2200)
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-reveal]")

    assert 2 <= Assignment.objects.get(state=Assignment.State.SUBMITTED).seconds < 30


def test_the_theme_is_chosen_and_remembered(browser_page: Page):
    page = browser_page
    page.goto("/login/")

    def ground() -> str:
        return json.dumps(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    light = ground()
    page.get_by_role("button", name="Theme").click()
    page.get_by_role("button", name="Theme").click()
    dark = ground()
    page.reload()

    assert light != dark
    assert ground() == dark
    expect(page.locator("[data-theme-name]")).to_have_text("dark")
