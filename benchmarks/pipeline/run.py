"""Whether the pipeline keeps the engine full: `python -m benchmarks.pipeline.run`.

The same prompts, at the same concurrency, in one run: through the whole path of a population job (history, prompt,
call, parse, store; one worker, PostgreSQL with fsync), and by the engine driven directly with nothing around it. The
server is that of LLM_BASE_URL and LLM_MODEL, else the embedded llama.cpp; with --replay its answers are recorded first,
and a stand-in gives them back at the pace at which they came, or any other. Shoppers are those of the sample data.
"""

import argparse
import io
import json
import sys
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from benchmarks.services import database
from recgpt_site.embedded import paths, stack
from recgpt_site.embedded.progress import Silent
from recgpt_site.embedded.supervisor import Supervisor
from recgpt_site.seeds import deployments
from recommend import jobs
from recommend.engines import wire
from recommend.engines.openai import OpenAIEngine
from recommend.engines.types import ChatRequest, ChatResult, Engine
from recommend.models import Behavior, LanguageModel, PopulationJob, Shopper
from recommend.populations import planning, services
from recommend.populations.reports import progress_of
from recommend.populations.shifts import Shift
from recommend.registry import serve
from tests.support.replay_server import Recorded, read, record, replay_server, write

STAGES = ("interests", "tags")
BAR = 0.95


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=64, help="of the sample data")
    parser.add_argument("--clones", type=int, default=1, help="shoppers with the history of each household")
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--small", action="store_true", help="ask as the embedded model is: a context of 2,048 tokens")
    parser.add_argument("--rounds", type=int, default=2, help="of each way, in turn")
    parser.add_argument(
        "--replay", type=float, nargs="*", metavar="RATE", help="replay its answers so many times faster"
    )
    parser.add_argument("--recording", type=Path, help="replay this one, of the same households, instead of a new one")
    parser.add_argument("--record", type=Path, help="only write the server's answers to this file")
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    options = parser.parse_args()
    with database() as supervisor:
        base_url = "" if options.recording else server(supervisor)
        load(options.households, is_small=options.small)
        rows = {}
        if options.record:
            write(options.record, recorded(base_url))
            return
        if options.replay is None and not options.recording:
            clone(options.clones)
            rows[settings.LLM_MODEL] = measure(base_url, options.concurrency, options.rounds)
        else:
            answers = read(options.recording) if options.recording else recorded(base_url)
            clone(options.clones)
            for rate in options.replay or [1.0]:
                with replay_server(answers, rate=rate, slots=options.concurrency) as stand_in:
                    rows[f"replay ×{rate:g}"] = measure(stand_in.base_url, options.concurrency, options.rounds)
    print(table(rows))
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1) + "\n")
    if any(row["ratio"] < BAR for row in rows.values()):
        sys.exit(f"Below {BAR:.0%}.")


def server(supervisor: Supervisor) -> str:
    """The language model's address: yours, or the embedded one's, which is started."""
    if stack.uses_own("LLM_BASE_URL"):
        return str(settings.LLM_BASE_URL)
    stack.start_language_model(supervisor, Silent())
    return paths.llm_base_url()


def load(n_households: int, *, is_small: bool) -> None:
    """The first households of the sample, and the models that the settings name, asked for little if small."""
    say(f"Loading {n_households} households …")
    call_command("load_sample", shoppers=n_households, stdout=io.StringIO())
    serve(deployments())
    if is_small:
        LanguageModel.objects.update(history_tokens=352, n_interests=6, n_tags=8, max_tokens=768)


