"""From what leads decided to a draft, what counts as right, and what a proposal may be tried on."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from judge import rubric_editing, services
from judge.models import Proposal, Rater, Resolution, Rubric, TrialCase
from judge.proposals import plugins, switching, trials
from judge.proposals.optimizers import Correction, Edit, ProposalError
from judge.proposals.proposing import held_out, propose
from judge.proposals.truth import corrections, truths
from judge.rubric_editing import RubricError
from judge.rubrics import ExampleDef, RubricDef
from recommend.models import AuditEntry
from recommend.roles import ADMIN, LEAD
from tests.judge.factories import (
    AssessmentFactory,
    AssignmentFactory,
    CampaignFactory,
    JudgeFactory,
    PersonFactory,
    UserFactory,
)
from tests.judge.proposals.material import (
    BAD,
    GOOD,
    decided,
    finished,
    generation,
    learning,
    reviewed,
    serving_judge,
    world,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def judge() -> Rater:
    return serving_judge()


def texts(proposal: Proposal) -> set[str]:
    return {one.text for one in held_out(proposal).truths}


# What counts as right -------------------------------------------------------------------------------------------------


def test_what_a_lead_decided_counts_before_what_people_said(judge: Rater):
    made = reviewed(CampaignFactory.create(), generation("kites", "a need"))
    lead = UserFactory.create(role=LEAD)
    decided(made.outputs.get(text="kites"), lead, labels=BAD)

    found = {one.text: one for one in truths(Rubric.objects.current("interest"))}

    assert (found["kites"].labels, found["kites"].is_decided) == (BAD, True)
    assert (found["a need"].labels, found["a need"].is_decided) == (BAD, False)


def test_several_people_count_by_what_most_said_and_not_at_all_where_they_are_split(judge: Rater):
    campaign = CampaignFactory.create(overlap=3)
    made = generation("kites", "tea")
    others = [{"kites": GOOD, "tea": GOOD}, {"kites": GOOD, "tea": BAD}, {"kites": BAD}]
    made_by = PersonFactory.create_batch(3)
    unit = None
    for rater, said in zip(made_by, others, strict=True):
        held = AssignmentFactory.create(
            annotator=rater.user, state="submitted", **({"unit": unit} if unit else {"unit__campaign": campaign})
        )
        unit = held.unit
        for output in made.outputs.filter(text__in=said):
            AssessmentFactory.create(output=output, rater=rater, labels=said[output.text], assignment=held)

    found = {one.text: one.labels for one in truths(Rubric.objects.current("interest"))}

    assert found["kites"] == GOOD
    assert found["tea"] == {"reasonableness": "Strong"}  # one to one on willingness


def test_gold_what_was_said_after_the_reveal_and_the_judge_are_never_right(judge: Rater):
    made = generation("kites")
    output = made.outputs.get()
    gold = AssignmentFactory.create(unit__is_gold=True, unit__inclusion_probability=None, state="submitted")
    seen = AssignmentFactory.create(state="submitted")
    AssessmentFactory.create(rater=judge, output=output)
    AssessmentFactory.create(rater=PersonFactory.create(), output=output, assignment=gold)
    AssessmentFactory.create(rater=PersonFactory.create(), output=output, assignment=seen, blind=False)

    assert truths(Rubric.objects.current("interest")) == []


def test_labels_of_an_earlier_version_count_where_people_were_asked_in_the_same_words(judge: Rater):
    lead = world(judge, n_shoppers=2, n_decided=1)
    before = Rubric.objects.current("interest")
    same = rubric_editing.new_draft(made_from=before, by=lead)
    rules = services.definition(same)
    first, *others = rules.criteria
    examples = (ExampleDef("made up", "Necessity"),)
    rubric_editing.save(same, replace(rules, criteria=(replace(first, examples=examples), *others)), 0)
    rubric_editing.fix(same, by=lead, in_use=True)
    other = rubric_editing.new_draft(made_from=same, by=lead)
    rubric_editing.save(other, replace(rules, criteria=(replace(first, question="Else?"), *others)), 0)
    rubric_editing.fix(other, by=lead)

    assert len(truths(Rubric.objects.get(pk=same.pk))) == 4
    assert len(corrections(Rubric.objects.get(pk=same.pk), judge, lead)) == 4  # two outputs, two criteria
    assert truths(Rubric.objects.get(pk=other.pk)) == []


# Proposing ------------------------------------------------------------------------------------------------------------


def test_a_proposal_is_a_draft_of_the_current_version_with_examples_from_half_of_the_shoppers(judge: Rater):
    lead = world(judge)
    current = Rubric.objects.current("interest")

    proposal = propose("interest", by=lead, seed=1)

    draft = proposal.draft
    assert (draft.is_draft, draft.made_from, proposal.current, proposal.rater) == (True, current, current, judge)
    examples = [one for criterion in services.definition(draft).criteria for one in criterion.examples]
    assert len(proposal.fed_shoppers) == 4
    assert {one.shopper for one in examples} <= set(proposal.fed_shoppers)
    assert all(one.output for one in examples)
    assert {one.reason for one in examples} == {"A need, no liking."}
    assert proposal.n_corrections == 16  # two outputs of each of four shoppers, two criteria
    assert Rubric.objects.current("interest") == current
    assert AuditEntry.objects.filter(verb="proposal.made", object_id=str(proposal.pk)).count() == 1


def test_the_judges_label_and_the_leads_reason_reach_the_optimiser_and_none_of_another_shopper(
    judge: Rater, monkeypatch: pytest.MonkeyPatch
):
    lead = world(judge)
    seen: list[Correction] = []

    class Noting:
        title = "Noting"

        def propose(self, rules: RubricDef, corrections: list[Correction]) -> list[Edit]:
            seen.extend(corrections)
            return [Edit("willingness", guideline="Be strict with needs.", why="Needs passed.")]

    monkeypatch.setattr(plugins, "chosen", lambda path: Noting())

    proposal = propose("interest", by=lead, seed=1)

    assert {one.shopper for one in seen} == set(proposal.fed_shoppers)
    needs = [one for one in seen if "need" in one.text and one.criterion == "willingness"]
    assert {(one.label, one.judge_label, one.reason) for one in needs} == {
        ("Necessity", "Spontaneity", "A need, no liking.")
    }
    assert all("diapers ×9" in one.context for one in seen)
    assert services.definition(proposal.draft).criterion("willingness").guideline == "Be strict with needs."
    assert proposal.reasons == [{"criterion": "willingness", "why": "Needs passed."}]


def test_what_a_lead_holds_blind_feeds_nothing(judge: Rater):
    lead = world(judge, n_shoppers=2, n_decided=1)
    output = Resolution.objects.first().output  # type: ignore[union-attr]
    AssignmentFactory.create(annotator=lead, unit__generation=output.generation)

    with pytest.raises(ProposalError, match="Nothing has been decided on interests"):
        propose("interest", by=lead)


def test_what_cannot_be_proposed_is_refused_in_words(judge: Rater, settings: Any):
    lead = UserFactory.create(role=LEAD)
    with pytest.raises(ProposalError, match="Nothing has been decided on interests under “Interests v1” yet"):
        propose("interest", by=lead)
    with pytest.raises(ProposalError, match="No rubric for outputs of kind 'song'"):
        propose("song", by=lead)
    with pytest.raises(ProposalError, match="was trained on the questions alone"):
        propose("interest", by=lead, judge=JudgeFactory.create(language_model__adapter="judge.gguf"))
    with pytest.raises(ProposalError, match="is a person"):
        propose("interest", by=lead, judge=PersonFactory.create())
    with pytest.raises(ProposalError, match="no prompt has that version now"):
        propose("interest", by=lead, judge=JudgeFactory.create(language_model__adapter="", prompt_version="0"))
    assert not Rubric.objects.filter(version=0).exists()


class Failing:
    title = "Failing"

    def propose(self, rules: RubricDef, corrections: list[Correction]) -> list[Edit]:
        raise KeyError("weights")


class Silent:
    title = "Silent"

    def propose(self, rules: RubricDef, corrections: list[Correction]) -> list[Edit]:
        return []


class Wordy:
    title = "Wordy"

    def propose(self, rules: RubricDef, corrections: list[Correction]) -> list[Edit]:
        return [Edit("willingness", guideline="x" * 30_000)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Failing", "“Failing” failed with KeyError: 'weights'"),
        ("Silent", "“Silent” proposes no change"),
        ("Wordy", "the guideline has 30,000 characters"),
    ],
)
def test_an_optimiser_that_fails_leaves_nothing_behind(judge: Rater, settings: Any, name: str, words: str):
    lead = world(judge, n_shoppers=4, n_decided=2)
    path = f"{__name__}.{name}"
    settings.JUDGE_PROMPT_OPTIMIZERS = [path]

    with pytest.raises(ProposalError, match=words):
        propose("interest", by=lead, optimizer=path)

    assert not Rubric.objects.filter(version=0).exists()


def test_a_proposed_draft_is_put_in_use_by_switching_it_on_alone(judge: Rater):
    lead = world(judge)
    draft = propose("interest", by=lead).draft

    with pytest.raises(RubricError, match="switch it on there"):
        rubric_editing.fix(draft, by=lead, in_use=True)
    fixed = rubric_editing.fix(draft, by=lead)
    with pytest.raises(RubricError, match="switch it on there"):
        rubric_editing.put_in_use(fixed, by=lead)


# The guard against leakage --------------------------------------------------------------------------------------------


def test_no_shopper_who_fed_it_and_no_output_like_an_example_is_held_out(judge: Rater):
    lead = world(judge, n_shoppers=6, n_decided=2)
    proposal = propose("interest", by=lead, seed=1)
    shown = next(one for one in services.definition(proposal.draft).criterion("willingness").examples)
    same = shown.text.partition(": ")[2].upper()
    reviewed(CampaignFactory.create(), generation(same, "chess"))
    rules = services.definition(proposal.draft)
    first, *others = rules.criteria
    by_hand = ExampleDef("kites 5", "Spontaneity")
    rubric_editing.save(
        proposal.draft, replace(rules, criteria=(replace(first, examples=(*first.examples, by_hand)), *others)), 1
    )

    found = held_out(Proposal.objects.get())

    assert not {one.shopper for one in found.truths} & set(proposal.fed_shoppers)
    assert "chess" in {one.text for one in found.truths}
    assert not {one.text for one in found.truths} & {same, "kites 5"}
    assert (found.n_of_seen_shoppers, found.n_like_an_example) == (2, 2)


def test_what_fed_an_earlier_proposal_is_held_out_of_no_later_one(judge: Rater):
    lead = world(judge)
    first = propose("interest", by=lead, seed=1)
    switching.switch_on(first, by=UserFactory.create(role=ADMIN), reason="to begin with")
    rest = [one for one in Resolution.objects.all() if str(one.output.generation.shopper_id) not in first.fed_shoppers]
    decided(rest[0].output, lead, labels=GOOD if rest[0].labels == BAD else BAD)

    second = propose("interest", by=lead, seed=3)

    seen = {*first.fed_shoppers, *second.fed_shoppers}
    assert second.current == first.draft
    assert not {one.shopper for one in held_out(second).truths} & seen


SHOPPER = st.lists(
    st.tuples(st.sampled_from(["tea", "green tea", "a need", "Tea!", "kites"]), st.booleans(), st.booleans()),
    min_size=1,
    max_size=3,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(shoppers=st.lists(SHOPPER, min_size=4, max_size=7), seed=st.integers(0, 99), again=st.booleans())
def test_whatever_is_labelled_and_decided_the_judge_is_never_shown_the_answer(
    judge: Rater, shoppers: list[list[tuple[str, bool, bool]]], seed: int, again: bool
):
    with transaction.atomic():
        lead = UserFactory.create(role=ADMIN)
        campaign = CampaignFactory.create()
        for outputs in shoppers:
            made = reviewed(campaign, generation(*(text for text, _, _ in outputs)))
            for output, (_, is_decided, turned) in zip(made.outputs.order_by("position"), outputs, strict=True):
                if is_decided:
                    decided(output, lead, labels=GOOD if turned else BAD)
        check_guard(lead, seed, again)
        transaction.set_rollback(True)


def check_guard(lead: Any, seed: int, again: bool) -> None:
    """Propose and try, twice where `again`: in what was asked, no output meets an example that tells its answer."""
    for turn in range(1 + again):
        try:
            proposal = propose("interest", by=lead, seed=seed + turn)
            trial = trials.prepare(proposal, seed=seed)
        except ProposalError:
            return  # too little was decided
        rubrics = {"current": services.definition(proposal.current), "proposed": services.definition(proposal.draft)}
        fed = set(proposal.fed_shoppers)
        engine = learning()
        finished(trial, engine)
        cases = {str(one.pk): one for one in TrialCase.objects.select_related("output__generation").filter(trial=trial)}
        assert {request.key for request in engine.requests} == set(cases)
        for request in engine.requests:
            case = cases[request.key]
            shopper, shown = str(case.output.generation.shopper_id), request.messages[0].content
            assert shopper not in fed
            for rules in rubrics.values():
                assert shopper not in rules.example_shoppers
            assert f"interest: {case.output.text}" not in shown.splitlines()
            # All of the prompt's examples are shown: none had to be taken away for this shopper.
            n_examples = sum(len(one.examples) for one in rubrics[case.prompt].criteria)
            assert shown.count("of this example:") == n_examples
        switching.switch_on(proposal, by=lead, reason="for the next turn")
