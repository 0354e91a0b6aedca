"""The dashboard's figures, against numbers worked out by hand from a few assessments."""

import html
from collections.abc import Sequence
from uuid import uuid4

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client

from judge import campaign_pages, comparison, dashboard, queue
from judge.dashboard import Filters
from judge.models import Assessment, Campaign, CampaignUnit, Rubric
from judge.services import seed_rubrics
from judge.statistics import sequential
from recommend.models import LanguageModel, Stage
from recommend.roles import LEAD
from tests.judge.factories import (
    FAILING,
    PASSING,
    AssessmentFactory,
    CampaignFactory,
    CampaignUnitFactory,
    JudgeFactory,
    UserFactory,
)
from tests.recommend.factories import GenerationFactory, LanguageModelFactory, OutputFactory

pytestmark = pytest.mark.django_db
GOOD, BAD = PASSING["interest"], FAILING["interest"]  # BAD fails willingness only
Labels = dict[str, str]


def reviewed(
    campaign: Campaign, person: User, human: Sequence[Labels], judge: Sequence[Labels | None], seconds: float = 0.0
) -> CampaignUnit:
    """A generation with an output for each pair of labels, judged (None: not yet) and then reviewed by `person`."""
    unit = CampaignUnitFactory.create(
        campaign=campaign, generation=GenerationFactory.create(stage=campaign.stage, outputs=len(human))
    )
    outputs = list(unit.generation.outputs.order_by("position"))
    for output, labels in zip(outputs, judge, strict=True):
        if labels is not None:
            AssessmentFactory.create(output=output, labels=labels)
    held = queue.next_assignment(campaign, person)
    assert held is not None
    assert held.unit == unit
    answers = {str(output.pk): {"labels": labels} for output, labels in zip(outputs, human, strict=True)}
    queue.submit(held, person, answers, seconds)
    return unit


def review_again(unit: CampaignUnit, person: User, labels: Sequence[Labels]) -> None:
    """Another person's labels for the outputs of a unit whose campaign has a place left."""
    held = queue.next_assignment(unit.campaign, person)
    assert held is not None
    assert held.unit == unit
    outputs = unit.generation.outputs.order_by("position")
    queue.submit(held, person, {str(one.pk): {"labels": said} for one, said in zip(outputs, labels, strict=True)})


def page_of(client: Client, query: str = "") -> str:
    """The dashboard as a lead reads it."""
    client.force_login(UserFactory.create(role=LEAD))
    return html.unescape(client.get(f"/dashboard/{query}").content.decode())


def test_judge_and_people_are_compared_label_by_label(campaign: Campaign):
    person = UserFactory.create()
    reviewed(campaign, person, [GOOD, GOOD, BAD], [GOOD, BAD, BAD])
    reviewed(campaign, person, [BAD, GOOD], [GOOD, GOOD])

    report = dashboard.quality(Filters()).report

    # people by row, judge by column: pass/pass 2, pass/fail 1, fail/pass 1, fail/fail 1
    assert report.overall.confusion.counts == ((2, 1), (1, 1))
    assert (report.overall.n, report.overall.n_outputs) == (5, 5)
    assert report.overall.agreement.value == pytest.approx(3 / 5)
    assert report.overall.tpr.value == pytest.approx(2 / 3)
    assert report.overall.tnr.value == pytest.approx(1 / 2)
    willingness, reasonableness = report.criteria
    assert willingness.name == "willingness"
    assert willingness.confusion.counts == ((2, 1), (1, 1))
    assert reasonableness.agreement.value == 1.0
    assert report.overall.human_rate.value == pytest.approx(3 / 5)


def test_the_judges_rate_is_over_everything_it_judged(campaign: Campaign):
    reviewed(campaign, UserFactory.create(), [GOOD], [GOOD])
    for labels in (BAD, BAD, GOOD):
        AssessmentFactory.create(output=OutputFactory.create(), labels=labels)

    report = dashboard.quality(Filters()).report

    assert report.overall.judge_rate.value == pytest.approx(2 / 4)
    assert report.overall.judge_rate.n == 4
    assert report.criteria[0].judge_rate.value == pytest.approx(2 / 4)
    assert report.criteria[1].judge_rate.value == 1.0


def test_the_corrected_rate_says_why_there_is_none_yet(campaign: Campaign):
    reviewed(campaign, UserFactory.create(), [GOOD], [GOOD])

    corrected = dashboard.quality(Filters()).report.overall.corrected_rate

    assert corrected.value is None
    assert corrected.note


