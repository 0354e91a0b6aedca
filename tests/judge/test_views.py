"""The review pages by their requests: what is stored, what is shown, what is refused."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from judge import queue, screens
from judge.models import Assessment, Assignment, Campaign
from recommend.models import PipelineRun
from recommend.roles import LEAD
from tests.judge.factories import FAILING, PASSING, UserFactory
from tests.recommend.factories import PipelineRunFactory
from tests.support.review_data import campaign, full_run, judge_all, kept

pytestmark = pytest.mark.django_db


@pytest.fixture
def work(annotator: User) -> Assignment:
    """A screen that the annotator holds; the judge has rated it."""
    found = queue.next_assignment(campaign(), annotator)
    assert found is not None
    judge_all(found.unit.generation, probabilities={"willingness": {"Spontaneity": 0.83}})
    return found


def url(assignment: Assignment, action: str = "") -> str:
    return assignment.get_absolute_url() + (f"{action}/" if action else "")


def form(assignment: Assignment, labels: dict[str, str] | None = None, **fields: str) -> dict[str, str]:
    """A filled-in form: every output gets `labels`."""
    filled = {"seconds": "12.5", "version": "0", **fields}
    for output in kept(assignment.unit.generation):
        for criterion, label in (PASSING["interest"] if labels is None else labels).items():
            filled[f"label-{output.pk}-{criterion}"] = label
    return filled


def test_the_list_shows_what_is_left_and_the_guideline(client: Client, annotator: User):
    campaign(n_units=2, name="Spring check")

    page = client.get("/review/").content.decode()

    assert "Spring check" in page
    assert "0 of 2 done by all" in page
    assert "Start reviewing" in page
    assert "An interest is good if the shopper <strong>wants</strong> it" in page


def test_without_a_campaign_the_list_says_how_to_get_work(client: Client, annotator: User):
    assert "A lead starts one under Campaigns" in client.get("/review/").content.decode()


def test_a_campaign_of_others_is_neither_listed_nor_entered(client: Client, annotator: User):
    made = campaign(name="Members only")
    made.members.add(UserFactory.create())

    assert "Members only" not in client.get("/review/").content.decode()
    assert client.get(f"/review/campaigns/{made.pk}/next/").status_code == 404


def test_next_leases_a_screen_and_asking_again_gives_the_same(client: Client, annotator: User):
    made = campaign()

    first = client.get(f"/review/campaigns/{made.pk}/next/").headers["Location"]
    second = client.get(f"/review/campaigns/{made.pk}/next/").headers["Location"]

    assert first == second
    assert Assignment.objects.get().get_absolute_url() == first


def test_an_empty_campaign_says_why(client: Client, annotator: User):
    made = campaign(n_units=0)

    answer = client.get(f"/review/campaigns/{made.pk}/next/", follow=True)

    assert "It fills as generations finish" in answer.content.decode()


def test_the_screen_shows_evidence_outputs_and_what_rules_rejected(client: Client, work: Assignment):
    page = client.get(url(work)).content.decode()

    for part in ("frozen pizza", "baby care", "Bought an easel.", "32 older behaviours", "rule: filler"):
        assert part in page
    assert page.count('type="radio"') == 3 * (2 + 4)


def test_in_a_blind_campaign_no_answer_gives_the_judge_away(client: Client, work: Assignment):
    pages = [
        client.get(url(work)),
        client.post(url(work, "draft"), form(work)),
        client.post(url(work, "heartbeat")),
        client.post(url(work, "submit"), {"seconds": "3"}),  # refused as incomplete, and shown again
    ]

    for page in pages:
        text = page.content.decode()
        assert "The cited lines hold it." not in text
        assert "Judge:" not in text
        assert "with probability" not in text


def test_where_a_campaign_is_not_blind_the_judge_is_shown(client: Client, annotator: User):
    found = queue.next_assignment(campaign(blind=False), annotator)
    assert found is not None
    judge_all(found.unit.generation)

    assert "Judge: <strong>Spontaneous</strong>" in client.get(url(found)).content.decode()


def test_a_draft_is_saved_shown_again_and_guarded_by_its_version(client: Client, work: Assignment):
    first = client.post(url(work, "draft"), form(work, {"willingness": "Necessity"}))
    stale = client.post(url(work, "draft"), form(work, {"willingness": "Spontaneity"}))
    page = client.get(url(work)).content.decode()

    assert first.json() == {"version": 1}
    assert stale.status_code == 409
    assert "reload" in stale.json()["detail"]
    assert page.count('data-title="Necessity" data-passes="no" aria-keyshortcuts="2" checked') == 3
    assert 'name="version" value="1"' in page
    assert 'name="seconds" value="12.5"' in page


@pytest.mark.parametrize("version", ["", "one"])
def test_a_draft_without_its_version_is_refused(client: Client, work: Assignment, version: str):
    assert client.post(url(work, "draft"), form(work, version=version)).status_code == 400


def test_a_label_that_is_not_in_the_rubric_is_refused(client: Client, work: Assignment):
    answer = client.post(url(work, "draft"), form(work, {"willingness": "Maybe"}))

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_submit_stores_the_labels_and_reveals_the_judge(client: Client, work: Assignment):
    answer = client.post(url(work, "submit"), form(work, FAILING["interest"]), follow=True)

    page = answer.content.decode()
    assert Assessment.objects.filter(assignment=work, blind=True, revision=1, passed=False).count() == 3
    assert "3 of 6 labels differ from the judge’s." in page
    assert "with probability" in page
    assert ".83" in page
    assert page.count("≠ differs") == 3
    assert page.count("= same") == 3
    work.refresh_from_db()
    assert work.seconds == 12.5


def test_an_incomplete_submit_comes_back_as_it_was_filled_in(client: Client, work: Assignment):
    filled = form(work)
    open_field = next(name for name in filled if name.endswith("reasonableness"))
    del filled[open_field]

    answer = client.post(url(work, "submit"), filled)

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Still to rate: 1 (Reasonableness)" in page
    assert page.count(" checked>") == 5
    assert not Assessment.objects.filter(assignment=work).exists()


def test_submitting_twice_stores_once(client: Client, work: Assignment):
    for _ in range(2):
        assert client.post(url(work, "submit"), form(work)).status_code == 302

    assert Assessment.objects.filter(assignment=work).count() == 3


def test_a_revision_is_kept_beside_the_first_labels(client: Client, work: Assignment):
    client.post(url(work, "submit"), form(work))
    changed = kept(work.unit.generation)[0]
    revised = form(work) | {f"label-{changed.pk}-willingness": "Necessity"}

    answer = client.post(url(work, "revise"), revised, follow=True)

    mine = Assessment.objects.filter(assignment=work, output=changed).order_by("revision")
    assert [one.labels["willingness"] for one in mine] == ["Spontaneity", "Necessity"]
    assert [one.blind for one in mine] == [True, False]
    assert "1 revised" in answer.content.decode()
    assert Assessment.objects.filter(assignment=work).count() == 4


def test_a_revision_before_the_submit_is_refused(client: Client, work: Assignment):
    client.post(url(work, "revise"), form(work), follow=True)

    assert not Assessment.objects.filter(assignment=work).exists()


def test_skip_takes_a_reason_and_goes_on(client: Client, work: Assignment):
    without = client.post(url(work, "skip"), {"reason": " "})
    answer = client.post(url(work, "skip"), {"reason": "Cannot read it"}, follow=True)

    work.refresh_from_db()
    assert without.status_code == 400
    assert (work.state, work.skip_reason) == (Assignment.State.SKIPPED, "Cannot read it")
    assert answer.redirect_chain[-1][0] != url(work)
    assert "You skipped this screen" in client.get(url(work)).content.decode()


def test_flag_keeps_the_work(client: Client, work: Assignment):
    client.post(url(work, "flag"), {"flag": "Is this a person?"})

    work.refresh_from_db()
    assert (work.state, work.flag) == (Assignment.State.LEASED, "Is this a person?")


def test_stopping_gives_the_screen_back_with_its_draft(client: Client, work: Assignment):
    client.post(url(work, "draft"), form(work))

    client.post(url(work, "release"))

    work.refresh_from_db()
    work.unit.refresh_from_db()
    assert work.state == Assignment.State.EXPIRED
    assert work.unit.n_taken == 0
    assert len(work.draft) == 3


def test_a_heartbeat_renews_the_lease(client: Client, work: Assignment):
    before = work.lease_until

    answer = client.post(url(work, "heartbeat"))

    work.refresh_from_db()
    assert answer.status_code == 204
    assert work.lease_until > before


@pytest.mark.parametrize("action", ["", "draft", "heartbeat", "submit", "revise", "skip", "flag", "release"])
def test_the_work_of_others_does_not_exist(client: Client, work: Assignment, action: str):
    client.force_login(UserFactory.create(role=LEAD))

    answer = client.post(url(work, action), form(work)) if action else client.get(url(work))

    assert answer.status_code == 404


@pytest.mark.parametrize("action", ["draft", "heartbeat", "submit", "revise", "skip", "flag", "release"])
def test_what_changes_something_is_no_get(client: Client, work: Assignment, action: str):
    assert client.get(url(work, action)).status_code == 405


def test_without_a_role_there_is_no_review(client: Client):
    client.force_login(UserFactory.create(role=""))

    assert client.get("/review/").status_code == 403


def test_the_labels_of_a_run_appear_once_they_are_not_blind_any_more(client: Client, annotator: User):
    made = full_run(by=annotator)
    drawn = Campaign.objects.create(name="blind", stage="interests", rubric=campaign(n_units=0).rubric)
    drawn.units.create(generation=made.interests, inclusion_probability=1.0)
    for generation in made.generations:
        judge_all(generation)
    labels = f"/review/runs/{made.run.pk}/labels/"

    before = client.get(labels).content.decode()
    found = queue.next_assignment(drawn, annotator)
    assert found is not None
    given: dict[str, Any] = {str(one.pk): {"labels": PASSING["interest"]} for one in kept(made.interests)}
    queue.submit(found, annotator, given, 1)
    after = client.get(labels).content.decode()

    assert "willingness" not in before
    assert "some wait in a blind campaign" in before
    assert "validity: yes" in before
    assert "willingness: spontaneous" in after


def test_the_labels_of_a_run_are_asked_for_until_all_is_judged(client: Client, annotator: User):
    made = full_run(by=annotator)
    labels = f"/review/runs/{made.run.pk}/labels/"

    running = PipelineRunFactory.create(created_by=annotator, state="running")  # no output yet
    forgotten = full_run(by=annotator).run
    PipelineRun.objects.filter(pk=forgotten.pk).update(finished_at=timezone.now() - timedelta(hours=1))

    waiting = client.get(labels).content.decode()
    for generation in made.generations:
        judge_all(generation)

    assert "hx-trigger" in waiting
    assert "hx-trigger" in client.get(f"/review/runs/{running.pk}/labels/").content.decode()
    assert "hx-trigger" not in client.get(f"/review/runs/{forgotten.pk}/labels/").content.decode()
    assert "hx-trigger" not in client.get(labels).content.decode()


def test_ten_labels_get_the_keys_of_the_number_row():
    assert len(set(screens.LABEL_KEYS)) == 10


def test_the_dashboard_reads_what_was_reviewed(client: Client, work: Assignment, annotator: User):
    client.post(url(work, "submit"), form(work, FAILING["interest"]))
    client.force_login(UserFactory.create(role=LEAD))

    page = client.get("/dashboard/").content.decode()
    cell = client.get("/dashboard/outputs/?kind=interest&criterion=overall&human=fail&judge_label=pass")

    assert "Acceptance of interests" in page
    assert "≠ 3" in page
    assert "annotator" in page
    assert "1 / 3" in page
    assert "3 reviews: people “fail”, judge “pass”" in cell.content.decode()
    assert "baby care" in cell.content.decode()


def test_the_outputs_of_a_cell_cost_the_same_number_of_queries_however_many(
    client: Client, work: Assignment, django_assert_max_num_queries
):
    client.post(url(work, "submit"), form(work, FAILING["interest"]))
    client.force_login(UserFactory.create(role=LEAD))

    with django_assert_max_num_queries(14):
        page = client.get("/dashboard/outputs/?kind=interest&criterion=overall&human=fail&judge_label=pass")

    assert "3 reviews" in page.content.decode()


def test_the_dashboard_says_what_is_missing_instead_of_showing_noughts(client: Client):
    client.force_login(UserFactory.create(role=LEAD))

    before_rubrics = client.get("/dashboard/").content.decode()
    campaign(n_units=0)
    without_reviews = client.get("/dashboard/").content.decode()

    assert "Nothing can be measured yet" in before_rubrics
    assert "No figure yet" in without_reviews
    assert "Nobody has reviewed interests yet" in without_reviews


def test_a_lead_sees_no_cell_of_what_is_still_in_their_own_hands(client: Client, annotator: User):
    lead = UserFactory.create(role=LEAD)
    made = campaign(n_units=1, overlap=2)
    first = queue.next_assignment(made, annotator)
    assert first is not None
    judge_all(first.unit.generation)
    client.post(url(first, "submit"), form(first, FAILING["interest"]))
    queue.next_assignment(made, lead)
    client.force_login(lead)

    page = client.get("/dashboard/outputs/?kind=interest&criterion=overall&human=fail&judge_label=pass")

    assert "3 not shown" in page.content.decode()
    assert "The cited lines hold it." not in page.content.decode()
