"""The quick serializers say exactly what REST framework's own way of reading fields says."""

import json
from typing import Any

import pytest
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer

from judge import holding, queue
from judge.api.screens import SERIALIZER, shown, with_raters
from judge.models import Assignment
from judge.visibility import visible_assessments
from recommend.api.quick import Quick
from recommend.api.serializers import OutputSerializer
from tests.judge.factories import PASSING, AssessmentFactory, CampaignUnitFactory, UserFactory
from tests.recommend.factories import OutputFactory

pytestmark = pytest.mark.django_db

HISTORY = {
    "lines": [{"text": "May | tea ×2", "contexts": "May", "items": [["tea", 2]]}],
    "n_events": 3,
    "n_kept_events": 2,
    "n_dropped_events": 1,
    "dropped_before": None,
    "tokens": 9,
    "max_tokens": 448,
    "an older key": True,
}


def both_ways(monkeypatch: pytest.MonkeyPatch, say) -> tuple[bytes, bytes]:
    """What `say` gives as JSON, quickly and by REST framework's own way."""
    quick = JSONRenderer().render(say())
    monkeypatch.setattr(Quick, "to_representation", serializers.Serializer.to_representation)
    return quick, JSONRenderer().render(say())


@pytest.mark.parametrize("history", [HISTORY, {}])
def test_a_screen_with_everything_on_it_reads_the_same(monkeypatch: pytest.MonkeyPatch, history):
    unit = CampaignUnitFactory.create(campaign__guidelines="*Mind* the <b>gap</b>")
    run = unit.generation.run
    run.history, run.shopper.attributes = history, {"age": 41}
    run.save()
    run.shopper.save()
    person = UserFactory.create()
    held = queue.next_assignment(unit.campaign, person)
    assert held is not None
    for output in held.kept_outputs:
        AssessmentFactory.create(output=output, probabilities={"reasonableness": {"Strong": 0.75}})
    answers = {str(one.pk): {"labels": PASSING["interest"], "comment": "Mine"} for one in held.kept_outputs}
    queue.submit(held, person, answers, seconds=12.5)
    screen: Any = Assignment.objects.select_related(*holding.SCREEN).get(pk=held.pk)
    shown(screen, person)

    quick = JSONRenderer().render(SERIALIZER.to_representation(screen))
    # Read as dicts, they read as the rows themselves do, of which alone REST framework reads relations.
    screen.visible = with_raters(visible_assessments(person, unit.generation.outputs.all()))
    _, slow = both_ways(monkeypatch, lambda: SERIALIZER.to_representation(screen))

    assert quick == slow
    assert len(json.loads(quick)["assessments"]) == 2 * len(held.kept_outputs)


def test_a_rejected_output_and_one_with_a_parent_read_the_same(monkeypatch: pytest.MonkeyPatch):
    output = OutputFactory.create(rejected_by="too_long", rejected_because="It has 400 characters.")

    quick, slow = both_ways(monkeypatch, lambda: OutputSerializer(output).data)

    assert quick == slow
    assert json.loads(quick)["rejection"]["rule"] == "too_long"
    assert json.loads(quick)["generation"] == str(output.generation_id)


def test_what_is_missing_takes_its_default_is_left_out_or_is_told(monkeypatch: pytest.MonkeyPatch):
    class Some(Quick):
        named = serializers.CharField(default="nobody")
        left_out = serializers.CharField(required=False)
        empty = serializers.CharField(allow_null=True)

    assert Some({"empty": None}).data == {"named": "nobody", "empty": None}
    with pytest.raises(KeyError, match="field `name` on serializer"):
        type("Strict", (Quick,), {"name": serializers.CharField()})({}).data  # noqa: B018
