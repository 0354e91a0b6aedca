"""What is left out of a history that does not fit into its room: the oldest first, and there the most repeated first.

Whole periods go, oldest first, until the rest fits. Where that leaves much room, the last one that went is told in
part: items that newer periods name stay out of it first, those that they name most often before the others, since of
them nothing is lost but one more date. Where even the newest period alone does not fit, its items with the fewest units
go. All of this is ours: the report says that 2 % of its shoppers overflow, and not what is done with them.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from recommend.periods import Period

# Below this many tokens no period is told in part: in a small room half a month would pass for the whole.
PART_TOKENS = 1_000


@dataclass(slots=True)
class Cell:
    """What was done with one item in one period: behaviour labels, number of events, of units, and what they weigh."""

    labels: set[str] = field(default_factory=set)
    n_events: int = 0
    units: int = 0
    weight: float = 0.0


Cells = Mapping[tuple[str, Period], Cell]


def fitting(cells: Cells, max_tokens: int, size: Callable[[Cells], int]) -> Cells:
    """The cells that stay, with `size` of at most `max_tokens`; (item, period) -> cell."""
    n_all = size(cells)
    if n_all <= max_tokens:
        return cells
    periods = sorted({period for _, period in cells})
    rank = {period: n for n, period in enumerate(periods)}

    def newest(n: int) -> Cells:
        return {key: cell for key, cell in cells.items() if rank[key[1]] < n}

    n_whole, n_tokens, n_with_next = _most(len(periods), (0, n_all), max_tokens, lambda n: size(newest(n)))
    kept = newest(n_whole)
    if n_whole and max_tokens - n_tokens < PART_TOKENS:
        return kept
    order = _least_repeated_first(kept, {key: cell for key, cell in cells.items() if rank[key[1]] == n_whole})

    def with_part(n: int) -> Cells:
        return {**kept, **dict(order[:n])}

    n_part, _, _ = _most(len(order), (n_tokens, n_with_next), max_tokens, lambda n: size(with_part(n)))
    return with_part(n_part)


def _least_repeated_first(kept: Cells, candidates: Cells) -> list[tuple[tuple[str, Period], Cell]]:
    named = Counter(item for item, _ in kept)
    return sorted(candidates.items(), key=lambda entry: (named[entry[0][0]], -entry[1].weight, entry[0][0]))


def _most(n: int, sizes: tuple[int, int], room: int, size: Callable[[int], int]) -> tuple[int, int, int]:
    """The largest number below `n` whose size fits, its size, and the size of one more; `sizes` are those of 0 and n.

    0 fits and `n` does not. Sizes grow about evenly, so the next guess lies where a straight line would reach the
    room; every third guess halves instead, which bounds the steps where they do not.
    """
    low, high = 0, n
    low_size, high_size = sizes
    steps = 0
    while high - low > 1:
        steps += 1
        straight = (room - low_size) / max(high_size - low_size, 1)
        guess = low + round((high - low) * (0.5 if steps % 3 == 0 else straight))
        guess = min(max(guess, low + 1), high - 1)
        found = size(guess)
        if found <= room:
            low, low_size = guess, found
        else:
            high, high_size = guess, found
    return low, low_size, high_size
