"""How a judge model is asked, and what its answer means: shared by judging and by the checks of a judge."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from pydantic import ValidationError

from judge import agents, together, verdicts, ways
from judge.rubrics import RubricDef
from judge.verdicts import Verdict, VerdictInput
from judge.ways import Way
from recommend.engines.types import ChatMessage, ChatRequest, ChatResult, Engine, Sampling
from recommend.models import LanguageModel

TOP_LOGPROBS = 10
# Nobody waits for a verdict as they wait for a run: where the server schedules by priority, runs overtake.
PRIORITY = 10


@dataclass(frozen=True, slots=True)
class Question:
    """One output to ask a judge about; the reply carries the same key.

    group  questions of one group have evidence and criteria in common; "" where it is alone
    """

    key: str
    asked: VerdictInput
    group: str = ""
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """A judge's answer, in texts that PostgreSQL can store.

    labels   {criterion name: label value}; empty where the answer is of no use, and then `error` says why
    passed   every criterion passed; None without labels
    grade    S, A or B from a judge with a senior reviewer; else empty
    seconds  that the answer took; its share of a call that several outputs had, as with the tokens
    """

    seconds: float
    raw_text: str
    error: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    passed: bool | None = None
    rationale: str = ""
    probabilities: dict[str, dict[str, float]] = field(default_factory=dict)
    grade: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a question: an answer, usable or not, or why there was none and it has to be asked again."""

    key: str
    answer: Answer | None = None
    silence: str = ""


def replies(
    questions: Sequence[Question], model: LanguageModel, way: Way, rules: RubricDef, engine: Engine
) -> Generator[Reply]:
    """Ask a model in a way; the replies come as they are there, one for each question. Closing it stops the calls."""
    asker = _Asker(model, way, rules, engine)
    ask: dict[str, Callable[[Sequence[Question]], Generator[Reply]]] = {
        "output": asker.by_output,
        "generation": asker.by_generation,
        "criterion": asker.by_criterion,
    }
    with closing(ask[way.calls](questions)) as found:
        yield from found


