"""How small a long history gets, and how fast: `python -m benchmarks.compression.run`.

Each history is compressed as a run does it, and counted before and after with SmolLM2's own tokenizer. Before: a line
for each behaviour with all that the catalogue knows of its item. After: the lines that the model reads. The lines are
read back by `decode`, which must give the set of (item, period, behaviour) again. Needs no database.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from tokenizers import Tokenizer

from benchmarks.compression.histories import Item, catalogue, households, named, synthesised
from benchmarks.compression.tokenizer import load
from recgpt_site.embedded.llama import model_file
from recommend.compression import BEHAVIOR_LABELS, CompressedHistory, clean_item, compress, decode
from recommend.extraction import Event, reliable
from recommend.periods import period_of
from recommend.sample_data import REFERENCE

ROOM = 128_000
PER_SHOPPER = 37  # households of 1,015 behaviours on average


@dataclass(frozen=True, slots=True)
class Measured:
    """One history: sizes in behaviours, lines and tokens; seconds without and with a room that it must fit."""

    behaviors: int
    lines: int
    before: int
    after: int
    seconds: float
    fitting_s: float
    fitted: int
    kept: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shoppers", type=int, default=50, help="synthesised ones of each sort")
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    options = parser.parse_args()
    items, real, tokenizer = catalogue(), households(), load(model_file())
    counts = TokenCounts(tokenizer, items)
    rows: dict[str, list[Measured]] = {}
    for by in ("category", "title"):
        rows[f"households as they are, items by {by}"] = [measured(one, items, by, counts) for one in real]
        for mixed in (False, True):
            long = synthesised(real, options.shoppers, PER_SHOPPER, mixed_kinds=mixed)
            name = f"synthesised, {'kinds drawn at random' if mixed else 'purchases'}, items by {by}"
            rows[name] = [measured(one, items, by, counts) for one in long]
    print(table(rows))
    if options.out:
        options.out.write_text(
            json.dumps({name: [asdict(one) for one in found] for name, found in rows.items()}) + "\n"
        )


class TokenCounts:
    """Tokens of histories; what repeats in raw ones is counted once, as no token reaches over its borders."""

    def __init__(self, tokenizer: Tokenizer, items: Mapping[str, Item]) -> None:
        self._tokenizer = tokenizer
        encoded = tokenizer.encode_batch_fast([item.details for item in items.values()])
        self._details = {sku: len(one) for sku, one in zip(items, encoded, strict=True)}
        self._prefixes: dict[tuple[str, int], int] = {}

    def of(self, text: str) -> int:
        """Tokens of a text."""
        return len(self._tokenizer.encode(text))

    def raw(self, events: Iterable[Event]) -> int:
        """Tokens of a line for each behaviour."""
        total = 0
        for event in events:
            # Every digit is a token, so any two times take the same number of them.
            key = (event.kind, event.quantity)
            if key not in self._prefixes:
                self._prefixes[key] = self.of(raw_prefix(event))
            total += self._prefixes[key] + self._details[event.sku]
        return total


def raw_prefix(event: Event) -> str:
    """How the raw line of a behaviour begins; the item's details follow."""
    return f"\n{event.at:%Y-%m-%d %H:%M} {BEHAVIOR_LABELS[event.kind]} ×{event.quantity}:"


def measured(raw: list[Event], items: Mapping[str, Item], by: str, counts: TokenCounts) -> Measured:
    """Compress one history, and make sure that nothing but the overflow is lost."""
    events = named(raw, items, by)
    started = time.process_time()
    whole = compress(reliable(events), reference=REFERENCE)
    seconds = time.process_time() - started
    check(events, whole)
    started = time.process_time()
    fitted = compress(reliable(events), reference=REFERENCE, max_tokens=ROOM)
    fitting_s = time.process_time() - started
    return Measured(
        behaviors=len(events),
        lines=len(whole.lines),
        before=counts.raw(raw),
        after=counts.of(whole.text),
        seconds=seconds,
        fitting_s=fitting_s,
        fitted=counts.of(fitted.text),
        kept=fitted.n_kept_events,
    )


def check(events: Iterable[Event], whole: CompressedHistory) -> None:
    """Raise where the lines do not give the history's set of (item, period, behaviour) back."""
    told = {
        (clean_item(event.text), period_of(event.at.date(), REFERENCE).label, BEHAVIOR_LABELS[event.kind])
        for event in events
    }
    if decode(line.text for line in whole.lines) != told:
        raise AssertionError("the lines do not give the history back")


def table(rows: Mapping[str, list[Measured]]) -> str:
    """The figures as a table in Markdown."""
    lines = [
        f"| histories | n | behaviours | lines | tokens before | after | ratio | fit {ROOM:,} before | after "
        "| told where not | s, median | s, worst | fitted s, worst |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, found in rows.items():
        mean = {key: statistics.fmean(getattr(one, key) for one in found) for key in ("behaviors", "lines")}
        before, after = (statistics.fmean(getattr(one, key) for one in found) for key in ("before", "after"))
        over = [one for one in found if one.kept < one.behaviors]
        told = f"{sum(one.kept for one in over) / sum(one.behaviors for one in over):.0%}" if over else ""
        seconds = [one.seconds for one in found]
        lines.append(
            f"| {name} | {len(found)} | {mean['behaviors']:,.0f} | {mean['lines']:,.0f} | {before:,.0f} | {after:,.0f} "
            f"| {before / after:.1f} | {share(one.before <= ROOM for one in found)} "
            f"| {share(one.after <= ROOM for one in found)} | {told} | {statistics.median(seconds):.2f} "
            f"| {max(seconds):.2f} | {max(one.fitting_s for one in found):.2f} |"
        )
    load_average = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    lines.append(f"\nProcessor seconds on one core of {os.cpu_count()}, load average {load_average}.")
    return "\n".join(lines)


def share(fits: Iterable[bool]) -> str:
    found = list(fits)
    return f"{sum(found) / len(found):.0%}"


if __name__ == "__main__":
    main()
