"""Settings: every knob comes from the environment, with a default that lets a fresh clone run."""

from pathlib import Path
from typing import Any

import environ
from celery.schedules import crontab, schedule
from csp.constants import NONE, SELF

from recgpt_site.embedded import paths
from recommend.extraction import RELIABLE_KINDS

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent

# Core ---------------------------------------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", default=True)
# No default outside development: a deployment without a key must not start.
SECRET_KEY = env.str("SECRET_KEY", default="development-only") if DEBUG else env.str("SECRET_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"] if DEBUG else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "recgpt_site.apps.StudioAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "csp",
    "django_htmx",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "recommend",
    "judge",
    "training",
    "recgpt_site",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "recgpt_site.policy.middleware",
    "recgpt_site.not_found.middleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "recgpt_site.auditing.middleware",
]

ROOT_URLCONF = "recgpt_site.urls"
WSGI_APPLICATION = "recgpt_site.wsgi.application"
ASGI_APPLICATION = "recgpt_site.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "recommend.roles.context",
            ],
            "string_if_invalid": "",
        },
    }
]

# Database and broker ------------------------------------------------------------------------------------------------
# Unset: the PostgreSQL and Valkey that the project starts from wheels, so that a fresh clone needs no service.
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db_url("DATABASE_URL") if env.str("DATABASE_URL", default="") else paths.database_settings()
}
DATABASES["default"].setdefault("OPTIONS", {})
# A pool, since each request would pay a connection otherwise; it must not wait long for a server that is down.
DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 1, "max_size": env.int("DATABASE_POOL", default=8), "timeout": 5}
# What is asked at every call keeps its plan (recommend/prepared.py); off for a PgBouncer that cannot hand that on.
DATABASES["default"]["OPTIONS"]["prepare_threshold"] = 1 if env.bool("DATABASE_PREPARE", default=True) else None
DATABASES["default"]["ATOMIC_REQUESTS"] = False

REDIS_URL = env.str("REDIS_URL", default="")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL or paths.CACHE_URL,
    }
}

