"""The models that are compared: a log and parameters in, scores of every item for every shopper out.

Every peer reads the same matrix: for each shopper and item 1 + ln(how often), so 1 where it happens once. ItemKNN, BPR
and ALS are those of the library `implicit`, on one thread and with a seed, so that a run can be repeated.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any
from uuid import UUID

import numpy as np
import scipy.linalg
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
from implicit.utils import ParameterWarning
from scipy.sparse import csr_array, csr_matrix
from threadpoolctl import threadpool_limits

from benchmarks.retrieval.data import Log
from benchmarks.retrieval.protocol import SEED
from recommend.retrieval import cooccurrence

OURS = "co-occurrence, chosen like its peers"
Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class Model:
    """A name, how its scores are made, and the parameters that are tried on the validation session."""

    name: str
    scores: Callable[[Log, Parameters], np.ndarray]
    choices: Mapping[str, tuple[Any, ...]]

    def grid(self) -> list[Parameters]:
        return [dict(zip(self.choices, values, strict=True)) for values in product(*self.choices.values())]


def popularity(log: Log, parameters: Parameters) -> np.ndarray:
    counts = np.bincount(log.items, minlength=log.n_items).astype(np.float32)
    return np.tile(counts, (log.n_shoppers, 1))


def own_counts(log: Log, parameters: Parameters) -> np.ndarray:
    counts: np.ndarray = matrix(log).toarray()
    return counts


def item_knn(log: Log, parameters: Parameters) -> np.ndarray:
    return _neighbours(CosineRecommender(K=parameters["K"], num_threads=1), log)


def item_knn_bm25(log: Log, parameters: Parameters) -> np.ndarray:
    return _neighbours(BM25Recommender(K=parameters["K"], K1=parameters["K1"], B=parameters["B"], num_threads=1), log)


def _neighbours(model: Any, log: Log) -> np.ndarray:
    taken = matrix(log)
    with warnings.catch_warnings():
        # The library converts a matrix of its own, and says so each time.
        warnings.simplefilter("ignore", ParameterWarning)
        model.fit(csr_matrix(taken), show_progress=False)
    scores: np.ndarray = (taken @ csr_array(model.similarity)).toarray()
    return scores


def bpr(log: Log, parameters: Parameters) -> np.ndarray:
    return _factors(BayesianPersonalizedRanking, log, parameters)


def als(log: Log, parameters: Parameters) -> np.ndarray:
    return _factors(AlternatingLeastSquares, log, parameters)


def _factors(kind: Any, log: Log, parameters: Parameters) -> np.ndarray:
    # With more than one thread of BLAS the library's own threads wait for each other.
    with threadpool_limits(1, "blas"):
        model = kind(**parameters, random_state=SEED, num_threads=1)
        model.fit(csr_matrix(matrix(log)), show_progress=False)
    scores: np.ndarray = model.user_factors @ model.item_factors.T
    return scores


def ease(log: Log, parameters: Parameters) -> np.ndarray:
    """Source: Steck (2019), Embarrassingly shallow autoencoders for sparse data: B = I - P / diag(P)."""
    taken = matrix(log)
    gram = (taken.T @ taken).toarray().astype(np.float32)
    gram[np.diag_indices_from(gram)] += parameters["ridge"]
    inverse, _ = scipy.linalg.lapack.spotri(scipy.linalg.cholesky(gram, lower=True, overwrite_a=True), lower=True)
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    scores: np.ndarray = taken @ weights
    return scores


def cooccurring(log: Log, parameters: Parameters) -> np.ndarray:
    """The product's collaborative arm, through the code that serves it."""
    ids = [UUID(int=number + 1) for number in range(log.n_items)]
    model = cooccurrence.fit(
        log.shoppers,
        log.items,
        log.moments,
        np.array([one.bytes for one in ids], dtype="V16"),
        shape=cooccurrence.Shape(**parameters),
    )
    return np.array([model.votes(history) for history in _moments(log, ids)], dtype=np.float32)


def _moments(log: Log, ids: list[UUID]) -> list[list[list[UUID]]]:
    """Of each shopper the items of each moment, as a run's history has them."""
    found: list[dict[int, list[UUID]]] = [{} for _ in range(log.n_shoppers)]
    for shopper, item, moment in zip(log.shoppers.tolist(), log.items.tolist(), log.moments.tolist(), strict=True):
        found[shopper].setdefault(moment, []).append(ids[item])
    return [list(moments.values()) for moments in found]


def matrix(log: Log) -> csr_array:
    """(n_shoppers, n_items): 1 + ln(how often), 0 where never."""
    ones = np.ones(len(log.items), dtype=np.float32)
    counted = csr_array((ones, (log.shoppers, log.items)), shape=(log.n_shoppers, log.n_items))
    counted.sum_duplicates()
    counted.data = 1.0 + np.log(counted.data)
    return counted


MODELS = (
    Model("popularity", popularity, {}),
    Model("what the shopper took most", own_counts, {}),
    Model("ItemKNN, cosine", item_knn, {"K": (20, 50, 100, 200)}),
    Model("ItemKNN, BM25", item_knn_bm25, {"K": (50, 100, 200), "K1": (0.6, 1.2), "B": (0.25, 0.5)}),
    Model(
        "BPR",
        bpr,
        {"factors": (32, 64), "learning_rate": (0.01, 0.05), "regularization": (0.001, 0.01), "iterations": (100,)},
    ),
    Model(
        "ALS",
        als,
        {"factors": (16, 32, 64), "regularization": (0.1, 1.0, 10.0), "alpha": (1.0, 5.0), "iterations": (15,)},
    ),
    Model("EASE", ease, {"ridge": (50.0, 100.0, 200.0, 500.0, 1000.0)}),
    Model("co-occurrence, as served", cooccurring, {}),
    Model(
        OURS,
        cooccurring,
        {"damping": (0.25, 0.5), "recency": (3.0, 10.0, 30.0), "loyalty": (0.3, 1.0, 3.0)},
    ),
)
