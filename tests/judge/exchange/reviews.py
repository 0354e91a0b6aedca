"""A little world that was judged and reviewed, for exports."""

from django.contrib.auth.models import User

from judge import queue
from judge.models import Assessment, Assignment, Campaign
from recommend.models import Output, Stage
from tests.judge.factories import (
    FAILING,
    PASSING,
    AssessmentFactory,
    CampaignFactory,
    CampaignUnitFactory,
    UserFactory,
)
from tests.recommend.factories import GenerationFactory

UNTRUSTED = '=HYPERLINK("http://example.org", "Zürich") <b>&amp;</b>\n- more'


def reviewed_world(shoppers: int = 3, **campaign: object) -> tuple[Campaign, User]:
    """Interests of some shoppers, judged; all but the last reviewed blind by one person, some unlike the judge."""
    made = CampaignFactory.create(stage=Stage.INTERESTS, sampling_rate=0.5, **campaign)
    person = UserFactory.create(username=f"reviewer of {made.name}")
    for number in range(shoppers):
        unit = CampaignUnitFactory.create(
            campaign=made, generation=GenerationFactory.create(stage=Stage.INTERESTS, outputs=3)
        )
        for position, output in enumerate(unit.generation.outputs.all()):
            labels = FAILING["interest"] if (number + position) % 3 == 0 else PASSING["interest"]
            probabilities = {"willingness": {"Spontaneity": 0.75, "Necessity": 0.25}}
            AssessmentFactory.create(output=output, labels=labels, rationale=UNTRUSTED, probabilities=probabilities)
        if number < shoppers - 1:
            review(unit.campaign, person, odd=number)
    return made, person


def review(campaign: Campaign, person: User, odd: int = 0) -> Assignment:
    """One screen of the queue, submitted; outputs at an odd place pass or fail by `odd`."""
    held = queue.next_assignment(campaign, person)
    assert held is not None
    outputs = Output.objects.filter(generation=held.unit.generation).order_by("position")
    answers = {
        str(output.pk): {
            "labels": FAILING["interest"] if (odd + position) % 2 else PASSING["interest"],
            "comment": UNTRUSTED if position == 1 else "",
        }
        for position, output in enumerate(outputs)
    }
    queue.submit(held, person, answers, seconds=31.5)
    return held


def revise_first(held: Assignment) -> Assessment:
    """The person's second thoughts about the first output of a screen."""
    output = held.unit.generation.outputs.order_by("position")[0]
    return queue.revise(held, held.annotator, output, FAILING["interest"] | {"reasonableness": "Weak"}, "Seen again.")
