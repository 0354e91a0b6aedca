"""The numbers of an estimate that must have them."""

from judge.statistics.intervals import Estimate


def value(estimate: Estimate) -> float:
    assert estimate.value is not None, estimate.note
    return estimate.value


def limits(estimate: Estimate) -> tuple[float, float]:
    assert estimate.low is not None, estimate.note
    assert estimate.high is not None
    return estimate.low, estimate.high


def half_width(estimate: Estimate) -> float:
    low, high = limits(estimate)
    return (high - low) / 2
