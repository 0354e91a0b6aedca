"""Agreement on whole lists of tags, from reviews as the queue stores them."""

import html

import pytest
from django.test import Client

from judge import dashboard, queue, tables
from judge.dashboard import Filters
from judge.models import Campaign
from recommend.models import Stage
from recommend.roles import LEAD
from tests.judge.factories import (
    FAILING,
    PASSING,
    AssessmentFactory,
    CampaignFactory,
    CampaignUnitFactory,
    UserFactory,
)
from tests.recommend.factories import GenerationFactory

pytestmark = pytest.mark.django_db


def labels(kept: str) -> list[dict[str, str]]:
    """ "101" keeps the first and the third of three tags."""
    return [PASSING["tag"] if one == "1" else FAILING["tag"] for one in kept]


def reviewed(campaign: Campaign, people: dict[object, str], judge: str) -> None:
    """A generation of three tags: who keeps which, and what the judge keeps of it, "" where it has judged nothing."""
    generation = GenerationFactory.create(stage=Stage.TAGS, outputs=3)
    unit = CampaignUnitFactory.create(campaign=campaign, generation=generation)
    outputs = list(generation.outputs.order_by("position"))
    for output, said in zip(outputs, labels(judge), strict=bool(judge)):
        AssessmentFactory.create(output=output, labels=said)
    for person, kept in people.items():
        held = queue.next_assignment(campaign, person)  # type: ignore[arg-type]
        assert held is not None
        assert held.unit == unit
        answers = {str(one.pk): {"labels": said} for one, said in zip(outputs, labels(kept), strict=True)}
        queue.submit(held, person, answers)  # type: ignore[arg-type]


@pytest.fixture
def campaign() -> Campaign:
    return CampaignFactory.create(stage=Stage.TAGS, overlap=2, sampling_rate=0.5)


def test_people_and_judge_are_compared_list_by_list(client: Client, campaign: Campaign):
    anna, ben = UserFactory.create_batch(2)
    reviewed(campaign, {anna: "110", ben: "111"}, "100")
    reviewed(campaign, {anna: "001", ben: "001"}, "001")
    reviewed(campaign, {anna: "101", ben: "010"}, "")

    lists = dashboard.quality(Filters(kind="tag")).lists

    assert lists is not None
    # Of what either would keep both keep 2 of 3, 1 of 1 and none of 3; the judge and each person 1/2, 1/3 and all.
    assert lists.people.n_units == 3
    assert lists.people.overlap.value == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert lists.judge.overlap.value == pytest.approx(((1 / 2 + 1 / 3) / 2 + 1) / 2)
    assert lists.people.masi.value is not None
    assert lists.people.masi.value < lists.people.jaccard.value  # type: ignore[operator]
    assert lists.scope_warning == ""
    client.force_login(UserFactory.create(role=LEAD))
    page = html.unescape(client.get("/dashboard/?kind=tag").content.decode())
    assert lists.sentence in page
    assert "Whole lists of tags" not in client.get("/dashboard/").content.decode()


def test_a_list_that_the_judge_has_not_finished_counts_for_people_alone(campaign: Campaign):
    anna, ben = UserFactory.create_batch(2)
    reviewed(campaign, {anna: "110", ben: "111"}, "")

    lists = dashboard.quality(Filters(kind="tag")).lists

    assert lists is not None
    assert (lists.people.n_units, lists.judge.n_units) == (1, 0)
    assert lists.sentence.startswith("Two people keep 67% of the tags that either would keep")


def test_before_two_raters_it_says_so(campaign: Campaign):
    lists = dashboard.quality(Filters(kind="tag")).lists

    assert lists is not None
    assert lists.sentence == "No list of tags has been labelled by two raters yet."


def test_it_is_among_the_figures(campaign: Campaign):
    anna, ben = UserFactory.create_batch(2)
    reviewed(campaign, {anna: "110", ben: "110"}, "100")

    table = tables.CHARTS["tag-lists"].table(Filters(kind="tag"))

    assert [row[:3] for row in table.rows] == [("people", 1, 1.0), ("judge", 2, 0.5)]
