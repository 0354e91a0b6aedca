"""Adjudication: which outputs are contested, what a lead decides, and what that does to the figures."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections

from judge import adjudication, dashboard, disagreements, queue
from judge.comparison import Filters
from judge.disagreements import Place, State, Wanted
from judge.models import Assessment, Campaign, CampaignUnit, Rater, Resolution, Rubric
from judge.overruled import overruled
from judge.refusals import AlreadyResolved, Incomplete, InvalidAnswer
from recommend.models import LanguageModel, Output
from recommend.roles import LEAD
from tests.judge.factories import (
    FAILING,
    PASSING,
    AssessmentFactory,
    CampaignFactory,
    CampaignUnitFactory,
    JudgeFactory,
    PersonFactory,
    UserFactory,
    current_rubric,
)
from tests.recommend.factories import GenerationFactory, LanguageModelFactory, OutputFactory

pytestmark = pytest.mark.django_db
GOOD, BAD = PASSING["interest"], FAILING["interest"]  # BAD differs on willingness only
WORST = {"willingness": "Necessity", "reasonableness": "Invented"}
ANY = Wanted(Filters())


def labelled(
    output: Output, *people: dict[str, str], judge: dict[str, str] | None = None, by: Sequence[Rater] = ()
) -> Output:
    """An output with the labels of so many people, and the judge's."""
    raters = by or PersonFactory.create_batch(len(people))
    for rater, labels in zip(raters, people, strict=True):
        AssessmentFactory.create(output=output, rater=rater, labels=labels)
    if judge is not None:
        AssessmentFactory.create(output=output, labels=judge)
    return output


def contested(*people: dict[str, str], judge: dict[str, str] | None = None, by: Sequence[Rater] = ()) -> Output:
    return labelled(OutputFactory.create(), *people, judge=judge, by=by)


def found(user: User, wanted: Wanted = ANY, **options: Any) -> list[Output]:
    places = disagreements.find(wanted, user, **options).places
    return [Output.objects.get(pk=place.output) for place in places]


def resolve(
    output: Output, by: User, labels: dict[str, str] = GOOD, revision: int = 0, reason: str = "x"
) -> Resolution:
    return adjudication.resolve(
        output=output, rubric=current_rubric(output.kind), labels=labels, reason=reason, by=by, revision=revision
    )


def reviewed(campaign: Campaign, output: Output, person: User, labels: dict[str, str]) -> CampaignUnit:
    """The one output of a generation, drawn into a campaign and reviewed there."""
    unit = CampaignUnitFactory.create(campaign=campaign, generation=output.generation)
    held = queue.next_assignment(campaign, person)
    assert held is not None
    queue.submit(held, person, {str(output.pk): {"labels": labels}})
    return unit


# The list ------------------------------------------------------------------------------------------------------------


def test_the_list_has_outputs_on_which_people_differ_among_each_other_or_from_the_judge(lead: User):
    by_people = contested(GOOD, BAD)
    by_judge = contested(GOOD, judge=BAD)
    contested(GOOD, GOOD, judge=GOOD)
    contested(judge=BAD)
    contested(BAD)

    assert set(found(lead)) == {by_people, by_judge}


def test_the_most_contested_come_first_by_pairs_of_raters_over_all_criteria(lead: User):
    one = contested(GOOD, BAD)
    two = contested(GOOD, WORST)
    three = contested(GOOD, GOOD, GOOD, judge=BAD)
    four = contested(GOOD, GOOD, BAD, judge=BAD)

    places = disagreements.find(ANY, lead).places

    # 1; two criteria 1 + 1; three against one 3; two against two 4
    assert [(place.n_pairs, place.output) for place in places] == [
        (4, four.pk),
        (3, three.pk),
        (2, two.pk),
        (1, one.pk),
    ]


