"""The passport pages and their API: who may see and start what, what they say, and what stays hidden."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from judge import passports, queue
from judge.checks import runner
from judge.models import JudgeCheck, Passport, Rater, Rubric
from recommend.models import JobState, LanguageModel, Stage
from tests.judge.checks.material import made
from tests.judge.factories import PASSING, CampaignFactory, UserFactory
from tests.site.api import clients
from tests.support.recorded_engine import RecordedEngine

pytestmark = pytest.mark.django_db
PAGE, CHECKS, PASSPORTS = "/dashboard/passports/", "/api/v1/judge-checks/", "/api/v1/passports/"


@pytest.fixture(autouse=True)
def _interests(judge: Rater) -> None:
    """What to check the judge on."""
    made(Stage.INTERESTS, 6)


def finished(judge: Rater, budget: int = 40) -> JudgeCheck:
    check = runner.prepare(Rubric.objects.current("interest"), judge=judge, budget=budget, seed=1)
    engine = RecordedEngine(lambda request: PASSING["interest"] | {"rationale": "<b>Fine</b>."})
    while (advanced := runner.advance(check.pk, engine)) is not None and advanced.is_active:
        pass
    return JudgeCheck.objects.get(pk=check.pk)


def text_of(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def test_before_a_check_the_page_says_that_nothing_is_known(client: Client, lead: User):
    page = text_of(client, PAGE)

    assert "judge-model has never been checked on interests." in page
    assert "Start a check" in page


def test_the_page_says_plainly_that_a_judge_catches_nothing(client: Client, lead: User, judge: Rater):
    finished(judge)

    page = text_of(client, PAGE)

    assert "This judge catches no planted defects: it passed all 20 outputs" in page
    assert "note--bad" in page
    assert "Nobody has reviewed outputs that this judge has rated" in page
    assert "the judge failed nothing in this check, so there was no fail to turn" in page
    assert "smollm2" in page


def test_an_older_passport_can_be_looked_at(client: Client, lead: User, judge: Rater):
    first = finished(judge)
    finished(judge, budget=60)

    page = text_of(client, f"{PAGE}?passport={first.passport.pk}")

    assert "it passed all 20 outputs" in page
    assert "it passed all 30 outputs" not in page


def test_a_check_is_started_and_cancelled_from_the_page(client: Client, lead: User):
    started = client.post(reverse("judge:check-start"), {"kind": "interest", "budget": "40"})

    check = JudgeCheck.objects.get()
    assert started.headers["Location"] == check.get_absolute_url()
    assert (check.budget, check.created_by, check.state) == (40, lead, JobState.QUEUED)
    assert "0 of 32" in text_of(client, check.get_absolute_url()).replace("</span>", "")

    again = client.post(reverse("judge:check-start"), {"kind": "interest", "budget": "40"}, follow=True)
    assert "is being checked on interests already" in again.content.decode()

    client.post(reverse("judge:check-cancel", args=[check.pk]))
    check.refresh_from_db()
    assert check.state == JobState.CANCELLED


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"kind": "interest", "budget": "5"}, "5 questions are not between 20 and 5,000."),
        ({"kind": "interest", "budget": "many"}, "“many” is not a number of questions."),
        ({"kind": "tag", "budget": "40"}, "There are kept tags of 0 shoppers"),
    ],
)
def test_a_check_that_cannot_be_started_says_why(client: Client, lead: User, form: dict[str, str], message: str):
    answer = client.post(reverse("judge:check-start"), form, follow=True)

    assert message in answer.content.decode()
    assert not JudgeCheck.objects.exists()


def test_progress_asks_for_itself_until_the_check_has_ended(client: Client, lead: User, judge: Rater):
    running = runner.prepare(Rubric.objects.current("interest"), judge=judge, budget=40, seed=1)

    fragment = client.get(running.get_absolute_url(), headers={"HX-Request": "true"})
    assert b"<html" not in fragment.content
    assert b'hx-trigger="every 2s"' in fragment.content

    runner.cancel(running)
    ended = client.get(running.get_absolute_url(), headers={"HX-Request": "true"})
    assert ended.headers["HX-Refresh"] == "true"
    assert "hx-trigger" not in text_of(client, running.get_absolute_url())


def test_the_questions_behind_a_defect_are_shown_with_the_answers_as_text(client: Client, lead: User, judge: Rater):
    check = finished(judge)

    page = text_of(client, f"{check.get_absolute_url()}?probe=planted&defect=necessity")

    assert page.count('class="case"') == check.cases.filter(defect="necessity").count() > 0
    assert "A mere need in the place of the interest" in page
    assert "&lt;b&gt;Fine&lt;/b&gt;" in page


def test_what_a_lead_holds_blind_is_left_out(client: Client, lead: User, judge: Rater):
    check = finished(judge)
    case = check.cases.select_related("output__generation").filter(probe="base").first()
    assert case is not None
    generation = case.output.generation
    n_about_it = check.cases.filter(output__generation=generation).count()
    campaign = CampaignFactory.create()
    campaign.units.create(generation=generation, inclusion_probability=1.0)
    assert queue.next_assignment(campaign, lead) is not None

    page = text_of(client, check.get_absolute_url())

    assert page.count('class="case"') == check.cases.count() - n_about_it


def test_a_longer_list_of_checks_costs_no_more_queries(
    client: Client, lead: User, judge: Rater, django_assert_max_num_queries
):
    for _ in range(3):
        finished(judge, budget=20)

    with django_assert_max_num_queries(16):
        client.get(PAGE)


@pytest.mark.parametrize("address", [PAGE, "/dashboard/passports/checks/01a20e3c-1610-74a1-89ae-1991b79d232b/"])
def test_the_pages_are_for_leads(client: Client, address: str):
    assert client.get(address).headers["Location"] == f"/login/?next={address}"

    client.force_login(UserFactory.create())
    assert client.get(address).status_code == 403


def test_starting_takes_a_post_and_a_lead(client: Client, lead: User):
    assert client.get(reverse("judge:check-start")).status_code == 405

    client.force_login(UserFactory.create())
    assert client.post(reverse("judge:check-start"), {"kind": "interest"}).status_code == 403
    assert not JudgeCheck.objects.exists()


# REST -----------------------------------------------------------------------------------------------------------------


def test_a_check_by_rest(judge: Rater):
    api = clients.lead()

    started = api.post(CHECKS, {"kind": "interest", "budget": 40, "seed": 5})
    assert started.status_code == 202
    body: dict[str, Any] = started.json()
    assert (body["state"], body["n_answered"], body["n_questions"], body["passport"]) == ("queued", 0, 32, None)
    assert (body["seed"], body["judge"]["name"], body["rubric"]["kind"]) == (5, "judge-model", "interest")

    refused = clients.problem(api.post(CHECKS, {"kind": "interest", "judge": str(judge.pk)}), 409)
    assert refused["type"].endswith(":check-running")

    cancelled = api.post(f"{CHECKS}{body['id']}/cancel/")
    assert cancelled.json()["state"] == "cancelled"
    assert [one["id"] for one in api.get(CHECKS, {"state": "cancelled", "kind": "interest"}).json()["results"]] == [
        body["id"]
    ]


def test_a_wrong_request_names_its_value():
    api = clients.lead()

    too_small = clients.problem(api.post(CHECKS, {"kind": "interest", "budget": 1}), 400)
    nothing = clients.problem(api.post(CHECKS, {"kind": "tag"}), 400)

    assert too_small["errors"][0]["pointer"] == "#/budget"
    assert "tags of 0 shoppers" in nothing["errors"][0]["detail"]


def test_a_passport_by_rest_says_whether_it_holds(judge: Rater):
    check = finished(judge)
    api = clients.lead()

    (body,) = api.get(PASSPORTS, {"kind": "interest", "judge": str(judge.pk)}).json()["results"]

    assert (body["standing"], body["check_id"]) == ("valid", str(check.pk))
    assert body["figures"]["criteria"][0]["planted_tnr"]["value"] == 0.0
    assert api.get(f"{CHECKS}{check.pk}/").json()["passport"] == body["id"]
    LanguageModel.objects.filter(role="judge").update(adapter="new.gguf")
    expired = api.get(f"{PASSPORTS}{body['id']}/").json()
    assert expired["standing"] == "expired"
    assert "adapter" in expired["reason"]
    assert api.delete(f"{PASSPORTS}{body['id']}/").status_code == 405
    assert Passport.objects.count() == 1


@pytest.mark.parametrize("address", [CHECKS, PASSPORTS])
def test_rest_is_for_leads(address: str):
    clients.problem(clients.annotator().get(address), 403)
    clients.problem(clients.annotator().post(CHECKS, {"kind": "interest"}), 403)


def test_the_page_shows_calibration_and_ceiling_or_why_they_are_missing(client: Client, lead: User, judge: Rater):
    passport = finished(judge).passport

    page = text_of(client, PAGE)

    assert "How far people agree is unknown: no output has been labelled by two people." in page
    assert "There is no calibration error: it takes 30 labelled outputs" in page

    known = {"value": 0.125, "low": 0.0625, "high": 0.25, "n": 321, "n_clusters": 90, "note": ""}
    passport.figures["criteria"][0] |= {"ece": known, "people_same": known | {"value": 0.75, "high": 0.875}}
    passport.save()
    page = text_of(client, PAGE)
    assert '<td>12%<span class="range">6–25%, n = 321</span></td>' in page
    assert '<td>75%<span class="range">6–88%, n = 321</span></td>' in page


def test_an_earlier_passport_without_them_can_still_be_read(client: Client, lead: User, judge: Rater):
    passport = finished(judge).passport
    for row in passport.figures["criteria"]:
        for name in ("ece", "people_same", "judge_same"):
            del row[name]
    passport.save()

    assert "There is no calibration error: it was not measured at that time." in text_of(client, PAGE)


def test_the_api_asks_whether_a_passport_holds_once(judge: Rater, monkeypatch: pytest.MonkeyPatch):
    finished(judge)
    asked: list[Passport] = []
    holds = passports.validity_of

    def counted(passport: Passport) -> passports.Validity:
        asked.append(passport)
        return holds(passport)

    monkeypatch.setattr(passports, "validity_of", counted)

    rows = clients.lead().get(PASSPORTS).json()["results"]

    assert [row["standing"] for row in rows] == ["valid"]
    assert len(asked) == 1
