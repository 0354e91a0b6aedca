"""Which engine a deployment uses: made from Django's settings, so that nothing else reads them."""

from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from recommend.engines.errors import UnknownEngineError
from recommend.engines.openai import OpenAIEngine
from recommend.engines.types import Engine
from recommend.engines.vllm import VllmEngine


def make(
    *,
    base_url: str,
    api_key: str = "",
    timeout_s: float = 120.0,
    concurrency: int = 8,
    send_priority: bool = False,
) -> OpenAIEngine:
    """An engine that asks an OpenAI-compatible server. Raises ValueError for a wrong address."""
    return OpenAIEngine(
        base_url, api_key=api_key, timeout_s=timeout_s, concurrency=concurrency, send_priority=send_priority
    )


def from_settings(name: str = "openai") -> Engine:
    """The engine of this name, as the settings describe it. Raises UnknownEngineError for a name that there is not."""
    if name not in ENGINES:
        raise UnknownEngineError(
            f"No engine is called {name!r}; there is {' and '.join(ENGINES)}. Set the model's engine in /admin/."
        )
    return ENGINES[name]()


def _openai() -> Engine:
    if not settings.LLM_BASE_URL:
        raise ImproperlyConfigured(
            "No language model is configured: set LLM_BASE_URL to an OpenAI-compatible server, or start this process "
            "through the supervisor, which brings the embedded one."
        )
    return make(
        base_url=settings.LLM_BASE_URL,
        api_key=settings.LLM_API_KEY,
        timeout_s=settings.LLM_TIMEOUT_S,
        concurrency=settings.LLM_CONCURRENCY,
        send_priority=getattr(settings, "LLM_SEND_PRIORITY", False),
    )


@cache  # one a process: its weights fill the card
def _vllm() -> Engine:
    return VllmEngine(
        settings.VLLM_WEIGHTS or settings.LLM_MODEL,
        settings.LLM_MODEL,
        settings.VLLM_ADAPTERS,
        settings.LLM_CONCURRENCY,
        options=settings.VLLM_OPTIONS,
    )


ENGINES: dict[str, Callable[[], Engine]] = {"openai": _openai, "vllm": _vllm}
