"""Towers from a file into the database, with the vectors of the catalogue of now; and the way back."""

from pathlib import Path
from zipfile import BadZipFile

from django.db import transaction

from recommend.models import RetrievalIndex
from recommend.retrieval.stored import store
from recommend.towers.reading import catalogue
from recommend.towers.served import Towers

KIND = RetrievalIndex.Kind.TOWERS


class TowersError(ValueError):
    """Towers that cannot be loaded or taken back, in words for who asked."""


def load(path: Path) -> RetrievalIndex:
    """Have retrieval ask the towers of a file. Raises TowersError."""
    try:
        found = Towers.from_bytes(path.read_bytes())
    except OSError as error:
        raise TowersError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, BadZipFile) as error:
        raise TowersError(f"{path} holds no towers; `python -m training.towers train` writes such a file.") from error
    items = catalogue()
    known = {bytes(item) for item in found.known_items.tolist()}
    if not any(item.id in known for item in items):
        raise TowersError(
            f"{path} was trained on other items: none of its {len(known):,} is among the {len(items):,} of this "
            "catalogue that have behaviours. Train on this catalogue, or run `manage.py fit_retrieval` after an import."
        )
    served = found.for_catalogue(items)
    figures = {"weight": served.weight, "record": served.record}
    return store(KIND, served.to_bytes(), n_items=len(items), figures=figures)


@transaction.atomic
def back() -> RetrievalIndex | None:
    """Take the newest towers out, so that those before serve, or none; returns what serves. Raises TowersError."""
    newest = RetrievalIndex.objects.newest(KIND)
    if newest is None:
        raise TowersError("No towers are loaded, so there are none to take back.")
    newest.delete()
    return RetrievalIndex.objects.newest(KIND)
