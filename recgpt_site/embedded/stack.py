"""Which services are ours to run: those that the settings name no server for."""

import os

from recgpt_site.embedded import llama, postgres, valkey
from recgpt_site.embedded.processes import Process
from recgpt_site.embedded.progress import Progress
from recgpt_site.embedded.supervisor import Supervisor


def uses_own(variable: str) -> bool:
    """Whether the user pointed us at a server of their own: DATABASE_URL, REDIS_URL or LLM_BASE_URL."""
    return bool(os.environ.get(variable))


def start_stores(supervisor: Supervisor, progress: Progress, *, durable: bool = True) -> None:
    """Start PostgreSQL and Valkey where they are ours, and make the database."""
    services = []
    if uses_own("DATABASE_URL"):
        progress.say("PostgreSQL: yours, from DATABASE_URL")
    else:
        with progress.step("Preparing PostgreSQL"):
            services.append(postgres.service(durable=durable))
    if uses_own("REDIS_URL"):
        progress.say("Redis: yours, from REDIS_URL")
    else:
        services.append(valkey.service(durable=durable))
    supervisor.start(*services)
    if not uses_own("DATABASE_URL"):
        postgres.create_database()


def launch_language_model(supervisor: Supervisor, progress: Progress) -> list[Process]:
    """Launch llama.cpp where LLM_BASE_URL names no server, for a later `wait_until_ready`.

    Says so loudly where an adapter is missing.
    """
    if uses_own("LLM_BASE_URL"):
        progress.say("Language model: yours, from LLM_BASE_URL")
        return []
    for missing in (adapter for adapter in llama.ADAPTERS if not adapter.exists()):
        progress.warn(
            f"{missing} is missing: the small model runs as packaged and repeats its prompt's example. "
            "`make adapter` trains it."
        )
    return supervisor.launch(llama.service())


def start_language_model(supervisor: Supervisor, progress: Progress) -> None:
    """Launch the language model and wait until it answers."""
    supervisor.wait_until_ready(launch_language_model(supervisor, progress))
