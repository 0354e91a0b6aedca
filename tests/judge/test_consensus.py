"""The consensus page and its API: whose labels count, what is listed, who may look."""

import html
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from judge import consensus, dashboard_figures, stored
from judge.comparison import Filters
from judge.consensus import Overview
from judge.models import Assessment, Campaign, Rater
from recommend.models import LanguageModel, Output
from recommend.roles import ANNOTATOR
from tests.judge.factories import (
    FAILING,
    PASSING,
    AssessmentFactory,
    AssignmentFactory,
    CampaignFactory,
    CampaignUnitFactory,
    JudgeFactory,
    PersonFactory,
    UserFactory,
)
from tests.recommend.factories import LanguageModelFactory, OutputFactory

pytestmark = pytest.mark.django_db
PAGE, API = "/dashboard/consensus/", "/api/v1/consensus/"
GOOD, BAD = PASSING["interest"], FAILING["interest"]  # BAD fails willingness only
N = 36


@pytest.fixture
def people() -> list[Rater]:
    return [PersonFactory.create(user__username=name) for name in ("anna", "ben")]


def label(
    rater: Rater, output: Output, labels: dict[str, str], campaign: Campaign | None = None, **said: object
) -> None:
    """A first label; a person's belongs to an assignment, as the queue stores it."""
    if rater.is_person:
        unit = CampaignUnitFactory.create(campaign=campaign or CampaignFactory.create(), generation=output.generation)
        said["assignment"] = AssignmentFactory.create(unit=unit, annotator=rater.user, state="submitted")
    AssessmentFactory.create(rater=rater, output=output, labels=labels, **said)


@pytest.fixture
def reviewed(people: list[Rater]) -> list[Output]:
    """Outputs of as many shoppers: both people pass two thirds, the judge all. On the last the people differ."""
    judge, campaigns = JudgeFactory.create(), CampaignFactory.create_batch(2)
    outputs = OutputFactory.create_batch(N)
    for number, output in enumerate(outputs):
        said = BAD if number % 3 == 0 else GOOD
        for person, campaign in zip(people, campaigns, strict=True):
            contrary = number == N - 1 and person is people[1]
            label(person, output, BAD if contrary else said, campaign)
        label(judge, output, GOOD)
    return outputs


def overview(filters: Filters, user: User) -> Overview:
    return consensus.overview(filters, dashboard_figures.consensus_on(filters).value, user)


def test_people_and_judge_agree_on_what_outputs_deserve(reviewed: list[Output], lead: User, people: list[Rater]):
    found = overview(Filters(), lead)

    assert [one.asked.name for one in found.found] == ["overall", "willingness", "reasonableness"]
    overall = found.of("overall")
    by_output = {one.output: one for one in overall.held}
    assert len(by_output) == N
    assert [by_output[output.pk].agreed.label for output in reviewed[:3]] == ["fail", "pass", "pass"]
    # Two people say fail where the judge passes; of the last output one of them does.
    assert {one.output for one in overall.differing} >= {output.pk for output in reviewed[::3]}
    assert overall.consensus.prevalence["fail"] == pytest.approx(1 / 3, abs=0.05)
    errors = consensus.errors_in_order(overall, found.raters)
    assert [str(rater) for rater, _ in errors[:2]] == ["anna", "ben"]
    judge, its_errors = errors[2]
    assert judge == found.judge
    assert its_errors.matrix[1][0] > 0.85  # it passes nearly all that deserve to fail
    assert its_errors.n == N
    assert found.of("nothing of that name") is overall


def test_later_and_open_labels_do_not_count(reviewed: list[Output], lead: User, people: list[Rater]):
    before = overview(Filters(), lead)
    third = PersonFactory.create()
    for output in reviewed:
        label(third, output, BAD, blind=False)
    for first in Assessment.objects.filter(rater=people[0]):
        first.pk, first.revision, first.labels, first.blind = UUID(int=first.pk.int ^ 1), 2, BAD, False
        first.save(force_insert=True)

    after = overview(Filters(), lead)

    assert after.of("overall").consensus == before.of("overall").consensus
    assert after.of("overall").held == before.of("overall").held


def test_two_prompts_of_one_judge_do_not_vote_twice(reviewed: list[Output], lead: User):
    older = Rater.objects.get(language_model__isnull=False)
    newer = JudgeFactory.create(language_model=older.language_model, prompt_version="2")
    other = JudgeFactory.create(language_model=LanguageModelFactory.create(name="other", role=LanguageModel.Role.JUDGE))
    for output in reviewed:
        label(newer, output, GOOD)
        label(other, output, BAD)

    raters = set(overview(Filters(), lead).raters.values())
    chosen = set(overview(Filters(judge=older.pk), lead).raters.values())

    assert {rater for rater in raters if not rater.is_person} == {newer, other}
    assert {rater for rater in chosen if not rater.is_person} == {older}


def test_what_the_lead_has_in_work_blind_is_left_out(reviewed: list[Output], lead: User):
    unit = CampaignUnitFactory.create(generation=reviewed[0].generation)
    AssignmentFactory.create(unit=unit, annotator=lead)

    held = {one.output for one in overview(Filters(), lead).of("overall").held}

    assert held == {output.pk for output in reviewed[1:]}


