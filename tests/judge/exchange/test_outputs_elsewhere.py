"""Outputs that were imported are reviewed, judged and exported like ours, and marked wherever they are shown."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from judge import campaigns, judging, queue
from judge.comparison import Filters
from judge.exchange.formats import FORMATS
from judge.exchange.selection import Selection
from judge.models import Assessment
from judge.services import definition
from recommend import events
from recommend.models import Generation, Output
from recommend.roles import ANNOTATOR, LEAD
from tests.judge.factories import PASSING, CampaignFactory, UserFactory, current_rubric
from tests.recommend.factories import ItemFactory, LanguageModelFactory, ShopperFactory
from tests.site.api.clients import client_of

pytestmark = pytest.mark.django_db
SOURCE = "<b>Persona</b> service"


def imported(path: Path, command: str = "import_outputs", **options: Any) -> str:
    out = io.StringIO()
    call_command(command, path, stdout=out, source=SOURCE, **options)
    return out.getvalue()


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with an interest and an explanation of it, the interest labelled by a person there."""
    monkeypatch.setattr(events, "_generation_done", [campaigns.enrol])
    ShopperFactory.create(external_id="household-7")
    ItemFactory.create(sku="A1", title="Diapers")
    base = {"shopper": "household-7", "model": "big-model"}
    rows = [
        base
        | {"generation": "call-1", "kind": "interest", "text": "baby care", "position": 0}
        | {"rater_name": "anna", "labels": PASSING["interest"], "rationale": "Clear."},
        base
        | {"generation": "call-2", "kind": "explanation", "text": "For the little one.", "sku": "A1"}
        | {"parent_generation": "call-1"},
    ]
    path = tmp_path / "made.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_an_imported_generation_is_reviewed_and_its_screen_says_that_no_evidence_was_given(made: Path):
    campaign = CampaignFactory.create(stage="interests", rubric=current_rubric("interest"))
    imported(made)
    person = UserFactory.create(role=ANNOTATOR)
    held = queue.next_assignment(campaign, person)
    assert held is not None
    client = Client()
    client.force_login(person)

    page = client.get(f"/review/assignments/{held.pk}/").content.decode()

    assert "baby care" in page
    assert "No evidence was given" in page
    assert "&lt;b&gt;Persona&lt;/b&gt; service" in page
    assert "<b>Persona" not in page
    assert "big-model (imported)" in page


def test_an_imported_generation_is_reviewed_by_rest_with_the_history_that_it_came_with(made: Path, tmp_path: Path):
    campaign = CampaignFactory.create(stage="interests", rubric=current_rubric("interest"))
    row = {"generation": "call-3", "shopper": "household-7", "kind": "interest", "model": "big-model", "text": "pets"}
    path = tmp_path / "with-history.jsonl"
    path.write_text(json.dumps(row | {"history": ["9 days ago (purchased) | cat food", "litter"]}))
    imported(path)

    taken = client_of(UserFactory.create(role=ANNOTATOR)).post(f"/api/v1/campaigns/{campaign.pk}/next/")

    assert taken.status_code == 200
    assert taken.json()["history"]["lines"] == [
        {"text": "9 days ago (purchased) | cat food", "contexts": "9 days ago (purchased)", "items": [["cat food", 1]]},
        {"text": " | litter", "contexts": "", "items": [["litter", 1]]},
    ]


def test_the_judge_reads_an_imported_explanation_with_its_item_and_interest(made: Path):
    imported(made)
    output = Output.objects.select_related("generation", "parent").get(kind="explanation")
    rules = definition(current_rubric("explanation"))

    asked = judging.verdict_input(output, output.generation, rules, LanguageModelFactory.create(role="judge"))

    assert (asked.output_text, asked.interest_text) == ("For the little one.", "baby care")
    assert asked.context_text.startswith("Diapers")


def test_peoples_labels_of_the_same_file_find_their_outputs_by_source_and_key(made: Path):
    UserFactory.create(username="anna")
    current_rubric("interest")
    imported(made)

    first = imported(made, "import_labels")
    second = imported(made, "import_labels")

    assert "1 added" in first
    assert "without a submitted answer: 1" in first
    assert "already there" in second
    stored = Assessment.objects.get()
    assert (stored.output.text, stored.rater.user is not None, stored.rationale) == ("baby care", True, "Clear.")
    (row,) = map(
        json.loads, b"".join(FORMATS["jsonl"].write(Selection(Filters(kind="interest")).assessments())).splitlines()
    )
    assert (row["model"], row["generation"]) == (
        "big-model (imported)",
        str(Generation.objects.get(stage="interests").pk),
    )


def test_the_run_of_an_imported_generation_opens_and_says_where_it_comes_from(made: Path):
    imported(made)
    run = Generation.objects.get(stage="interests").run
    client = Client()
    client.force_login(UserFactory.create(role=LEAD))

    page = client.get(run.get_absolute_url()).content.decode()

    assert "imported from &lt;b&gt;Persona&lt;/b&gt; service" in page
    assert "baby care" in page
