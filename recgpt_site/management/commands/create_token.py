"""`manage.py create_token USER --name NAME`: a token for the API, shown once."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from recgpt_site.api import tokens


class Command(BaseCommand):
    help = "Makes an API token for a user and prints it. Only its hash is stored, so it cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="The name that the user signs in with.")
        parser.add_argument("--name", required=True, help="What the token is for, like `nightly import`.")
        parser.add_argument(
            "--days",
            type=int,
            default=tokens.DEFAULT_DAYS,
            help="Valid for so many days; 0: until revoked. Default: 365.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(
                f"No user is called {options['user']!r}. `manage.py createsuperuser` or /admin/ makes one."
            )
        if not user.is_active:
            raise CommandError(f"{user} is not active, so a token would open nothing. Make the user active in /admin/.")
        if options["days"] < 0:
            raise CommandError(f"--days {options['days']} is in the past. Give the days that it is valid for, or 0.")
        row, token = tokens.create(user, name=options["name"], days=options["days"] or None)
        until = f"until {row.expiry:%Y-%m-%d}" if row.expiry else "until it is revoked"
        # The token alone goes to standard output, so that a script can keep it.
        self.stderr.write(f"Token “{row.name}” of {user}, valid {until}. It is shown only now:")
        self.stdout.write(token)
