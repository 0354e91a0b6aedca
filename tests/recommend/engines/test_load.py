"""The engine under load, and through every failure at once; the servers are stand-ins, the network is real."""

import random
import time
from collections import Counter
from itertools import pairwise

import httpx
import pytest

from recommend.engines.openai import OpenAIEngine
from recommend.engines.types import ChatMessage, ChatRequest
from tests.support.failing_server import answer, body, cut, error, failing_server, hang
from tests.support.replay_server import prompt_of, read, record, replay_server

SCHEMA = {"type": "object", "properties": {"label": {"enum": ["Yes", "No"]}}, "required": ["label"]}
GOOD = '{"label": "Yes"}'


def asked(n: int, **options) -> list[ChatRequest]:
    return [ChatRequest(f"{one}", (ChatMessage("user", f"prompt {one}"),), "some-model", **options) for one in range(n)]


def test_a_thousand_requests_are_in_flight_at_once():
    recording = read()
    slowest = max(one.at[-1] for one in recording)
    # Three seconds for the longest answer, counted from the moment that all are there: a busy machine sends slowly.
    with replay_server(recording, rate=slowest / 3, together=1000) as server:
        engine = OpenAIEngine(server.base_url, concurrency=1000)
        started = time.perf_counter()
        results = list(engine.generate(asked(1000)))
        took = time.perf_counter() - started

    assert server.most_open == server.n_asked == len({result.key for result in results}) == 1000
    assert all(result.error is None for result in results)
    texts = Counter(result.text for result in results)
    assert set(texts) == {one.text for one in recording}
    # One after the other would be a thousand times the mean; all at once is little more than the slowest.
    assert took < 100


def test_closing_leaves_a_thousand_requests_and_the_server_stops_answering():
    with replay_server(read(), rate=0.001) as server:
        results = OpenAIEngine(server.base_url, concurrency=1000).generate(_until(server, 1000))
        with pytest.raises(RuntimeError, match="all are open"):
            next(results)

        end = time.perf_counter() + 20
        while server.n_open and time.perf_counter() < end:
            time.sleep(0.01)

    assert (server.n_open, server.n_left_by_client) == (0, 1000)


def _until(server, n: int):
    yield from asked(n)
    end = time.perf_counter() + 60
    while server.n_open < n and time.perf_counter() < end:
        time.sleep(0.01)
    raise RuntimeError("all are open")


def test_a_server_with_few_slots_answers_few_at_once():
    one = read()[0]
    with replay_server([one], rate=one.at[-1] / 0.2, slots=2) as server:  # 0.2 s for an answer
        started = time.perf_counter()
        list(OpenAIEngine(server.base_url, concurrency=8).generate(asked(8)))

    assert time.perf_counter() - started >= 0.8


def test_a_stream_comes_token_by_token_at_the_recorded_pace():
    one = max(read(), key=lambda each: len(each.tokens))
    asking = {"messages": [{"role": "user", "content": "a"}], "stream": True}
    with replay_server([one], rate=one.at[-1] / 1.0) as server, httpx.Client(trust_env=False) as client:
        started, came = time.perf_counter(), list[float]()
        with client.stream("POST", f"{server.base_url}/chat/completions", json=asking) as reply:
            for line in reply.iter_lines():
                if '"content"' in line:
                    came.append(time.perf_counter() - started)

    assert len(came) == len(one.tokens)
    assert came[-1] == pytest.approx(1.0, abs=0.5)
    assert all(first <= second for first, second in pairwise(came))
    assert came[len(came) // 2] < came[-1]


def test_what_was_recorded_from_a_server_is_what_it_replays():
    original = read()[:3]
    bodies = [{"messages": [{"role": "user", "content": f"{n}"}]} for n in range(3)]
    with replay_server(original, rate=1000) as server:
        copy = record(server.base_url, bodies, concurrency=1)

    assert [one.text for one in copy] == [one.text for one in original]
    assert [one.completion_tokens for one in copy] == [one.completion_tokens for one in original]
    with replay_server(list(reversed(copy)), rate=1000) as server, httpx.Client(trust_env=False) as client:
        # A known prompt gets its own answer, whatever the order.
        for asking, one in zip(bodies, original, strict=True):
            reply = client.post(f"{server.base_url}/chat/completions", json=asking).json()
            assert reply["choices"][0]["message"]["content"] == one.text
    assert [one.prompt for one in copy] == [prompt_of(one) for one in bodies]


def test_through_every_failure_at_once_each_request_gets_one_result():
    """429, 500, a hang, a cut stream, no JSON, a wrong schema, nonsense, and good answers, in a random order."""
    draw = random.Random(7)
    steps = [
        draw.choice(
            [
                error(429, Retry_After="0.01"),
                error(500),
                error(400),
                hang,
                cut,
                body("<html>"),
                answer("Yes"),
                answer('{"label": "Maybe"}'),
                answer('{"label"', finish_reason="length"),
                *[answer(GOOD)] * 6,
            ]
        )
        for _ in range(400)
    ]
    with failing_server(*steps, answer(GOOD)) as server:
        engine = OpenAIEngine(server.base_url, concurrency=16, timeout_s=2.0, max_attempts=4, backoff_s=0.001)
        results = list(engine.generate(asked(200, schema=SCHEMA)))

    assert sorted(int(result.key) for result in results) == list(range(200))
    kinds = Counter(result.error.kind if result.error else "good" for result in results)
    assert {"good", "refused", "invalid_json", "schema", "truncated"} <= set(kinds)
    assert all(result.parsed == {"label": "Yes"} for result in results if result.error is None)
    assert kinds["good"] > 100
