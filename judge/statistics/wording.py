"""Estimates as sentences: what a figure says, how sure it is, and why there is none where there is none."""

from judge.statistics.intervals import Estimate

# The precision that pages talk about: ±3 points.
TARGET_HALF_WIDTH = 0.03
UNWEIGHTED = (
    "It is not known how probable each reviewed output was to be drawn, so these figures describe the reviewed outputs "
    "only, not the population."
)


def percent(share: float) -> str:
    """A share of 0 to 1 as a whole percentage; only all is 100% and only nothing is 0%.

    >>> percent(0.864), percent(0.9999), percent(0.0001), percent(1.0)
    ('86%', '>99%', '<1%', '100%')
    """
    rounded = round(100 * share)
    if rounded == 100 and share < 1:
        return ">99%"
    if rounded == 0 and share > 0:
        return "<1%"
    return f"{rounded}%"


def percent_range(estimate: Estimate) -> str:
    """The interval of a share, such as “60–72%”; empty where there is none."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{round(100 * estimate.low)}–{round(100 * estimate.high)}%"


def coefficient(value: float) -> str:
    """A coefficient of at most 1 with two digits.

    >>> coefficient(0.614), coefficient(-0.05), coefficient(-0.001), coefficient(1.0)
    ('.61', '−.05', '.00', '1.00')
    """
    # Adding 0 turns a negative zero, which rounding makes of a small negative value, into zero.
    return f"{round(value, 2) + 0:.2f}".replace("-", "−").replace("0.", ".", 1)


def coefficient_range(estimate: Estimate) -> str:
    """The interval of a coefficient, such as “.52 to .69”; empty where there is none."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{coefficient(estimate.low)} to {coefficient(estimate.high)}"


def share_sentence(name: str, beginning: str, estimate: Estimate, ending: str = "") -> str:
    """A share as a sentence: “Of what people failed, the judge caught 48% (37–59%, from 75).”"""
    if estimate.value is None:
        return f"There is no {name} yet: {estimate.note}."
    sure = f"{percent_range(estimate)}, from {estimate.n:,}" if estimate.low is not None else f"from {estimate.n:,}"
    return f"{beginning} {percent(estimate.value)}{ending} ({sure}).{_note(estimate)}"


def coefficient_sentence(name: str, estimate: Estimate, meaning: str) -> str:
    """A coefficient as a sentence: “Gwet's AC1 is .61 (.52 to .69): …”"""
    if estimate.value is None:
        return f"{name} cannot be computed: {estimate.note}."
    sure = f" ({coefficient_range(estimate)})" if estimate.low is not None else ""
    return f"{name} is {coefficient(estimate.value)}{sure}: {meaning}.{_note(estimate)}"


def judge_rate_sentence(judge: Estimate, corrected: Estimate) -> str:
    """What the judge alone says, and what that is worth beside the corrected rate."""
    if judge.value is None:
        return f"There is no judge rate yet: {judge.note}."
    said = f"The judge alone says {percent(judge.value)}."
    if corrected.value is None or corrected.low is None or corrected.high is None:
        return f"{said} How far off that is cannot be told without a corrected figure."
    if judge.value > corrected.high:
        return f"{said} It is lenient, so the corrected figure is the one to use."
    if judge.value < corrected.low:
        return f"{said} It is strict, so the corrected figure is the one to use."
    return f"{said} That is within the interval of the corrected figure, which stays the one to use."


def corrected_rate_sentence(corrected: Estimate, n_judged: int, more_labels: int | None) -> str:
    """The headline: what share would pass review, how sure that is, and what would make it surer."""
    if corrected.value is None:
        return f"There is no corrected figure yet: {corrected.note}."
    said = (
        f"{percent(corrected.value)} would pass review ({percent_range(corrected)} with 95% confidence, "
        f"from {n_judged:,} judged and {corrected.n:,} reviewed).{_note(corrected)}"
    )
    if not more_labels:
        return said
    points = round(100 * TARGET_HALF_WIDTH)
    wanted = f"About {rounded_count(more_labels):,} more labels bring the interval to ±{points} points"
    left = n_judged - corrected.n
    return (
        f"{said} {wanted}." if more_labels <= left else f"{said} {wanted}; {left:,} judged outputs are left to review."
    )


def rounded_count(count: int) -> int:
    """A count that was itself only estimated, to two digits and never down to nothing."""
    digits = max(0, len(str(count)) - 2)
    return round(count, -digits)


def _note(estimate: Estimate) -> str:
    return f" {estimate.note[0].upper()}{estimate.note[1:]}." if estimate.note else ""
