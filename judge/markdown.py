"""The little Markdown that guidelines use, as safe HTML: paragraphs, lists, **bold**, *italic*.

Everything is escaped before a single tag is written, so a guideline can never bring markup of its own.
"""

import re
from itertools import groupby

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

_BOLD = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)
_ITALIC = re.compile(r"(?<!\*)\*(?!\s)(.+?)(?<!\s)\*(?!\*)", re.DOTALL)


def render(text: str) -> SafeString:
    """HTML of a guideline.

    >>> render("Read **all**, <b>then</b>\\n\\n- one\\n- two")
    '<p>Read <strong>all</strong>, &lt;b&gt;then&lt;/b&gt;</p><ul><li>one</li><li>two</li></ul>'
    """
    blocks = re.split(r"\n\s*\n", text.strip())
    html = "".join(_block(block) for block in blocks if block.strip())
    return mark_safe(html)  # noqa: S308  # _inline escapes every word of the text


def _block(block: str) -> str:
    """One paragraph, or paragraphs and lists where lines begin with a dash; indented lines go on with their item."""
    parts: list[tuple[str, str]] = []
    for line in block.splitlines():
        if line.startswith("- "):
            parts.append(("li", line[2:]))
        elif parts and (parts[-1][0] == "p" or line.startswith(" ")):
            parts[-1] = (parts[-1][0], f"{parts[-1][1]}\n{line.strip()}")
        else:
            parts.append(("p", line))
    html = ""
    for tag, group in groupby(parts, key=lambda part: part[0]):
        inner = "".join(f"<{tag}>{_inline(text)}</{tag}>" for _, text in group)
        html += f"<ul>{inner}</ul>" if tag == "li" else inner
    return html


def _inline(text: str) -> str:
    escaped = str(conditional_escape(str(text)))
    return _ITALIC.sub(r"<em>\1</em>", _BOLD.sub(r"<strong>\1</strong>", escaped))
