"""Language-model calls of a run: claimed in the database, made by the engine, stored with their outputs."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.utils import timezone
from pydantic import ValidationError

from recommend import events, leases
from recommend.engines import factory
from recommend.engines.types import ChatMessage, ChatRequest, ChatResult, Sampling
from recommend.models import Generation, JobState, LanguageModel, Stage
from recommend.prompts import Prompt, load
from recommend.stages import explanations, interests, tags

PROMPTS = {
    Stage.INTERESTS: interests.PROMPT,
    Stage.TAGS: tags.PROMPT,
    Stage.EXPLANATIONS: explanations.PROMPT,
}
# Somebody may be waiting for a run; jobs over a population would go behind it.
PRIORITY = 0

Store = Callable[[Generation, Any], None]


@dataclass(frozen=True, slots=True)
class Call:
    """One call to make; (stage, position) names it within the run."""

    stage: Stage
    position: int
    model: LanguageModel
    snapshot: dict[str, Any]
    messages: Callable[[Prompt], tuple[ChatMessage, ...]]
    schema: dict[str, Any]


def make(run_id: UUID, token: UUID, wanted: Sequence[Call], store: Store) -> Iterator[Generation]:
    """Make the calls that are not done yet; yields each generation as it ends, done or failed.

    `store(generation, parsed)` turns a valid answer into outputs, in the transaction that ends the generation; where
    it raises pydantic.ValidationError the generation fails with that reason. Raises LeaseLostError as soon as the run
    is not ours any more, which also stops the calls in flight.
    """
    pending: dict[str, Generation] = {}
    requests: list[ChatRequest] = []
    for call in wanted:
        generation = _claim(run_id, token, call)
        if generation.state == JobState.RUNNING:
            pending[str(generation.pk)] = generation
            requests.append(_request(generation, call))
        else:
            yield generation
    if not requests:
        return
    engine = factory.from_settings(wanted[0].model.engine)
    with leases.watched(run_id, token) as lost, closing(engine.generate(requests, stop=lost)) as results:
        for result in results:
            generation = pending[result.key]
            _finish(run_id, token, generation, result, store)
            yield generation
        if lost.is_set():
            raise leases.LeaseLostError(f"Run {run_id} was cancelled, or is held by another worker.")


def _claim(run_id: UUID, token: UUID, call: Call) -> Generation:
    """The call's generation, made or found; running afterwards unless it has ended."""
    prompt = load(PROMPTS[call.stage])
    snapshot = json.dumps(call.snapshot, sort_keys=True, ensure_ascii=False)
    with leases.locked(run_id, token) as run:
        generation, _ = Generation.objects.get_or_create(
            run=run,
            stage=call.stage,
            position=call.position,
            defaults={
                "shopper_id": run.shopper_id,
                "model": call.model,
                "prompt_version": prompt.version,
                "prompt_sha256": prompt.sha256,
                "input": call.snapshot,
                "input_sha256": sha256(snapshot.encode()).hexdigest(),
            },
        )
        # One that a dead worker left running is made again: nothing of it was stored.
        if generation.state == JobState.QUEUED:
            generation.state = JobState.RUNNING
            generation.save(update_fields=["state"])
    return generation


def _request(generation: Generation, call: Call) -> ChatRequest:
    return ChatRequest(
        key=str(generation.pk),
        messages=call.messages(load(PROMPTS[call.stage])),
        model=call.model.name,
        schema=call.schema,
        sampling=Sampling(max_tokens=call.model.max_tokens, temperature=0.0, seed=0),
        priority=PRIORITY,
        options=call.model.request_options,
    )


def _finish(run_id: UUID, token: UUID, generation: Generation, result: ChatResult, store: Store) -> None:
    error = result.error.message if result.error else ""
    if not error:
        try:
            with leases.locked(run_id, token):
                store(generation, result.parsed)
                _record(generation, result, JobState.DONE, "")
                events.generation_done(generation.pk)
            return
        except ValidationError as invalid:
            error = "The answer is not of the form asked for: " + "; ".join(
                f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in invalid.errors()
            )
    with leases.locked(run_id, token):
        _record(generation, result, JobState.FAILED, error)


def _record(generation: Generation, result: ChatResult, state: JobState, error: str) -> None:
    generation.state = state
    # PostgreSQL stores no NUL; a model may say anything.
    generation.raw_text = result.text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    generation.error = error
    generation.prompt_tokens = result.prompt_tokens
    generation.completion_tokens = result.completion_tokens
    generation.latency_s = result.latency_s
    generation.finished_at = timezone.now()
    generation.save()
