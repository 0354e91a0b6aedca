"""Which engine a deployment uses: made from Django's settings, so that nothing else reads them."""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from recommend.engines.errors import UnknownEngineError
from recommend.engines.openai import OpenAIEngine
from recommend.engines.types import Engine

ENGINES = ("openai",)


def make(
    name: str = "openai",
    *,
    base_url: str,
    api_key: str = "",
    timeout_s: float = 120.0,
    concurrency: int = 8,
    send_priority: bool = False,
) -> OpenAIEngine:
    """The engine of this name. Raises UnknownEngineError for another name, ValueError for a wrong address."""
    if name not in ENGINES:
        raise UnknownEngineError(f"no engine is called {name!r}; there is {', '.join(ENGINES)}")
    return OpenAIEngine(
        base_url, api_key=api_key, timeout_s=timeout_s, concurrency=concurrency, send_priority=send_priority
    )


def from_settings(name: str = "openai") -> OpenAIEngine:
    """The engine that LLM_BASE_URL, LLM_API_KEY, LLM_TIMEOUT_S, LLM_CONCURRENCY and LLM_SEND_PRIORITY describe."""
    if not settings.LLM_BASE_URL:
        raise ImproperlyConfigured(
            "No language model is configured: set LLM_BASE_URL to an OpenAI-compatible server, or start this process "
            "through the supervisor, which brings the embedded one."
        )
    return make(
        name,
        base_url=settings.LLM_BASE_URL,
        api_key=settings.LLM_API_KEY,
        timeout_s=settings.LLM_TIMEOUT_S,
        concurrency=settings.LLM_CONCURRENCY,
        send_priority=getattr(settings, "LLM_SEND_PRIORITY", False),
    )


# States for the type checker that the engine keeps the contract.
_: type[Engine] = OpenAIEngine
