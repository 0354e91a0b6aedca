"""The pages of adjudication by their requests: who comes in, what is shown, what is stored, what is refused."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from judge import queue
from judge.models import Resolution
from recommend.models import Output
from recommend.roles import ANNOTATOR, LEAD
from tests.judge.factories import (
    FAILING,
    PASSING,
    AssessmentFactory,
    CampaignFactory,
    CampaignUnitFactory,
    PersonFactory,
    UserFactory,
)
from tests.recommend.factories import OutputFactory
from tests.site.test_untrusted_text import TEXT, assert_harmless
from tests.support.review_data import HISTORY

pytestmark = pytest.mark.django_db
LIST = "/dashboard/adjudication/"
GOOD, BAD = PASSING["interest"], FAILING["interest"]


def contested(text: str = "baby care", comment: str = "They must.", **options: object) -> Output:
    """An output that one person passes and another fails, as does the judge, each saying why."""
    output = OutputFactory.create(text=text, reason=text, generation__run__history=HISTORY, **options)
    AssessmentFactory.create(output=output, rater=PersonFactory.create(user__username=f"anna-{output.pk}"), labels=GOOD)
    AssessmentFactory.create(
        output=output, rater=PersonFactory.create(user__username=f"ben-{output.pk}"), labels=BAD, rationale=comment
    )
    AssessmentFactory.create(output=output, labels=BAD, rationale="Diapers are a necessity.")
    return output


def page_of(output: Output, action: str = "") -> str:
    return f"{LIST}{output.pk}/{action}"


def form(output: Output, labels: dict[str, str] = GOOD, **fields: str) -> dict[str, str]:
    return {f"label-{output.pk}-{name}": label for name, label in labels.items()} | {
        "reason": "The first line shows it.",
        "revision": "0",
        **fields,
    }


def test_the_list_shows_where_raters_differ(client: Client, lead: User):
    output = contested()

    page = client.get(LIST).content.decode()

    assert "1 to decide on" in page
    assert page_of(output) in page
    assert "Willingness" in page
    assert page.count("×2") == 1
    assert "Nothing is resolved yet." in page


def test_labels_comments_and_the_judges_reason_stand_side_by_side_with_the_evidence(client: Client, lead: User):
    output = contested()

    page = client.get(page_of(output)).content.decode()

    for part in (f"anna-{output.pk}", f"ben-{output.pk}", "They must.", "Diapers are a necessity.", "frozen pizza"):
        assert part in page
    assert page.count("voices__contested") == 1
    assert page.count(" checked") == 1  # what nobody contests
    assert "You labelled this output yourself" not in page


def test_a_decision_is_stored_and_the_next_one_comes(client: Client, lead: User):
    first, second = contested(), contested()
    asked = client.get(LIST).context["found"].places[0].output
    now, then = (first, second) if asked == first.pk else (second, first)

    answer = client.post(page_of(now, "resolve/"), form(now))

    stored = Resolution.objects.get()
    assert (stored.output, stored.by, stored.labels, stored.reason) == (now, lead, GOOD, "The first line shows it.")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(page_of(then))
    last = client.post(page_of(then, "resolve/"), form(then), follow=True)
    assert "No other output is left in this list." in last.content.decode()
    assert "People were overruled in 2 of 8 labels" in last.content.decode()


def test_filters_go_along_from_the_list_to_the_next_one(client: Client, lead: User):
    output, _ = contested(), contested()

    page = client.get(f"{page_of(output)}?criterion=willingness&state=all").content.decode()

    assert page.count("criterion=willingness&amp;state=all") >= 2


@pytest.mark.parametrize(
    ("changed", "status", "message"),
    [
        ({"reason": " "}, 400, "Say why"),
        ({"willingness": ""}, 422, "Still to rate"),
        ({"willingness": "Perhaps"}, 400, "Perhaps"),
        ({"revision": "x"}, 409, "since you opened it"),
    ],
)
def test_what_is_refused_comes_back_as_it_was_filled_in(
    client: Client, lead: User, changed: dict[str, str], status: int, message: str
):
    output = contested()
    labels = {name: changed.get(name, label) for name, label in GOOD.items()}
    fields = {name: value for name, value in changed.items() if name not in GOOD}

    answer = client.post(page_of(output, "resolve/"), form(output, labels, **fields))

    assert answer.status_code == status
    page = answer.content.decode()
    assert message in page
    assert page.count(" checked") == sum(label in GOOD.values() for label in labels.values())
    assert ("The first line shows it." in page) is ("reason" not in changed)
    assert not Resolution.objects.exists()


def test_a_decision_of_another_lead_meanwhile_is_shown_and_not_overwritten(client: Client, lead: User):
    output = contested()
    client.post(page_of(output, "resolve/"), form(output, BAD))
    client.force_login(UserFactory.create(role=LEAD))

    answer = client.post(page_of(output, "resolve/"), form(output))

    assert answer.status_code == 409
    assert "lead has decided on this output since you opened it" in answer.content.decode()
    assert "Decided before" in answer.content.decode()
    again = client.post(page_of(output, "resolve/"), form(output, revision="1"))
    assert again.status_code == 302
    assert [one.revision for one in output.resolutions.all()] == [2, 1]


def test_a_lead_who_labelled_it_is_told(client: Client, lead: User):
    output = contested()
    AssessmentFactory.create(output=output, rater=PersonFactory.create(user=lead), labels=GOOD)

    assert "You labelled this output yourself" in client.get(page_of(output)).content.decode()
    client.post(page_of(output, "resolve/"), form(output))
    assert "who had labelled it too" in client.get(page_of(output)).content.decode()


def test_what_a_lead_has_in_work_blind_is_left_out_and_the_page_says_so(client: Client, lead: User):
    output = contested()
    campaign = CampaignFactory.create()
    CampaignUnitFactory.create(campaign=campaign, generation=output.generation)
    assert queue.next_assignment(campaign, lead) is not None

    page = client.get(LIST).content.decode()

    assert page_of(output) not in page
    assert "left out until you have submitted" in page
    assert client.get(page_of(output)).status_code == 404
    assert client.post(page_of(output, "resolve/"), form(output)).status_code == 404
    assert not Resolution.objects.exists()


def test_nobody_but_leads_comes_in(client: Client):
    output = contested()
    pages = [LIST, page_of(output)]

    for page in pages:
        assert client.get(page).status_code == 302
    client.force_login(UserFactory.create(role=ANNOTATOR))
    for page in pages:
        assert client.get(page).status_code == 403
    assert client.post(page_of(output, "resolve/"), form(output)).status_code == 403
    assert not Resolution.objects.exists()


def test_wrong_methods_and_unknown_outputs_are_refused(client: Client, lead: User):
    output = contested()

    assert client.get(page_of(output, "resolve/")).status_code == 405
    assert client.post(LIST).status_code == 405
    assert client.get(f"{LIST}{lead_free_id()}/").status_code == 404
    assert client.get(page_of(OutputFactory.create(rejected_by="filler"))).status_code == 404


def lead_free_id() -> str:
    return "01900000-0000-7000-8000-000000000000"


def test_without_rubrics_the_list_says_what_to_run(client: Client, lead: User):
    assert "seed_studio" in client.get(LIST).content.decode()


def test_nothing_in_an_address_breaks_the_list(client: Client, lead: User):
    contested()
    odd = dict.fromkeys(("kind", "model", "campaign", "judge", "rubric", "criterion", "state", "after"), TEXT)

    answer = client.get(LIST, odd)

    assert answer.status_code == 200
    assert_harmless(answer.content.decode())


def test_untrusted_text_is_shown_as_text(client: Client, lead: User):
    output = contested(text=TEXT, comment=TEXT)
    client.post(page_of(output, "resolve/"), form(output, reason=TEXT))

    pages = [client.get(f"{LIST}?state=all"), client.get(page_of(output))]

    for page in pages:
        assert_harmless(page.content.decode())
        assert "&lt;script&gt;" in page.content.decode()


def test_a_longer_list_costs_no_more_queries(client: Client, lead: User, django_assert_max_num_queries):
    for _ in range(8):
        contested()

    with django_assert_max_num_queries(34):
        page = client.get(LIST)

    assert len(page.context["rows"]) == 8


def test_the_quality_pages_lead_to_adjudication(client: Client, lead: User):
    output = contested()
    AssessmentFactory.create(output=output, labels=GOOD, revision=9)
    campaign = CampaignFactory.create()
    CampaignUnitFactory.create(campaign=campaign, generation=output.generation)
    person = UserFactory.create()
    held = queue.next_assignment(campaign, person)
    assert held is not None
    queue.submit(held, person, {str(output.pk): {"labels": GOOD}})

    assert f'href="{reverse("judge:adjudication")}?' in client.get("/dashboard/").content.decode()
    cell = client.get("/dashboard/outputs/", {"criterion": "overall", "human": "pass", "judge_label": "fail"})
    assert page_of(output) in cell.content.decode()