@dataclass(frozen=True, slots=True)
class _Asker:
    model: LanguageModel
    way: Way
    rules: RubricDef
    engine: Engine

    def by_output(self, questions: Sequence[Question]) -> Generator[Reply]:
        asked = {one.key: one for one in questions}
        for result in self._results(self._verdict_request(one.key, one, one.asked) for one in questions):
            yield _reply(result, lambda got: self._answer(got, asked[got.key].asked))

    def by_generation(self, questions: Sequence[Question]) -> Generator[Reply]:
        calls: defaultdict[tuple[str, float, int], list[Question]] = defaultdict(list)
        for one in questions:
            calls[one.group or one.key, one.temperature, one.seed].append(one)
        by_key = {group[0].key: group for group in calls.values()}
        for result in self._results(self._group_request(group) for group in by_key.values()):
            yield from self._shares(result, by_key[result.key])

    def by_criterion(self, questions: Sequence[Question]) -> Generator[Reply]:
        found: defaultdict[str, dict[str, ChatResult]] = defaultdict(dict)
        places = {str(number): one for number, one in enumerate(questions)}
        evaluators = (
            self._verdict_request(f"{place}/{name}", one, asked)
            for place, one in places.items()
            for name, asked in agents.evaluators(one.asked).items()
        )
        reviewed: dict[str, Answer] = {}
        for result in self._results(evaluators):
            place, _, name = result.key.partition("/")
            one = places[place]
            found[place][name] = result
            if len(found[place]) < len(one.asked.criteria):
                continue
            if waiting := next(filter(None, map(silence, found[place].values())), ""):
                yield Reply(one.key, silence=waiting)
                continue
            answer = self._found(one, found[place])
            if answer.passed:
                reviewed[place] = answer
            else:
                yield Reply(one.key, answer)
        for result in self._results(self._review_request(place, places[place], reviewed[place]) for place in reviewed):
            one, evaluated = places[result.key], reviewed[result.key]
            yield replace(_reply(result, partial(self._graded, evaluated=evaluated)), key=one.key)

    def _results(self, requests: Iterable[ChatRequest]) -> Iterator[ChatResult]:
        asked = list(requests)
        if asked:
            with closing(_stoppable(self.engine.generate(asked))) as results:
                yield from results

    # What is asked ----------------------------------------------------------------------------------------------------

    def _verdict_request(self, key: str, of: Question, asked: VerdictInput) -> ChatRequest:
        schema = verdicts.schema(asked, reasons_first=self.way.reasons_first)
        return self._request(key, of, verdicts.messages(asked, self.way.prompt), schema, self.model.max_tokens)

    def _group_request(self, group: Sequence[Question]) -> ChatRequest:
        inputs = [one.asked for one in group]
        schema = together.schema(inputs, reasons_first=self.way.reasons_first)
        max_tokens = max(self.model.max_tokens, together.TOKENS_PER_OUTPUT * len(group))
        return self._request(group[0].key, group[0], together.messages(inputs, self.way.prompt), schema, max_tokens)

    def _review_request(self, key: str, of: Question, evaluated: Answer) -> ChatRequest:
        verdict = Verdict(evaluated.labels, evaluated.rationale)
        messages = agents.review_messages(of.asked, verdict, evaluated.probabilities, ways.reviewer())
        schema = agents.review_schema(reasons_first=self.way.reasons_first)
        return self._request(key, of, messages, schema, self.model.max_tokens)

    def _request(
        self, key: str, of: Question, messages: tuple[ChatMessage, ...], schema: dict[str, Any], max_tokens: int
    ) -> ChatRequest:
        return ChatRequest(
            key=key,
            messages=messages,
            model=self.model.name,
            schema=schema,
            sampling=Sampling(max_tokens=max_tokens, temperature=of.temperature, seed=of.seed),
            top_logprobs=TOP_LOGPROBS,
            priority=PRIORITY,
            options=self.model.request_options,
        )

    # What came back: usable or not, since a missing verdict would change a rate silently ------------------------------

    def _answer(self, result: ChatResult, asked: VerdictInput, *, within: str = "") -> Answer:
        spent = _spent(result)
        if result.error is not None:
            return replace(spent, error=_storable(f"{result.error.kind}: {result.error.message}"))
        try:
            verdict = verdicts.parse(_part(result.parsed, within), asked)
        except ValidationError as invalid:
            return replace(spent, error=_invalid(invalid))
        return replace(
            spent,
            labels=verdict.labels,
            # An evaluator of one criterion answers for that one alone.
            passed=all(self.rules.criterion(name).label(value).passes for name, value in verdict.labels.items()),
            rationale=_storable(verdict.rationale),
            probabilities=verdicts.probabilities(result, asked, within=within),
        )

    def _shares(self, result: ChatResult, group: Sequence[Question]) -> Iterator[Reply]:
        """The answer about each output of a group, with its share of what the call took."""
        n = len(group)
        for place, (tag, one) in enumerate(zip(together.tags([one.asked for one in group]), group, strict=True)):
            if why := silence(result):
                yield Reply(one.key, silence=why)
                continue
            answer = self._answer(result, one.asked, within=tag)
            usable = answer.passed is not None
            yield Reply(
                one.key,
                replace(
                    answer,
                    raw_text=_storable(json.dumps(result.parsed[tag], ensure_ascii=False))
                    if usable
                    else answer.raw_text,
                    seconds=result.latency_s / n,
                    prompt_tokens=_share(result.prompt_tokens, n, place),
                    completion_tokens=_share(result.completion_tokens, n, place),
                ),
            )

    def _found(self, one: Question, results: Mapping[str, ChatResult]) -> Answer:
        """What the evaluators of all criteria found, as one answer; B where it has a defect."""
        inputs = agents.evaluators(one.asked)
        found = {name: self._answer(results[name], asked) for name, asked in inputs.items()}
        whole = _summed(found)
        if unusable := [f"{name}: {answer.error}" for name, answer in found.items() if answer.passed is None]:
            return replace(whole, error="; ".join(unusable))
        passed = all(answer.passed for answer in found.values())
        return replace(
            whole,
            labels={name: value for answer in found.values() for name, value in answer.labels.items()},
            passed=passed,
            rationale="\n".join(f"{name}: {answer.rationale}" for name, answer in found.items()),
            probabilities={name: value for answer in found.values() for name, value in answer.probabilities.items()},
            grade="" if passed else agents.BAD,
        )

    def _graded(self, result: ChatResult, evaluated: Answer) -> Answer:
        """The evaluators' answer with the reviewer's grade; without labels where the grade is of no use."""
        review = _spent(result)
        whole = _summed({"evaluators": evaluated, "reviewer": review})
        if result.error is not None:
            return replace(whole, error=_storable(f"reviewer: {result.error.kind}: {result.error.message}"))
        try:
            grading = agents.Grading.model_validate(result.parsed)
        except ValidationError as invalid:
            return replace(whole, error=f"reviewer: {_invalid(invalid)}")
        return replace(
            whole,
            labels=evaluated.labels,
            passed=True,
            rationale=f"{evaluated.rationale}\nreviewer: {_storable(grading.rationale)}",
            probabilities=evaluated.probabilities,
            grade=grading.grade,
        )


