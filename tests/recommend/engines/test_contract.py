"""What every engine must do: `openai` in front of two real servers, llama.cpp and vLLM, and `vllm` itself.

Nothing here depends on how clever the model is, only on servers and engines.
"""

import json
import math
import threading
import time
from collections.abc import Iterator

import pytest

from recommend.engines.types import ChatMessage, ChatRequest, ChatResult, Sampling
from tests.recommend.engines.conftest import HttpServer, Server

# Patterns and lengths keep a model of this size from rambling until the limit.
WORD = {"type": "string", "pattern": "^[a-z]{2,12}$"}
CARD_SCHEMA = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["food", "drink", "toy"]},
        "words": {"type": "array", "items": WORD, "minItems": 2, "maxItems": 3},
        "count": {"type": "integer", "minimum": 0, "maximum": 9},
    },
    "required": ["kind", "words", "count"],
    "additionalProperties": False,
}
LABEL_SCHEMA = {
    "type": "object",
    "properties": {"label": {"enum": ["Excellent", "Good", "Bad"]}},
    "required": ["label"],
    "additionalProperties": False,
}
GOODS = ["apple juice", "building blocks", "rye bread", "lemonade", "teddy bear", "cheese", "cola", "puzzle"]


def request_for(server: Server, key: str, text: str, **options) -> ChatRequest:
    return ChatRequest(key, (ChatMessage("system", "Be brief."), ChatMessage("user", text)), server.model, **options)


def one(server: Server, text: str, **options) -> ChatResult:
    [result] = server.engine().generate([request_for(server, "only", text, **options)])
    return result


def test_the_server_says_which_models_it_serves(http_server: HttpServer):
    health = http_server.engine().health()

    assert health.is_up
    assert http_server.model in health.models
    assert http_server.engine().models() == list(health.models)


def test_every_request_is_answered_once_and_by_its_key(server: Server):
    sampling = Sampling(max_tokens=48, temperature=0.7, seed=1)
    # Schemas and free text, short and long, side by side.
    requests = [
        request_for(
            server,
            f"{n}",
            f"Describe {GOODS[n % 8]} as JSON: its kind, words, count.",
            schema=CARD_SCHEMA if n % 3 else None,
            sampling=sampling,
        )
        for n in range(16)
    ]

    results = list(server.engine(concurrency=8).generate(requests))

    assert sorted(int(result.key) for result in results) == list(range(16))
    for result in results:
        assert result.prompt_tokens > 10
        assert 0 < result.completion_tokens <= 48
        assert result.latency_s > 0
        assert result.text
        assert result.error is None or result.error.kind == "truncated"


def test_the_schema_is_kept(server: Server):
    requests = [
        request_for(
            server,
            goods,
            f"Describe {goods} as JSON: its kind, words, count.",
            schema=CARD_SCHEMA,
            sampling=Sampling(max_tokens=200, temperature=0.8, seed=n),
        )
        for n, goods in enumerate(GOODS)
    ]

    results = list(server.engine(concurrency=8).generate(requests))

    for result in results:
        assert result.error is None, (result.error, result.text)
        assert result.finish_reason == "stop"
        assert json.loads(result.text) == result.parsed
        assert result.parsed["kind"] in {"food", "drink", "toy"}
        assert 2 <= len(result.parsed["words"]) <= 3
        assert 0 <= result.parsed["count"] <= 9


def test_an_enum_gives_one_of_its_labels(server: Server):
    results = list(
        server.engine(concurrency=8).generate(
            request_for(
                server,
                goods,
                f"Rate {goods}.",
                schema=LABEL_SCHEMA,
                sampling=Sampling(max_tokens=40, temperature=1.0, seed=5),
            )
            for goods in GOODS
        )
    )

    assert [result.error for result in results] == [None] * len(GOODS)
    assert {result.parsed["label"] for result in results} <= {"Excellent", "Good", "Bad"}


@pytest.mark.parametrize("schema", [None, CARD_SCHEMA], ids=["text", "json"])
def test_an_answer_cut_at_the_limit_is_an_error_with_its_text_kept(server: Server, schema):
    result = one(server, "Tell a long story as JSON.", schema=schema, sampling=Sampling(max_tokens=6))

    assert result.error is not None
    assert result.error.kind == "truncated"
    assert (result.parsed, result.finish_reason) == (None, "length")
    assert result.text
    assert result.completion_tokens == 6


@pytest.mark.parametrize("schema", [None, CARD_SCHEMA], ids=["text", "json"])
def test_a_seed_repeats_its_answer(server: Server, schema):
    def ask(seed: int) -> str:
        sampling = Sampling(max_tokens=40, temperature=1.0, seed=seed)
        return one(server, "Name some goods of a shop.", schema=schema, sampling=sampling).text

    assert ask(7) == ask(7)
    assert len({ask(seed) for seed in range(3)}) > 1


