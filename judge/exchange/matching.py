"""Which of our outputs another tool's record speaks of, where its text says it: alone, or beside an id."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from judge.exchange.foreign import TEXT
from recommend.imports.problems import RowError
from recommend.models import Output


class Texts:
    """The outputs with the texts of some rows."""

    def __init__(self, rows: Iterable[dict[str, Any]]) -> None:
        self._found: dict[tuple[str, str], list[UUID]] = defaultdict(list)
        with_text = [row for row in rows if row.get(TEXT)]
        if not with_text:
            return
        outputs = Output.objects.filter(text__in={row[TEXT] for row in with_text}).order_by()
        kinds = {row["output_kind"] for row in with_text if row["output_kind"]}
        if kinds:
            outputs = outputs.filter(kind__in=kinds)
        for pk, text, shopper in outputs.values_list("pk", "text", "generation__shopper__external_id"):
            self._found[text, shopper].append(pk)
            self._found[text, ""].append(pk)

    def found(self, row: dict[str, Any]) -> dict[str, Any]:
        """The row with its output's id. Raises RowError where text and id disagree, or several have the text."""
        text = row.get(TEXT)
        if not text:
            return row
        outputs = self._found[text, row.get("shopper") or ""]
        if row["output_id"] is not None:
            if row["output_id"] not in map(str, outputs):
                raise RowError(f"the output {row['output_id']} has another text here", text)
            return row
        if not outputs:
            raise RowError("no output has this text; labels go to outputs that were generated or imported here", text)
        if len(outputs) > 1:
            raise RowError(
                f"{len(outputs)} outputs have this text; name the place of the shopper or of the output's id in the "
                'mapping, with "shopper" or "output"',
                text,
            )
        return row | {"output_id": str(outputs[0])}
