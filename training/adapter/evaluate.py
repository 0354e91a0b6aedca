"""What base model and adapter do on held-out households, by the prompts, schemas and server of the product.

Households that were never trained on, at dates that were never trained on; greedy answers under the JSON schema. Every
rate comes with its n and a Wilson interval at 95%. "Recall" and the judge's rates are against the programmatic teacher
and its planted defects: they say how well the model learned its job, not how good the job's idea is.
"""

import json
import random
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from pydantic import ValidationError

from judge import verdicts
from judge.rubrics import passes
from judge.statistics.intervals import wilson
from recommend import rules, sample_data
from recommend.citations import cited, count_is_exact, names_in, stray_counts
from recommend.compression import CompressedHistory
from recommend.engines.openai import OpenAIEngine
from recommend.engines.types import ChatMessage, ChatRequest, ChatResult, Sampling
from recommend.prompts import load
from recommend.stages import explanations, interests, tags
from recommend.tag_rules import TagContext, check_tag
from training.adapter import examples, teacher
from training.adapter.defects import Case
from training.adapter.examples import Household, Situation
from training.adapter.groups import BY_NAME

DEMO_DATE = date(2018, 1, 1)
TAGS_DATE = date(2017, 12, 3)  # four weeks before the data ends, so that what was bought next is known
MAX_TOKENS = {"interests": 400, "tags": 640, "explanations": 64, "judge": 128}


@dataclass(frozen=True, slots=True)
class Share:
    """k of n."""

    k: int
    n: int

    def as_dict(self) -> dict[str, Any]:
        """Value, n and Wilson interval; value None where n is 0."""
        low, high = wilson(self.k, self.n) if self.n else (0.0, 1.0)
        return {
            "value": round(self.k / self.n, 4) if self.n else None,
            "n": self.n,
            "low": round(low, 4),
            "high": round(high, 4),
        }


@dataclass(slots=True)
class Tally:
    """Shares being counted, by name."""

    hits: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    total: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, name: str, hit: bool, of: int = 1) -> None:
        """Count one more; `of` 0 leaves the total alone."""
        self.hits[name] += hit
        self.total[name] += of

    def as_dict(self) -> dict[str, Any]:
        """name -> share with n and interval."""
        return {name: Share(self.hits[name], n).as_dict() for name, n in self.total.items()}


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is asked; the same for base and adapter."""

    seed: int = 1
    interests: int = 60  # households
    tags: int = 20
    explanations: int = 40  # items
    judge: int = 6  # households; up to nine cases of each kind


def evaluate(plan: Plan, part: str, adapter: Path | None, model: Path) -> dict[str, Any]:
    """The tasks of a part with this model file and adapter (None: the base model as it is packaged)."""
    held_out, usual = _held_out(plan.seed)
    with server(model, adapter) as url:
        engine = OpenAIEngine(url, concurrency=2, timeout_s=600)
        name = engine.models()[0]
        if part == "judge":
            return {"judge": _judge(engine, name, held_out[-plan.judge :], usual, plan)}
        return {
            "interests": _interests(engine, name, held_out[: plan.interests], usual),
            "tags": _tags(engine, name, held_out[: plan.tags], usual),
            "explanations": _explanations(engine, name, held_out, usual, plan),
        }


def is_grounded(reason: str, history: CompressedHistory, catalogue: Iterable[str]) -> bool:
    """Whether a reason cites the history and nothing but it.

    At least one item of the history, no category of the catalogue that the history lacks, and no "×n" beside anything
    else.
    """
    citations = cited(reason, history)
    covered = reason
    for citation in reversed(citations):
        covered = f"{covered[: citation.start]}#{covered[citation.end :]}"
    return bool(citations) and not names_in(covered, catalogue) and not stray_counts(reason, history)


def counts_are_exact(reason: str, history: CompressedHistory) -> bool:
    """Whether the reason cites items and gives the right count beside each that was bought more than once."""
    counts = history.counts()
    citations = cited(reason, history)
    stated = all(citation.count is not None or counts[citation.item] == 1 for citation in citations)
    return bool(citations) and stated and all(count_is_exact(citation, history) for citation in citations)


@contextmanager
def server(model: Path, adapter: Path | None) -> Iterator[str]:
    """The product's own llama.cpp server on a free port; yields its base URL and ends it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "recgpt_site.embedded.llama", "--model", str(model), "--port", str(port)]
    process = subprocess.Popen(
        [*command, *(("--adapter", str(adapter)) if adapter else ())],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes], timeout_s: float = 300.0) -> None:
    # Long: an evaluation comes after two hours of training, which a busy machine should not cost.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + timeout_s
    while time.monotonic() < end and process.poll() is None:
        try:
            with opener.open(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"no language model at {url} within {timeout_s:.0f} s")


