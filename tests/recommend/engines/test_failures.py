"""How the engine behaves towards a server that fails; the server is a stand-in, the network is real."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from recommend.engines.errors import EngineUnavailableError
from recommend.engines.openai import OpenAIEngine, _Fault
from recommend.engines.types import ChatMessage, ChatRequest, ChatResult
from tests.support.failing_server import FailingServer, answer, body, cut, error, failing_server, hang

SCHEMA = {"type": "object", "properties": {"label": {"enum": ["Yes", "No"]}}, "required": ["label"]}


def engine_for(server: FailingServer, *, concurrency: int = 8, timeout_s: float = 5.0) -> OpenAIEngine:
    return OpenAIEngine(server.base_url, concurrency=concurrency, timeout_s=timeout_s, max_attempts=3, backoff_s=0.001)


def request_for(key: str = "a", **options) -> ChatRequest:
    return ChatRequest(key, (ChatMessage("user", "a secret prompt"),), "some-model", **options)


def only(results: Iterator[ChatResult]) -> ChatResult:
    [result] = results
    return result


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_passing_fault_is_tried_again(status):
    with failing_server(error(status), error(status), answer("well")) as server:
        result = only(engine_for(server).generate([request_for()]))

    assert (result.key, result.text, result.error) == ("a", "well", None)
    assert (result.prompt_tokens, result.completion_tokens) == (7, 3)
    assert len(server.seen.bodies) == 3


def test_a_fault_that_stays_is_unavailable_after_all_attempts_with_the_last_reason():
    with failing_server(error(500, "out of cards")) as server:
        result = only(engine_for(server).generate([request_for()]))

    assert result.error is not None
    assert result.error.kind == "unavailable"
    assert "3 attempts" in result.error.message
    assert "500 out of cards" in result.error.message
    assert len(server.seen.bodies) == 3


def test_what_is_asked_next_may_depend_on_a_result():
    taken: list[str] = []

    def requests() -> Iterator[ChatRequest | None]:
        yield request_for("first")
        while not taken:
            yield None
        yield request_for(f"after {taken[0]}")

    with failing_server(answer("well")) as server:
        for result in engine_for(server).generate(requests()):
            taken.append(result.key)

    assert taken == ["first", "after first"]


def test_waiting_for_a_result_when_there_is_none_to_come_is_an_error_and_no_hang():
    with failing_server(answer("well")) as server, pytest.raises(ValueError, match="no result to wait for"):
        list(engine_for(server).generate([None]))


def test_a_cut_connection_is_tried_again():
    with failing_server(cut, answer("well")) as server:
        assert only(engine_for(server).generate([request_for()])).text == "well"


def test_a_server_that_hangs_is_left_after_the_timeout_and_tried_again():
    with failing_server(hang, answer("well")) as server:
        result = only(engine_for(server, timeout_s=0.1).generate([request_for()]))

    assert result.text == "well"
    assert result.latency_s >= 0.1
    assert server.seen.n_left_by_client == 1


def test_a_stop_from_another_thread_closes_what_is_in_flight_and_asks_nothing_more():
    stop = threading.Event()
    with failing_server(answer("well"), hang) as server:
        results = engine_for(server, concurrency=2).generate([request_for(str(n)) for n in range(9)], stop=stop)
        first = next(results)
        threading.Timer(0.1, stop.set).start()
        started = time.perf_counter()

        rest = list(results)
        took_s = time.perf_counter() - started
        _wait_for(lambda: server.seen.n_open == 0)

    assert (first.text, rest) == ("well", [])
    assert took_s < 2
    assert server.seen.n_left_by_client >= 1
    assert len(server.seen.bodies) <= 4


def test_what_is_stopped_before_it_begins_ends_without_a_result():
    stop = threading.Event()
    stop.set()
    with failing_server(hang) as server:
        assert list(engine_for(server).generate([request_for()], stop=stop)) == []


def test_a_server_that_is_not_there_is_unavailable():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}/v1"
    engine = OpenAIEngine(address, max_attempts=2, backoff_s=0.001)

    result = only(engine.generate([request_for()]))

    assert result.error is not None
    assert result.error.kind == "unavailable"
    assert address in result.error.message
    assert not engine.health().is_up
    with pytest.raises(EngineUnavailableError, match="No language model at"):
        engine.models()


def test_the_wait_is_at_least_what_the_server_asks_for():
    with failing_server(error(429, Retry_After="0.2"), answer("well")) as server:
        started = time.perf_counter()
        assert only(engine_for(server).generate([request_for()])).text == "well"

    assert time.perf_counter() - started >= 0.2


def test_a_server_that_asks_for_an_hour_is_not_waited_for():
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    with failing_server(error(503, "maintenance", Retry_After=later)) as server:
        result = only(engine_for(server).generate([request_for()]))

    assert result.error is not None
    assert result.error.kind == "unavailable"
    assert len(server.seen.bodies) == 1


def test_a_senseless_retry_after_is_ignored():
    with failing_server(error(429, Retry_After="soon"), answer("well")) as server:
        assert only(engine_for(server).generate([request_for()])).text == "well"


def test_waits_grow_are_random_and_have_a_ceiling():
    engine = OpenAIEngine("http://127.0.0.1:1", max_attempts=100, backoff_s=1.0)
    longest = [max(engine._wait_s(attempt, _Fault("x")) or 0 for _ in range(300)) for attempt in (1, 3, 9)]

    assert 0.5 < longest[0] <= 1.0
    assert 2.0 < longest[1] <= 4.0
    assert 15.0 < longest[2] <= 30.0


@pytest.mark.parametrize("status", [400, 401, 404, 422])
def test_a_request_that_the_server_refuses_is_not_tried_again_and_holds_its_words(status):
    with failing_server(error(status, "this is too long for me")) as server:
        result = only(engine_for(server).generate([request_for()]))

    assert result.error is not None
    assert result.error.kind == "refused"
    assert str(status) in result.error.message
    assert "this is too long for me" in result.error.message
    assert len(server.seen.bodies) == 1


def test_a_redirect_is_refused_not_followed():
    with failing_server(body("", status=307, Location="http://127.0.0.1:1/")) as server:
        result = only(engine_for(server).generate([request_for()]))

    assert result.error is not None
    assert result.error.kind == "refused"


@pytest.mark.parametrize("text", ["<html>a proxy's page</html>", "{}", '{"choices": []}', "[1]", '{"choices": [3]}'])
def test_a_body_that_is_no_completion_is_tried_again(text):
    with failing_server(body(text), answer("well")) as server:
        assert only(engine_for(server).generate([request_for()])).text == "well"


def test_an_answer_that_the_server_gave_up_is_tried_again():
    with failing_server(answer("We", finish_reason="abort"), answer("well")) as server:
        assert only(engine_for(server).generate([request_for()])).text == "well"


@pytest.mark.parametrize(
    ("content", "finish_reason", "kind"),
    [
        ('{"label": "Yes"', "stop", "invalid_json"),
        ("Yes", "stop", "invalid_json"),
        ("[" * 100_000, "stop", "invalid_json"),
        ('{"label": NaN}', "stop", "invalid_json"),
        ('{"label": "\\u0000"}', "stop", "invalid_json"),
        ('{"label": "\\ud800"}', "stop", "invalid_json"),
        ("", "stop", "invalid_json"),
        (None, "stop", "invalid_json"),
        ('{"label": "Maybe"}', "stop", "schema"),
        ("{}", "stop", "schema"),
        ('{"label": "Yes"', "length", "truncated"),
        # It looks whole, but the model was not done.
        ('{"label": "Yes"}', "length", "truncated"),
        ('{"label": "Yes"}', "content_filter", "refused"),
    ],
)
def test_an_answer_that_breaks_the_schema_is_an_error_with_its_text_kept(content, finish_reason, kind):
    with failing_server(answer(content, finish_reason=finish_reason)) as server:
        result = only(engine_for(server).generate([request_for(schema=SCHEMA)]))

    assert result.error is not None
    assert result.error.kind == kind
    assert result.parsed is None
    assert result.text == (content or "")
    assert result.completion_tokens == 3
    # A sampled answer is the caller's to ask for again, with another seed.
    assert len(server.seen.bodies) == 1


def test_free_text_is_not_parsed_and_an_empty_one_is_an_error():
    with failing_server(answer("[1, 2"), answer("  ")) as server:
        first = only(engine_for(server).generate([request_for()]))
        second = only(engine_for(server).generate([request_for()]))

    assert (first.text, first.parsed, first.error) == ("[1, 2", None, None)
    assert second.error is not None
    assert second.error.kind == "refused"


def test_a_refusal_holds_the_models_words():
    with failing_server(answer(None, refusal="I must not say.")) as server:
        result = only(engine_for(server).generate([request_for()]))

    assert result.error is not None
    assert result.error.kind == "refused"
    assert "I must not say." in result.error.message


def test_text_that_postgresql_cannot_store_is_replaced():
    with failing_server(answer("a\0b\ud800c🎒")) as server:
        assert only(engine_for(server).generate([request_for()])).text == "a\ufffdb\ufffdc🎒"


def test_failures_do_not_touch_the_other_requests():
    steps = [error(400), hang, cut, error(500), *(answer("well") for _ in range(10))]
    with failing_server(*steps) as server:
        results = list(engine_for(server, timeout_s=0.3).generate(request_for(str(n)) for n in range(10)))

    assert sorted(int(result.key) for result in results) == list(range(10))
    assert sum(result.error is not None for result in results) == 1


def test_no_more_requests_are_open_than_allowed():
    with failing_server(answer("well")) as server:
        results = list(engine_for(server, concurrency=3).generate(request_for(str(n)) for n in range(60)))

    assert len(results) == 60
    assert server.seen.most_open <= 3


def test_requests_are_read_only_as_far_ahead_as_needed_and_in_the_callers_thread():
    pulled: list[int] = []
    threads: set[int] = set()

    def requests() -> Iterator[ChatRequest]:
        for n in range(100):
            pulled.append(n)
            threads.add(threading.get_ident())
            yield request_for(str(n))

    with failing_server(answer("well")) as server:
        results = engine_for(server, concurrency=2).generate(requests())
        for n_taken in range(1, 11):
            next(results)
            time.sleep(0.002)
            assert len(pulled) <= n_taken + 2 * 2
        results.close()

    assert threads == {threading.get_ident()}
    assert len(server.seen.bodies) <= len(pulled)


def test_closing_early_leaves_the_requests_in_flight_and_ends_the_thread():
    with failing_server(answer("well"), hang) as server:
        results = engine_for(server, concurrency=4).generate(request_for(str(n)) for n in range(20))
        next(results)
        _wait_for(lambda: server.seen.n_open == 4)

        results.close()

        _wait_for(lambda: server.seen.n_open == 0)
    assert server.seen.n_left_by_client == 4
    assert len(server.seen.bodies) == 5
    assert "openai-engine" not in {thread.name for thread in threading.enumerate()}


def test_closing_while_waiting_to_try_again_does_not_wait():
    with failing_server(answer("well"), error(429, Retry_After="4")) as server:
        results = engine_for(server).generate(request_for(str(n)) for n in range(5))
        next(results)
        started = time.perf_counter()
        results.close()

    assert time.perf_counter() - started < 1.0


def test_an_error_of_the_callers_iterable_surfaces_and_stops_the_rest():
    def requests() -> Iterator[ChatRequest]:
        yield request_for("a")
        raise LookupError("the database went away")

    with failing_server(hang) as server, pytest.raises(LookupError, match="database"):
        list(engine_for(server).generate(requests()))

    assert "openai-engine" not in {thread.name for thread in threading.enumerate()}


def test_two_requests_with_one_key_are_a_mistake_of_the_caller():
    with failing_server(answer("well")) as server, pytest.raises(ValueError, match="two requests have the key 'a'"):
        list(engine_for(server).generate([request_for("a"), request_for("a")]))


def test_a_wrong_schema_is_a_mistake_of_the_caller():
    with failing_server(answer("well")) as server, pytest.raises(ValueError, match="not a JSON schema"):
        list(engine_for(server).generate([request_for(schema={"type": "objekt"})]))


def test_no_requests_give_no_results():
    with failing_server(answer("well")) as server:
        assert list(engine_for(server).generate([])) == []

    assert server.seen.bodies == []


def test_one_engine_answers_two_calls_at_once():
    with failing_server(answer("well")) as server:
        engine = engine_for(server)
        first, second = engine.generate([request_for("a")]), engine.generate([request_for("a")])

        assert {next(first).text, next(second).text} == {"well"}
        assert list(first) == list(second) == []


def test_the_key_is_sent_and_neither_key_nor_prompt_reaches_a_log(caplog):
    caplog.set_level(logging.DEBUG)
    with failing_server(error(500), answer("well")) as server:
        engine = OpenAIEngine(server.base_url, api_key="hush-hush", backoff_s=0.001)
        only(engine.generate([request_for()]))

    assert server.seen.headers[0]["Authorization"] == "Bearer hush-hush"
    assert "attempt 1 of 5 failed" in caplog.text
    assert "hush-hush" not in caplog.text
    assert "a secret prompt" not in caplog.text


@pytest.mark.parametrize("text", ["<html>", '{"models": []}', "[]"])
def test_a_server_without_a_model_list_says_so(text):
    with failing_server(body(text)) as server:
        health = engine_for(server).health()

    assert not health.is_up
    assert "does not speak the OpenAI API" in health.message


def test_a_wrong_api_key_is_told_in_the_servers_words():
    with failing_server(error(401, "Invalid API key")) as server:
        health = engine_for(server).health()

    assert not health.is_up
    assert "401" in health.message
    assert "Invalid API key" in health.message


def _wait_for(condition, timeout_s: float = 5.0) -> None:
    end = time.perf_counter() + timeout_s
    while not condition():
        assert time.perf_counter() < end, "it did not happen in time"
        time.sleep(0.005)