def test_the_corrected_rate_moves_the_judges_rate_to_what_people_say(campaign: Campaign):
    # The judge passes everything; people pass two of three, each time: the corrected rate is 2/3.
    person = UserFactory.create()
    for _ in range(12):
        reviewed(campaign, person, [GOOD, GOOD, BAD], [GOOD, GOOD, GOOD])

    overall = dashboard.quality(Filters()).report.overall

    assert overall.judge_rate.value == 1.0
    assert overall.corrected_rate.value == pytest.approx(2 / 3)
    assert overall.corrected_rate.low is not None
    assert overall.corrected_rate.low < 2 / 3


def test_only_first_labels_given_blind_count(campaign: Campaign):
    person = UserFactory.create()
    unit = reviewed(campaign, person, [BAD], [GOOD])
    held = unit.assignments.get()
    queue.revise(held, person, unit.generation.outputs.get(), GOOD)
    reviewed(CampaignFactory.create(blind=False), person, [GOOD, GOOD], [GOOD, GOOD])

    quality = dashboard.quality(Filters())

    assert quality.report.overall.confusion.counts == ((0, 0), (1, 0))
    assert (quality.counts.n_reviewed, quality.counts.n_not_blind) == (1, 2)


def test_what_only_one_side_has_labelled_is_counted_but_not_compared(campaign: Campaign):
    reviewed(campaign, UserFactory.create(), [GOOD, GOOD], [GOOD, None])
    AssessmentFactory.create(output=OutputFactory.create(), labels={}, error="truncated: cut")
    AssessmentFactory.create(output=OutputFactory.create(), labels=BAD)
    OutputFactory.create(rejected_by="duplicate")

    quality = dashboard.quality(Filters())

    assert quality.report.overall.n == 1
    assert quality.counts == dashboard.Counts(
        n_outputs=5, n_rejected=1, n_judged=2, n_unusable=1, n_reviewed=2, n_not_blind=0
    )
    assert quality.counts.n_unjudged == 1


def test_before_anything_was_judged_every_figure_says_why_it_is_missing():
    seed_rubrics()

    quality = dashboard.quality(Filters())

    assert quality.judge is None
    assert quality.annotators == ()
    for estimate in (quality.report.overall.judge_rate, quality.report.overall.agreement):
        assert estimate.value is None
        assert estimate.note


def test_without_rubrics_it_says_what_to_run():
    with pytest.raises(Rubric.DoesNotExist, match="seed"):
        dashboard.quality(Filters())


def test_filters_narrow_by_kind_model_and_campaign(campaign: Campaign):
    person = UserFactory.create()
    reviewed(campaign, person, [GOOD], [GOOD])
    other = CampaignFactory.create()
    reviewed(other, person, [BAD, BAD], [GOOD, GOOD])
    tags = CampaignFactory.create(stage=Stage.TAGS)
    reviewed(tags, person, [PASSING["tag"]] * 3, [PASSING["tag"]] * 3)
    newer = LanguageModelFactory.create(name="newer")
    unit = other.units.get()
    unit.generation.model = newer
    unit.generation.save()

    def n(**filters: object) -> int:
        return dashboard.quality(Filters(**filters)).report.overall.n  # type: ignore[arg-type]

    assert n() == 3
    assert n(kind="tag") == 3
    assert n(kind="explanation") == 0
    assert n(campaign=other.pk) == 2
    assert n(model=newer.pk) == 2
    assert n(model=newer.pk, campaign=campaign.pk) == 0
    assert dashboard.quality(Filters(model=newer.pk)).counts.n_outputs == 2
    assert [row.n_submitted for row in dashboard.quality(Filters(campaign=other.pk)).annotators] == [1]


def test_the_judge_that_serves_now_is_shown_unless_another_is_chosen(campaign: Campaign):
    old = JudgeFactory.create(prompt_version="0")
    unit = reviewed(campaign, UserFactory.create(), [GOOD], [GOOD])
    AssessmentFactory.create(output=unit.generation.outputs.get(), labels=BAD, rater=old)
    retired = JudgeFactory.create(
        language_model__name="retired", language_model__state=LanguageModel.State.RETIRED, prompt_version="9"
    )

    now, then = dashboard.quality(Filters()), dashboard.quality(Filters(judge=old.pk))

    assert now.judge is not None
    assert now.judge.prompt_version == "1"
    assert now.report.overall.agreement.value == 1.0
    assert then.report.overall.agreement.value == 0.0
    assert set(dashboard.choices(Filters()).judges) == {old, now.judge, retired}