def _held_out(seed: int) -> tuple[list[Household], teacher.Population]:
    everyone = examples.households()
    train = [one for one in everyone if not examples.is_held_out(one.external_id, seed)]
    held_out = [one for one in everyone if examples.is_held_out(one.external_id, seed)]
    random.Random(seed).shuffle(held_out)  # noqa: S311 - a reproducible sample
    return held_out, examples.population_of(train)


def _situations(held_out: Sequence[Household], day: date, usual: teacher.Population) -> dict[str, Situation]:
    found = {one.external_id: examples.situation(one, day, usual, examples.N_INTERESTS) for one in held_out}
    return {key: now for key, now in found.items() if now is not None}


def _ask(
    engine: OpenAIEngine,
    model: str,
    task: str,
    chats: Mapping[str, tuple[tuple[ChatMessage, ...], Mapping[str, Any]]],
) -> dict[str, ChatResult]:
    sampling = Sampling(max_tokens=MAX_TOKENS[task])
    requests = (
        ChatRequest(key, messages, model, schema=schema, sampling=sampling) for key, (messages, schema) in chats.items()
    )
    found = {}
    for number, result in enumerate(engine.generate(requests), 1):
        found[result.key] = result
        print(f"\r{task}: {number} of {len(chats)}", end="", flush=True)
    print()
    return found


def _interests(
    engine: OpenAIEngine, model: str, held_out: Sequence[Household], usual: teacher.Population
) -> dict[str, Any]:
    situations = _situations(held_out, DEMO_DATE, usual)
    catalogue = set(sample_data.short_texts().values())
    inputs = {key: examples.interests_input(now) for key, now in situations.items()}
    prompt = load("interests", examples.PROMPT_VERSION)
    chats = {key: (interests.messages(one, prompt), interests.schema(one)) for key, one in inputs.items()}
    tally, seconds, shown = Tally(), [], []
    for key, result in _ask(engine, model, "interests", chats).items():
        now, history = situations[key], situations[key].history
        outputs = _parsed(interests.parse, result, inputs[key])
        seconds.append(result.latency_s)
        tally.add("answer is complete and valid", bool(outputs))
        names = [one.text.lower() for one in outputs]
        for one in outputs:
            tally.add("reason cites only what the history holds", is_grounded(one.reason, history, catalogue))
            tally.add("counts are exact", counts_are_exact(one.reason, history))
            tally.add("is one of the teacher's", one.text in {good.text for good in now.interests})
        tally.add("no interest twice", len(set(names)) == len(names) and bool(names))
        for good in now.interests:
            tally.add("teacher's interests found", good.text.lower() in names)
        shown.append({"shopper": key, "answer": result.text})
    return {"shares": tally.as_dict(), "median_seconds": round(median(seconds), 2), "samples": shown[:3]}


def _tags(engine: OpenAIEngine, model: str, held_out: Sequence[Household], usual: teacher.Population) -> dict[str, Any]:
    situations = _situations(held_out, TAGS_DATE, usual)
    kinds = sample_data.type_names()
    inputs = {key: examples.tags_input(now) for key, now in situations.items()}
    prompt = load("tags", examples.PROMPT_VERSION)
    chats = {key: (tags.messages(one, prompt), tags.schema(one)) for key, one in inputs.items()}
    tally, seconds, shown = Tally(), [], []
    known = set(kinds.values())
    for key, result in _ask(engine, model, "tags", chats).items():
        now = situations[key]
        outputs = _parsed(tags.parse, result, inputs[key])
        seconds.append(result.latency_s)
        tally.add("answer is complete and valid", bool(outputs))
        following = teacher.events_between(now.household.events, TAGS_DATE, TAGS_DATE + teacher.FUTURE)
        bought = {kinds[event.sku] for event in following}
        recent = {re.sub(r" ×\d+$", "", item) for item in now.recent}
        earlier: list[str] = []
        for one in outputs:
            given = [interest.text for interest in now.interests]
            context = TagContext(interests=given, recent=recent, day=TAGS_DATE, most=examples.N_TAGS)
            rejected = check_tag(one.text, one.interest, earlier=earlier, context=context)
            earlier.append(one.text)
            tally.add("passes the rules", rejected is None)
            tally.add("reason cites the history", bool(cited(one.reason, now.history)))
            tally.add("counts are exact", counts_are_exact(one.reason, now.history) or "×" not in one.reason)
            tally.add("is a product type of the catalogue", one.text in known)
            tally.add("bought in the next four weeks", one.text in bought)
        shown.append({"shopper": key, "answer": result.text})
    return {"shares": tally.as_dict(), "median_seconds": round(median(seconds), 2), "samples": shown[:2]}


