"""Template filters of the review and quality pages."""

from collections.abc import Mapping

from django import template
from django.utils.safestring import SafeString

from judge import campaign_pages, markdown
from judge.statistics import paired, wording
from judge.statistics.intervals import Estimate
from recommend.wording import NONE, money

register = template.Library()
register.filter("money", money)


@register.filter
def guideline(text: str) -> SafeString:
    """The HTML of a guideline's Markdown."""
    return markdown.render(text)


@register.filter
def decimal(value: float | None) -> str:
    """A probability or coefficient with two digits; a dash where there is none.

    >>> decimal(0.614), decimal(None)
    ('.61', '–')
    """
    return NONE if value is None else wording.coefficient(value)


@register.filter
def share(estimate: Estimate) -> str:
    """An estimated share in percent; a dash where it cannot be computed."""
    return NONE if estimate.value is None else wording.percent(estimate.value)


@register.filter
def difference(estimate: Estimate) -> str:
    """A difference of shares in percentage points; a dash where it cannot be computed."""
    return NONE if estimate.value is None else paired.points(estimate.value)


@register.filter
def difference_range(estimate: Estimate) -> str:
    """The interval of a difference; empty where there is none."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{paired.points(estimate.low)} to {paired.points(estimate.high)}"


@register.filter
def share_range(estimate: Estimate) -> str:
    """The interval of a share; empty where there is none."""
    return wording.percent_range(estimate)


@register.filter
def coefficient(estimate: Estimate) -> str:
    """An estimated coefficient; a dash where it cannot be computed."""
    return decimal(estimate.value)


@register.filter
def coefficient_range(estimate: Estimate) -> str:
    """The interval of a coefficient; empty where there is none."""
    return wording.coefficient_range(estimate)


@register.filter
def p_value(value: float) -> str:
    """A p-value with three digits, as statistics are printed.

    >>> p_value(0.0204), p_value(0.00004), p_value(0.9999)
    ('.020', '<.001', '>.999')
    """
    if value < 0.001:
        return "<.001"
    return ">.999" if value > 0.999 else f"{value:.3f}".removeprefix("0")


register.filter("percent", wording.percent)


@register.filter
def whole_percent(share: float) -> int:
    """A share of 0 to 1 as a whole number of percent.

    >>> whole_percent(0.29)
    29
    """
    return round(100 * share)


@register.filter
def entry(mapping: Mapping[str, str], key: str) -> str:
    """The entry under a key, the key itself where there is none.

    >>> entry({"Yes": "yes, fully"}, "Yes"), entry({}, "No")
    ('yes, fully', 'No')
    """
    return mapping.get(key, key)


@register.filter
def capital(value: float) -> str:
    """What a stake of 1 became, as short as it can be read.

    >>> capital(0.004), capital(3.14159), capital(1234.5), capital(3e9)
    ('0.004', '3.1', '1,234', 'over a million')
    """
    if value >= 1e6:
        return "over a million"
    return f"{value:.1f}" if 1 <= value < 10 else f"{value:,.0f}" if value >= 10 else f"{value:.1g}"


@register.filter
def chance(probability: float) -> str:
    """A probability in percent."""
    return campaign_pages.percent(probability)
