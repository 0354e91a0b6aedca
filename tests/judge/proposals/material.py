"""People's labels, a judge's and a lead's decisions; and judges that learn from an example, or do not."""

from typing import Any

from django.contrib.auth.models import User

from judge import adjudication, services, verdicts
from judge.models import Campaign, Proposal, Rater, Rubric, Trial
from judge.proposals import trials
from recommend.engines.types import ChatRequest
from recommend.models import Generation, LanguageModel, Output
from recommend.roles import LEAD
from tests.judge.factories import (
    FAILING,
    PASSING,
    AssessmentFactory,
    AssignmentFactory,
    CampaignFactory,
    CampaignUnitFactory,
    PersonFactory,
    UserFactory,
    current_rubric,
)
from tests.recommend.factories import GenerationFactory, LanguageModelFactory, OutputFactory
from tests.support.recorded_engine import RecordedEngine

GOOD, BAD = PASSING["interest"], FAILING["interest"]  # BAD fails willingness: a need


def serving_judge() -> Rater:
    """A judge without an adapter: it reads guidelines and examples."""
    current_rubric("interest")
    model = LanguageModelFactory.create(name="judge-model", role=LanguageModel.Role.JUDGE, adapter="")
    return services.rater_for_model(model, verdicts.load_prompt().version)


def right(text: str) -> dict[str, str]:
    """What is right to say: an output that speaks of a need fails."""
    return BAD if "need" in text else GOOD


def generation(*texts: str, **options: Any) -> Generation:
    """A finished generation with these interests."""
    made: Generation = GenerationFactory.create(**options)
    for position, text in enumerate(texts):
        OutputFactory.create(generation=made, position=position, text=text, reason="")
    return made


def reviewed(campaign: Campaign, made: Generation, *, by: Rater | None = None, **labels: dict[str, str]) -> Generation:
    """The generation, drawn and labelled by a person; rightly unless `labels` says else by text."""
    rater = by or PersonFactory.create()
    unit = CampaignUnitFactory.create(campaign=campaign, generation=made)
    held = AssignmentFactory.create(unit=unit, annotator=rater.user, state="submitted")
    for output in made.outputs.all():
        said = labels.get(output.text, right(output.text))
        AssessmentFactory.create(
            output=output, rater=rater, labels=said, assignment=held, rubric=campaign.rubric, passed=said == GOOD
        )
    return made


def decided(output: Output, by: User, labels: dict[str, str] | None = None, reason: str = "A need, no liking.") -> None:
    rubric = Rubric.objects.current(output.kind)
    adjudication.resolve(
        output=output,
        rubric=rubric,
        labels=right(output.text) if labels is None else labels,
        reason=reason,
        by=by,
        revision=output.resolutions.filter(rubric=rubric).count(),
    )


def world(judge: Rater, *, n_shoppers: int = 24, n_decided: int = 8) -> User:
    """So many shoppers with a good and a needy interest each, labelled, judged as all good, some decided; the lead."""
    lead: User = UserFactory.create(username="lead", role=LEAD)
    campaign = CampaignFactory.create()
    for number in range(n_shoppers):
        made = reviewed(campaign, generation(f"kites {number}", f"a need {number}"))
        for output in made.outputs.all():
            AssessmentFactory.create(rater=judge, output=output, labels=GOOD, passed=True)
            if number < n_decided:
                decided(output, lead)
    return lead


def read(request: ChatRequest) -> str:
    """The output that a request is about."""
    return request.messages[-1].content.rpartition("<output>")[2]


def learning() -> RecordedEngine:
    """A judge that passes everything, until an example shows it a need that fails."""

    def answer(request: ChatRequest) -> dict[str, Any]:
        taught = "willingness of this example: Necessity" in request.messages[0].content
        return (BAD if taught and "need" in read(request) else GOOD) | {"rationale": "So it is."}

    return RecordedEngine(answer)


def confused() -> RecordedEngine:
    """A judge that is right until it is shown any example, and fails everything from then on."""

    def answer(request: ChatRequest) -> dict[str, Any]:
        shown = "<example>" in request.messages[0].content
        return (BAD if shown else right(read(request))) | {"rationale": "So it is."}

    return RecordedEngine(answer)


def finished(trial: Trial, engine: RecordedEngine) -> Trial:
    """The trial, asked to its end."""
    while (advanced := trials.advance(trial.pk, engine)) is not None and advanced.is_active:
        pass
    trial.refresh_from_db()
    return trial


def tried(proposal: Proposal, engine: RecordedEngine, **options: Any) -> Trial:
    return finished(trials.prepare(proposal, **options), engine)
