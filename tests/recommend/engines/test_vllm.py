"""What the `vllm` engine does beyond the contract of all engines."""

import sys
import threading
from collections.abc import Iterator

import pytest

from recommend.engines.types import ChatMessage, ChatRequest, ChatResult, Engine, Sampling
from recommend.engines.vllm import VllmEngine
from tests.recommend.engines.conftest import InProcess


def asked(model: str, key: str = "only", text: str = "Name some goods of a shop.", **options) -> ChatRequest:
    messages = (ChatMessage("system", "Be brief. " * 150), ChatMessage("user", text))
    return ChatRequest(key, messages, model, **{"sampling": Sampling(max_tokens=24), **options})


def only(engine: Engine, request: ChatRequest) -> ChatResult:
    [result] = engine.generate([request])
    return result


def test_without_vllm_every_request_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    engine = VllmEngine("Qwen/Qwen3-14B", "qwen")

    results = list(engine.generate([asked("qwen", "a"), asked("qwen", "b")]))

    assert [result.key for result in results] == ["a", "b"]
    for result in results:
        assert result.error is not None
        assert result.error.kind == "unavailable"
        assert "install the extra `vllm`" in result.error.message


def test_an_adapter_that_cannot_be_read_is_named_with_its_folder(tmp_path):
    engine = VllmEngine("Qwen/Qwen3-14B", "qwen", {"shop": str(tmp_path)})

    result = only(engine, asked("qwen"))

    assert result.error is not None
    assert result.error.kind == "unavailable"
    assert f"The adapter 'shop' cannot be read from '{tmp_path}'" in result.error.message


def test_no_room_for_any_request_is_refused():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        VllmEngine("Qwen/Qwen3-14B", "qwen", concurrency=0)


def test_what_no_server_could_take_is_told_before_anything_is_loaded():
    with pytest.raises(ValueError, match="0 to 20"):
        only(VllmEngine("Qwen/Qwen3-14B", "qwen"), asked("qwen", top_logprobs=21))


@pytest.mark.llm
@pytest.mark.vllm
class TestOnVllm:
    """Asked of a vLLM on the CPU."""

    def test_each_request_is_answered_with_the_adapter_that_it_names(self, vllm_in_process: InProcess):
        engine, base, adapter = vllm_in_process.engine(), vllm_in_process.model, vllm_in_process.adapter

        results = {one.key: one for one in engine.generate([asked(base, "1"), asked(adapter, "2"), asked(base, "3")])}

        assert results["1"].text == results["3"].text
        assert results["2"].text != results["1"].text
        assert engine.ask("models") == [base, adapter]

    def test_what_prompts_begin_with_is_read_once(self, vllm_in_process: InProcess):
        engine = vllm_in_process.engine()
        first = only(engine, asked(vllm_in_process.model, text="Name a fruit."))
        before = engine.ask("n_cached_tokens")

        only(engine, asked(vllm_in_process.model, text="Name a colour."))

        again = engine.ask("n_cached_tokens") - before
        # Whole blocks of tokens are kept, of up to 128 each.
        assert first.prompt_tokens / 2 < again < first.prompt_tokens

    def test_an_option_that_vllm_does_not_know_is_refused_by_name(self, vllm_in_process: InProcess):
        result = only(vllm_in_process.engine(), asked(vllm_in_process.model, options={"cache_prompt": True}))

        assert result.error is not None
        assert result.error.kind == "refused"
        assert "cache_prompt" in result.error.message

    def test_the_template_and_the_sampling_get_the_model_s_own_options(self, vllm_in_process: InProcess):
        options = {"chat_template_kwargs": {"enable_thinking": False}, "min_tokens": 24, "ignore_eos": True}

        result = only(vllm_in_process.engine(), asked(vllm_in_process.model, options=options))

        assert result.completion_tokens == 24

    def test_what_one_thread_waits_for_overtakes_the_batch_of_another(self, vllm_in_process: InProcess):
        engine, model = vllm_in_process.engine(), vllm_in_process.model
        sampling, patient = Sampling(max_tokens=48, temperature=1.0), list[str]()

        def batch() -> Iterator[ChatRequest]:
            for n in range(40):
                yield asked(model, f"{n}", "Tell a story.", sampling=sampling, priority=15)

        def work() -> None:
            patient.extend(result.key for result in engine.generate(batch()))

        working = threading.Thread(target=work)
        working.start()
        while engine.ask("n_running") < 30:
            pass

        urgent = only(engine, asked(model, "urgent", "Tell a story.", sampling=sampling))
        n_before = len(patient)
        working.join()

        assert urgent.error is None or urgent.error.kind == "truncated"
        # Eight run at once: it waits for one of those, and not for the queue.
        assert n_before < 24
        assert len(patient) == 40
