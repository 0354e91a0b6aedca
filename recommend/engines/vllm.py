"""The `vllm` engine: vLLM in this process, for a worker that owns its GPU.

Weights fill a card, so a process has one such engine, and all its threads share it: what is asked by any of them is in
one queue, most urgent first. vLLM is an extra: it is imported when the first request comes, never before. Nothing here
needs Django.
"""

import asyncio
import json
import logging
import os
import threading
import time
from collections.abc import Generator, Iterable, Mapping
from concurrent.futures import Future
from multiprocessing import active_children
from pathlib import Path
from typing import Any
from uuid import uuid4

from recommend.engines import wire
from recommend.engines.errors import EngineUnavailableError
from recommend.engines.flow import answered
from recommend.engines.guard import Guard
from recommend.engines.types import ChatRequest, ChatResult, EngineError, ErrorKind

logger = logging.getLogger(__name__)

NOT_INSTALLED = (
    "vLLM is not installed in this worker's environment: install the extra `vllm` there, or let only workers that have "
    "it take tasks of the models whose engine is `vllm`."
)
# The ranks that vLLM makes room for.
LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
# Of its own process: forking ours would copy database connections, and CUDA does not survive it. And it reports to
# its makers how it is used, unless told not to.
ENVIRONMENT = {"VLLM_WORKER_MULTIPROC_METHOD": "spawn", "VLLM_NO_USAGE_STATS": "1"}