def test_pages_follow_each_other_without_gap_or_repeat_while_outputs_are_resolved(lead: User):
    everything = {contested(GOOD, BAD).pk for _ in range(5)}
    first = disagreements.find(ANY, lead, limit=2)
    resolve(Output.objects.get(pk=first.places[0].output), lead)

    second = disagreements.find(ANY, lead, after=first.next_place, limit=2)
    third = disagreements.find(ANY, lead, after=second.next_place, limit=2)

    pages = [place.output for page in (first, second, third) for place in page.places]
    assert set(pages) == everything
    assert len(pages) == 5
    assert (first.n_from_here, second.n_from_here, third.n_from_here) == (5, 3, 1)
    assert third.next_place is None


def test_a_place_is_read_back_as_written_and_anything_else_is_none():
    place = Place(3, OutputFactory.create().pk)

    assert Place.read(str(place)) == place
    for text in ("", "3", "x.y", f"{'9' * 30}.{place.output}", f"3.{place.output}0"):
        assert Place.read(text) is None


def test_filters_narrow_by_kind_criterion_campaign_model_and_state(lead: User):
    plain = contested(GOOD, BAD)
    by_reason = contested(GOOD, GOOD | {"reasonableness": "Weak"})
    tag = OutputFactory.create(generation=GenerationFactory.create(stage="tags"))
    labelled(tag, PASSING["tag"], FAILING["tag"])
    other_model = OutputFactory.create(generation__model=LanguageModelFactory.create(name="other"))
    labelled(other_model, GOOD, BAD)
    campaign = CampaignFactory.create()
    in_campaign = OutputFactory.create()
    reviewed(campaign, in_campaign, UserFactory.create(), GOOD)
    labelled(in_campaign, BAD)
    resolve(plain, lead)

    assert found(lead, Wanted(Filters(kind="tag"))) == [tag]
    assert found(lead, Wanted(Filters(), criterion="reasonableness")) == [by_reason]
    assert found(lead, Wanted(Filters(campaign=campaign.pk))) == [in_campaign]
    assert found(lead, Wanted(Filters(model=other_model.generation.model_id))) == [other_model]
    assert found(lead, Wanted(Filters(), state=State.RESOLVED)) == [plain]
    assert set(found(lead)) == {by_reason, other_model, in_campaign}
    assert set(found(lead, Wanted(Filters(), state=State.ALL))) == {plain, by_reason, other_model, in_campaign}


def test_only_the_chosen_judge_counts(lead: User):
    retired = JudgeFactory.create(
        language_model__name="retired", language_model__state=LanguageModel.State.RETIRED, prompt_version="0"
    )
    output = contested(GOOD, judge=GOOD)
    AssessmentFactory.create(output=output, rater=retired, labels=BAD)

    assert found(lead) == []
    assert found(lead, Wanted(Filters(judge=retired.pk))) == [output]


def test_first_labels_count_and_not_what_they_were_revised_to(lead: User):
    person = PersonFactory.create()
    output = contested(GOOD, judge=BAD, by=[person])
    AssessmentFactory.create(output=output, rater=person, labels=BAD, revision=2, blind=False)

    assert found(lead) == [output]
    case = adjudication.disagreement(ANY, lead, output.pk)
    assert case is not None
    said = case.questions[0].said[0]
    assert said is not None
    assert said.revised is not None
    assert (said.label.value, said.revised.value) == ("Spontaneity", "Necessity")


def test_a_lead_who_has_it_in_work_blind_neither_finds_nor_opens_it(lead: User):
    campaign = CampaignFactory.create()
    output = contested(GOOD, BAD)
    CampaignUnitFactory.create(campaign=campaign, generation=output.generation)
    held = queue.next_assignment(campaign, lead)
    assert held is not None

    assert found(lead) == []
    assert adjudication.disagreement(ANY, lead, output.pk) is None
    assert found(UserFactory.create(role=LEAD)) == [output]

    queue.submit(held, lead, {str(output.pk): {"labels": GOOD}})
    assert found(lead) == [output]


def test_the_list_and_its_rows_cost_the_same_number_of_queries_however_long(lead: User, django_assert_max_num_queries):
    for _ in range(6):
        contested(GOOD, BAD, judge=BAD)
    places = [place.output for place in disagreements.find(ANY, lead).places]

    with django_assert_max_num_queries(9):
        rows = adjudication.disagreements(ANY, lead, places)

    assert [row.output.pk for row in rows] == places
    assert all(row.n_people == 2 for row in rows)