CELERY_BROKER_URL = REDIS_URL or paths.BROKER_URL
CELERY_RESULT_BACKEND = None  # results live in the database
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "io"
CELERY_TASK_ROUTES = {
    "recommend.tasks.advance_run": {"queue": "generate"},
    "recommend.tasks.advance_population": {"queue": "generate"},
    "recommend.tasks.advance_chunk": {"queue": "generate"},
    "judge.tasks.judge_generation": {"queue": "judge"},
    "judge.tasks.advance_check": {"queue": "judge"},
    "judge.tasks.advance_trial": {"queue": "judge"},
    "judge.tasks.advance_backfill": {"queue": "judge"},
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# kombu gives an unacknowledged task back after the visibility timeout, and looks only every 100 s by default.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": env.int("TASK_VISIBILITY_TIMEOUT_S", default=300),
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
}
SWEEP_INTERVAL_S = env.int("SWEEP_INTERVAL_S", default=15)
# Streams of progress that may wait in one web process at once, each on a thread: fewer than the server's threads.
EVENT_STREAMS = env.int("EVENT_STREAMS", default=2)
RUN_LEASE_S = env.int("RUN_LEASE_S", default=60)
# Files that leads hand in wait here for a worker: one folder for all web servers and workers.
IMPORT_DIR = env.str("IMPORT_DIR", default=str(paths.DATA_DIR / "imports"))
IMPORT_MAX_BYTES = env.int("IMPORT_MAX_BYTES", default=512 * 1024**2)
# Of a body that is read at once: a request that brings its own history is the largest, some 100 bytes a behaviour.
DATA_UPLOAD_MAX_MEMORY_SIZE = env.int("API_MAX_BYTES", default=8 * 1024**2)
BULK_MAX_LINES = env.int("BULK_MAX_LINES", default=10_000)
BULK_MAX_BYTES = env.int("BULK_MAX_BYTES", default=64 * 1024**2)
FILE_UPLOAD_HANDLERS = [
    "recgpt_site.uploads.LimitedUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
# Data sets lie here, for all web servers and workers.
TRAINING_DIR = env.str("TRAINING_DIR", default=str(paths.DATA_DIR / "training"))
JUDGE_CHECK_BUDGET = env.int("JUDGE_CHECK_BUDGET", default=200)
JUDGE_CHECK_HOUR = env.int("JUDGE_CHECK_HOUR", default=3)
JUDGE_PASSPORT_DAYS = env.int("JUDGE_PASSPORT_DAYS", default=30)
JUDGE_PROMPT_OPTIMIZERS = env.list("JUDGE_PROMPT_OPTIMIZERS", default=["judge.proposals.optimizers.FewShotExamples"])
# Webhooks: attempts before one is given up, about a day and a half with 12; and how long the log keeps what has ended.
WEBHOOK_ATTEMPTS = env.int("WEBHOOK_ATTEMPTS", default=12)
WEBHOOK_LOG_DAYS = env.int("WEBHOOK_LOG_DAYS", default=30)
# Whether they may lead into the own network and go unencrypted: for development, where the receiver is next door.
WEBHOOK_PRIVATE_ADDRESSES = env.bool("WEBHOOK_PRIVATE_ADDRESSES", default=DEBUG)
JUDGE_GOLD_BAR = env.float("JUDGE_GOLD_BAR", default=0.8)
CELERY_BEAT_SCHEDULE = {
    "sweep-runs": {"task": "recommend.tasks.sweep", "schedule": schedule(SWEEP_INTERVAL_S)},
    "sweep-populations": {"task": "recommend.tasks.sweep_populations", "schedule": schedule(SWEEP_INTERVAL_S)},
    "sweep-fills": {"task": "recommend.tasks.sweep_fills", "schedule": schedule(SWEEP_INTERVAL_S)},
    "sweep-judge": {"task": "judge.tasks.sweep", "schedule": schedule(SWEEP_INTERVAL_S)},
    "sweep-training": {"task": "training.tasks.sweep", "schedule": schedule(SWEEP_INTERVAL_S)},
    "sweep-webhooks": {"task": "recgpt_site.tasks.sweep_webhooks", "schedule": schedule(SWEEP_INTERVAL_S)},
    "forget-deliveries": {"task": "recgpt_site.tasks.forget_deliveries", "schedule": crontab(hour=1, minute=20)},
    "make-months": {"task": "recgpt_site.tasks.make_months", "schedule": crontab(hour=1, minute=10)},
    "keep-figures": {"task": "judge.tasks.keep_figures", "schedule": crontab(minute="*/15")},
    "check-judge": {"task": "judge.tasks.check_judge", "schedule": crontab(hour=JUDGE_CHECK_HOUR, minute=0)},
    "check-released-judge": {"task": "judge.tasks.check_released", "schedule": schedule(600)},
    "watch-judge": {"task": "judge.tasks.watch_judge", "schedule": crontab(hour=JUDGE_CHECK_HOUR, minute=30)},
}

# Language models ----------------------------------------------------------------------------------------------------
# Unset: the embedded llama.cpp server with SmolLM2-135M and the project's adapter.
LLM_ENGINE = env.str("LLM_ENGINE", default="openai")
LLM_EMBEDDED = LLM_ENGINE == "openai" and not env.str("LLM_BASE_URL", default="")
LLM_BASE_URL = env.str("LLM_BASE_URL", default="") or paths.LLM_BASE_URL
LLM_API_KEY = env.str("LLM_API_KEY", default="")
LLM_MODEL = env.str("LLM_MODEL", default="") or paths.LLM_MODEL_NAME
LLM_CONCURRENCY = env.int("LLM_CONCURRENCY", default=2 if LLM_EMBEDDED else 32)
LLM_TIMEOUT_S = env.float("LLM_TIMEOUT_S", default=120.0)
# Room for a shopper's history in a prompt of your model; the embedded one has its own, smaller room.
LLM_HISTORY_TOKENS = env.int("LLM_HISTORY_TOKENS", default=24_000)
LLM_REQUEST_OPTIONS = env.json("LLM_REQUEST_OPTIONS", default={})
LLM_SEND_PRIORITY = env.bool("LLM_SEND_PRIORITY", default=False)
# Of workers that run vLLM themselves: the weights (unset: LLM_MODEL is their name), adapters, arguments of vLLM.
VLLM_WEIGHTS = env.str("VLLM_WEIGHTS", default="")
VLLM_ADAPTERS = env.json("VLLM_ADAPTERS", default={})
VLLM_OPTIONS = env.json("VLLM_OPTIONS", default={})
# Unset: the embedding model of the extra `embedded`. Set: a folder with model.onnx and tokenizer.json.
EMBEDDING_MODEL_DIR = env.str("EMBEDDING_MODEL_DIR", default="")

# Vectors ------------------------------------------------------------------------------------------------------------
# exact, hnsw, or auto: exact up to so many vectors, HNSW above.
VECTOR_INDEX = env.str("VECTOR_INDEX", default="auto")
VECTOR_EXACT_UP_TO = env.int("VECTOR_EXACT_UP_TO", default=100_000)
# A search reads at most max_scan_tuples vectors where a filter leaves too few.
VECTOR_HNSW: dict[str, int] = {
    "m": 16,
    "ef_construction": 200,
    "ef_search": 200,
    "max_scan_tuples": 20_000,
    **env.json("VECTOR_HNSW", default={}),
}
# A version that finds less of the exact 100 nearest is not switched to.
VECTOR_MIN_RECALL = env.float("VECTOR_MIN_RECALL", default=0.9)

# Retrieval ----------------------------------------------------------------------------------------------------------
# What an arm says of an item: its value, or its rank (reciprocal rank fusion).
RETRIEVAL_FUSION = env.str("RETRIEVAL_FUSION", default="value")
# What may be offered; names and values of recommend.retrieval.selection.Rules.
RETRIEVAL_RULES: dict[str, Any] = env.json("RETRIEVAL_RULES", default={})

# Behaviours ---------------------------------------------------------------------------------------------------------
# Unset: our own table. Set: a folder of Parquet files, read for one shopper at a time.
BEHAVIORS_DIR = env.str("BEHAVIORS_DIR", default="")
# Which behaviours tell what a shopper wants, and how much each weighs where not all fit into a prompt.
BEHAVIOR_KINDS = env.list("BEHAVIOR_KINDS", default=sorted(RELIABLE_KINDS))
BEHAVIOR_WEIGHTS = env.json("BEHAVIOR_WEIGHTS", default={})
DELIBERATE_CLICK_S = env.float("DELIBERATE_CLICK_S", default=0.0)
# How long a pause within one visit may be. 0: only what happened at the same time, as in a basket, is together.
SESSION_GAP_MINUTES = env.float("SESSION_GAP_MINUTES", default=0.0)
# Where the shoppers live: what a season is for, rules of tags and interests ask.
HEMISPHERE = env.str("HEMISPHERE", default="north")

# Monitoring ---------------------------------------------------------------------------------------------------------
# Who sends it may read /metrics; unset, there are none.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

# Users and API ------------------------------------------------------------------------------------------------------
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "recgpt_site.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "recgpt_site.api.pagination.Cursor",
    "PAGE_SIZE": 50,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["recgpt_site.api.throttling.CountedRate"],
    "DEFAULT_THROTTLE_RATES": {"user": env.str("API_RATE", default="600/min")},
    "URL_FORMAT_OVERRIDE": None,  # `format` is a parameter of ours, and in no address that we give
    "EXCEPTION_HANDLER": "recgpt_site.api.problems.handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
# Tokens: knox makes, hashes and checks them; our model adds a name, the last use and revoking (recgpt_site/models.py).
KNOX_TOKEN_MODEL = "recgpt_site.ApiToken"  # noqa: S105  # a model's name
REST_KNOX: dict[str, Any] = {"AUTH_HEADER_PREFIX": "Bearer", "TOKEN_PREFIX": "recgpt_", "TOKEN_TTL": None}
MIGRATION_MODULES = {"knox": None}  # its own token table is swapped for ours and would stay empty
SPECTACULAR_SETTINGS = {
    "TITLE": "RecGPT Studio API",
    "DESCRIPTION": "Generation requests, their results, and what people and judges say of them.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "docExpansion": "none"},
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "recgpt_site.api.schema.add_problems",
        "recgpt_site.api.schema.group_by_resource",
    ],
    "ENUM_NAME_OVERRIDES": {
        "JobStateEnum": "recommend.models.JobState",
        "KindEnum": "recommend.models.Output.Kind",
        "BehaviorKindEnum": "recommend.models.Behavior.Kind",
        "StepStateEnum": "recommend.api.serializers.STEP_STATES",
        "LanguageEnum": "recommend.languages.CHOICES",
        "StageEnum": "recommend.models.Stage",
        "TrainingStageEnum": "training.models.DataSet.Stage",
        "StepsEnum": "recommend.services.CHOOSABLE_STEPS",
        "LanguageModelStateEnum": "recommend.models.LanguageModel.State",
        "CampaignStateEnum": "judge.models.Campaign.State",
        "AssignmentStateEnum": "judge.models.Assignment.State",
    },
}

# Pages --------------------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(BASE_DIR / "staticfiles")))
STATICFILES_DIRS = [BASE_DIR / "static"]
# In development files are served from where they lie; a deployment runs collectstatic and gets hashed names.
WHITENOISE_USE_FINDERS = DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# Security -----------------------------------------------------------------------------------------------------------
# Where pictures of items may be loaded from, as in images.example.com: whoever answers there learns who looks at what.
ITEM_IMAGE_HOSTS = env.list("ITEM_IMAGE_HOSTS", default=[])
# Model output and catalogue text are untrusted: nothing inline runs, nothing but those pictures comes from elsewhere.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", *(f"https://{host}" for host in ITEM_IMAGE_HOSTS)],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=not DEBUG)
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=0 if DEBUG else 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEBUG
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    # It would tell every call of a language model, of which a population has millions.
    "loggers": {"httpx": {"level": "WARNING"}},
}
