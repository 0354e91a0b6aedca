"""Language-model calls of runs: claimed in the database, made by the engine, stored with their outputs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.utils import timezone
from pydantic import ValidationError

from recommend import events, leases, prepared
from recommend.engines import factory
from recommend.engines.types import ChatMessage, ChatRequest, ChatResult, Sampling
from recommend.models import Generation, JobState, LanguageModel, Output, PipelineRun, Stage
from recommend.prompts import Prompt

# Where the server schedules by priority: somebody may be waiting for a run, nobody for one of a population. Verdicts on
# what is made now (10) come between, so that they do not pile up.
PRIORITY, POPULATION_PRIORITY = 0, 15
RETRY_TEMPERATURE = 0.3
# What an answer changes of its generation.
ANSWERED = ("state", "raw_text", "error", "prompt_tokens", "completion_tokens", "latency_s", "finished_at")

Store = Callable[[Generation, Any], Iterable[Output]]


@dataclass(frozen=True, slots=True)
class Call:
    """One call to make; (stage, position) names it within the run."""

    stage: Stage
    position: int
    model: LanguageModel
    prompt: Prompt
    snapshot: dict[str, Any]
    messages: Callable[[Prompt], tuple[ChatMessage, ...]]
    schema: dict[str, Any]

    @property
    def input_sha256(self) -> str:
        """The hash of what the prompt is made from."""
        return sha256_of(self.snapshot)


@dataclass(frozen=True, slots=True)
class Asking:
    """What a step asks of its language model.

    store       the outputs of a valid answer, stored in the transaction that ends the generation; where it raises
                pydantic.ValidationError the generation fails with that reason
    is_needed   a call that fails fails the run
    then        what the step asks next, made once all of these calls have ended; None where that was all. It looks at
                what is stored before its own calls, so that a run that goes on elsewhere asks the same
    """

    calls: Sequence[Call]
    store: Store
    is_needed: bool = True
    then: Callable[[], Asking | None] = lambda: None


@dataclass(frozen=True, slots=True)
class Begun:
    """The calls of a step as they stand: those that have ended before, and requests for those that have not."""

    ended: list[Generation]
    pending: dict[str, Generation]
    requests: list[ChatRequest]


def sha256_of(snapshot: Mapping[str, Any]) -> str:
    """The hash of what a prompt is made from."""
    return sha256(json.dumps(snapshot, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def begin(run_id: UUID, token: UUID, asking: Asking, *, priority: int = PRIORITY) -> Begun:
    """Claim the calls of a step. Raises LeaseLostError where the run is not ours any more."""
    begun = Begun([], {}, [])
    with leases.locked(run_id, token) as run:
        claimed = _claim(run, asking.calls)
    for call, generation in zip(asking.calls, claimed, strict=True):
        if generation.state == JobState.RUNNING:
            request = _request(generation, call, run.attempt, priority)
            begun.pending[request.key] = generation
            begun.requests.append(request)
        else:
            begun.ended.append(generation)
    return begun


def make(run_id: UUID, token: UUID, asking: Asking) -> Iterator[Generation]:
    """Make the calls that are not done yet; yields each generation as it ends, done or failed.

    Raises LeaseLostError as soon as the run is not ours any more, which also stops the calls in flight.
    """
    begun = begin(run_id, token, asking)
    yield from begun.ended
    if not begun.requests:
        return
    engine = factory.from_settings(asking.calls[0].model.engine)
    with leases.watched(run_id, token) as lost, closing(engine.generate(begun.requests, stop=lost)) as results:
        for result in results:
            generation = begun.pending[result.key]
            finish(run_id, token, generation, result, asking.store)
            yield generation
        if lost.is_set():
            raise leases.LeaseLostError(f"Run {run_id} was cancelled, or is held by another worker.")


def _claim(run: PipelineRun, wanted: Sequence[Call]) -> list[Generation]:
    """The generation of each call of a locked run, made or found, running afterwards unless it has ended."""
    stages = {call.stage for call in wanted}
    found = {(one.stage, one.position): one for one in run.generations.filter(stage__in=stages)}
    # One that a dead worker left running is made again: nothing of it was stored.
    queued = [one for one in found.values() if one.state == JobState.QUEUED]
    if queued:
        Generation.objects.filter(pk__in=[one.pk for one in queued]).update(state=JobState.RUNNING)
        for one in queued:
            one.state = JobState.RUNNING
    new = {
        (call.stage, call.position): _generation(run, call)
        for call in wanted
        if (call.stage, call.position) not in found
    }
    prepared.insert(list(new.values()))
    return [(found | new)[call.stage, call.position] for call in wanted]


def _generation(run: PipelineRun, call: Call) -> Generation:
    return Generation(
        run=run,
        shopper_id=run.shopper_id,
        stage=call.stage,
        position=call.position,
        model=call.model,
        prompt_version=call.prompt.version,
        prompt_sha256=call.prompt.sha256,
        input=call.snapshot,
        input_sha256=call.input_sha256,
        state=JobState.RUNNING,
    )


def _request(generation: Generation, call: Call, attempt: int, priority: int) -> ChatRequest:
    return ChatRequest(
        key=str(generation.pk),
        messages=call.messages(call.prompt),
        model=call.model.name,
        schema=call.schema,
        sampling=Sampling(
            max_tokens=call.model.max_tokens,
            # The likeliest answer was of no use: another one is drawn, near it.
            temperature=0.0 if attempt == 1 else RETRY_TEMPERATURE,
            seed=attempt - 1,
        ),
        priority=priority,
        options=call.model.request_options,
    )


def finish(run_id: UUID, token: UUID, generation: Generation, result: ChatResult, store: Store) -> None:
    """Store what a call gave, or why it gave nothing. Raises LeaseLostError, storing nothing."""
    error = result.error.message if result.error else ""
    if not error:
        try:
            with leases.locked(run_id, token):
                prepared.insert(list(store(generation, result.parsed)))
                record(generation, result, JobState.DONE, "")
                events.generation_done(generation.pk)
            return
        except ValidationError as invalid:
            error = words_of(invalid)
    with leases.locked(run_id, token):
        record(generation, result, JobState.FAILED, error)


def words_of(invalid: ValidationError) -> str:
    """What is wrong with an answer that is not of its stage's form."""
    faults = (f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in invalid.errors())
    return "The answer is not of the form asked for: " + "; ".join(faults)


def record(generation: Generation, result: ChatResult, state: JobState, error: str) -> None:
    """Store what a call gave, or why it gave nothing, with its generation."""
    generation.state = state
    # PostgreSQL stores no NUL; a model may say anything.
    generation.raw_text = result.text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    generation.error = error
    generation.prompt_tokens = result.prompt_tokens
    generation.completion_tokens = result.completion_tokens
    generation.latency_s = result.latency_s
    generation.finished_at = timezone.now()
    generation.save(update_fields=ANSWERED)
