"""The index of item texts follows the catalogue, with the real embedding model."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from recommend.models import Item, Vector, VectorAlias, VectorVersion
from recommend.retrieval import fitting, texts
from recommend.retrieval.embedding import encoder
from recommend.retrieval.vectors.versions import LowRecallError
from tests.recommend.factories import ItemFactory, OutputFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalogue() -> dict[str, Item]:
    items = {
        name: ItemFactory.create(category=["grocery", aisle, name])
        for aisle, name in (("dairy", "milk"), ("dairy", "cheese"), ("garden", "lawn mower"))
    }
    fitting.embed_item_texts()
    for item in items.values():
        item.refresh_from_db()
    return items


def nearest(words: str, k: int = 1) -> set[int]:
    return texts.nearest(encoder().encode([words]), k)


def test_every_item_text_is_found_by_its_meaning(catalogue):
    texts.index()

    assert nearest("mowing grass") == {catalogue["lawn mower"].text_embedding_id}


def test_texts_have_the_categories_of_their_items_as_labels(catalogue):
    texts.index()

    stored = Vector.objects.get(key=catalogue["milk"].text_embedding_id)
    assert stored.labels == ["dairy", "grocery", "milk"]


def test_what_changed_is_brought_up_in_the_same_version(catalogue):
    first = texts.index()
    gone = catalogue["milk"].text_embedding_id
    catalogue["milk"].delete()
    kites = ItemFactory.create(category=["toys", "outdoors", "kites"])
    fitting.embed_item_texts()
    kites.refresh_from_db()
    said: list[str] = []

    second = texts.index(said.append)

    assert second == first
    assert nearest("a kite in the wind") == {kites.text_embedding_id}
    assert gone not in nearest("milk", 3)
    assert said == ["2 of 3 vectors new in the index (exact)"]


def test_another_kind_is_another_version_and_the_way_back_stays(catalogue, settings):
    exact = texts.index()
    settings.VECTOR_INDEX = "hnsw"

    hnsw = texts.index()

    alias = VectorAlias.objects.get(name=texts.ALIAS)
    assert (alias.version, alias.previous) == (hnsw, exact)
    assert (hnsw.kind, hnsw.recall, hnsw.n_probes) == ("hnsw", 1.0, 3)
    assert nearest("mowing grass") == {catalogue["lawn mower"].text_embedding_id}


def test_the_recall_is_measured_on_the_latest_tags(catalogue, settings):
    OutputFactory.create_batch(2, kind="tag", text="oat milk")
    settings.VECTOR_INDEX = "hnsw"

    assert texts.index().n_probes == 2


def test_a_version_that_finds_too_little_leaves_the_old_one_serving(catalogue, settings, monkeypatch):
    exact = texts.index()
    settings.VECTOR_INDEX = "hnsw"
    settings.VECTOR_MIN_RECALL = 1.01

    with pytest.raises(LowRecallError, match="VECTOR_MIN_RECALL"):
        texts.index()

    assert VectorAlias.objects.get(name=texts.ALIAS).version == exact
    assert nearest("mowing grass") == {catalogue["lawn mower"].text_embedding_id}


def test_without_tags_nothing_is_searched():
    assert texts.nearest(encoder().encode([]), 5) == set()


def run(action: str) -> str:
    out = StringIO()
    call_command("vector_index", action, stdout=out)
    return out.getvalue()


def test_the_command_shows_makes_and_goes_back(catalogue):
    assert "Run `manage.py fit_retrieval`" in run("show")

    assert "3 of 3 vectors new" in run("anew")
    assert "3 vectors, finds 100.0% of the 100 nearest; searched" in run("measure")
    with pytest.raises(CommandError, match="no version to go back to"):
        run("back")
    run("anew")
    newest = VectorVersion.objects.latest("created_at")
    assert "the way back" in run("back")
    assert VectorAlias.objects.get(name=texts.ALIAS).previous == newest