def test_the_outputs_behind_a_cell_are_those_that_it_counts(campaign: Campaign):
    person = UserFactory.create()
    unit = reviewed(campaign, person, [GOOD, BAD, BAD], [GOOD, GOOD, BAD])
    outputs = list(unit.generation.outputs.order_by("position"))

    overall = dashboard.behind_cell(Filters(), "overall", "fail", "pass")
    by_label = dashboard.behind_cell(Filters(), "willingness", "Necessity", "Necessity")

    assert (overall.n, [one.output for one in overall.outputs]) == (1, [outputs[1]])
    assert overall.outputs[0].human.labels == BAD
    assert overall.outputs[0].judge.labels == GOOD
    assert [one.output for one in by_label.outputs] == [outputs[2]]
    assert dashboard.behind_cell(Filters(), "willingness", "Spontaneity", "Necessity").n == 0
    assert dashboard.behind_cell(Filters(), "mood", "x", "y").n == 0


def test_annotators_show_speed_and_agreement_with_the_judge(campaign: Campaign):
    fast, slow = UserFactory.create_batch(2)
    for seconds in (10, 30, 500):
        reviewed(campaign, fast, [GOOD, BAD], [GOOD, GOOD], seconds)
    reviewed(campaign, slow, [BAD], [GOOD])
    CampaignUnitFactory.create(campaign=campaign)
    skipped = queue.next_assignment(campaign, slow)
    assert skipped is not None
    queue.flag(skipped, slow, "?")
    queue.skip(skipped, slow, "?")

    first, second = dashboard.quality(Filters()).annotators

    assert (first.user, first.n_submitted, first.seconds_per_unit) == (fast, 3, 30.0)
    assert first.agreement.value == pytest.approx(1 / 2)
    assert first.agreement.n == 6
    assert (second.user, second.n_submitted, second.n_skipped, second.n_flagged) == (slow, 1, 1, 1)
    assert second.seconds_per_unit is None
    assert second.agreement.value == 0.0


def test_the_gate_counts_each_shopper_once_in_the_order_of_labelling(client: Client):
    campaign = CampaignFactory.create(overlap=2)
    first, second = UserFactory.create_batch(2)
    unit = reviewed(campaign, first, [GOOD, BAD], [GOOD, GOOD])
    review_again(unit, second, [BAD, BAD])  # a later opinion on the same screen
    later = reviewed(campaign, first, [GOOD, GOOD], [GOOD, GOOD])
    same = reviewed(campaign, first, [BAD, BAD], [GOOD, GOOD])
    same.generation.shopper = later.generation.shopper
    same.generation.save()

    gate = dashboard.quality(Filters(gate=40)).gate

    expected = sequential.evidence(np.array([0.5, 1.0]), np.ones(2), 0.4)
    assert [look.at_least for look in gate.looks] == pytest.approx(expected)
    assert gate.threshold == 0.4
    assert gate.sentence in page_of(client, "?gate=40")
    assert dashboard.quality(Filters()).gate.threshold == 0.8


def test_the_judges_probabilities_are_held_against_what_people_said(client: Client, campaign: Campaign):
    person = UserFactory.create()
    for _ in range(15):
        reviewed(campaign, person, [GOOD, BAD], [GOOD, GOOD])
    sure = {"willingness": {"Spontaneity": 0.9, "Necessity": 0.1}, "reasonableness": {"Strong": 0.8, "Weak": 0.2}}
    Assessment.objects.filter(rater__language_model__isnull=False).update(probabilities=sure)

    overall, willingness, reasonableness = dashboard.quality(Filters()).calibrations

    # Half of the outputs pass, all of them on reasonableness; the judge promises .9 * .8, .9 and .8.
    for found, error in ((overall, 0.72 - 0.5), (willingness, 0.9 - 0.5), (reasonableness, 1 - 0.8)):
        assert found.raw is not None
        assert found.raw.error.value == pytest.approx(error)
        assert found.n == 30
    page = page_of(client)
    assert overall.sentence in page
    assert 'class="reliability__point"' in page


def test_without_label_probabilities_the_page_says_so(client: Client, campaign: Campaign):
    reviewed(campaign, UserFactory.create(), [GOOD], [GOOD])

    assert "is unknown: the judge's engine gives no label probabilities." in page_of(client)


def test_several_people_on_one_output_count_as_one_output():
    campaign = CampaignFactory.create(overlap=2)
    people = UserFactory.create_batch(2)
    review_again(reviewed(campaign, people[0], [GOOD], [GOOD]), people[1], [BAD])

    overall = dashboard.quality(Filters()).report.overall

    assert (overall.n, overall.n_outputs) == (2, 1)
    assert overall.human_rate.value == pytest.approx(1 / 2)


