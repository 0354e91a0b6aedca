"""The work of a job that explains items ahead: asking for what was written down, storing what runs look up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from pydantic import ValidationError

from recommend import calls, events, jobs
from recommend.ahead import asking
from recommend.ahead.asking import Question
from recommend.ahead.lookup import key_of
from recommend.ahead.pairs import write_down
from recommend.engines import factory
from recommend.engines.errors import UnknownEngineError
from recommend.engines.types import ChatRequest, ChatResult, Sampling
from recommend.languages import LANGUAGES
from recommend.models import (
    ACTIVE_STATES,
    FINISHED,
    ExplanationFill,
    Generation,
    Item,
    JobState,
    LanguageModel,
    Output,
    Stage,
    StoredExplanation,
)
from recommend.prompts import Prompt, UnknownPromptError, load
from recommend.retrieval.errors import NotFittedError
from recommend.stages import explanations
from recommend.stages.explanations import ExplanationInput, Part
from recommend.stages.interests import InterestOutput
from recommend.steps.explanations import GUIDELINES_FROM, explanation_of, item_info

BATCH = 100


def advance(fill_id: UUID) -> ExplanationFill | None:
    """Do the next piece of a job; returns it as it stands then, None where there is nothing to do for this worker.

    Raises EngineUnavailableError, after storing what came, where the model's server is away.
    """
    return jobs.advance(ExplanationFill.objects.all(), fill_id, _advance)


def _advance(fill: ExplanationFill, token: UUID) -> None:
    try:
        model = LanguageModel.objects.serving(Stage.EXPLANATIONS)
        if fill.n_wanted is None:
            write_down(fill, token, model)
        asking.ask(fill, token, factory.from_settings(model.engine), _Asker(fill).questions())
    except (LanguageModel.DoesNotExist, NotFittedError, UnknownEngineError, UnknownPromptError) as missing:
        _end(fill, token, JobState.FAILED, str(missing))
        return
    if not _open(fill).exists():
        _end(fill, token, JobState.DONE)


def _open(fill: ExplanationFill) -> QuerySet[Generation]:
    return Generation.objects.filter(run__explanation_fill=fill, state__in=ACTIVE_STATES)


def let_go(fill: ExplanationFill, state: JobState, error: str = "") -> None:
    """End what a job has under way, as the job itself: what was made stays."""
    _open(fill).update(state=JobState.CANCELLED if state == JobState.DONE else state, error=error, finished_at=Now())
    fill.runs.filter(state__in=ACTIVE_STATES).update(state=state, step=FINISHED, error=error, finished_at=Now())


@transaction.atomic
def _end(fill: ExplanationFill, token: UUID, state: JobState, error: str = "") -> None:
    jobs.renew(fill, token)
    let_go(fill, state, error)
    jobs.end(fill, token, state, error)


@dataclass(frozen=True, slots=True)
class _Pair:
    """A queued generation, and what it is of."""

    generation: Generation
    item: Item
    interest: Output | None
    asked: ExplanationInput
    prompt: Prompt


@dataclass(frozen=True, slots=True)
class _Asker:
    """Asks for what a job has queued, and stores what comes."""

    fill: ExplanationFill

    def questions(self) -> Iterator[Question]:
        """The first call of each pair that is left, in the order in which they were written down."""
        last: UUID | None = None
        while True:
            rows = _open(self.fill).select_related("model").order_by("pk")
            batch = list(rows.filter(pk__gt=last)[:BATCH] if last else rows[:BATCH])
            if not batch:
                return
            last = batch[-1].pk
            items = Item.objects.in_bulk([one.input["ahead"]["item"] for one in batch])
            parents = Output.objects.in_bulk([one.input["ahead"]["parent"] for one in batch])
            for generation in batch:
                ahead = generation.input["ahead"]
                item = items.get(UUID(ahead["item"]))
                if item is not None and item.version == ahead["version"]:
                    yield self._first(self._pair(generation, item, parents.get(UUID(ahead["parent"]))))
                else:
                    self._outdated(generation)

    def _pair(self, generation: Generation, item: Item, interest: Output | None) -> _Pair:
        given = generation.input
        asked = ExplanationInput(
            interest=InterestOutput(given["interest"]["text"], "", ""),
            item=replace(item_info(item), price=None),
            tag=given["tag"],
            reference=date.fromisoformat(given["reference"]),
            language=LANGUAGES[self.fill.language],
        )
        return _Pair(generation, item, interest, asked, load(Stage.EXPLANATIONS, generation.prompt_version))

    def _first(self, pair: _Pair) -> Question:
        first, *second = explanations.asked_for(pair.prompt, apart=pair.generation.model.guideline_apart)
        return self._guideline(pair, first, second[0]) if second else self._text(pair, first)

    def _guideline(self, pair: _Pair, parts: Sequence[Part], then: Sequence[Part]) -> Question:
        generation = Generation(
            **{
                name: getattr(pair.generation, name)
                for name in ("run_id", "shopper_id", "stage", "model_id", "prompt_version", "prompt_sha256")
            },
            position=GUIDELINES_FROM + pair.generation.position,
            input=pair.generation.input,
            input_sha256=pair.generation.input_sha256,
        )

        def store(result: ChatResult) -> Question | None:
            found, error = self._read(result, pair.asked, parts)
            if found is None:
                self._failed(pair.generation, result, error)
                return None
            calls.record(generation, result, JobState.DONE, "")
            self._count(result)
            return self._text(replace(pair, asked=replace(pair.asked, guideline=found.guideline)), then)

        return Question(self._request(pair, parts), store)

    def _text(self, pair: _Pair, parts: Sequence[Part]) -> Question:
        def store(result: ChatResult) -> None:
            found, error = self._read(result, pair.asked, parts)
            if found is None:
                self._failed(pair.generation, result, error)
                return
            output = explanation_of(pair.generation, found, pair.asked, interest=pair.interest, item=pair.item)
            output.save()
            if not output.is_rejected:
                StoredExplanation.objects.update_or_create(
                    item=pair.item,
                    interest=key_of(pair.asked.interest.text),
                    language=self.fill.language,
                    defaults={"stored_at": timezone.now(), "item_version": pair.item.version, "output": output},
                )
            calls.record(pair.generation, result, JobState.DONE, "")
            self._count(result, "n_rejected" if output.is_rejected else "n_made")
            events.generation_done(pair.generation.pk)

        return Question(self._request(pair, parts), store)

    def _request(self, pair: _Pair, parts: Sequence[Part]) -> ChatRequest:
        model = pair.generation.model
        return ChatRequest(
            key=f"{pair.generation.pk}-{'-'.join(parts)}",
            messages=explanations.messages(pair.asked, pair.prompt, parts),
            model=model.name,
            schema=explanations.schema(pair.asked, parts),
            sampling=Sampling(max_tokens=model.max_tokens),
            priority=calls.POPULATION_PRIORITY,
            options=model.request_options,
        )

    def _read(
        self, result: ChatResult, asked: ExplanationInput, parts: Sequence[Part]
    ) -> tuple[explanations.ExplanationOutput | None, str]:
        if result.error is not None:
            return None, result.error.message
        try:
            return explanations.parse(result.parsed, asked, parts)[0], ""
        except ValidationError as invalid:
            return None, calls.words_of(invalid)

    def _failed(self, generation: Generation, result: ChatResult, error: str) -> None:
        calls.record(generation, result, JobState.FAILED, error)
        self._count(result, "n_failed")

    def _outdated(self, generation: Generation) -> None:
        generation.state, generation.finished_at = JobState.FAILED, timezone.now()
        generation.error = "The item has changed, or is gone, since the pair was written down."
        generation.save(update_fields=["state", "error", "finished_at"])
        self._count(ChatResult(key=""), "n_failed")

    def _count(self, result: ChatResult, *counted: str) -> None:
        ExplanationFill.objects.filter(pk=self.fill.pk).update(
            prompt_tokens=F("prompt_tokens") + result.prompt_tokens,
            completion_tokens=F("completion_tokens") + result.completion_tokens,
            **{name: F(name) + 1 for name in counted},
        )
