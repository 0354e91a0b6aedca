"""Requests as bodies and bodies as results, without a network."""

import pytest

from recommend.engines import wire
from recommend.engines.openai import OpenAIEngine
from recommend.engines.types import ChatMessage, ChatRequest, Sampling, TokenLogprob

MESSAGES = (ChatMessage("system", "Be brief."), ChatMessage("user", "Hello"))


def test_a_plain_request_sends_only_what_it_says():
    body = wire.payload(ChatRequest("a", MESSAGES, "m"), send_priority=False)

    assert body == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
        "max_tokens": 512,
        "temperature": 0.0,
        "top_p": 1.0,
    }


def test_a_full_request_sends_seed_schema_logprobs_and_priority():
    sampling = Sampling(max_tokens=9, temperature=0.7, top_p=0.9, seed=0)
    request = ChatRequest("a", MESSAGES, "m", {"type": "object"}, sampling, top_logprobs=5, priority=-2)

    body = wire.payload(request, send_priority=True)

    assert (body["seed"], body["max_tokens"], body["temperature"], body["top_p"]) == (0, 9, 0.7, 0.9)
    assert (body["logprobs"], body["top_logprobs"], body["priority"]) == (True, 5, -2)
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
    }


def test_a_model_s_own_options_are_sent_and_change_nothing_that_the_request_says():
    request = ChatRequest("a", MESSAGES, "m", options={"repetition_penalty": 1.1, "model": "another", "max_tokens": 1})

    body = wire.payload(request, send_priority=False)

    assert body["repetition_penalty"] == 1.1
    assert (body["model"], body["max_tokens"]) == ("m", 512)


def test_more_alternatives_than_a_server_gives_are_refused():
    with pytest.raises(ValueError, match="0 to 20"):
        wire.payload(ChatRequest("a", MESSAGES, "m", top_logprobs=21), send_priority=False)


def test_log_probabilities_are_read_and_impossible_ones_stay_numbers():
    entry = {
        "token": "Y",
        "logprob": -0.5,
        "top_logprobs": [
            {"token": "Y", "logprob": -0.5},
            {"token": "�", "logprob": -3.0},
            {"token": "�", "logprob": -2.0},
            {"token": "N", "logprob": None},
        ],
    }
    body = {"choices": [{"message": {"content": "Y"}, "finish_reason": "stop", "logprobs": {"content": [entry]}}]}

    result = wire.result(ChatRequest("a", MESSAGES, "m", top_logprobs=4), body, latency_s=0.25)

    assert result.logprobs == (TokenLogprob("Y", -0.5, {"Y": -0.5, "�": -2.0, "N": -9999.0}),)
    assert (result.latency_s, result.prompt_tokens, result.finish_reason) == (0.25, 0, "stop")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"error": {"message": "too long"}}', "too long"),
        ('{"error": "too long"}', "too long"),
        ('{"message": "too long"}', "too long"),
        ('{"detail": "too long"}', "too long"),
        ("[1]", "[1]"),
        ("<h1>Bad\n  gateway</h1>", "<h1>Bad gateway</h1>"),
        ("x" * 1000, "x" * 299 + "…"),
    ],
)
def test_the_words_of_a_server_are_found_and_kept_short(text, words):
    assert wire.server_words(text) == words


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/v1"),
        ("https://llm.example/v1", "https://llm.example/v1"),
        ("https://llm.example/openai/v1/", "https://llm.example/openai/v1/"),
        ("https://who:secret@llm.example/v1", "https://llm.example/v1"),
    ],
)
def test_an_address_is_completed_and_shown_without_a_password(given, used):
    assert OpenAIEngine(given).address == used


@pytest.mark.parametrize("address", ["", "127.0.0.1:8000", "ftp://llm.example", "http://", "http://a:b:c"])
def test_a_wrong_address_is_told_at_once(address):
    with pytest.raises(ValueError, match="address of a language-model server"):
        OpenAIEngine(address)


@pytest.mark.parametrize("options", [{"concurrency": 0}, {"max_attempts": 0}, {"timeout_s": 0}])
def test_limits_that_allow_nothing_are_refused(options):
    with pytest.raises(ValueError, match="at least 1"):
        OpenAIEngine("http://127.0.0.1:1", **options)