# Deciding ------------------------------------------------------------------------------------------------------------


def test_a_decision_starts_from_what_nobody_contests(lead: User):
    case = adjudication.disagreement(ANY, lead, contested(GOOD, BAD, judge=GOOD).pk)

    assert case is not None
    assert case.proposed == {"reasonableness": "Strong"}
    assert [question.is_contested for question in case.questions] == [True, False]


def test_a_resolution_says_who_why_when_and_under_which_rubric(lead: User):
    output = contested(GOOD, BAD)

    made = resolve(output, lead, BAD, reason=" They buy diapers because they must. ")

    assert (made.by, made.reason, made.rubric, made.revision) == (
        lead,
        "They buy diapers because they must.",
        current_rubric("interest"),
        1,
    )
    assert made.labels == BAD
    assert made.passed is False
    assert made.by_rater is False


def test_a_correction_is_a_new_revision_and_the_old_one_stays(lead: User):
    output = contested(GOOD, BAD)
    first = resolve(output, lead, BAD)

    second = resolve(output, lead, GOOD, revision=1, reason="Seen again.")

    assert (first.revision, second.revision) == (1, 2)
    assert [one.labels for one in output.resolutions.all()] == [GOOD, BAD]
    case = adjudication.disagreement(ANY, lead, output.pk)
    assert case is not None
    assert case.resolution == second
    assert case.proposed == GOOD


def test_a_decision_made_meanwhile_is_not_overruled_unseen(lead: User):
    output = contested(GOOD, BAD)
    other = UserFactory.create(username="other-lead", role=LEAD)
    resolve(output, other, BAD)

    with pytest.raises(AlreadyResolved, match="other-lead has decided"):
        resolve(output, lead, GOOD)

    assert output.resolutions.count() == 1


def test_sending_the_same_decision_twice_stores_it_once(lead: User):
    output = contested(GOOD, BAD)

    assert resolve(output, lead, BAD) == resolve(output, lead, BAD)
    assert output.resolutions.count() == 1


def test_what_is_incomplete_unknown_or_without_a_reason_is_refused(lead: User):
    output = contested(GOOD, BAD)

    with pytest.raises(Incomplete, match="Willingness"):
        resolve(output, lead, {"reasonableness": "Strong"})
    with pytest.raises(InvalidAnswer, match="Perhaps"):
        resolve(output, lead, GOOD | {"willingness": "Perhaps"})
    with pytest.raises(InvalidAnswer, match="Say why"):
        resolve(output, lead, reason="  ")
    with pytest.raises(InvalidAnswer, match="is not rated under"):
        resolve(OutputFactory.create(rejected_by="filler"), lead)
    assert not Resolution.objects.exists()


def test_who_decides_on_what_they_labelled_themselves_is_written_down(lead: User):
    output = contested(GOOD, BAD, by=[PersonFactory.create(user=lead), PersonFactory.create()])
    case = adjudication.disagreement(ANY, lead, output.pk)

    assert case is not None
    assert case.rated_by(lead)
    assert resolve(output, lead).by_rater is True


@pytest.mark.django_db(transaction=True)
def test_of_two_leads_at_the_same_moment_one_decides_and_the_other_is_told():
    output = contested(GOOD, BAD)
    rubric = current_rubric("interest")
    leads = UserFactory.create_batch(2, role=LEAD)
    barrier = threading.Barrier(2)
    outcomes: list[str] = []

    def decide(user: User) -> None:
        try:
            barrier.wait(5)
            adjudication.resolve(output=output, rubric=rubric, labels=GOOD, reason="x", by=user, revision=0)
            outcomes.append("decided")
        except AlreadyResolved:
            outcomes.append("told")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=decide, args=(user,)) for user in leads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert sorted(outcomes) == ["decided", "told"]
    assert output.resolutions.count() == 1
    assert connection.is_usable()