def test_people_among_themselves_stand_beside_the_judge_with_them():
    campaign = CampaignFactory.create(overlap=2, sampling_rate=0.5)
    people = UserFactory.create_batch(2)
    unit = reviewed(campaign, people[0], [GOOD, GOOD, BAD], [GOOD, BAD, None])
    review_again(unit, people[1], [GOOD, BAD, BAD])
    reviewed(campaign, people[0], [GOOD], [GOOD])  # by one person only

    overall, willingness, reasonableness = dashboard.quality(Filters()).ceilings

    assert (overall.n_outputs, overall.n_people) == (3, 2)
    assert overall.people.raw.value == pytest.approx(2 / 3)
    assert overall.judge.raw.value == pytest.approx((1 + 1 / 2) / 2)  # the third output has not been judged
    assert willingness.people.raw.value == pytest.approx(2 / 3)
    assert reasonableness.people.raw.value == 1
    assert overall.scope_warning == ""


def test_the_judge_is_tested_against_each_person_by_name(client: Client):
    campaign = CampaignFactory.create(overlap=3)
    people = UserFactory.create_batch(3)
    for _ in range(6):
        unit = reviewed(campaign, people[0], [GOOD] * 5, [GOOD] * 5)
        for person in people[1:]:
            review_again(unit, person, [GOOD] * 4 + [BAD])

    quality = dashboard.quality(Filters())

    assert {quality.names[one.person] for one in quality.replacement.contests} == {one.username for one in people}
    assert {one.n_outputs for one in quality.replacement.contests} == {30}
    page = page_of(client)
    assert quality.replacement.sentence in page
    assert quality.ceilings[0].sentence in page
    assert f'<th scope="row">{people[0].username}</th><td>30</td>' in page


def test_inclusion_probabilities_of_two_campaigns_combine():
    first, second = uuid4(), uuid4()
    one, two = uuid4(), uuid4()

    chances = {first: 0.5, second: 0.2}

    found = comparison.inclusion([(one, first, 1, 0.5), (two, second, 2, 0.2)], {one: chances, two: chances})

    # Either campaign could have drawn either output: 1 - .5 * .8. Two people see it where the second draws it, .2.
    assert found == {output: pytest.approx((0.6, 0.2)) for output in (one, two)}


def test_two_campaigns_with_one_person_each_give_two_people_what_both_draw():
    first, second, output = uuid4(), uuid4(), uuid4()

    assert comparison.inclusion([(output, first, 1, 0.5), (output, second, 1, 0.2)], {}) == {
        output: pytest.approx((0.6, 0.1))
    }
    assert comparison.inclusion([(output, first, 1, 0.5)], {}) == {output: (0.5, None)}


def test_more_rows_cost_no_more_queries(campaign: Campaign, django_assert_max_num_queries):
    person = UserFactory.create()
    for _ in range(5):
        reviewed(campaign, person, [GOOD, BAD], [GOOD, GOOD])

    with django_assert_max_num_queries(12):
        dashboard.quality(Filters())
    with django_assert_max_num_queries(7):
        for cell in dashboard.behind_cell(Filters(), "overall", "fail", "pass").outputs:
            assert cell.output.generation.shopper.external_id
            assert str(cell.human.rater)
    with django_assert_max_num_queries(3):
        assert campaign_pages.rows()[0].progress.n_submitted == 5


@pytest.mark.parametrize(
    ("params", "filters"),
    [
        ({}, Filters()),
        ({"kind": "tag"}, Filters(kind="tag")),
        ({"gate": "85"}, Filters(gate=85)),
        ({"gate": "100"}, Filters()),
        ({"gate": "0"}, Filters()),
        ({"gate": "-5"}, Filters()),
        ({"kind": "<script>", "model": "1 OR 1=1", "campaign": ""}, Filters()),
    ],
)
def test_filters_come_from_the_address_and_what_is_not_understood_is_ignored(params: dict[str, str], filters: Filters):
    assert dashboard.read_filters(params) == filters


def test_filters_go_back_into_the_address():
    model = uuid4()
    filters = dashboard.read_filters({"kind": "tag", "model": str(model)})

    assert filters.query() == f"kind=tag&model={model}"
    assert filters.query(model=None, kind="interest") == "kind=interest"
    assert filters.query(gate=90) == f"kind=tag&model={model}&gate=90"
    assert Assessment.objects.count() == 0
