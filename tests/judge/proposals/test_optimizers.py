"""What the optimiser that comes along chooses, and what becomes of any optimiser's edits."""

from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from judge.proposals import plugins
from judge.proposals.optimizers import Correction, Edit, FewShotExamples, ProposalError, edited
from judge.rubrics import INTEREST, ExampleDef, RubricDef

GOOD, BAD = "Spontaneity", "Necessity"


def correction(
    n: int, *, label: str = BAD, judge: str = "", criterion: str = "willingness", text: str = ""
) -> Correction:
    return Correction(
        criterion, f"output-{n}", f"shopper-{n}", text or f"interest: thing{n}", "", label, judge, f"why {n}"
    )


def with_examples(*examples: ExampleDef) -> RubricDef:
    first, *others = INTEREST.criteria
    return replace(INTEREST, criteria=(replace(first, examples=examples), *others))


def added(rules: RubricDef, corrections: list[Correction], **options: int) -> dict[str, list[ExampleDef]]:
    return {one.criterion: list(one.add) for one in FewShotExamples(**options).propose(rules, corrections)}


def test_examples_are_balanced_over_the_labels_and_hold_the_leads_reason():
    found = added(INTEREST, [*(correction(n) for n in range(6)), correction(6, label=GOOD), correction(7, label=GOOD)])

    assert sorted(one.label for one in found["willingness"]) == [BAD, BAD, GOOD, GOOD]
    assert {one.reason for one in found["willingness"]} >= {"why 6", "why 7"}
    assert all((one.output[-1], one.shopper[-1]) == (one.text[-1],) * 2 for one in found["willingness"])


def test_what_the_judge_got_wrong_comes_first_and_then_what_is_unlike():
    corrections = [
        correction(0, text="interest: green tea of the morning"),
        correction(1, text="interest: green tea of the evening"),
        correction(2, text="interest: model railways"),
        correction(3, text="interest: garden tools", judge=GOOD),
    ]

    found = added(INTEREST, corrections, per_criterion=3)["willingness"]

    assert [one.text for one in found] == [
        "interest: garden tools",
        "interest: green tea of the morning",
        "interest: model railways",
    ]


def test_a_shopper_gives_one_example_in_all():
    first = correction(1)
    of_the_same = replace(correction(2), shopper=first.shopper)
    elsewhere = replace(correction(1, criterion="reasonableness", label="Weak"), shopper=first.shopper)

    found = added(INTEREST, [first, of_the_same, elsewhere])

    assert sum(len(one) for one in found.values()) == 1


def test_those_that_stand_there_count_and_those_decided_otherwise_go():
    stale = ExampleDef("interest: tea", GOOD, "", "output-9", "shopper-9")
    stays = ExampleDef("interest: coffee", GOOD, "by hand")
    rules = with_examples(stale, stays)
    corrections = [correction(9, text="interest: tea"), correction(1), correction(2, label=GOOD)]

    [edit] = FewShotExamples(per_criterion=2).propose(rules, corrections)
    [now, *_] = edited(rules, [edit], corrections).criteria

    assert edit.remove == (stale,)
    assert [(one.text, one.label) for one in now.examples] == [("interest: coffee", GOOD), ("interest: thing1", BAD)]
    assert edit.why.startswith("Examples added from what was decided: Necessity ×1. ")
    assert edit.why.endswith("taken out, as leads decided otherwise since: 1.")


def test_nothing_to_learn_proposes_nothing():
    assert FewShotExamples().propose(INTEREST, []) == []
    assert FewShotExamples(longest=5).propose(INTEREST, [correction(1)]) == []


@given(
    st.lists(
        st.builds(
            Correction,
            criterion=st.sampled_from(["willingness", "reasonableness", "unknown"]),
            output=st.sampled_from([f"o{n}" for n in range(12)]),
            shopper=st.just(""),
            text=st.sampled_from(["", " ", "a", "b", "a b", "b a", " a", "a\n", "c d"]),
            context=st.just(""),
            label=st.sampled_from([GOOD, BAD, "Strong", "Invented"]),
            judge_label=st.sampled_from(["", GOOD, BAD]),
            reason=st.just("why"),
        ).map(lambda one: replace(one, shopper=f"s{int(one.output[1:]) % 6}")),  # an output is of one shopper
        max_size=30,
    ),
    st.integers(1, 4),
)
def test_whatever_was_decided_the_bounds_hold(corrections: list[Correction], most: int):
    optimizer = FewShotExamples(per_criterion=most)
    edits = optimizer.propose(INTEREST, corrections)
    rules = edited(INTEREST, edits, corrections)

    shoppers = [example.shopper for one in rules.criteria for example in one.examples]
    assert len(shoppers) == len(set(shoppers))
    for one in rules.criteria:
        assert len(one.examples) <= most
        assert len({example.text for example in one.examples}) == len(one.examples)
        assert all(example.label in one.values for example in one.examples)


def test_where_an_example_is_from_is_what_the_correction_says():
    claimed = ExampleDef("interest: thing1", BAD, "", "output-5", "somebody else")
    made_up = ExampleDef("interest: kites", GOOD, "", "unknown", "nobody")

    rules = edited(INTEREST, [Edit("willingness", add=(claimed, made_up))], [correction(1)])

    found = rules.criterion("willingness").examples
    assert [(one.output, one.shopper) for one in found] == [("output-1", "shopper-1"), ("", "")]


def test_a_reworded_correction_keeps_its_shopper():
    reworded = ExampleDef("interest: a thing, in short", BAD, "", "output-1", "")

    rules = edited(INTEREST, [Edit("willingness", add=(reworded,), guideline="Be strict.")], [correction(1)])

    assert rules.criterion("willingness").examples[0].shopper == "shopper-1"
    assert rules.criterion("willingness").guideline == "Be strict."


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (Edit("tone"), "'tone' is not a criterion"),
        (Edit("willingness", add=(ExampleDef("kites", "Maybe"),)), "'Maybe' is not a label"),
        (Edit("willingness", remove=(ExampleDef("kites", GOOD),)), "no example “kites”"),
    ],
)
def test_an_edit_of_what_is_not_there_is_refused(edit: Edit, words: str):
    with pytest.raises(ProposalError, match=words):
        edited(INTEREST, [edit], [])


def test_only_optimisers_of_the_setting_can_be_chosen(settings: Any):
    path = "judge.proposals.optimizers.FewShotExamples"
    assert plugins.choices() == [(path, "Few-shot examples")]
    assert plugins.chosen("") == plugins.chosen(path) == FewShotExamples()

    with pytest.raises(ProposalError, match=r"“os\.system” is no optimiser of this site"):
        plugins.chosen("os.system")
    settings.JUDGE_PROMPT_OPTIMIZERS = []
    with pytest.raises(ProposalError, match="has none"):
        plugins.chosen("")


def test_the_example_of_the_docs_is_an_optimiser():
    code = next(
        block for block in (settings.BASE_DIR / "docs/judge.md").read_text().split("```") if "import Edit" in block
    )
    found: dict[str, Any] = {}
    exec(code.removeprefix("python"), found)  # our own docs

    [edit] = found["Wordier"]().propose(INTEREST, [correction(1, judge=GOOD), correction(2)])

    assert edit.guideline.endswith("\n\n- why 1")
    assert edited(INTEREST, [edit], []).criterion("willingness").guideline == edit.guideline