class VllmEngine:
    """Answers chat requests by a vLLM that this process runs itself; it is loaded with the first request, and kept.

    model        folder or hub name of the weights
    name         by which requests ask for them
    adapters     LoRA adapters: the name by which requests ask for one -> its folder, as PEFT writes it
    concurrency  half of what one `generate` hands to vLLM at once; what does not fit on the card waits in vLLM's queue,
                 most urgent first
    options      further arguments of vLLM's AsyncEngineArgs, such as {"max_model_len": 32768}
    """

    def __init__(
        self,
        model: str,
        name: str,
        adapters: Mapping[str, str] | None = None,
        concurrency: int = 32,
        *,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        if concurrency < 1:
            raise ValueError(f"concurrency is at least 1, got {concurrency}")
        self.model, self.name, self.adapters = model, name, dict(adapters or {})
        self.concurrency = concurrency
        self.options = dict(options or {})
        self._core: _Core | None = None
        self._starting = threading.Lock()

    def generate(
        self, requests: Iterable[ChatRequest | None], *, stop: threading.Event | None = None
    ) -> Generator[ChatResult]:
        """Answer every request once, in the order they finish; closing the iterator early, or `stop`, stops the rest.

        At most 2 · concurrency requests are read ahead of the results taken. Raises ValueError for two requests
        with one key, for a request that no server could take, and for a None with no result to come; everything else is
        a result with an error, also that vLLM is not installed or does not start.
        """
        yield from answered(iter(requests), self._send, 2 * self.concurrency, stop)

    def models(self) -> list[str]:
        """The names that requests may ask for."""
        return [self.name, *self.adapters]

    def n_running(self) -> int:
        """Requests that tokens are made for, or will be."""
        return self._core.llm.get_num_unfinished_requests() if self._core else 0

    def n_cached_tokens(self) -> int:
        """Tokens of prompts that had not to be read again, as they began like an earlier one, since vLLM was loaded."""
        return self._core.n_cached_tokens if self._core else 0

    def close(self) -> None:
        """End vLLM's process and free the card; the next request would load it anew."""
        with self._starting:
            core, self._core = self._core, None
        if core is not None:
            core.close()

    def _send(self, request: ChatRequest) -> Future[ChatResult]:
        wire.payload(request, send_priority=True)  # raises for what no server could take
        try:
            core = self._started()
        except EngineUnavailableError as error:
            failed: Future[ChatResult] = Future()
            failed.set_result(_failed(request, "unavailable", str(error), time.perf_counter()))
            return failed
        return asyncio.run_coroutine_threadsafe(core.answer(request), core.loop)

    def _started(self) -> "_Core":
        """The running vLLM; loaded anew where it was not, or has died. Raises EngineUnavailableError."""
        with self._starting:
            if self._core is not None and self._core.has_died:
                self._core.close()
                self._core = None
            if self._core is None:
                self._core = _Core(self)
            return self._core


class _Core:
    """A running vLLM and the event loop, in a thread of its own, on which it answers."""

    def __init__(self, engine: VllmEngine) -> None:
        self._loop_runs = threading.Thread(target=self._run, name="vllm-engine", daemon=True)
        self._name = engine.name
        self.loop = asyncio.new_event_loop()
        self.has_died = False
        self.n_cached_tokens = 0
        self._loop_runs.start()
        try:
            arguments = _lora_arguments(engine.adapters) | engine.options
            self._adapters = _lora_requests(engine.adapters)
            before = set(active_children())
            self.llm = asyncio.run_coroutine_threadsafe(_load(engine.model, arguments), self.loop).result()
        except BaseException as error:
            self._end_loop()
            if isinstance(error, EngineUnavailableError):
                raise
            logger.exception("vLLM did not start")
            raise EngineUnavailableError(
                f"vLLM did not start with {engine.model!r}: {wire.shortened(str(error) or type(error).__name__)}"
            ) from error
        self._guard = Guard([child.pid for child in set(active_children()) - before if child.pid])
        self._defaults = self.llm.model_config.get_diff_sampling_param()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def close(self) -> None:
        self.llm.shutdown()
        self._guard.release()
        self._end_loop()

    def _end_loop(self) -> None:
        asyncio.run_coroutine_threadsafe(_cancel_others(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._loop_runs.join()
        self.loop.close()

    async def answer(self, request: ChatRequest) -> ChatResult:
        """The result of one request; cancelled, no more tokens are made for it."""
        from vllm.v1.engine.exceptions import EngineDeadError

        started = time.perf_counter()
        if request.model != self._name and request.model not in self._adapters:
            known = ", ".join([self._name, *self._adapters])
            return _failed(request, "refused", f"No model is called {request.model!r} here; there is {known}.", started)
        try:
            prompt = self._prompt(request)
            limit = self.llm.model_config.max_model_len
            if len(prompt) >= limit:
                words = f"The prompt has {len(prompt)} tokens; the context of {self._name} has {limit}."
                return _failed(request, "refused", words, started)
            outputs = self.llm.generate(
                {"type": "token", "prompt_token_ids": prompt},
                self._sampling(request),
                uuid4().hex,
                lora_request=self._adapters.get(request.model),
                priority=request.priority,
            )
            (output,) = [output async for output in outputs]
            self.n_cached_tokens += output.num_cached_tokens or 0
            return wire.result(request, _body(output), latency_s=time.perf_counter() - started)
        except EngineDeadError as error:
            self.has_died = True
            return _failed(request, "unavailable", f"vLLM has died ({error}); it is loaded again.", started)
        except wire.BadBodyError as error:
            return _failed(request, "unavailable", str(error), started)
        except Exception as error:  # a template, option or schema that vLLM does not take
            return _failed(request, "refused", wire.shortened(str(error.__cause__ or error)), started)

    def _prompt(self, request: ChatRequest) -> list[int]:
        tokenizer = self.llm.get_tokenizer()
        text = tokenizer.apply_chat_template(
            [{"role": message.role, "content": message.content} for message in request.messages],
            tokenize=False,
            add_generation_prompt=True,
            **request.options.get("chat_template_kwargs", {}),
        )
        prompt: list[int] = tokenizer.encode(text, add_special_tokens=False)
        return prompt

    def _sampling(self, request: ChatRequest) -> Any:
        from vllm.sampling_params import RequestOutputKind, SamplingParams, StructuredOutputsParams

        options = {name: value for name, value in request.options.items() if name != "chat_template_kwargs"}
        sampling = request.sampling
        schema = None if request.schema is None else StructuredOutputsParams(json=dict(request.schema))
        # As its server does it: the model's own defaults, what the request adds, and what it says last.
        return SamplingParams(
            **{
                **self._defaults,
                **options,
                "max_tokens": sampling.max_tokens,
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "seed": sampling.seed,
                "logprobs": request.top_logprobs or None,
                "structured_outputs": schema,
                "output_kind": RequestOutputKind.FINAL_ONLY,
            }
        )


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _load(model: str, arguments: Mapping[str, Any]) -> Any:
    """vLLM's own engine. On the loop that it is to answer on."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.v1.engine.async_llm import AsyncLLM
    except ImportError as error:
        raise EngineUnavailableError(NOT_INSTALLED) from error
    logger.info("Loading %s into vLLM …", model)
    # Our prompts begin with what is the same for everybody: it is read once.
    ours = {"scheduling_policy": "priority", "enable_prefix_caching": True}
    return AsyncLLM.from_engine_args(AsyncEngineArgs(**{**ours, **arguments, "model": model}))


def _lora_arguments(adapters: Mapping[str, str]) -> dict[str, Any]:
    if not adapters:
        return {}
    rank = max(_rank(name, folder) for name, folder in adapters.items())
    room = next((size for size in LORA_RANKS if size >= rank), rank)
    # One more place than adapters: on a CPU, vLLM 0.32 takes what lies in the last one for requests without an adapter.
    return {"enable_lora": True, "max_loras": len(adapters) + 1, "max_lora_rank": room}


def _rank(name: str, folder: str) -> int:
    try:
        return int(json.loads((Path(folder) / "adapter_config.json").read_text())["r"])
    except (OSError, ValueError, KeyError) as error:
        raise EngineUnavailableError(
            f"The adapter {name!r} cannot be read from {folder!r} ({error}): name a folder as PEFT writes it, with "
            "adapter_config.json."
        ) from error


def _lora_requests(adapters: Mapping[str, str]) -> dict[str, Any]:
    if not adapters:
        return {}
    try:
        from vllm.lora.request import LoRARequest
    except ImportError as error:
        raise EngineUnavailableError(NOT_INSTALLED) from error
    return {name: LoRARequest(name, number, folder) for number, (name, folder) in enumerate(adapters.items(), start=1)}


def _body(output: Any) -> dict[str, Any]:
    """vLLM's output as the body that its server would have made of it."""
    made = output.outputs[0]
    choice = {"finish_reason": made.finish_reason, "message": {"content": made.text}}
    if made.logprobs is not None:
        pairs = zip(made.token_ids, made.logprobs, strict=True)
        choice["logprobs"] = {"content": [_token(chosen, weighed) for chosen, weighed in pairs]}
    usage = {"prompt_tokens": len(output.prompt_token_ids), "completion_tokens": len(made.token_ids)}
    return {"choices": [choice], "usage": usage}


def _token(chosen: int, weighed: Mapping[int, Any]) -> dict[str, Any]:
    return {
        "token": weighed[chosen].decoded_token,
        "logprob": weighed[chosen].logprob,
        "top_logprobs": [{"token": one.decoded_token, "logprob": one.logprob} for one in weighed.values()],
    }


def _failed(request: ChatRequest, kind: ErrorKind, message: str, started: float) -> ChatResult:
    return ChatResult(request.key, error=EngineError(kind, message), latency_s=time.perf_counter() - started)