def _explanations(
    engine: OpenAIEngine, model: str, held_out: Sequence[Household], usual: teacher.Population, plan: Plan
) -> dict[str, Any]:
    rng = random.Random(plan.seed)  # noqa: S311 - a reproducible sample
    wanted = [
        one
        for now in _situations(held_out[: plan.explanations], DEMO_DATE, usual).values()
        for one in examples.explanation_inputs(now, rng)[:2]
    ][: plan.explanations]
    prompt = load("explanations", examples.PROMPT_VERSION)
    chats = {
        str(number): (explanations.messages(one, prompt), explanations.schema(one)) for number, one in enumerate(wanted)
    }
    tally, seconds, texts = Tally(), [], []
    for key, result in _ask(engine, model, "explanations", chats).items():
        one = wanted[int(key)]
        outputs = _parsed(explanations.parse, result, one)
        seconds.append(result.latency_s)
        tally.add("answer is complete and valid", bool(outputs))
        for output in outputs:
            said = set(rules.words(output.text))
            core = set(rules.words(teacher.core_of(one.item.title)))
            group = BY_NAME[one.interest.text]
            linked = set(rules.words(" ".join([one.interest.text, one.interest.reason, *group.occasions])))
            rejected = rules.check_explanation(output.text, title=one.item.title)
            tally.add("passes the rules", rejected is None)
            tally.add("names the item", bool(said & core))
            tally.add(
                "ties it to the interest", bool((said & linked) - core - {"a", "the", "and", "of", "your", "with"})
            )
            texts.append(output.text)
    tally.hits["different from all others"] = len(set(texts))
    tally.total["different from all others"] = len(texts)
    samples = [{"item": one.item.title, "explanation": text} for one, text in zip(wanted, texts, strict=False)][:8]
    return {"shares": tally.as_dict(), "median_seconds": round(median(seconds), 2), "samples": samples}


def _judge(
    engine: OpenAIEngine, model: str, held_out: Sequence[Household], usual: teacher.Population, plan: Plan
) -> dict[str, Any]:
    rng = random.Random(plan.seed)  # noqa: S311 - a reproducible sample
    cases: list[Case] = []
    for now in _situations(held_out, DEMO_DATE, usual).values():
        for made in examples.judge_cases(now, usual, rng).values():
            cases += examples.balanced(made, rng)
    prompt = verdicts.load_prompt()
    chats = {
        str(number): (verdicts.messages(case.input, prompt), verdicts.schema(case.input))
        for number, case in enumerate(cases)
    }
    tally, by_defect, seconds = Tally(), Tally(), []
    for key, result in _ask(engine, model, "judge", chats).items():
        case = cases[int(key)]
        kind = case.input.kind
        seconds.append(result.latency_s)
        verdict = verdicts.parse(result.parsed, case.input) if result.error is None else None
        tally.add("answer is complete and valid", verdict is not None)
        passed = verdict is not None and passes(kind, verdict.labels)
        rate = "planted defects failed (TNR)" if case.defect else "good outputs passed (TPR)"
        right = passed if not case.defect else verdict is not None and not passed
        tally.add(rate, right)
        tally.add(f"{kind}: {rate}", right)
        tally.add(f"{kind}: all labels right", verdict is not None and verdict.labels == case.verdict.labels)
        if case.defect:
            by_defect.add(f"{kind}: {case.defect}", right)
    return {"shares": tally.as_dict(), "defects": by_defect.as_dict(), "median_seconds": round(median(seconds), 2)}


def _parsed(parse: Any, result: ChatResult, input: Any) -> list[Any]:
    if result.error is not None:
        return []
    try:
        return list(parse(result.parsed, input))
    except ValidationError:
        return []


def store(found: Mapping[str, Any], plan: Plan, which: str, path: Path) -> None:
    """Put one model's figures for some tasks beside what the file already holds."""
    held = json.loads(path.read_text()) if path.exists() else {}
    held |= {
        "seed": plan.seed,
        "held_out_share": examples.HELD_OUT_SHARE,
        "dates": {"interests, explanations, judge": DEMO_DATE.isoformat(), "tags": TAGS_DATE.isoformat()},
        "interval": "Wilson, 95%",
        which: {**held.get(which, {}), **found},
    }
    path.write_text(json.dumps(held, indent=1, ensure_ascii=False) + "\n")
