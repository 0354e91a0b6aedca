"""A worker's part of a population job: the runs of a chunk at once, each in the step that it has come to.

Whatever is ready to be asked, of whichever step, goes to the engine, and the next chunk is taken before the last calls
of this one are answered: so the engine has as many requests in flight as it may, and its device is not idle.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, Sum
from django.db.models.functions import Now

from recommend import calls, histories, jobs, leases, pipeline
from recommend.engines.errors import EngineUnavailableError
from recommend.engines.types import ChatRequest, ChatResult, Engine
from recommend.models import (
    ACTIVE_STATES,
    Generation,
    JobState,
    LanguageModel,
    PipelineRun,
    PopulationChunk,
    PopulationShopper,
)
from recommend.populations import planning
from recommend.populations.members import PRIORITY, ended_before, reason_of, run_for
from recommend.prices import price
from recommend.prompts import UnknownPromptError
from recommend.retrieval.errors import NotFittedError
from recommend.sources import SourceError
from recommend.steps.base import StepFailedError

log = logging.getLogger(__name__)

State, Reason = PopulationShopper.State, PopulationShopper.Reason

# Well below the broker's visibility timeout: what takes longer would be delivered a second time meanwhile.
SHIFT_S = 120.0
# How often it is asked whether somebody waits for a run.
LOOK_AROUND_S = 1.0


@dataclass(slots=True)
class _Chunk:
    """A chunk that this worker holds: whose turn is still to come, and how many of its shoppers have not ended."""

    row: PopulationChunk
    token: UUID
    waiting: deque[PopulationShopper]
    n_left: int


@dataclass(slots=True)
class _Run:
    """A run in its present step, and its calls that are still to be answered, by key."""

    id: UUID
    chunk: _Chunk
    member: PopulationShopper
    step: str
    asking: calls.Asking | None = None
    pending: dict[str, Generation] = field(default_factory=dict)
    has_ended: bool = False


class Shift:
    """What one worker does of a population at a stretch: one chunk, and further ones while there is time.

    chunk_id  the first chunk; nothing is done where another worker has it
    on_end    called with the job's id at the end of each chunk, so that others are cut
    seconds   after which nothing more is asked, nor while somebody waits for a run; what is in flight is waited for
    """

    def __init__(self, chunk_id: UUID, on_end: Callable[[UUID], object], seconds: float = SHIFT_S) -> None:
        self._first, self._on_end = chunk_id, on_end
        self._looked_at = time.monotonic()
        self._until = self._looked_at + seconds
        self._holds = ExitStack()
        self._population: UUID | None = None
        self._chunks: list[_Chunk] = []
        self._ready: deque[ChatRequest] = deque()
        self._asked: dict[str, _Run] = {}
        self._is_over = False
        self._silence = ""

    def work(self, engine: Engine) -> list[PopulationChunk]:
        """Do it; returns the chunks that are not done with, and free again.

        Raises EngineUnavailableError, after storing what came, where a call got no answer at all.
        """
        with self._holds, histories.remembered():
            try:
                if self._hold(self._first):
                    self._ask(engine)
            except jobs.LostError:
                log.info("A population was paused or cancelled, or another worker has its chunk.")
            except (NotFittedError, LanguageModel.DoesNotExist, UnknownPromptError) as missing:
                assert self._population is not None
                planning.fail(self._population, str(missing))
        taken = PopulationChunk.objects.filter(PopulationChunk.GOES, pk__in=[chunk.row.pk for chunk in self._chunks])
        if self._silence:
            taken.update(error=self._silence)
            raise EngineUnavailableError(self._silence)
        return list(taken)

    def _ask(self, engine: Engine) -> None:
        population = self._population
        assert population is not None
        stopped = leases.watching(lambda: planning.is_stopped(population))
        with stopped as stop, closing(engine.generate(self._requests(), stop=stop)) as results:
            for result in results:
                self._take(result)
                self._end_chunks()
                if self._silence:
                    return

    # What is asked next -----------------------------------------------------------------------------------------------

    def _requests(self) -> Iterator[ChatRequest | None]:
        while not self._is_time():
            if self._ready:
                yield self._ready.popleft()
            elif (found := self._next()) is not None:
                self._begin(*found)
                self._end_chunks()
            elif self._asked:
                yield None
            else:
                return

    def _is_time(self) -> bool:
        now = time.monotonic()
        if now - self._looked_at >= LOOK_AROUND_S:
            self._looked_at = now
            self._is_over = self._is_over or now >= self._until or somebody_waits()
        return self._is_over

    def _next(self) -> tuple[_Chunk, PopulationShopper] | None:
        while True:
            for chunk in self._chunks:
                if chunk.waiting:
                    return chunk, chunk.waiting.popleft()
            if not self._hold_another():
                return None

    def _hold_another(self) -> bool:
        free = Q(lease_until=None) | Q(lease_until__lt=Now())
        found = PopulationChunk.objects.filter(free, PopulationChunk.GOES, population=self._population)
        return any(self._hold(pk) for pk in found.order_by("created_at", "pk").values_list("pk", flat=True)[:8])

    def _hold(self, chunk_id: UUID) -> bool:
        token = self._holds.enter_context(jobs.held(PopulationChunk, chunk_id))
        if token is None:
            return False
        row = PopulationChunk.objects.select_related("population").get(pk=chunk_id)
        self._population = row.population_id
        waiting = deque(row.members.filter(state=State.WAITING).select_related("shopper").order_by("pk"))
        self._chunks.append(_Chunk(row, token, waiting, len(waiting)))
        self._end_chunks()
        return True

    # A run's way through its steps ------------------------------------------------------------------------------------

    def _begin(self, chunk: _Chunk, member: PopulationShopper) -> None:
        run = run_for(chunk.row, member)
        if run is None:
            self._end_member(chunk, member, State.SKIPPED)
        elif leases.take_over(run.pk, chunk.token):
            self._go_on(_Run(run.pk, chunk, member, run.step))
        else:
            self._end_member(chunk, member, *ended_before(run))

    def _go_on(self, one: _Run) -> None:
        """Do the steps of a run until one asks something, or the run has ended."""
        # One transaction: each that is committed waits for the disk, and all of them together for the next request.
        with self._in_words(one), transaction.atomic():
            while not one.has_ended:
                if self._asks(one, pipeline.do(one.id, one.chunk.token, one.step)):
                    return
                self._step_done(one)

    def _asks(self, one: _Run, asking: calls.Asking | None) -> bool:
        """Hand over the calls of a step that are not made yet; False where none is left."""
        while asking is not None:
            begun = calls.begin(one.id, one.chunk.token, asking, priority=calls.POPULATION_PRIORITY)
            if begun.requests:
                one.asking, one.pending = asking, begun.pending
                self._asked |= dict.fromkeys(begun.pending, one)
                self._ready.extend(begun.requests)
                return True
            asking = asking.then()
        return False

    def _take(self, result: ChatResult) -> None:
        """Store a result, and go on with its run where that was the last of its step."""
        one = self._asked.pop(result.key)
        generation = one.pending.pop(result.key)
        if result.error is not None and result.error.kind == "unavailable":
            # Nobody's fault but the server's: the call is made again, by whoever has the chunk next.
            self._silence, self._is_over = result.error.message, True
            return
        asking = one.asking
        assert asking is not None
        with self._in_words(one):
            with transaction.atomic():
                self._spend(one.chunk, asking.calls[0].model, result)
                if one.has_ended:
                    return
                calls.finish(one.id, one.chunk.token, generation, result, asking.store)
                try:
                    pipeline.check(asking, generation)
                except StepFailedError as error:
                    self._fail(one, reason_of(result), str(error))
                    return
                is_step_done = not one.pending and not self._asks(one, asking.then())
                if is_step_done:
                    self._step_done(one)
            if is_step_done:
                self._go_on(one)

    def _step_done(self, one: _Run) -> None:
        with transaction.atomic():
            run = pipeline.step_done(one.id, one.chunk.token, one.step, is_kept=True)
            if run.is_active:
                one.step = run.step
            else:
                one.has_ended = True
                self._end_member(one.chunk, one.member, State.DONE)

    @contextmanager
    def _in_words(self, one: _Run) -> Iterator[None]:
        """Let a run fail, in words, for what is wrong with it alone."""
        try:
            yield
        except (jobs.LostError, NotFittedError, LanguageModel.DoesNotExist, UnknownPromptError):
            raise
        except (StepFailedError, SourceError) as error:
            self._fail(one, Reason.HISTORY, str(error))
        except leases.LeaseLostError:
            # Somebody cancelled the run alone, or we have lost the chunk: then this raises.
            one.has_ended = True
            self._end_member(one.chunk, one.member, State.FAILED, Reason.CANCELLED)
        except Exception:
            # One shopper's fault must not end a chunk. The traceback is the developers'; the report gets words.
            log.exception("Run %s failed", one.id)
            self._fail(one, Reason.INTERNAL, pipeline.INTERNAL_ERROR)

    @transaction.atomic
    def _fail(self, one: _Run, reason: PopulationShopper.Reason, words: str) -> None:
        one.has_ended = True
        if pipeline.failed(one.id, one.chunk.token, words) is None:
            reason = Reason.CANCELLED
        self._end_member(one.chunk, one.member, State.FAILED, reason)

    # Accounts ---------------------------------------------------------------------------------------------------------

    def _spend(self, chunk: _Chunk, model: LanguageModel, result: ChatResult) -> None:
        money = price(model, result.prompt_tokens, result.completion_tokens)
        jobs.renew(
            chunk.row,
            chunk.token,
            n_calls=F("n_calls") + 1,
            prompt_tokens=F("prompt_tokens") + result.prompt_tokens,
            completion_tokens=F("completion_tokens") + result.completion_tokens,
            money=None if money is None else F("money") + money,
        )

    @transaction.atomic
    def _end_member(
        self,
        chunk: _Chunk,
        member: PopulationShopper,
        state: PopulationShopper.State,
        reason: PopulationShopper.Reason | str = "",
    ) -> None:
        jobs.renew(chunk.row, chunk.token)
        made = Generation.objects.filter(run__population=chunk.row.population_id, run__shopper=member.shopper_id)
        tokens = made.aggregate(n=Sum(F("prompt_tokens") + F("completion_tokens")))["n"] or 0
        values = {"state": state, "reason": reason, "tokens": tokens, "ended_at": Now()}
        PopulationShopper.objects.filter(pk=member.pk).update(**values)
        chunk.n_left -= 1

    def _end_chunks(self) -> None:
        """End the chunks whose shoppers have all ended. Not in the transaction of one: the job's row is locked here."""
        for chunk in [chunk for chunk in self._chunks if not chunk.n_left]:
            self._chunks.remove(chunk)
            jobs.end(chunk.row, chunk.token, JobState.DONE)
            self._on_end(chunk.row.population_id)


def somebody_waits() -> bool:
    """Whether a run that somebody waits for is queued and no worker has it."""
    unheld = Q(lease_until=None) | Q(lease_until__lt=Now())
    waiting = PipelineRun.objects.filter(unheld, population=None, state__in=ACTIVE_STATES, priority__lt=PRIORITY)
    return waiting.exists()
