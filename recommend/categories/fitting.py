"""Fit φ to the catalogue: titles, and the names of categories and kinds, each with its category."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from django.conf import settings

from recommend.categories import model
from recommend.categories.model import CategoryModel, category_at
from recommend.models import Item, RetrievalIndex
from recommend.retrieval.embedding import encoder
from recommend.retrieval.stored import store

Report = Callable[[str], None]

SEED = 1
MAX_TITLES = 20_000  # drawn from the distinct ones; each costs an embedding
HELD_OUT = 0.2
# How often a title, the name of a kind and the name of a category are shown. Names are few, and most like tags.
TITLE, KIND, NAME = 1, 2, 20


class NoCategoriesError(ValueError):
    """The catalogue has too few categories to tell apart."""


@dataclass(frozen=True)
class Texts:
    """What is learned from: distinct texts, the category of most items that have each, and what kind it is.

    labels  (n,) numbers in `paths`
    times   (n,) how often each is shown
    kinds   (n,) numbers: titles whose paths end alike, below the category, are of one kind; -1 for a category's name
    """

    texts: list[str]
    paths: list[tuple[str, ...]]
    labels: np.ndarray
    times: np.ndarray
    kinds: np.ndarray

    @property
    def is_title(self) -> np.ndarray:
        is_title: np.ndarray = self.times == TITLE
        return is_title


def fit(report: Report = lambda message: None) -> RetrievalIndex:
    """Fit φ anew and store it; the old one serves until then. Raises NoCategoriesError.

    What is reported and stored as its figures is measured before, by models that did not see what they are asked.
    """
    found = collect(Item.objects.exclude(category=[]).values_list("title", "category").iterator())
    if len(found.paths) < 2:
        raise NoCategoriesError(
            f"The catalogue's items are of {len(found.paths)} categories, and two are needed to tell them apart. "
            "Import items with category paths (import_items), then fit again."
        )
    report(f"{int(found.is_title.sum()):,} titles of {len(found.paths):,} categories")
    vectors = encoder(settings.EMBEDDING_MODEL_DIR).encode(found.texts)
    figures = {"n_categories": len(found.paths), **measure(found, vectors)}
    for name in ("titles", "kinds"):
        report(f"accuracy on {figures[f'n_{name}']:,} titles, unseen {name}: {figures[name]:.1%}")
    fitted = model.fit(vectors, found.labels, found.times, found.paths, seed=SEED)
    return store(RetrievalIndex.Kind.CATEGORIES, fitted.to_bytes(), n_items=int(found.is_title.sum()), figures=figures)


def collect(items: Iterable[tuple[str, Sequence[str]]]) -> Texts:
    """The texts of these items, given by title and category path."""
    categories: dict[tuple[str, int], Counter[tuple[str, ...]]] = defaultdict(Counter)
    kinds: dict[tuple[str, int], str] = {}
    for title, path in items:
        category = category_at(path)
        kind = path[-1] if len(path) > len(category) else title
        categories[title, TITLE][category] += 1
        kinds.setdefault((title, TITLE), kind)
        if kind != title:
            categories[kind, KIND][category] += 1
            kinds[kind, KIND] = kind
        categories[category[-1], NAME][category] += 1
    chosen = _drawn(sorted(categories))
    labels = [_most(categories[one]) for one in chosen]
    paths = sorted(set(labels))
    number = {path: k for k, path in enumerate(paths)}
    numbered = {kind: k for k, kind in enumerate(sorted(set(kinds.values())))}
    return Texts(
        [text for text, _ in chosen],
        paths,
        np.array([number[label] for label in labels], dtype=np.int64),
        np.array([times for _, times in chosen], dtype=np.int64),
        np.array([numbered[kinds[one]] if one in kinds else -1 for one in chosen], dtype=np.int64),
    )


def measure(found: Texts, vectors: np.ndarray) -> dict[str, float | int]:
    """Accuracy on titles that were held out: a fifth of the titles, and all titles of a fifth of the kinds.

    Titles that differ from a seen one in size or brand are easy; those of an unseen kind say how φ does with tags,
    which name what the catalogue may not have.
    """
    rng = np.random.default_rng(SEED)
    n_kinds = int(found.kinds.max()) + 1
    of_kinds = np.isin(found.kinds, rng.permutation(n_kinds)[: max(1, round(HELD_OUT * n_kinds))])
    figures: dict[str, float | int] = {}
    for name, left_out in {"titles": found.is_title & (rng.random(len(vectors)) < HELD_OUT), "kinds": of_kinds}.items():
        asked = left_out & found.is_title
        fitted = model.fit(vectors[~left_out], found.labels[~left_out], found.times[~left_out], found.paths, seed=SEED)
        figures |= {name: _accuracy(fitted, vectors[asked], found.labels[asked]), f"n_{name}": int(asked.sum())}
    return figures


def _accuracy(fitted: CategoryModel, vectors: np.ndarray, labels: np.ndarray) -> float:
    if not len(labels):
        return 0.0
    return float((fitted.probabilities(vectors).argmax(axis=1) == labels).mean())


def _most(seen: Counter[tuple[str, ...]]) -> tuple[str, ...]:
    return min(seen, key=lambda path: (-seen[path], path))


def _drawn(texts: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """All names, and as many of the titles as are taken."""
    titles = [one for one in texts if one[1] == TITLE]
    if len(titles) <= MAX_TITLES:
        return texts
    drawn = np.random.default_rng(SEED).choice(len(titles), MAX_TITLES, replace=False)
    kept = {titles[number] for number in drawn.tolist()}
    return [one for one in texts if one[1] != TITLE or one in kept]