def test_the_page_shows_raters_and_links_outputs(client: Client, lead: User, reviewed: list[Output]):
    Output.objects.filter(pk=reviewed[0].pk).update(text="<b>tents</b>")

    response = client.get(PAGE, {"criterion": "willingness"})

    page = response.content.decode()
    assert response.status_code == 200
    assert "Raters: willingness" in page
    assert "36 labels, " in page
    assert f'<a href="/dashboard/adjudication/{reviewed[0].pk}/?kind=interest">&lt;b&gt;tents&lt;/b&gt;</a>' in page
    assert "said: necessity" in page
    assert "Where the judge differs most" in page


def test_raters_and_outputs_can_be_taken_as_files(client: Client, lead: User, reviewed: list[Output]):
    Output.objects.filter(pk=reviewed[0].pk).update(text="=1+1")

    raters = client.get(f"{PAGE}raters.csv")
    outputs = client.get(f"{PAGE}outputs.csv").content.decode().splitlines()

    assert raters["Content-Type"] == "text/csv; charset=utf-8"
    # Three raters, two by two labels overall and on each criterion as many as it has.
    rows = [line.split(",") for line in raters.content.decode().splitlines()[1:]]
    assert [row[1] for row in rows if row[0] == "overall"] == ["anna"] * 4 + ["ben"] * 4 + [rows[8][1]] * 4
    assert sum(float(row[-1]) for row in rows if row[:2] == ["overall", "anna"]) == pytest.approx(2)
    first = next(line for line in outputs if line.startswith(f"overall,{reviewed[0].pk}"))
    assert first.split(",")[2:4] == ["'=1+1", "fail"]
    assert client.get(f"{PAGE}nothing.csv").status_code == 404


def test_before_three_raters_the_page_says_what_is_missing(client: Client, lead: User, people: list[Rater]):
    output = OutputFactory.create()
    label(people[0], output, GOOD)
    label(JudgeFactory.create(), output, GOOD)

    page = html.unescape(client.get(PAGE).content.decode())

    assert "it takes 3 raters who labelled the same outputs, two people and a judge for instance" in page
    assert "an overlap of 2" in page


def test_without_rubrics_the_page_says_what_to_run(client: Client, lead: User):
    assert "seed_studio" in client.get(PAGE).content.decode()


@pytest.mark.parametrize("address", [PAGE, API, f"{API}outputs/"])
def test_it_is_for_leads(client: Client, address: str):
    client.force_login(UserFactory.create(role=ANNOTATOR))

    assert client.get(address).status_code == 403


def test_more_labels_cost_no_more_queries(reviewed: list[Output], lead: User, django_assert_max_num_queries):
    with django_assert_max_num_queries(16):
        overview(Filters(), lead)


def test_with_many_assessments_it_is_kept_but_not_what_a_reader_has_in_work(
    client: Client, reviewed: list[Output], lead: User, monkeypatch: pytest.MonkeyPatch
):
    sent: list[tuple[str, str, str]] = []
    monkeypatch.setattr(stored, "LIVE_UP_TO", 0)
    monkeypatch.setattr(stored.compute_figures, "apply_async", lambda args, **options: sent.append(args))
    api = APIClient()
    api.force_authenticate(lead)
    assert f'hx-get="{PAGE}?kind=interest"' in client.get(PAGE).content.decode()
    assert [client.get(f"{PAGE}outputs.csv")[name] for name in ("Content-Type", "Retry-After")] == ["text/plain", "30"]
    assert [answer.status_code for answer in (api.get(API), api.get(f"{API}outputs/"))] == [503, 503]
    assert [name for name, *_ in sent] == ["consensus"]

    stored.compute_figures(*sent[0])
    unit = CampaignUnitFactory.create(generation=reviewed[0].generation)
    AssignmentFactory.create(unit=unit, annotator=lead)

    assert client.get(PAGE, headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    page = client.get(PAGE).content.decode()
    assert "Figures of " in page
    assert str(reviewed[3].pk) in page
    assert str(reviewed[0].pk) not in page
    assert api.get(API).json()["criteria"][0]["n_outputs"] == N - 1
    assert len(sent) == 1


def test_the_api_gives_what_the_page_shows(reviewed: list[Output], lead: User):
    api = APIClient()
    api.force_authenticate(lead)

    found = api.get(API, {"kind": "interest"}).json()
    listed = api.get(f"{API}outputs/", {"which": "differing", "limit": "3"}).json()

    overall = found["criteria"][0]
    assert (overall["criterion"], overall["n_outputs"], overall["n_shared"]) == ("overall", N, N)
    assert [one["rater"]["name"] for one in overall["raters"][:2]] == ["anna", "ben"]
    assert sum(overall["prevalence"].values()) == pytest.approx(1)
    assert found["judge"]["is_person"] is False
    assert len(listed) == 3
    assert {(one["consensus"], one["judge_label"]) for one in listed} == {("fail", "pass")}
    assert UUID(listed[0]["output"]["id"]) in {output.pk for output in reviewed[::3]}


def test_the_api_names_what_it_does_not_know(reviewed: list[Output], lead: User):
    api = APIClient()
    api.force_authenticate(lead)

    missing = api.get(f"{API}outputs/", {"criterion": "beauty"})

    assert missing.status_code == 404
    assert "willingness" in missing.json()["detail"]
    assert api.get(f"{API}outputs/", {"which": "best"}).status_code == 400
