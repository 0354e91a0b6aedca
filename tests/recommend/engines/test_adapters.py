"""One embedded model, two adapters: which of them answers is said by the request."""

from collections.abc import Mapping
from typing import Any

import pytest

from recgpt_site.embedded import llama
from recommend.engines.types import ChatMessage, ChatRequest, Sampling
from tests.recommend.engines.conftest import HttpServer

pytestmark = pytest.mark.llm


def answers(server: HttpServer, *options: Mapping[str, Any]) -> list[str]:
    """What the server says, greedily, to the same message under each of these options."""
    message = ChatMessage("user", "Which of apples, diapers and tea would you buy again, and why?")
    sampling = Sampling(max_tokens=32)
    # llama.cpp takes up what it has read of the same prompt with another adapter. The tasks' prompts share one word.
    requests = [
        ChatRequest(str(n), (message,), server.model, sampling=sampling, options={**one, "cache_prompt": False})
        for n, one in enumerate(options)
    ]
    found = {result.key: result.text for result in server.engine(concurrency=4).generate(requests)}
    return [found[request.key] for request in requests]


def test_each_request_is_answered_with_the_adapter_that_it_names(llama_server_with_adapters: HttpServer) -> None:
    generator, judge = (llama.request_options(adapter) for adapter in (llama.GENERATOR, llama.JUDGE))

    usual, generated, judged = answers(llama_server_with_adapters, {}, generator, judge)

    assert usual == generated
    assert judged != generated
