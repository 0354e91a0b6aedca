"""Django's part of `make check`: `python -m tests.support.checks`, on a database of its own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.template import TemplateSyntaxError, engines
from django.template.backends.django import DjangoTemplates

# What a deployment must set, and nothing else: the settings have to be safe with these alone.
_PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "recgpt_site.settings",
    "DEBUG": "false",
    "SECRET_KEY": "a-key-for-this-check-only-0123456789-abcdefghijklmnopqrstuvwxyz",
    "ALLOWED_HOSTS": "studio.example.com",
    "DATABASE_URL": "postgresql://studio@db.example.com/studio",
    "REDIS_URL": "redis://redis.example.com/0",
}


def system() -> None:
    """Django's own checks, warnings included."""
    call_command("check", fail_level="WARNING", verbosity=0)


def deployment() -> None:
    """`check --deploy` with a deployment's environment, in a process of its own, as settings are read once."""
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RECGPT_")}
    done = subprocess.run(command, env=environment | _PRODUCTION, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr + done.stdout)


def migrations() -> None:
    """No model differs from what its migrations make."""
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=1)


def schema() -> None:
    """The OpenAPI schema is valid, and nothing in it had to be guessed."""
    call_command("spectacular", validate=True, fail_on_warn=True, file=os.devnull)


def templates() -> None:
    """Every template of ours compiles, also those that no test renders."""
    engine = engines["django"]
    assert isinstance(engine, DjangoTemplates)
    broken = []
    for name in _template_names():
        try:
            engine.get_template(name)
        except TemplateSyntaxError as error:
            broken.append(f"{name}: {error}")
    if broken:
        sys.exit("\n".join(broken))


def _template_names() -> Iterator[str]:
    project = Path(settings.BASE_DIR)
    for folder in [project / "templates", *project.glob("*/templates")]:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                yield str(file.relative_to(folder))


CHECKS: dict[str, Callable[[], None]] = {
    "System checks": system,
    "Deployment checks with production settings": deployment,
    "Migrations are complete": migrations,
    "OpenAPI schema": schema,
    "Templates compile": templates,
}


def main() -> None:
    """Run all; end with status 1 after the first that fails."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    # Only now, as the settings choose the data folder that these find when they are imported.
    from recgpt_site.embedded import stack
    from recgpt_site.embedded.progress import Progress, Silent
    from recgpt_site.embedded.supervisor import Supervisor, stoppable

    progress = Progress()
    with stoppable(), Supervisor(command="tests.support.checks", progress=Silent()) as supervisor:
        stack.start_stores(supervisor, Silent(), durable=False)
        for what, check in CHECKS.items():
            with progress.step(what):
                try:
                    check()
                except SystemCheckError as error:
                    sys.exit(str(error))


if __name__ == "__main__":
    main()
