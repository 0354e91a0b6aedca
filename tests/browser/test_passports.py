"""The passport pages in a browser: they fit, they start a check, and its progress is followed without a reload."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page

from judge import verdicts
from judge.checks import runner
from judge.models import JudgeCheck, Rater, Rubric
from judge.services import rater_for_model, seed_rubrics
from recommend.engines.types import ChatRequest
from recommend.models import LanguageModel, Stage
from tests.judge.checks.material import made
from tests.judge.factories import FAILING, PASSING
from tests.recommend.factories import LanguageModelFactory
from tests.support.browser import too_wide
from tests.support.recorded_engine import RecordedEngine

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def judge() -> Rater:
    seed_rubrics()
    model = LanguageModelFactory.create(name="smollm2-135m-studio", role=LanguageModel.Role.JUDGE)
    return rater_for_model(model, verdicts.load_prompt().version)


def checked(judge: Rater, kind: str, stage: Stage, word: str) -> JudgeCheck:
    """A finished check of a judge that fails what holds the word."""
    made(stage, 6)
    check = runner.prepare(Rubric.objects.current(kind), judge=judge, budget=100, seed=1)

    def answer(request: ChatRequest) -> dict[str, str]:
        fails = word in request.messages[-1].content.rpartition("<output>")[2]
        return (FAILING if fails else PASSING)[kind] | {"rationale": "The history shows it."}

    engine = RecordedEngine(answer)
    while (advanced := runner.advance(check.pk, engine)) is not None and advanced.is_active:
        pass
    return JudgeCheck.objects.get(pk=check.pk)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_fits(
    new_page: Callable[..., Page],
    sign_in: Callable[[Page, User], None],
    lead: User,
    judge: Rater,
    width: int,
    scheme: str,
):
    lenient = checked(judge, "interest", Stage.INTERESTS, "no such word")
    checked(judge, "tag", Stage.TAGS, "things")
    runner.prepare(lenient.rubric, judge=judge, budget=40)
    page = new_page(width=width, color_scheme=scheme)
    sign_in(page, lead)

    views = ("?kind=interest", "?kind=tag", "?kind=explanation", f"checks/{lenient.pk}/")
    # A check that runs is asked for again and again, so the network never rests.
    assert too_wide(page, [f"/dashboard/passports/{view}" for view in views], until="load") == {}


def test_a_check_is_started_followed_and_ends_by_itself(
    browser_page: Page, sign_in: Callable[[Page, User], None], lead: User, judge: Rater
):
    page = browser_page
    sign_in(page, lead)
    made(Stage.INTERESTS, 6)
    page.goto("/dashboard/passports/?kind=interest")

    page.get_by_label("Questions at most").fill("40")
    page.get_by_role("button", name="Start a check").click()
    page.get_by_text("0 of 32 questions answered").wait_for()
    engine = RecordedEngine(lambda request: PASSING["interest"] | {"rationale": "Fine."})
    check = JudgeCheck.objects.get()
    runner.advance(check.pk, engine)
    page.get_by_text("16 of 32 questions answered").wait_for()
    runner.advance(check.pk, engine)
    page.locator(".case").first.wait_for()
    page.get_by_role("link", name="To the passport").click()

    assert "catches no planted defects" in page.locator(".note--bad").inner_text()
