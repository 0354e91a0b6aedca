"""The contract of a vector index, passed by each kind; and versions behind an alias."""

import numpy as np
import pytest
from django.db import connection

from recommend.models import Vector, VectorAlias, VectorVersion
from recommend.retrieval.vectors import VectorIndex, open_version, serving, versions
from recommend.retrieval.vectors.hnsw import HnswIndex
from recommend.retrieval.vectors.versions import LowRecallError, NoVersionError

pytestmark = pytest.mark.django_db
OPTIONS = {"m": 8, "ef_construction": 32, "ef_search": 40, "max_scan_tuples": 20_000}
EAST, NORTH, NORTHEAST = [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]


def make(kind: str, dimensions: int = 2, **options: int) -> VectorVersion:
    version = VectorVersion.objects.create(
        model="test", dimensions=dimensions, kind=kind, options=OPTIONS | options if kind == "hnsw" else {}
    )
    if kind == "hnsw":
        HnswIndex(version).build()
    return version


@pytest.fixture(params=["exact", "hnsw"])
def index(request) -> VectorIndex:
    return open_version(make(request.param))


def keys(index: VectorIndex, query: list[float], k: int = 10, **wanted) -> list[int]:
    return [hit.key for hit in index.search(np.array([query]), k, **wanted)[0]]


def test_the_nearest_come_first_with_their_cosine(index):
    index.upsert([1, 2, 3], np.array([EAST, NORTH, NORTHEAST]))

    (hits,) = index.search(np.array([EAST]), 2)

    assert [hit.key for hit in hits] == [1, 3]
    assert [hit.cosine for hit in hits] == pytest.approx([1.0, 2**-0.5], abs=1e-3)  # half precision


def test_lengths_do_not_matter(index):
    index.upsert([1, 2], np.array([[100.0, 1.0], [0.01, 0.02]]))

    (hits,) = index.search(np.array([[0.0, 7.0]]), 2)

    assert [hit.key for hit in hits] == [2, 1]
    assert hits[0].cosine == pytest.approx(2 / 5**0.5, abs=1e-3)


def test_each_query_has_its_own_hits(index):
    index.upsert([1, 2], np.array([EAST, NORTH]))

    found = index.search(np.array([NORTH, EAST]), 1)

    assert [[hit.key for hit in hits] for hits in found] == [[2], [1]]
    assert index.search(np.empty((0, 2)), 1) == []


def test_a_stored_vector_is_replaced(index):
    index.upsert([1, 2], np.array([EAST, NORTH]))
    assert keys(index, EAST, 1) == [1]

    index.upsert([1], np.array([NORTHEAST]))
    index.upsert([3], np.array([EAST]))

    assert keys(index, EAST) == [3, 1, 2]
    assert len(index) == 3


def test_a_deleted_vector_is_not_found(index):
    index.upsert([1, 2], np.array([EAST, NORTH]))
    assert keys(index, EAST) == [1, 2]

    index.delete([1, 99])

    assert keys(index, EAST) == [2]
    assert len(index) == 1


def test_a_search_can_be_limited_to_labels(index):
    index.upsert([1, 2, 3, 4], np.array([EAST, NORTHEAST, NORTH, NORTH]), {2: {"dairy", "food"}, 3: ["drinks"]})

    assert keys(index, EAST, labels={"food"}) == [2]
    assert keys(index, EAST, labels={"food", "drinks"}) == [2, 3]
    assert keys(index, EAST, labels={"toys"}) == []


def test_a_rare_label_far_from_the_query_is_still_found(index):
    # 1,000 vectors in a narrow fan about the query, and five with the label at a right angle to it: a search that
    # filters what a plain scan brings (ef_search 40) would find none.
    angles = np.linspace(-0.2, 0.2, 1000)
    index.upsert(range(1000), np.column_stack([np.cos(angles), np.sin(angles)]))
    index.upsert(range(1000, 1005), np.tile(NORTH, (5, 1)), {key: ["rare"] for key in range(1000, 1005)})

    assert sorted(keys(index, EAST, 5, labels=["rare"])) == list(range(1000, 1005))


def test_an_empty_index_finds_nothing(index):
    assert keys(index, EAST) == []
    assert len(index) == 0


@pytest.mark.parametrize("wrong", [[[1.0, 0.0, 0.0]], [1.0, 0.0], [[0.0, 0.0]], [[np.nan, 1.0]]])
def test_a_vector_that_does_not_fit_is_refused(index, wrong):
    with pytest.raises(ValueError, match="vector"):
        index.upsert([1], np.array(wrong))
    with pytest.raises(ValueError, match="vector"):
        index.search(np.array(wrong), 1)
    assert len(index) == 0


