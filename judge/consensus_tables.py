"""The consensus as tables, one file for how raters err and one for what each output probably deserves."""

from __future__ import annotations

from collections.abc import Callable

from judge import consensus
from judge.consensus import Overview
from judge.tables import Table


def _raters(overview: Overview) -> Table:
    rows = []
    for found in overview.found:
        labels = list(found.asked.labels)
        for rater, errors in consensus.errors_in_order(found, overview.raters):
            of_rater = (found.asked.name, str(rater), "person" if rater.is_person else "judge", errors.n)
            rows += [
                (*of_rater, errors.accuracy, true, round(errors.expected[row], 3), given, errors.matrix[row][column])
                for row, true in enumerate(labels)
                for column, given in enumerate(labels)
            ]
    columns = ("criterion", "rater", "is", "labels", "right", "probable_label", "about", "given_label", "share")
    return Table(columns, tuple(rows))


def _outputs(overview: Overview) -> Table:
    rows = []
    for found in overview.found:
        rows += [
            (
                found.asked.name,
                str(output.pk),
                output.text,
                str(held.agreed.label),
                held.agreed.certainty,
                held.agreed.n,
                held.judge,
                held.for_judge,
            )
            for held, output in consensus.outputs(found.held)
        ]
    columns = ("criterion", "output", "text", "probably", "certainty", "labels", "judge", "judge_right")
    return Table(columns, tuple(rows))


TABLES: dict[str, Callable[[Overview], Table]] = {"raters": _raters, "outputs": _outputs}
