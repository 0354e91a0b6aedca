"""Which engine the settings describe."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from recommend.engines import factory
from recommend.engines.errors import UnknownEngineError
from recommend.engines.openai import OpenAIEngine
from recommend.engines.vllm import VllmEngine


def test_the_settings_describe_the_engine(settings):
    settings.LLM_BASE_URL = "http://llm.example:9000/v1"
    settings.LLM_API_KEY = "secret"
    settings.LLM_TIMEOUT_S = 33.0
    settings.LLM_CONCURRENCY = 17
    settings.LLM_SEND_PRIORITY = True

    engine = factory.from_settings()

    assert isinstance(engine, OpenAIEngine)
    assert (engine.address, engine.timeout_s) == ("http://llm.example:9000/v1", 33.0)
    assert (engine.concurrency, engine.send_priority) == (17, True)
    assert "secret" not in repr(engine)


def test_an_unknown_engine_is_told_with_those_that_exist():
    with pytest.raises(UnknownEngineError, match="'oracle'; there is openai and vllm"):
        factory.from_settings("oracle")


def test_a_process_has_one_vllm_as_the_settings_describe_it(settings):
    settings.LLM_MODEL, settings.LLM_CONCURRENCY = "qwen", 200
    settings.VLLM_WEIGHTS, settings.VLLM_ADAPTERS = "/srv/qwen", {"qwen-shop": "/srv/shop"}
    settings.VLLM_OPTIONS = {"tensor_parallel_size": 2}
    factory._vllm.cache_clear()

    engine = factory.from_settings("vllm")

    assert isinstance(engine, VllmEngine)
    assert engine is factory.from_settings("vllm")
    assert (engine.model, engine.models(), engine.concurrency) == ("/srv/qwen", ["qwen", "qwen-shop"], 200)
    assert (engine.adapters, engine.options) == ({"qwen-shop": "/srv/shop"}, {"tensor_parallel_size": 2})
    factory._vllm.cache_clear()


def test_without_an_address_the_remedy_is_told(settings):
    settings.LLM_BASE_URL = ""

    with pytest.raises(ImproperlyConfigured, match="LLM_BASE_URL"):
        factory.from_settings()