def test_the_next_one_follows_in_the_list_and_after_the_last_comes_the_first(lead: User):
    first, second, third = contested(GOOD, GOOD, BAD, BAD), contested(GOOD, WORST), contested(GOOD, BAD)

    def after(output: Output) -> Place | None:
        return disagreements.following(ANY, lead, disagreements.place_of(ANY, lead, output.pk))

    assert [place.output if place else None for place in map(after, (first, second, third))] == [
        second.pk,
        third.pk,
        first.pk,
    ]
    resolve(second, lead)
    resolve(third, lead)
    assert after(first) is None
    found_from_resolved = after(second)
    assert found_from_resolved is not None
    assert found_from_resolved.output == first.pk


# The figures ---------------------------------------------------------------------------------------------------------


def test_people_and_judge_are_overruled_label_by_label(lead: User):
    anna, ben = PersonFactory.create(user__username="anna"), PersonFactory.create(user__username="ben")
    resolve(contested(GOOD, BAD, judge=BAD, by=[anna, ben]), lead, GOOD)
    resolve(contested(BAD, judge=GOOD, by=[anna]), lead, WORST)
    contested(GOOD, BAD, by=[anna, ben])  # not resolved: counts for nobody

    said = overruled(ANY)

    # anna: GOOD kept (2 of 2), BAD against WORST (1 of 2); ben: BAD against GOOD (1 of 2)
    # judge: BAD against GOOD (1 of 2), GOOD against WORST (0 of 2)
    assert said.n_resolved == 2
    assert said.sentence == "People were overruled in 2 of 6 labels, the judge in 3 of 4."
    assert {one.name: (one.n_overruled, one.n, one.n_outputs) for one in said.raters} == {
        "anna": (1, 4, 2),
        "ben": (1, 2, 1),
        str(Rater.objects.get(user=None)): (3, 4, 2),
    }
    assert said.raters[0].kept.value == pytest.approx(3 / 4)
    assert {one.name: (one.n_overruled, one.n) for one in said.criteria} == {
        "Willingness": (1, 3),
        "Reasonableness": (1, 3),
    }
    assert overruled(Wanted(Filters(), criterion="willingness")).people.n == 3


def test_the_newest_decision_is_the_one_that_overrules(lead: User):
    output = contested(GOOD, BAD)
    resolve(output, lead, GOOD)
    resolve(output, lead, WORST, revision=1)

    # GOOD differs from WORST twice, BAD once.
    assert overruled(ANY).people.n_overruled == 3


def test_who_decides_on_their_own_label_does_not_agree_with_themselves(lead: User):
    resolve(contested(GOOD, BAD, by=[PersonFactory.create(user=lead), PersonFactory.create()]), lead, GOOD)

    said = overruled(ANY)

    assert (said.people.n_overruled, said.people.n) == (1, 2)
    assert said.n_self_resolved == 1


def test_before_anything_is_resolved_the_figures_say_so():
    current_rubric("interest")

    said = overruled(ANY)

    assert said.sentence.startswith("Nothing is resolved yet.")
    assert said.raters == ()
    assert said.people.kept.value is None


def test_a_resolution_changes_no_label_and_no_rate(lead: User):
    campaign = CampaignFactory.create()
    for labels in (GOOD, BAD, BAD):
        output = OutputFactory.create()
        AssessmentFactory.create(output=output, labels=GOOD)
        reviewed(campaign, output, UserFactory.create(), labels)
    before, labels_before = dashboard.quality(Filters()).report, list(Assessment.objects.values_list("pk", "labels"))

    for output in found(lead):
        resolve(output, lead, GOOD)

    assert Resolution.objects.count() == 2
    assert dashboard.quality(Filters()).report == before
    assert list(Assessment.objects.values_list("pk", "labels")) == labels_before


def test_resolutions_are_kept_apart_by_rubric(lead: User):
    output = contested(GOOD, BAD)
    resolve(output, lead)
    newer = Rubric.objects.create(kind="interest", version=2, title="Interests", guideline="")

    assert found(lead, Wanted(Filters(), state=State.ALL)) == []
    assert found(lead, Wanted(Filters(), rubric=current_rubric("interest").pk, state=State.ALL)) == []
    old = Rubric.objects.get(kind="interest", version=1)
    assert found(lead, Wanted(Filters(), rubric=old.pk, state=State.RESOLVED)) == [output]
    assert newer.resolution_set.count() == 0
