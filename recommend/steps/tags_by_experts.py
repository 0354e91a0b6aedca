"""Item tags by planner, experts and arbiter (V2). What the arbiter chose are the run's tags.

What the rules reject of an expert's answer stays with that answer, and is not offered to the arbiter.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from recommend import calls
from recommend.models import Generation, Output, Stage
from recommend.prompts import load
from recommend.rules import normal_form
from recommend.stages import experts, tags
from recommend.stages.experts import ArbiterInput, Candidate, Persona, PlannerInput
from recommend.steps.base import attributes_of
from recommend.steps.tagging import Tagging, checked, given, input_of, outputs_of, row_of, snapshot_for

# The arbiter's answer has the place of the direct strategy's, so that both can be compared in a campaign.
ARBITER, PLANNER, FIRST_EXPERT = 0, 1, 2


def asking(of: Tagging) -> calls.Asking:
    """The planner's call; the experts' come then, and the arbiter's."""
    interests = given(of.interests.values())
    asked = PlannerInput(attributes_of(of.run), of.history, interests, of.run.reference_at.date(), of.run.spoken)
    call = calls.Call(
        stage=Stage.TAGS,
        position=PLANNER,
        prompt=load(experts.PLANNER),
        model=of.model,
        snapshot=snapshot_for(of, interests),
        messages=lambda prompt: experts.planner_messages(asked, prompt),
        schema=experts.planner_schema(asked),
    )

    def store(generation: Generation, parsed: Any) -> list[Output]:
        experts.parse_personas(parsed, asked)
        return []

    return calls.Asking([call], store, then=lambda: _experts(of, experts.parse_personas(_answer(of, PLANNER), asked)))


def _experts(of: Tagging, personas: list[Persona]) -> calls.Asking:
    n = min(of.per_call, experts.n_proposed(of.model.n_tags, len(personas)))
    inputs = {
        FIRST_EXPERT + number: input_of(of, given(of.interests[name] for name in persona.interests), n)
        for number, persona in enumerate(personas)
    }

    def call(position: int, persona: Persona) -> calls.Call:
        asked = inputs[position]
        return calls.Call(
            stage=Stage.TAGS,
            position=position,
            prompt=load(experts.EXPERT),
            model=of.model,
            snapshot=snapshot_for(of, asked.interests, persona=_as_json(persona)),
            messages=lambda prompt: experts.expert_messages(asked, persona, prompt),
            schema=tags.schema(asked),
        )

    def store(generation: Generation, parsed: Any) -> Iterator[Output]:
        answer = tags.parse(parsed, inputs[generation.position])
        for position, (found, rejection) in enumerate(checked(of, answer, most=len(answer))):
            if rejection is not None:
                yield row_of(of, generation, position, found, rejection)

    return calls.Asking(
        [call(FIRST_EXPERT + number, persona) for number, persona in enumerate(personas)],
        store,
        then=lambda: _arbiter(of, _candidates(of, personas, inputs)),
    )


def _candidates(of: Tagging, personas: list[Persona], inputs: dict[int, tags.TagsInput]) -> list[Candidate]:
    """What the experts proposed and no rule rejects, each tag once."""
    found: dict[str, Candidate] = {}
    for number, persona in enumerate(personas):
        position = FIRST_EXPERT + number
        answer = tags.parse(_answer(of, position), inputs[position])
        for tag, rejection in checked(of, answer, most=len(answer)):
            if rejection is None:
                found.setdefault(normal_form(tag.text), Candidate(persona, tag))
    return list(found.values())


def _arbiter(of: Tagging, candidates: list[Candidate]) -> calls.Asking | None:
    if not candidates:
        return None
    day = of.run.reference_at.date()
    asked = ArbiterInput(attributes_of(of.run), of.history, candidates, day, of.model.n_tags)
    proposed = [
        {"tag": one.tag.text, "interest": one.tag.interest, "reason": one.tag.reason, "persona": one.persona.name}
        for one in candidates
    ]
    call = calls.Call(
        stage=Stage.TAGS,
        position=ARBITER,
        prompt=load(experts.ARBITER),
        model=of.model,
        snapshot=snapshot_for(of, given(of.interests.values()), candidates=proposed),
        messages=lambda prompt: experts.arbiter_messages(asked, prompt),
        schema=experts.arbiter_schema(asked),
    )

    def store(generation: Generation, parsed: Any) -> Iterator[Output]:
        return outputs_of(of, generation, [chosen.tag for chosen in experts.parse_choice(parsed, asked)])

    return calls.Asking([call], store)


def _answer(of: Tagging, position: int) -> Any:
    """What a call of this step answered, which was checked when it was stored."""
    return json.loads(of.run.generations.get(stage=Stage.TAGS, position=position).raw_text)


def _as_json(persona: Persona) -> dict[str, Any]:
    return {"name": persona.name, "focus": persona.focus, "interests": list(persona.interests)}
