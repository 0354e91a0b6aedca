"""Template filters of the review and quality pages."""

from django import template
from django.utils.safestring import SafeString

from judge import markdown

register = template.Library()


@register.filter
def guideline(text: str) -> SafeString:
    """The HTML of a guideline's Markdown."""
    return markdown.render(text)


@register.filter
def percent(share: float | None, digits: int = 0) -> str:
    """A share of 0 to 1 in percent; a dash where there is none.

    >>> percent(0.664), percent(None)
    ('66%', '–')
    """
    return "–" if share is None else f"{share * 100:.{digits}f}%"


@register.filter
def decimal(value: float | None) -> str:
    """A coefficient with two digits and without its leading zero; a dash where there is none.

    >>> decimal(0.614), decimal(-0.05), decimal(1.0), decimal(None)
    ('.61', '−.05', '1.00', '–')
    """
    if value is None:
        return "–"
    text = f"{abs(value):.2f}"
    return ("−" if value < 0 and text != "0.00" else "") + (text[1:] if text.startswith("0.") else text)