def test_a_wrong_count_is_refused(index):
    with pytest.raises(ValueError, match="2 keys for 1 vectors"):
        index.upsert([1, 2], np.array([EAST]))
    with pytest.raises(ValueError, match="k is 0"):
        index.search(np.array([EAST]), 0)


def test_versions_do_not_see_each_other(index):
    other = open_version(make(index.version.kind, dimensions=3))
    index.upsert([1], np.array([EAST]))
    other.upsert([2], np.array([[1.0, 0.0, 0.0]]))

    assert keys(index, EAST) == [1]
    assert keys(other, [0.0, 1.0, 0.0]) == [2]


def random_vectors(n: int, dimensions: int = 32) -> np.ndarray:
    return np.random.default_rng(5).normal(size=(n, dimensions))


def test_hnsw_searches_by_its_index():
    version = VectorVersion.objects.create(model="test", dimensions=32, kind="hnsw", options=OPTIONS)
    index = HnswIndex(version)
    index.upsert(range(3000), random_vectors(3000))
    index.build()

    scans = index_scans(version)
    index.search(random_vectors(2), 10)

    assert index_scans(version) == scans + 2
    index.search_all(random_vectors(2), 10)
    assert index_scans(version) == scans + 2


def index_scans(version: VectorVersion) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_get_xact_numscans(%s::regclass)", [f"vector_hnsw_{version.pk.hex}"])
        return int(cursor.fetchone()[0])


def test_recall_is_the_share_of_the_exact_nearest_that_is_found():
    version = make("hnsw", dimensions=32, m=2, ef_construction=4, ef_search=100)
    index = open_version(version)
    vectors = random_vectors(2000)
    index.upsert(range(2000), vectors)

    versions.measure(version, vectors[:20])

    exact = np.argsort(-(vectors / np.linalg.norm(vectors, axis=1, keepdims=True) @ vectors[:20].T), axis=0)[:100].T
    shares = [
        len({hit.key for hit in hits} & set(best.tolist())) / 100
        for hits, best in zip(index.search(vectors[:20], 100), exact, strict=True)
    ]
    version.refresh_from_db()
    assert version.n_probes == 20
    assert version.recall == pytest.approx(np.mean(shares), abs=0.01)  # half precision moves the hundredth
    assert version.recall is not None
    assert version.recall < 1.0


def test_an_alias_is_switched_and_goes_back():
    first, second = make("exact"), make("hnsw")
    open_version(first).upsert([1], np.array([EAST]))
    open_version(second).upsert([2], np.array([EAST]))

    versions.switch("texts", first)
    assert keys(serving("texts"), EAST) == [1]
    versions.switch("texts", second)
    assert keys(serving("texts"), EAST) == [2]

    assert versions.back("texts") == first
    assert keys(serving("texts"), EAST) == [1]
    assert versions.back("texts") == second


def test_versions_that_nothing_names_are_removed_with_their_index():
    old, first, second, in_the_making = make("hnsw"), make("exact"), make("exact"), make("exact")
    open_version(old).upsert([1], np.array([EAST]))

    versions.switch("texts", old)
    versions.switch("texts", first)
    versions.switch("texts", second)

    assert set(VectorVersion.objects.all()) == {first, second, in_the_making}
    assert not Vector.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_indexes WHERE indexname = %s", [f"vector_hnsw_{old.pk.hex}"])
        assert cursor.fetchone() == (0,)


def test_a_version_that_finds_too_little_is_not_switched_to(settings):
    settings.VECTOR_MIN_RECALL = 0.9
    good, poor = make("exact"), make("hnsw")
    versions.switch("texts", good)
    poor.recall = 0.85
    poor.save()

    with pytest.raises(LowRecallError, match=r"finds 85\.0% of the 100 nearest"):
        versions.switch("texts", poor)

    assert VectorAlias.objects.get(name="texts").version == good


def test_without_a_version_the_alias_says_so():
    with pytest.raises(NoVersionError, match="texts has no version"):
        serving("texts")
    with pytest.raises(NoVersionError, match="no version to go back to"):
        versions.back("texts")


@pytest.mark.parametrize(("asked", "n", "kind"), [("auto", 5, "exact"), ("auto", 6, "hnsw"), ("exact", 6, "exact")])
def test_the_kind_follows_the_settings_and_the_size(settings, asked, n, kind):
    settings.VECTOR_INDEX, settings.VECTOR_EXACT_UP_TO = asked, 5

    found, options = versions.wanted(n)

    assert found == kind
    assert options == (settings.VECTOR_HNSW if kind == "hnsw" else {})
