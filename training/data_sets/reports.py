"""What a data set's report says: what was looked at, what was left out and why, and distributions before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

from training.data_sets.cleaning import REASONS, Cleaned
from training.data_sets.rows import Row

# Bars of a chart of names; those with fewer rows are summed.
MOST_BARS = 16
OTHERS = "others"
TOKEN_EDGES = (64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384)
SHOPPER_EDGES = (1, 2, 5, 10, 20, 50, 100)


def report(
    before: Sequence[Row], cleaned: Cleaned, fates: Mapping[str, int], titles: Mapping[str, str]
) -> dict[str, Any]:
    """As it is stored: `material` and `dropped` as counts with their words, `distributions` as bars.

    fates, titles  what became of the material, by key, and in words

    A distribution is {name, title, bars: [[label, rows before, rows after]]}.
    """
    after = cleaned.rows
    return {
        "n_before": len(before),
        "n_after": len(after),
        "n_shoppers": len({row.shopper for row in after}),
        "material": [{"name": name, "title": title, "n": fates.get(name, 0)} for name, title in titles.items()],
        "dropped": [
            {"name": name, "title": title, "n": cleaned.dropped.get(name, 0)} for name, title in REASONS.items()
        ],
        "held_out": [{"name": name, "n": n} for name, n in sorted(cleaned.held_out.items())],
        "distributions": [
            _named("models", "Model that wrote it", before, after, lambda row: " + ".join(row.lineage.models)),
            # Of a judge's, each with its label: what balancing does to them.
            _named("tasks", "Task", before, after, lambda row: f"{row.task} {row.label}".strip(), by_name=True),
            _named("labelled", "Who accepted it", before, after, lambda row: row.labelled),
            _named("languages", "Language", before, after, lambda row: row.language),
            _named("months", "Month that it looks from", before, after, lambda row: f"{row.at:%Y-%m}", by_name=True),
            _ranged("outputs", "Outputs in the answer", before, after, lambda row: row.n_outputs, SHOPPER_EDGES),
            _ranged("prompt_tokens", "Tokens of the prompt", before, after, lambda row: row.prompt_tokens, TOKEN_EDGES),
            _ranged("answer_tokens", "Tokens of the answer", before, after, lambda row: row.answer_tokens, TOKEN_EDGES),
            _of_shoppers(before, after),
        ],
    }


def _named(
    name: str,
    title: str,
    before: Iterable[Row],
    after: Iterable[Row],
    of: Callable[[Row], str],
    *,
    by_name: bool = False,
) -> dict[str, Any]:
    counts, kept = Counter(map(of, before)), Counter(map(of, after))
    shown = [key for key, _ in counts.most_common(MOST_BARS)]
    bars = [[key, counts[key], kept[key]] for key in (sorted(shown) if by_name else shown)]
    if rest := [key for key in counts if key not in shown]:
        bars.append([OTHERS, sum(counts[key] for key in rest), sum(kept[key] for key in rest)])
    return {"name": name, "title": title, "bars": bars}


def _ranged(
    name: str, title: str, before: Iterable[Row], after: Iterable[Row], of: Callable[[Row], int], edges: Sequence[int]
) -> dict[str, Any]:
    return {
        "name": name,
        "title": title,
        "bars": histogram([of(row) for row in before], [of(row) for row in after], edges),
    }


def _of_shoppers(before: Iterable[Row], after: Iterable[Row]) -> dict[str, Any]:
    def counts(rows: Iterable[Row]) -> list[int]:
        found: Counter[Hashable] = Counter(row.shopper for row in rows)
        return list(found.values())

    bars = histogram(counts(before), counts(after), SHOPPER_EDGES)
    return {"name": "shoppers", "title": "Rows of one shopper, in shoppers", "bars": bars}


def histogram(before: Sequence[int], after: Sequence[int], edges: Sequence[int]) -> list[list[Any]]:
    """Counts of values up to each edge and beyond the last, without empty bars at either end.

    >>> histogram([1, 4, 9], [4], (1, 2, 5))
    [['1', 1, 0], ['2', 0, 0], ['3–5', 1, 1], ['over 5', 1, 0]]
    """
    low, bars = 0, []
    for high in edges:
        label = str(high) if high == low + 1 else f"{low + 1 if low else 0}–{high}"
        bars.append([label, _within(before, low, high), _within(after, low, high)])
        low = high
    bars.append([f"over {low}", sum(value > low for value in before), sum(value > low for value in after)])
    while bars and not bars[-1][1] and not bars[-1][2]:
        bars.pop()
    while bars and not bars[0][1] and not bars[0][2]:
        bars.pop(0)
    return bars


def _within(values: Iterable[int], low: int, high: int) -> int:
    return sum((low < value or not low) and value <= high for value in values)
