"""What an output's label probably is, and how each rater errs: Dawid and Skene's model over people and judges together.

Nobody is taken to be right. Whoever agrees with the others where they agree among themselves weighs more, label by
label, and the consensus comes with its certainty. The model takes raters to err independently of each other, given the
true label; where two share their mistakes (two prompts of one model, say) it trusts them too much.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from judge.statistics.intervals import FloatArray, IntArray
from judge.statistics.rates import refusal_of_size

Label = Hashable

# With two raters, different error rates explain the same labels equally well; from three on they are identified.
MIN_RATERS = 3
# Ours: each rater begins, for each true label, with so many labels of which half are right and half spread evenly.
# Without them a rater with few labels is soon certain to be always right or always wrong.
SMOOTHING = 2.0
MAX_STEPS = 500
TOLERANCE = 1e-6
# A consensus below this is doubtful: pages list such outputs first.
DOUBTFUL = 0.8
_TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Rated:
    """One label that one rater gave one output. A rater may label an output several times.

    cluster  the shopper
    """

    output: Hashable
    rater: Hashable
    label: Label
    cluster: Hashable


@dataclass(frozen=True, slots=True)
class RaterErrors:
    """How a rater labels: for each true label by row, the probability of each given label, which sum to 1.

    n         labels given
    expected  of each true label, how many of the outputs this rater labelled probably have it
    reversed  it is more probable to give a wrong label than the right one where a coin would do better
    """

    rater: Hashable
    n: int
    expected: tuple[float, ...]
    matrix: tuple[tuple[float, ...], ...]
    accuracy: float
    reversed: bool


@dataclass(frozen=True, slots=True)
class Agreed:
    """The consensus on one output: its label, the probability of it, and that of every label; n labels behind it."""

    output: Hashable
    label: Label
    certainty: float
    probabilities: Mapping[Label, float]
    n: int


@dataclass(frozen=True, slots=True)
class Consensus:
    """Everything that the model says of one criterion; empty, with a reason in `note`, where it cannot be asked.

    prevalence  {label: estimated share of these outputs that have it}
    n_outputs   labelled by two raters or more; the others count too, each by its rater's errors
    converged   the last step changed no probability by more than TOLERANCE
    realigned   it had named its classes otherwise than the raters do, and was put right
    note        why there is none, or what to bear in mind; may be empty
    """

    labels: tuple[Label, ...]
    prevalence: Mapping[Label, float]
    raters: tuple[RaterErrors, ...]
    outputs: tuple[Agreed, ...]
    n_outputs: int
    n_steps: int
    converged: bool
    realigned: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Ratings:
    """Ratings as numbers: (n,) each; how many outputs, raters and labels there are."""

    output: IntArray
    rater: IntArray
    label: IntArray
    n_outputs: int
    n_raters: int
    k: int


@dataclass(frozen=True, slots=True)
class _Fit:
    """posterior (outputs, k), prevalence (k,), errors (raters, true label, given label)."""

    posterior: FloatArray
    prevalence: FloatArray
    errors: FloatArray
    n_steps: int
    converged: bool


def consensus(ratings: Sequence[Rated], labels: Sequence[Label]) -> Consensus:
    """The consensus of all raters on one criterion, or a refusal where too little was labelled by several.

    labels  the whole scale in its order

    Raises ValueError for a label that is not on the scale.
    """
    by_output: dict[Hashable, set[Hashable]] = {}
    for one in ratings:
        by_output.setdefault(one.output, set()).add(one.rater)
    shared = {output: raters for output, raters in by_output.items() if len(raters) > 1}
    n_raters = len({rater for raters in shared.values() for rater in raters})
    refusal = _refusal(ratings, shared, n_raters)
    if refusal:
        return Consensus(tuple(labels), {}, (), (), len(shared), 0, converged=False, realigned=False, note=refusal)
    return dawid_skene(ratings, labels)


def dawid_skene(
    ratings: Sequence[Rated],
    labels: Sequence[Label],
    *,
    smoothing: float = SMOOTHING,
    start: Mapping[Hashable, Sequence[float]] | None = None,
) -> Consensus:
    """Estimate true labels and error rates by expectation maximisation.

    smoothing  pseudo-labels of each rater for each true label, half of them right; 0 gives maximum likelihood
    start      {output: probability of each label} to begin from; by default the shares of the labels it was given

    The classes of such a model have no names of their own, so that it can end with two of them exchanged. Beginning
    from what was said guards against that; and where another naming would make raters right more often in all, that one
    is taken and the estimation goes on from it.
    Source: Dawid and Skene (1979), Journal of the Royal Statistical Society C 28, 20–28; equations 2.3 to 2.5, 3.1.
    Raises ValueError without ratings or for a label that is not in `labels`.
    """
    if not ratings:
        raise ValueError("there is no consensus without labels")
    outputs, raters = _numbered(one.output for one in ratings), _numbered(one.rater for one in ratings)
    places = {label: place for place, label in enumerate(labels)}
    if unknown := {one.label for one in ratings} - places.keys():
        raise ValueError(f"{', '.join(sorted(map(repr, unknown)))} is not on the scale {list(labels)}")
    coded = _Ratings(
        output=np.array([outputs[one.output] for one in ratings], dtype=np.intp),
        rater=np.array([raters[one.rater] for one in ratings], dtype=np.intp),
        label=np.array([places[one.label] for one in ratings], dtype=np.intp),
        n_outputs=len(outputs),
        n_raters=len(raters),
        k=len(labels),
    )
    begin = _votes(coded) if start is None else np.array([start[output] for output in outputs], dtype=np.float64)
    fit = _estimate(coded, begin, smoothing)
    order = best_naming(_given(coded, fit.posterior))
    realigned = order != tuple(range(coded.k))
    if realigned:
        fit = _estimate(coded, fit.posterior[:, list(order)], smoothing)
    return _told(coded, fit, tuple(labels), tuple(outputs), tuple(raters), realigned)


def best_naming(counts: FloatArray) -> tuple[int, ...]:
    """Which class is to be named by each label, so that as many labels as possible are right; as it is where equal.

    counts  (k, k) labels given, class by row, label by column

    >>> best_naming(np.array([[1.0, 9.0], [8.0, 2.0]]))
    (1, 0)
    """
    k = len(counts)
    names = range(k)
    return max(
        permutations(names), key=lambda order: (sum(counts[order[one], one] for one in names), order == (*names,))
    )


def _refusal(ratings: Sequence[Rated], shared: Mapping[Hashable, set[Hashable]], n_raters: int) -> str:
    if n_raters < MIN_RATERS:
        return (
            f"it takes {MIN_RATERS} raters who labelled the same outputs, two people and a judge for instance, and "
            f"there {'is' if n_raters == 1 else 'are'} {n_raters or 'none'}"
        )
    return refusal_of_size(len(shared), len({one.cluster for one in ratings if one.output in shared}))


def _numbered(values: Iterable[Hashable]) -> dict[Hashable, int]:
    numbers: dict[Hashable, int] = {}
    for value in values:
        numbers.setdefault(value, len(numbers))
    return numbers


def _votes(ratings: _Ratings) -> FloatArray:
    """(outputs, k) share of each label among those an output was given."""
    counts = np.zeros((ratings.n_outputs, ratings.k))
    np.add.at(counts, (ratings.output, ratings.label), 1.0)
    return np.asarray(counts / counts.sum(axis=1, keepdims=True), dtype=np.float64)


def _estimate(ratings: _Ratings, posterior: FloatArray, smoothing: float) -> _Fit:
    converged, n_steps = False, 0
    while not converged and n_steps < MAX_STEPS:
        n_steps += 1
        prevalence, errors = _maximise(ratings, posterior, smoothing)
        update = _expect(ratings, prevalence, errors)
        converged = float(np.abs(update - posterior).max()) <= TOLERANCE
        posterior = update
    return _Fit(posterior, *_maximise(ratings, posterior, smoothing), n_steps, converged)


def _maximise(ratings: _Ratings, posterior: FloatArray, smoothing: float) -> tuple[FloatArray, FloatArray]:
    """(k,) prevalence and (raters, k, k) error rates that fit the probable labels best."""
    k = ratings.k
    prior = smoothing * (0.5 * np.eye(k) + 0.5 / k)
    counts = _counts(ratings, posterior) + prior
    prevalence = posterior.sum(axis=0) + smoothing / k
    # A rater who never met a class leaves its row at 0 without smoothing; nothing is said of it then.
    rows = np.maximum(counts.sum(axis=2, keepdims=True), _TINY)
    return prevalence / prevalence.sum(), np.asarray(counts / rows, dtype=np.float64)


def _expect(ratings: _Ratings, prevalence: FloatArray, errors: FloatArray) -> FloatArray:
    """(outputs, k) probability of each true label, given the labels that an output got."""
    logs = np.log(np.maximum(errors, _TINY))[ratings.rater, :, ratings.label]  # (n, k)
    sums = np.log(np.maximum(prevalence, _TINY)) + np.column_stack(
        [np.bincount(ratings.output, weights=logs[:, one], minlength=ratings.n_outputs) for one in range(ratings.k)]
    )
    likelihood = np.exp(sums - sums.max(axis=1, keepdims=True))
    return np.asarray(likelihood / likelihood.sum(axis=1, keepdims=True), dtype=np.float64)


def _counts(ratings: _Ratings, posterior: FloatArray) -> FloatArray:
    """(raters, k, k) labels that each rater probably gave to each true label."""
    cell = ratings.rater * ratings.k + ratings.label
    size = ratings.n_raters * ratings.k
    sums = [
        np.bincount(cell, weights=posterior[ratings.output, one], minlength=size).reshape(-1, ratings.k)
        for one in range(ratings.k)
    ]
    return np.stack(sums, axis=1)


def _given(ratings: _Ratings, posterior: FloatArray) -> FloatArray:
    """(k, k) labels of all raters together by class."""
    return np.asarray(_counts(ratings, posterior).sum(axis=0), dtype=np.float64)


def _told(
    ratings: _Ratings,
    fit: _Fit,
    labels: tuple[Label, ...],
    outputs: tuple[Hashable, ...],
    raters: tuple[Hashable, ...],
    realigned: bool,
) -> Consensus:
    n_labels = np.bincount(ratings.output, minlength=ratings.n_outputs)
    pairs = np.unique(np.column_stack([ratings.output, ratings.rater]), axis=0)[:, 0]
    n_shared = int((np.bincount(pairs, minlength=ratings.n_outputs) > 1).sum())
    best = fit.posterior.argmax(axis=1)
    counts = _counts(ratings, fit.posterior)
    return Consensus(
        labels=labels,
        prevalence=dict(zip(labels, fit.prevalence.tolist(), strict=True)),
        raters=tuple(
            _rater_errors(rater, counts[place], fit.errors[place], fit.prevalence) for place, rater in enumerate(raters)
        ),
        outputs=tuple(
            Agreed(
                output=output,
                label=labels[best[place]],
                certainty=float(fit.posterior[place, best[place]]),
                probabilities=dict(zip(labels, fit.posterior[place].tolist(), strict=True)),
                n=int(n_labels[place]),
            )
            for place, output in enumerate(outputs)
        ),
        n_outputs=n_shared,
        n_steps=fit.n_steps,
        converged=fit.converged,
        realigned=realigned,
        note="" if fit.converged else f"it had not settled after {fit.n_steps} steps, so take it as a first guess",
    )


def _rater_errors(rater: Hashable, counts: FloatArray, errors: FloatArray, prevalence: FloatArray) -> RaterErrors:
    by_label = prevalence @ errors  # how often the rater gives each label at all
    accuracy = float(prevalence @ np.diag(errors))
    return RaterErrors(
        rater=rater,
        n=round(float(counts.sum())),
        expected=tuple(counts.sum(axis=1).tolist()),
        matrix=tuple(tuple(row) for row in errors.tolist()),
        accuracy=accuracy,
        # Below what the same labels, handed out blindly, would hit.
        reversed=accuracy < float(prevalence @ by_label) - 1e-9,
    )
