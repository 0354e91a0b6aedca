"""People's labels from a file: checked line by line, added once, never written over what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from judge import services
from judge.exchange import foreign
from judge.exchange.incoming import NAMES_READ, REQUIRED, REQUIRED_ELSEWHERE, Given, given, is_model
from judge.exchange.mappings import Mapping
from judge.exchange.matching import Texts
from judge.models import Assessment, Assignment, Rater, Rubric
from judge.rubrics import LabelError, RubricDef
from judge.visibility import blind_work
from recommend.imports import files, readers, records
from recommend.imports.problems import BadRow, BadRows, ImportStopped, RowError
from recommend.imports.progress import Progress
from recommend.imports.readers import Row
from recommend.imports.reports import Report
from recommend.models import Output, new_id

Key = tuple[str, UUID, UUID, int]  # user name, output, rubric, revision


@dataclass(slots=True)
class Done:
    """What an import did.

    n_verdicts     rows of judge models, left out
    n_outside      labels of no campaign here
    n_unanswered   records of another tool, or people's parts of them, without a submitted answer
    """

    report: Report
    n_verdicts: int
    n_outside: int
    n_unanswered: int = 0


def load(
    file: files.Source,
    *,
    say: Callable[[str], object],
    bad_file: Path | None = None,
    dry_run: bool = False,
    mapping: Mapping | None = None,
    source: str = "",
    by: User | None = None,
    reached: Callable[[int], object] = lambda position: None,
) -> Done:
    """Add the labels of a file that are not there yet; all of its good rows or, on an error, none.

    mapping   how the records of another tool are read; None: a file of our own columns
    source    the system whose outputs, imported before, the rows name by `generation` and `position`
    by        who asks: of what they hold in a blind campaign they learn nothing here; None: the administrator
    reached   is told where the file is read to, in what `readers.size` counts
    dry_run   store nothing, and say of each row what would become of it
    bad_file  where bad rows go; None: the first bad row raises ImportStopped
    """
    unit = "row" if file.format == "parquet" else "B"
    with (
        BadRows(file.path.name, bad_file, file.unit) as bad_rows,
        Progress(f"Reading {file.path.name}", readers.size(file), unit, say) as progress,
        transaction.atomic(),
    ):
        labels = Labels(file, bad_rows, say if dry_run else None, mapping, source, _in_hand(by))
        own = () if file.format == "jsonl" else REQUIRED_ELSEWHERE if source else REQUIRED
        for chunk in readers.chunks(file, own) if mapping is None else records.chunks(file):
            labels.add(chunk.rows)
            progress.reach(chunk.position)
            reached(chunk.position)
        if not labels.n_rows:
            raise ImportStopped(f"{file.path.name} has no rows.")
        transaction.set_rollback(dry_run)
    return labels.done()


@dataclass(slots=True)
class Known:
    """What the database has of the rows of one chunk."""

    outputs: dict[UUID, Output]
    users: dict[str, User]
    assignments: dict[UUID, Assignment]
    stored: dict[Key, tuple[dict[str, str], str]]
    taken: set[UUID]


@dataclass(slots=True)
class Labels:
    """One import, within the caller's transaction."""

    file: files.Source
    bad_rows: BadRows
    say: Callable[[str], object] | None
    mapping: Mapping | None = None
    source: str = ""
    in_hand: frozenset[UUID] = frozenset()
    n_rows: int = 0
    n_added: int = 0
    n_same: int = 0
    n_verdicts: int = 0
    n_outside: int = 0
    n_unanswered: int = 0
    ignored: set[str] = field(default_factory=set)
    _rubrics: dict[tuple[str, int | None], tuple[Rubric, RubricDef] | None] = field(default_factory=dict)

    def add(self, rows: Iterable[Row | BadRow]) -> None:
        """Check rows and store the good ones. Raises ImportStopped for a bad row that is not to be skipped."""
        read = list(self._read(rows))
        known = _known([one for _, one in read])
        new = [checked for row, one in read if (checked := self._checked(row, one, known)) is not None]
        raters = {name: Rater.objects.get_or_create(user=user)[0] for name, user in known.users.items()}
        for made, name, _ in new:
            made.rater = raters[name]
        stored = Assessment.objects.bulk_create([made for made, _, _ in new])
        timed = []
        for made, (_, _, one) in zip(stored, new, strict=True):
            if one.rated_at is not None:
                made.created_at = one.rated_at  # storing it set the present
                timed.append(made)
        Assessment.objects.bulk_update(timed, ["created_at"], batch_size=1000)

    def done(self) -> Done:
        report = Report(
            added=self.n_added,
            unchanged=self.n_same,
            bad=self.bad_rows.count,
            ignored_columns=tuple(sorted(self.ignored)),
            read=self.n_rows,
        )
        return Done(report, self.n_verdicts, self.n_outside, self.n_unanswered)

    def _read(self, rows: Iterable[Row | BadRow]) -> Iterator[tuple[Row, Given]]:
        read = list(self._own(rows) if self.mapping is None else self._translated(rows, self.mapping))
        texts = Texts([row.values for row in read] if self.mapping is not None else [])
        for row in read:
            try:
                yield row, given(texts.found(row.values), from_csv=self.file.format == "csv", source=self.source)
            except RowError as error:
                self._refuse(BadRow(row.line, error.reason, error.value, row.raw))

    def _own(self, rows: Iterable[Row | BadRow]) -> Iterator[Row]:
        """The rows of people in a file like our own export."""
        for row in rows:
            self.n_rows += 1
            if isinstance(row, BadRow):
                self._refuse(row)
                continue
            self.ignored.update(row.values.keys() - NAMES_READ - ({"position"} if self.source else set()))
            if self.source and not row.values.get("labels"):
                self._leave_out(row.line, foreign.NO_ANSWER)  # a row of outputs that nobody labelled
            elif is_model(row.values):
                self._leave_out(row.line, foreign.VERDICT)
            else:
                yield row

    def _translated(self, rows: Iterable[Row | BadRow], mapping: Mapping) -> Iterator[Row]:
        """The same from the records of another tool: a row for each person's answer."""
        for row in rows:
            self.n_rows += 1
            if isinstance(row, BadRow):
                self._refuse(row)
                continue
            for found in foreign.rows(row.values, mapping):
                if isinstance(found, RowError):
                    self._refuse(BadRow(row.line, found.reason, found.value, row.raw))
                elif isinstance(found, foreign.LeftOut):
                    self._leave_out(row.line, found.why)
                else:
                    yield Row(row.line, found, row.raw)

    def _leave_out(self, line: int, why: str) -> None:
        self.n_verdicts += why == foreign.VERDICT
        self.n_unanswered += why == foreign.NO_ANSWER
        self._tell(line, f"left out: {why}")

    def _checked(self, row: Row, one: Given, known: Known) -> tuple[Assessment, str, Given] | None:
        try:
            return self._made(row, one, known)
        except RowError as error:
            self._refuse(BadRow(row.line, error.reason, error.value, row.raw))
            return None

    def _made(self, row: Row, one: Given, known: Known) -> tuple[Assessment, str, Given] | None:
        """The assessment to store; None where it is there already. Raises RowError."""
        output = known.outputs.get(one.output)
        if output is None:
            raise RowError(
                "the output is unknown; labels go to outputs that were generated or imported here", str(one.output)
            )
        if output.generation_id in self.in_hand:
            raise RowError("you have its generation in work in a blind campaign; submit that first", str(one.output))
        if one.rater_name not in known.users:
            mapped = "" if self.mapping is None else ', or name who it is here under "raters" in the mapping'
            raise RowError(f"there is no such user; make one of that name in /admin/ first{mapped}", one.rater_name)
        rubric, rules = self._rubric(output.kind, one.rubric_version)
        try:
            passed = rules.passes(one.labels)
        except LabelError as error:
            raise RowError(str(error), readers.raw_value(one.labels)) from error
        key = (one.rater_name, output.pk, rubric.pk, one.revision)
        there = known.stored.get(key)
        if there == (one.labels, one.comment):
            self.n_same += 1
            self._tell(row.line, "already there")
            return None
        if there is not None:
            raise RowError(
                f"{one.rater_name} has labelled this output otherwise already, and labels are never overwritten; "
                "leave the row out, or let them revise theirs",
                readers.raw_value(there[0]),
            )
        known.stored[key] = (one.labels, one.comment)
        assignment = _assignment(one, output, rubric, known)
        self.n_added += 1
        self.n_outside += assignment is None
        self._tell(row.line, "added" if assignment is not None else "added, outside any campaign")
        is_free = one.assessment is not None and one.assessment not in known.taken
        made = Assessment(
            id=one.assessment if is_free else new_id(),
            output=output,
            rubric=rubric,
            assignment=assignment,
            revision=one.revision,
            labels=one.labels,
            passed=passed,
            rationale=one.comment,
            seconds=one.seconds,
            blind=one.blind,
        )
        known.taken.add(made.pk)
        return made, one.rater_name, one

    def _rubric(self, kind: str, version: int | None) -> tuple[Rubric, RubricDef]:
        key = (kind, version)
        if key not in self._rubrics:
            named = Rubric.objects.fixed().filter(kind=kind, version=version) if version else None
            rubric = named.first() if named is not None else _current(kind)
            self._rubrics[key] = None if rubric is None else (rubric, services.definition(rubric))
        known = self._rubrics[key]
        if known is None:
            which = f"version {version} of the rubric" if version else "rubric"
            raise RowError(f"there is no {which} for the kind {kind}; `manage.py seed_studio` makes the current one")
        return known

    def _refuse(self, row: BadRow) -> None:
        self._tell(row.line, f"refused: {row.reason}")
        self.bad_rows.add([row])

    def _tell(self, line: int, what: str) -> None:
        if self.say is not None:
            self.say(f"{self.file.unit} {line}: {what}")


