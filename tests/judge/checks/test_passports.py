"""Whether a passport holds, why not, and what it rests on."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from judge import passports, queue, verdicts
from judge.checks import runner
from judge.models import Passport, Rater, Rubric
from judge.passports import Standing
from recommend.models import LanguageModel, Stage
from tests.judge.checks.material import made
from tests.judge.factories import FAILING, PASSING, AssessmentFactory, CampaignFactory, UserFactory
from tests.recommend.factories import GenerationFactory, LanguageModelFactory
from tests.support.recorded_engine import RecordedEngine

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("judge")]


def issued(judge: Rater) -> Passport:
    """A passport of a lenient judge on interests."""
    if not Passport.objects.exists():
        made(Stage.INTERESTS, 6)
    check = runner.prepare(Rubric.objects.current("interest"), judge=judge, budget=20, seed=1)
    engine = RecordedEngine(lambda request: PASSING["interest"] | {"rationale": "Fine."})
    while (advanced := runner.advance(check.pk, engine)) is not None and advanced.is_active:
        pass
    return Passport.objects.get(judge_check=check)


def test_a_judge_that_was_never_checked_has_none():
    validity = passports.valid_for("interest")

    assert (validity.standing, validity.passport) == (Standing.MISSING, None)
    assert validity.reason == "judge-model has never been checked on interests."
    assert validity.planted_tnr().value is None


def test_without_a_judge_there_is_none_either():
    LanguageModel.objects.all().update(state="retired")

    assert passports.valid_for("interest").reason == "No judge model serves."


def test_a_fresh_passport_holds_for_its_judge_and_kind_alone(judge: Rater):
    passport = issued(judge)

    validity = passports.valid_for("interest")

    assert validity.is_valid
    assert validity.passport == passport
    assert validity.planted_tnr().value == 0.0
    assert validity.planted_tnr("willingness").value == 0.0
    assert "no criterion “beauty”" in validity.planted_tnr("beauty").note
    assert passports.valid_for("interest", judge).is_valid
    assert passports.valid_for("tag").standing == Standing.MISSING


def test_it_expires_with_its_last_day(judge: Rater, settings):
    passport = issued(judge)
    last = passport.created_at + timedelta(days=30)

    assert passports.valid_for("interest", now=last).is_valid
    expired = passports.valid_for("interest", now=last + timedelta(seconds=1))
    assert expired.standing == Standing.EXPIRED
    assert "a passport lasts 30 days" in expired.reason

    settings.JUDGE_PASSPORT_DAYS = 7
    assert not passports.valid_for("interest", now=timezone.now() + timedelta(days=8)).is_valid


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"adapter": "other.gguf"}, "The judge's adapter was none and is other.gguf now."),
        ({"base": "larger"}, "The judge's base model was none and is larger now."),
        (
            {"request_options": {"top_k": 1}},
            'The judge\'s set of request options was none and is {"top_k": 1} now.',
        ),
        ({"name": "another"}, "The judge's model was judge-model and is another now."),
    ],
)
def test_it_expires_when_the_model_changes(judge: Rater, change: dict[str, str], reason: str):
    issued(judge)
    LanguageModel.objects.filter(role="judge").update(**change)

    expired = passports.valid_for("interest")

    assert (expired.standing, expired.reason) == (Standing.EXPIRED, reason)


def test_it_expires_when_another_judge_serves(judge: Rater):
    issued(judge)
    LanguageModel.objects.filter(role="judge").update(state="retired")
    LanguageModelFactory.create(name="better-judge", role=LanguageModel.Role.JUDGE)

    expired = passports.valid_for("interest")

    assert expired.standing == Standing.EXPIRED
    assert "model was judge-model and is better-judge now" in expired.reason
    assert passports.valid_for("interest", judge).is_valid  # the other judge is what it was


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": "2", "sha256": "f" * 64}, "The judge's prompt version was 1 and is 2 now."),
        ({"sha256": "f" * 64}, "The judge's prompt was edited without a new version."),
    ],
)
def test_it_expires_when_the_prompt_changes(judge: Rater, monkeypatch, change: dict[str, Any], reason: str):
    from dataclasses import replace

    issued(judge)
    edited = replace(verdicts.load_prompt(), **change)
    monkeypatch.setattr(verdicts, "load_prompt", lambda *_: edited)

    assert passports.valid_for("interest").reason == reason


def test_it_expires_when_the_rubric_changes(judge: Rater):
    issued(judge)
    Rubric.objects.create(kind="interest", version=2, title="Interests")

    assert passports.valid_for("interest").reason == "The rubric was version 1 and is version 2 now."


def test_it_expires_when_another_prompt_or_model_makes_the_outputs(judge: Rater):
    passport = issued(judge)
    ((name, _),) = passport.measured_on["made_by"]
    imported = LanguageModelFactory.create(name="other (imported)", state=LanguageModel.State.RETIRED)
    GenerationFactory.create(prompt_version="9", outputs=1, model=imported)
    assert passports.valid_for("interest").is_valid

    GenerationFactory.create(prompt_version="2", outputs=1)

    expired = passports.valid_for("interest")
    assert expired.standing == Standing.EXPIRED
    told = f"It was measured on interests of {name} (prompt 1); they are made by {name} (prompt 2) now."
    assert expired.reason == told


def test_the_newest_one_counts(judge: Rater):
    issued(judge)
    newest = issued(judge)

    assert passports.valid_for("interest").passport == newest


def test_what_people_said_stands_beside_what_was_planted(judge: Rater):
    person = UserFactory.create()
    campaign = CampaignFactory.create(name="Spring check")
    for generation in made(Stage.INTERESTS, 6):
        campaign.units.create(generation=generation, inclusion_probability=1.0)
        for output in generation.outputs.all():
            AssessmentFactory.create(rater=judge, output=output, labels=PASSING["interest"])
    # Of each shopper's two outputs a person fails the first on willingness; the judge passes both.
    while (held := queue.next_assignment(campaign, person)) is not None:
        first, second = held.unit.generation.outputs.order_by("position")
        labels = {first: FAILING["interest"], second: PASSING["interest"]}
        queue.submit(held, person, {str(one.pk): {"labels": given} for one, given in labels.items()})
    check = runner.prepare(campaign.rubric, judge=judge, budget=20, seed=1)
    engine = RecordedEngine(lambda request: FAILING["interest"] | {"rationale": "No."})
    while (advanced := runner.advance(check.pk, engine)) is not None and advanced.is_active:
        pass

    validity = passports.valid_for("interest")

    assert validity.passport is not None
    overall = validity.passport.figures["criteria"][0]
    assert validity.natural_tnr().value == 0.0
    assert validity.natural_tnr().n == 6
    assert validity.planted_tnr().value == 1.0
    assert (overall["tpr"]["value"], overall["tpr"]["n"]) == (1.0, 6)
    assert validity.natural_tnr("reasonableness").value is None  # people failed nothing on it
    on = validity.passport.measured_on
    assert (on["campaigns"], on["n_reviewed"], on["n_shoppers"]) == (["Spring check"], 12, 6)
    assert on["generators"] == ["smollm2"]


def test_it_says_how_far_probabilities_are_off_and_how_far_people_agree(judge: Rater):
    campaign = CampaignFactory.create(overlap=2)
    people = UserFactory.create_batch(2)
    sure = {"willingness": {"Spontaneity": 0.9, "Necessity": 0.1}, "reasonableness": {"Strong": 0.8, "Weak": 0.2}}
    for _ in range(12):
        generation = GenerationFactory.create(stage=Stage.INTERESTS, outputs=3)
        campaign.units.create(generation=generation, inclusion_probability=1.0)
        for output in generation.outputs.all():
            AssessmentFactory.create(rater=judge, output=output, labels=PASSING["interest"], probabilities=sure)
    # Of each shopper's three outputs both people fail the first, and one of them the second.
    for number, person in enumerate(people):
        while (held := queue.next_assignment(campaign, person)) is not None:
            outputs = held.unit.generation.outputs.order_by("position")
            said = [FAILING["interest"], [FAILING, PASSING][number]["interest"], PASSING["interest"]]
            queue.submit(held, person, {str(one.pk): {"labels": own} for one, own in zip(outputs, said, strict=True)})

    figures = issued(judge).figures["criteria"]

    overall, willingness, reasonableness = figures
    # Half of all labels pass; the judge promises .9 * .8, .9 and .8, and people pass all of them as reasonable.
    assert overall["ece"]["value"] == pytest.approx(0.72 - 0.5)
    assert willingness["ece"]["value"] == pytest.approx(0.9 - 0.5)
    assert reasonableness["ece"]["value"] == pytest.approx(1 - 0.8)
    assert (overall["ece"]["n"], overall["ece"]["low"] is not None) == (72, True)
    # Two people agree on two outputs of three; the judge passes all, as half of the labels do.
    assert overall["people_same"]["value"] == pytest.approx(2 / 3)
    assert overall["people_same"]["n"] == 36
    assert overall["people_same"]["low"] < 2 / 3 < overall["people_same"]["high"]
    assert overall["judge_same"]["value"] == pytest.approx(1 / 2)


def test_without_people_it_says_why_these_are_missing(judge: Rater):
    overall = issued(judge).figures["criteria"][0]

    assert overall["people_same"]["note"] == "no output has been labelled by two people"
    assert "30 labelled outputs" in overall["ece"]["note"]
