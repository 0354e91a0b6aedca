"""Text of catalogues, histories, models and people is only ever text: nothing of it runs, on any page."""

from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client

from judge import queue
from judge.models import Campaign, Criterion, Rubric
from recommend.models import Item, Output, Shopper, Stage
from recommend.roles import LEAD
from tests.judge.factories import PASSING, AssessmentFactory, CampaignFactory, UserFactory
from tests.support.review_data import FullRun, full_run, judge_all, kept

pytestmark = pytest.mark.django_db

ATTACKS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "{{ settings.SECRET_KEY }}{% debug %}",
    "</textarea></title><svg onload=alert(1)>",
)
TEXT = " ".join(ATTACKS)


class _Elements(HTMLParser):
    """Every element and attribute that a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def assert_harmless(page: str) -> None:
    elements = _Elements()
    elements.feed(page)
    for tag, attrs in elements.found:
        assert tag != "img", "markup from a text became an element"
        assert not (tag == "script" and "src" not in attrs)
        assert not (tag == "svg" and "onload" in attrs)
        assert not [name for name in attrs if name.startswith("on")], attrs
        for name in ("href", "src", "action", "formaction", "hx-get", "hx-post"):
            assert not (attrs.get(name) or "").strip().lower().startswith("javascript:")
    assert "development-only" not in page  # the secret key of the test settings: templates in texts are not run


def poison(made: FullRun) -> None:
    """Put the attacks into everything that comes from outside."""
    Output.objects.update(text=TEXT, reason=TEXT, rejected_because=TEXT)
    Item.objects.update(title=TEXT, brand=TEXT[:190], category=[TEXT[:190]])
    Shopper.objects.update(attributes={TEXT: TEXT, "age": TEXT})
    made.run.history = made.run.history | {
        "lines": [{"text": f"{TEXT} | {TEXT}", "items": [[TEXT, 2]]}],
        "dropped_before": TEXT,
    }
    made.run.error = TEXT
    made.run.save()
    for generation in made.generations:
        generation.raw_text = generation.error = TEXT
        generation.save()
    made.tags.state = "failed"
    made.tags.save()


def test_no_page_runs_anything_from_outside(client: Client):
    lead = UserFactory.create(role=LEAD, username="lead")
    made = full_run(by=lead)
    poison(made)
    reviewed: list[Any] = []
    for stage, generation in zip(Stage, made.generations, strict=True):
        campaign = CampaignFactory.create(stage=stage, name=f"{stage} {TEXT}"[:200])
        campaign.units.create(generation=generation, inclusion_probability=1.0)
        judge_all(generation)
        for output in kept(generation):
            output.assessments.update(rationale=TEXT)
        assignment = queue.next_assignment(campaign, lead)
        assert assignment is not None
        reviewed.append(assignment)
    client.force_login(lead)

    pages = [
        client.get("/review/"),
        *[client.get(assignment.get_absolute_url()) for assignment in reviewed],
        client.get(made.run.get_absolute_url()),
        client.get(f"{made.run.get_absolute_url()}why/{Item.objects.earliest('pk').pk}/"),
        client.get("/demo/", {"q": TEXT}),
        client.get("/demo/"),
    ]
    for assignment, generation in zip(reviewed, made.generations, strict=True):
        answers = {str(one.pk): {"labels": PASSING[one.kind], "comment": TEXT} for one in kept(generation)}
        queue.submit(assignment, lead, answers, 5)
    pages += [client.get(assignment.get_absolute_url()) for assignment in reviewed]
    pages += [client.get(f"/review/runs/{made.run.pk}/labels/")]
    for kind in Output.Kind.values:
        pages.append(client.get("/dashboard/", {"kind": kind}))
        cell = {"kind": kind, "criterion": "overall", "human": "pass", "judge_label": "pass"}
        pages.append(client.get("/dashboard/outputs/", cell))
    output = kept(made.generations[0])[0]
    pages += [client.get("/dashboard/adjudication/"), client.get(f"/dashboard/adjudication/{output.pk}/")]
    pages += [
        client.get("/campaigns/"),
        client.get("/campaigns/new/", {"name": TEXT}),
        client.get("/dashboard/export/"),
    ]
    pages += [client.get(f"/campaigns/{one.unit.campaign_id}/") for one in reviewed]
    pages += [client.get("/dashboard/passports/"), client.get("/dashboard/consensus/")]
    odd = dict.fromkeys(("kind", "model", "campaign", "judge", "criterion", "human", "judge_label"), TEXT)
    pages += [client.get("/dashboard/", odd), client.get("/dashboard/outputs/", odd), client.get("/nowhere/" + TEXT)]

    for page in pages:
        assert page.status_code in (200, 404)
        assert_harmless(page.content.decode())
    assert sum("&lt;script&gt;alert(1)" in page.content.decode() for page in pages) >= 10


def test_a_guideline_brings_no_markup_of_its_own(client: Client):
    lead = UserFactory.create(role=LEAD)
    rubric = Rubric.objects.create(kind="interest", title=TEXT[:190], guideline=f"**{TEXT}**\n\n- *{TEXT}*")
    labels = [{"value": "Yes", "title": TEXT, "passes": True, "help": TEXT}]
    Criterion.objects.create(
        rubric=rubric, position=0, name="any", title=TEXT[:90], question=TEXT, guideline=TEXT, labels=labels
    )
    Rubric.objects.update(version=99)
    Campaign.objects.create(name="odd", stage=Stage.INTERESTS, rubric=rubric)
    client.force_login(lead)

    page = client.get("/review/").content.decode()

    assert_harmless(page)
    assert "<strong>&lt;script&gt;" in page


def test_a_judges_broken_answer_is_shown_as_text(client: Client):
    lead = UserFactory.create(role=LEAD)
    made = full_run(by=lead)
    AssessmentFactory.create(output=kept(made.interests)[0], labels={}, error=TEXT, raw_text=TEXT)
    client.force_login(lead)

    assert_harmless(client.get(f"/review/runs/{made.run.pk}/labels/").content.decode())
