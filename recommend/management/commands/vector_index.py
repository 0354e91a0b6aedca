"""manage.py vector_index: the versions of the index of item texts, and which one is searched."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recommend.models import VectorAlias, VectorVersion
from recommend.retrieval import texts
from recommend.retrieval.vectors.versions import LowRecallError, NoVersionError, back


class Command(BaseCommand):
    help = "Show the versions of the vector index; make one anew, measure the present one, or go back to the last."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", nargs="?", default="show", choices=["show", "anew", "measure", "back"])

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["action"] == "anew":
                texts.index(self.stdout.write, anew=True)
            elif options["action"] == "measure":
                texts.measure()
            elif options["action"] == "back":
                back(texts.ALIAS)
        except (LowRecallError, NoVersionError) as error:
            raise CommandError(str(error)) from error
        self._show()

    def _show(self) -> None:
        alias = VectorAlias.objects.filter(name=texts.ALIAS).first()
        for version in VectorVersion.objects.all():
            role = "searched" if alias and alias.version_id == version.pk else "the way back"
            recall = "" if version.recall is None else f", finds {version.recall:.1%} of the 100 nearest"
            self.stdout.write(f"{version}: {version.n_vectors:,} vectors{recall}; {role}")
        if alias is None:
            self.stdout.write("No version yet. Run `manage.py fit_retrieval`.")