def test_log_probabilities_are_those_of_a_distribution(server: Server):
    result = one(server, "Name a colour.", sampling=Sampling(max_tokens=12), top_logprobs=20)

    assert len(result.logprobs) in {result.completion_tokens, result.completion_tokens - 1}
    for token in result.logprobs:
        total = sum(math.exp(logprob) for logprob in token.alternatives.values())
        assert 0.3 < total <= 1.001
        assert token.logprob <= 0.001
        # Drawn greedily, so nothing was likelier.
        assert token.logprob == pytest.approx(max(token.alternatives.values()), abs=0.01)
    assert "".join(token.token for token in result.logprobs).strip().startswith(result.text.strip()[:8])


def test_without_a_wish_for_them_there_are_no_log_probabilities(server: Server):
    assert one(server, "Name a colour.", sampling=Sampling(max_tokens=5)).logprobs == ()


def test_log_probabilities_under_a_schema_hold_the_label(server: Server):
    result = one(server, "Rate rye bread.", schema=LABEL_SCHEMA, sampling=Sampling(max_tokens=40), top_logprobs=20)

    assert result.error is None, result.error
    written = "".join(token.token for token in result.logprobs)
    # llama.cpp takes a code fence around the JSON off the text, but not off the tokens.
    start = written.index(result.text.strip())
    place = start + result.text.strip().index(result.parsed["label"])
    label_token = _token_at(result, place)
    # A label may be spelt by several tokens; its first one tells the labels apart.
    assert result.parsed["label"].startswith(label_token.token.lstrip(' "'))
    if server.masks_logprobs:
        assert sum(math.exp(logprob) for logprob in label_token.alternatives.values()) == pytest.approx(1.0, abs=0.02)


def test_an_unknown_model_is_refused_by_vllm_and_ignored_by_llama_cpp(server: Server):
    request = ChatRequest("a", (ChatMessage("user", "Hello"),), "no-such-model", sampling=Sampling(max_tokens=5))

    [result] = server.engine().generate([request])

    if server.checks_model_names:
        assert result.error is not None
        assert result.error.kind == "refused"
        assert "no-such-model" in result.error.message
    else:
        assert result.error is None or result.error.kind == "truncated"


def test_a_prompt_beyond_the_context_is_refused_in_the_servers_words(server: Server):
    result = one(server, "bread and butter " * 2000, sampling=Sampling(max_tokens=5))

    assert result.error is not None
    assert result.error.kind == "refused"
    assert "context" in result.error.message


def test_closing_early_stops_the_server_from_generating(server: Server):
    def endless() -> Iterator[ChatRequest]:
        for n in range(100):
            # The first answer comes at once; the others would take minutes.
            sampling = Sampling(max_tokens=4 if n == 0 else 1500, temperature=1.0, seed=n)
            yield request_for(server, f"{n}", "Write a long story about a shop.", sampling=sampling)

    results = server.engine(concurrency=4).generate(endless())
    assert next(results).key == "0"
    _wait_for(lambda: server.n_running() >= 3)

    results.close()

    # llama.cpp looks for closed connections once it was left alone for a second; asking more often keeps it from it.
    _wait_for(lambda: server.n_running() == 0, every_s=1.5)


def test_a_stop_from_another_thread_ends_the_generating_too(server: Server):
    stop = threading.Event()
    long = Sampling(max_tokens=1500, temperature=1.0, seed=1)
    asked = [request_for(server, f"{n}", "Write a long story about a shop.", sampling=long) for n in range(3)]
    ended: list[list[ChatResult]] = []
    asking = threading.Thread(target=lambda: ended.append(list(server.engine().generate(asked, stop=stop))))
    asking.start()
    _wait_for(lambda: server.n_running() >= 2)

    stop.set()
    asking.join(10)

    assert ended == [[]]
    _wait_for(lambda: server.n_running() == 0, every_s=1.5)


def test_more_urgent_requests_overtake_in_vllm(scheduling_server: Server):
    server = scheduling_server
    sampling = Sampling(max_tokens=24, temperature=1.0)
    patient = [request_for(server, f"patient {n}", "Tell a story.", sampling=sampling, priority=10) for n in range(24)]
    urgent = [request_for(server, f"urgent {n}", "Tell a story.", sampling=sampling, priority=-10) for n in range(4)]

    # All are sent at once and in this order; the server runs eight at a time.
    keys = [result.key for result in server.engine(concurrency=28).generate([*patient, *urgent])]

    assert all(keys.index(request.key) < 20 for request in urgent)


def _token_at(result: ChatResult, place: int):
    end = 0
    for token in result.logprobs:
        end += len(token.token)
        if end > place:
            return token
    raise AssertionError("the text is longer than its tokens")


def _wait_for(condition, every_s: float = 0.1, timeout_s: float = 60.0) -> None:
    end = time.perf_counter() + timeout_s
    while not condition():
        assert time.perf_counter() < end, "it did not happen in time"
        time.sleep(every_s)