def _in_hand(user: User | None) -> frozenset[UUID]:
    """The generations that somebody holds in blind campaigns: a refused row would say what others said of them."""
    return frozenset(blind_work(user).values_list("unit__generation", flat=True)) if user is not None else frozenset()


def _current(kind: str) -> Rubric | None:
    try:
        return Rubric.objects.current(kind)
    except Rubric.DoesNotExist:
        return None


def _known(rows: list[Given]) -> Known:
    outputs = Output.objects.select_related("generation").in_bulk({one.output for one in rows})
    users = {user.username: user for user in User.objects.filter(username__in={one.rater_name for one in rows})}
    assignments = Assignment.objects.select_related("unit__campaign").in_bulk(
        {one.assignment for one in rows if one.assignment is not None}
    )
    stored = Assessment.objects.filter(output__in=outputs, rater__user__in=users.values()).order_by()
    return Known(
        outputs=outputs,
        users=users,
        assignments=assignments,
        stored={
            (name, output, rubric, revision): (labels, comment)
            for name, output, rubric, revision, labels, comment in stored.values_list(
                "rater__user__username", "output_id", "rubric_id", "revision", "labels", "rationale"
            )
        },
        taken=set(
            Assessment.objects.filter(pk__in={one.assessment for one in rows if one.assessment}).values_list(
                "pk", flat=True
            )
        ),
    )


def _assignment(one: Given, output: Output, rubric: Rubric, known: Known) -> Assignment | None:
    """The screen of work that the labels were given on, if it is here and was this person's, of this output."""
    found = known.assignments.get(one.assignment) if one.assignment is not None else None
    if found is None or found.annotator_id != known.users[one.rater_name].pk:
        return None
    unit = found.unit
    return found if (unit.generation_id, unit.campaign.rubric_id) == (output.generation_id, rubric.pk) else None