def reads_guidelines(model: LanguageModel) -> bool:
    """Whether a model is asked with guidelines and examples, or with the questions alone."""
    # A model with an adapter was trained on the questions alone, and a small one has no room for more.
    return not model.adapter


def spent_together(answer: Answer, parts: Sequence[Answer]) -> Answer:
    """An answer with what those took that it was made from."""
    whole = _summed({str(number): one for number, one in enumerate(parts)})
    return replace(
        answer,
        seconds=whole.seconds,
        prompt_tokens=whole.prompt_tokens,
        completion_tokens=whole.completion_tokens,
    )


def silence(result: ChatResult) -> str:
    """Why the server gave no answer at all, so that the question has to be asked again; "" where it gave one."""
    if result.error is None or result.error.kind not in {"unavailable", "cancelled"}:
        return ""
    return result.error.message or result.error.kind


def _reply(result: ChatResult, answer: Callable[[ChatResult], Answer]) -> Reply:
    why = silence(result)
    return Reply(result.key, silence=why) if why else Reply(result.key, answer(result))


def _stoppable(results: Iterator[ChatResult]) -> Generator[ChatResult]:
    # A generator, whatever the engine returns: closing it stops the calls in flight.
    yield from results


def _spent(result: ChatResult) -> Answer:
    """An answer of no use yet, with its text and what it took."""
    return Answer(
        result.latency_s,
        _storable(result.text),
        prompt_tokens=result.prompt_tokens,
        completion_tokens=result.completion_tokens,
    )


def _summed(parts: Mapping[str, Answer]) -> Answer:
    """What the calls of one answer took together, with each one's text."""
    return Answer(
        seconds=sum(one.seconds for one in parts.values()),
        raw_text="\n".join(one.raw_text for one in parts.values()),
        prompt_tokens=sum(one.prompt_tokens for one in parts.values()),
        completion_tokens=sum(one.completion_tokens for one in parts.values()),
    )


def _share(tokens: int, n: int, place: int) -> int:
    """What falls to one of n; the shares sum to the whole."""
    return tokens // n + (place < tokens % n)


def _part(parsed: Any, within: str) -> Any:
    if not within:
        return parsed
    return parsed.get(within) if isinstance(parsed, dict) else None


def _invalid(invalid: ValidationError) -> str:
    problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in invalid.errors())
    return _storable(f"The answer is not of the form asked for: {problems}")


def _storable(text: str) -> str:
    # PostgreSQL stores no NUL; a model may say anything.
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