def clone(n: int) -> None:
    """Make of each household so many: a clone has the same history, so the same prompts."""
    for household in list(Shopper.objects.all()):
        behaviors = list(household.behaviors.all())
        for number in range(1, n):
            copy = Shopper.objects.create(
                external_id=f"{household.external_id}-{number}",
                attributes=household.attributes,
                n_behaviors=household.n_behaviors,
                last_behavior_at=household.last_behavior_at,
            )
            for behavior in behaviors:
                behavior.pk, behavior.shopper = None, copy
            Behavior.objects.bulk_create(behaviors, batch_size=5000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


class Recorder:
    """An engine that has the server stream, one answer after the other, and keeps every token with its time."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.answers: dict[str, Recorded] = {}

    def generate(self, requests: Iterable[ChatRequest | None], *, stop: Event | None = None) -> Generator[ChatResult]:
        for request in requests:
            assert request is not None
            (one,) = record(self.base_url, [wire.payload(request, send_priority=False)], concurrency=1)
            self.answers[one.prompt] = one
            choice = {"finish_reason": one.finish_reason, "message": {"content": one.text}}
            usage = {"prompt_tokens": one.prompt_tokens, "completion_tokens": one.completion_tokens}
            yield wire.result(request, {"choices": [choice], "usage": usage}, latency_s=one.at[-1] if one.at else 0.0)


def recorded(base_url: str) -> list[Recorded]:
    """The server's answers to every prompt of the households, one at a time."""
    say("Recording the server's answers …")
    recorder = Recorder(base_url)
    piped(recorder)
    return list(recorder.answers.values())


class Watched:
    """An engine that keeps what it was asked and counts what came."""

    def __init__(self, engine: OpenAIEngine) -> None:
        self.engine = engine
        self.requests: list[ChatRequest] = []
        self.n_tokens = 0

    def generate(self, requests: Iterable[ChatRequest | None], *, stop: Event | None = None) -> Generator[ChatResult]:
        for result in self.engine.generate(self._kept(requests), stop=stop):
            self.n_tokens += result.completion_tokens
            yield result

    def _kept(self, requests: Iterable[ChatRequest | None]) -> Iterator[ChatRequest | None]:
        for request in requests:
            if request is not None:
                self.requests.append(request)
            yield request


def piped(engine: Engine) -> PopulationJob:
    """A population job from beginning to end by one worker."""
    population = services.start(query="all", stages=list(STAGES), by=None, again=True)
    jobs.advance(PopulationJob.objects.all(), population.pk, planning.write_down)
    planning.fill(population.pk)
    while (chunk := population.chunks.filter(state__in=["queued", "running"]).first()) is not None:
        Shift(chunk.pk, planning.fill).work(engine)
    population.refresh_from_db()
    return population


def measure(base_url: str, concurrency: int, n_rounds: int) -> dict[str, Any]:
    """Both ways in turn, after one round that warms up and collects the prompts."""

    def engine() -> Watched:
        return Watched(OpenAIEngine(base_url, concurrency=concurrency, timeout_s=3600))

    say(f"Warming up {base_url} …")
    warm = engine()
    report = progress_of(piped(warm))
    rounds: dict[str, list[float]] = {"direct": [], "pipeline": []}
    for _ in range(n_rounds):
        for way in ("direct", "pipeline"):
            watched, started = engine(), time.perf_counter()
            if way == "direct":
                requests: Sequence[ChatRequest] = warm.requests
                for _result in watched.generate(requests):
                    pass
            else:
                piped(watched)
            rounds[way].append(watched.n_tokens / (time.perf_counter() - started))
            say(f"{way}: {rounds[way][-1]:,.1f} tokens/s, {len(watched.requests)} calls")
    direct, pipeline = (sum(rounds[way]) / n_rounds for way in ("direct", "pipeline"))
    return {
        "calls": len(warm.requests),
        "shoppers": report.n_shoppers,
        "failed": report.n_failed,
        "concurrency": concurrency,
        "rounds": rounds,
        "direct_tokens_per_s": direct,
        "pipeline_tokens_per_s": pipeline,
        "ratio": pipeline / direct,
    }


def table(rows: dict[str, dict[str, Any]]) -> str:
    """The figures, as the README shows them."""
    lines = [
        "| server | shoppers | calls | concurrency | direct, tokens/s | pipeline, tokens/s | ratio |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {name} | {row['shoppers']:,} | {row['calls']:,} | {row['concurrency']} | "
        f"{row['direct_tokens_per_s']:,.0f} | {row['pipeline_tokens_per_s']:,.0f} | {row['ratio']:.1%} |"
        for name, row in rows.items()
    ]
    return "\n".join(lines)


def say(words: str) -> None:
    """A line of progress."""
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
