"""Outputs that another system made, from a file: stored as generations of a model of its own, reviewed like ours.

Each generation gets a run of its own that is finished from the beginning and says where it comes from: a generation
has a run, and everything that looks at one finds the shopper, the moment and the history there. Ids follow from source
and key, so the same file again adds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from recommend import events
from recommend.imports import elsewhere, files, readers, records
from recommend.imports.elsewhere import STAGE_OF_KIND, Said
from recommend.imports.problems import BadRow, BadRows, ImportStopped, RowError
from recommend.imports.progress import Progress
from recommend.imports.readers import Row
from recommend.imports.reports import Report
from recommend.models import Generation, Item, JobState, LanguageModel, Output, PipelineRun, Shopper

# Of a model elsewhere: its name says so wherever it is shown, and no engine asks it.
SUFFIX, ENGINE = " (imported)", "imported"
NOTE = "Not run here: its outputs were made elsewhere and imported."
PRIORITY = 9  # the judge's work on them waits for whatever somebody waits for
FINISHED = "finished"  # the step of a run that has none left


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a file comes from, and how it is read.

    source     the system that made the outputs; part of every id
    defaults   values for rows that have none of their own: kind, model, prompt_version
    tool       label-studio or argilla for records of these; "" for rows of our own names
    places     {name of ours: path in the tool's record}
    """

    source: str
    defaults: Mapping[str, str] = field(default_factory=dict)
    tool: str = ""
    places: Mapping[str, str] = field(default_factory=dict)


def load(
    file: files.Source,
    origin: Origin,
    *,
    say: Callable[[str], object],
    bad_file: Path | None = None,
    by: User | None = None,
    reached: Callable[[int], object] = lambda position: None,
) -> Report:
    """Add the outputs of a file that are not there yet; all of its good rows or, on an error, none.

    bad_file   where bad rows go; None: the first bad row raises ImportStopped
    reached    is told where the file is read to, in what `readers.size` counts
    """
    check_source(origin.source)
    unit = "row" if file.format == "parquet" else "B"
    with (
        BadRows(file.path.name, bad_file, file.unit) as bad_rows,
        Progress(f"Reading {file.path.name}", readers.size(file), unit, say) as progress,
        transaction.atomic(),
    ):
        made = Outputs(file, origin, bad_rows, by)
        for chunk in records.chunks(file) if file.format == "jsonl" else readers.chunks(file, ()):
            made.add(chunk.rows)
            progress.reach(chunk.position)
            reached(chunk.position)
        if not made.n_rows:
            raise ImportStopped(f"{file.path.name} has no rows.")
        for generation_id in made.new:
            events.generation_done(generation_id)
    return made.report()


def check_source(source: str) -> None:
    """Raise ImportStopped where a source has no name that can be shown."""
    if not source.strip() or len(source) > 100 or not source.isprintable():
        raise ImportStopped("Say which system made the outputs, in up to 100 characters. Nothing was stored.")


@dataclass(slots=True)
class Known:
    """What the database has of the rows of one chunk."""

    shoppers: dict[str, Shopper]
    items: dict[str, Item]
    generations: dict[UUID, Generation]
    outputs: dict[UUID, Output]


@dataclass(slots=True)
class Outputs:
    """One import, within the caller's transaction. `new` are the generations that it made, in their order."""

    file: files.Source
    origin: Origin
    bad_rows: BadRows
    by: User | None
    n_rows: int = 0
    n_added: int = 0
    n_same: int = 0
    new: dict[UUID, None] = field(default_factory=dict)
    ignored: set[str] = field(default_factory=set)
    _models: dict[tuple[str, str], LanguageModel] = field(default_factory=dict)
    _last: tuple[str, int] = ("", 0)  # the generation of the row before, and the place of its next output

    def add(self, rows: Iterable[Row | BadRow]) -> None:
        """Check rows and store the good ones. Raises ImportStopped for a bad row that is not to be skipped."""
        read = list(self._read(rows))
        known = self._known([said for one in read if not isinstance(one, BadRow) for said in one[1]])
        generations: list[Generation] = []
        outputs: list[Output] = []
        for one in read:
            if isinstance(one, BadRow):
                self.bad_rows.add([one])
                continue
            row, saids = one
            new_generations: dict[UUID, Generation] = {}
            new_outputs: dict[UUID, Output] = {}
            try:
                for said in saids:
                    generation, output = self._made(said, known)
                    if generation.pk not in known.generations:
                        known.generations[generation.pk] = new_generations[generation.pk] = generation
                        self.new[generation.pk] = None
                    if output.pk not in known.outputs:
                        known.outputs[output.pk] = new_outputs[output.pk] = output
            except RowError as error:
                for pk in new_generations:
                    del known.generations[pk], self.new[pk]
                for pk in new_outputs:
                    del known.outputs[pk]
                self.bad_rows.add([_bad(row, error)])
                continue
            generations += new_generations.values()
            outputs += new_outputs.values()
            self.n_added += len(new_outputs)
            self.n_same += len(saids) - len(new_outputs)
        PipelineRun.objects.bulk_create([generation.run for generation in generations])
        Generation.objects.bulk_create(generations)
        Output.objects.bulk_create(outputs)

    def report(self) -> Report:
        return Report(
            added=self.n_added,
            unchanged=self.n_same,
            bad=self.bad_rows.count,
            ignored_columns=tuple(sorted(self.ignored)),
            read=self.n_rows,
        )

    def _read(self, rows: Iterable[Row | BadRow]) -> Iterator[BadRow | tuple[Row, list[Said]]]:
        """The rows with their outputs, or what is wrong with them, in their order."""
        for row in rows:
            self.n_rows += 1
            if isinstance(row, BadRow):
                yield row
                continue
            try:
                yield row, [one for values in self._values(row) for one in elsewhere.read(values)]
            except RowError as error:
                yield _bad(row, error)

    def _values(self, row: Row) -> list[dict[str, Any]]:
        if self.origin.tool:
            found = list(elsewhere.of_tool(row.values, self.origin.tool, self.origin.places))
        else:
            self.ignored.update(row.values.keys() - set(elsewhere.NAMES))
            found = [dict(row.values)]
        for values in found:
            for name, value in self.origin.defaults.items():
                if values.get(name) in (None, ""):
                    values[name] = value
        return found

    def _known(self, saids: list[Said]) -> Known:
        ids = {elsewhere.generation_id(self.origin.source, one.made.key) for one in saids}
        parents = {elsewhere.output_id(self.origin.source, *one.parent) for one in saids if one.parent}
        generations = Generation.objects.select_related("run", "shopper", "model").in_bulk(ids)
        outputs = Output.objects.in_bulk(parents)
        outputs |= {one.pk: one for one in Output.objects.filter(generation__in=generations).order_by()}
        shoppers = Shopper.objects.filter(external_id__in={one.made.shopper for one in saids}).order_by()
        items = Item.objects.filter(sku__in={one.sku for one in saids if one.sku}).order_by()
        return Known(
            shoppers={one.external_id: one for one in shoppers},
            items={one.sku: one for one in items},
            generations=generations,
            outputs=outputs,
        )

    def _made(self, said: Said, known: Known) -> tuple[Generation, Output]:
        """The generation and the output of a row, stored or to be stored. Raises RowError."""
        made = said.made
        if made.shopper not in known.shoppers:
            raise RowError("the shopper is unknown; load it with import_shoppers first", made.shopper)
        if said.sku and said.sku not in known.items:
            raise RowError("the sku is unknown; load its item with import_items first", said.sku)
        parent = known.outputs.get(elsewhere.output_id(self.origin.source, *said.parent)) if said.parent else None
        if said.parent and (parent is None or parent.kind != Output.Kind.INTEREST):
            key, place = said.parent
            raise RowError(
                f'no interest at position {place} of the generation "{key}" was imported from {self.origin.source}; '
                "put it before this row in the file",
                key,
            )
        generation = self._generation(said, known, parent)
        key, following = self._last
        position = said.position if said.position is not None else following if key == made.key else 0
        self._last = (made.key, position + 1)
        output = Output(
            id=elsewhere.output_id(self.origin.source, made.key, position),
            generation=generation,
            kind=made.kind.value,
            position=position,
            text=said.text,
            reason=said.reason,
            stage=said.stage,
            parent=parent,
            item=known.items.get(said.sku) if said.sku else None,
            evidence=list(said.evidence),
        )
        self._refuse_other(output, known)
        return generation, output

    def _generation(self, said: Said, known: Known, parent: Output | None) -> Generation:
        made = said.made
        pk = elsewhere.generation_id(self.origin.source, made.key)
        model = self._model(made.model, made.kind)
        there = known.generations.get(pk)
        if there is not None:
            self._refuse_unlike(said, there, model)
            return there
        now = timezone.now()
        item = known.items.get(said.sku)
        shown: dict[str, Any] = {"attributes": {}, "history": list(made.history), "source": self.origin.source}
        if item is not None and parent is not None:
            price = float(item.price) if item.price is not None else None
            shown["item"] = {
                "title": item.title,
                "category": " > ".join(item.category),
                "brand": item.brand,
                "price": price,
            }
            shown["interest"] = {"text": parent.text, "stage": parent.stage, "reason": parent.reason}
        run = PipelineRun(
            shopper=known.shoppers[made.shopper],
            created_by=self.by,
            source=self.origin.source,
            state=JobState.DONE,
            step=FINISHED,
            reference_at=made.at or now,
            history=_history(made.history),
            priority=PRIORITY,
            started_at=made.at or now,
            finished_at=made.at or now,
        )
        return Generation(
            id=pk,
            run=run,
            shopper=run.shopper,
            stage=STAGE_OF_KIND[made.kind],
            model=model,
            prompt_version=made.prompt_version,
            prompt_sha256="",
            input=shown,
            input_sha256=sha256(readers.raw_value(shown).encode()).hexdigest(),
            state=JobState.DONE,
            finished_at=made.at or now,
        )

    def _model(self, name: str, kind: Output.Kind) -> LanguageModel:
        role = STAGE_OF_KIND[kind].value
        shown = name if name.endswith(SUFFIX) else f"{name}{SUFFIX}"
        if (shown, role) not in self._models:
            self._models[shown, role], _ = LanguageModel.objects.get_or_create(
                name=shown,
                role=role,
                defaults={"engine": ENGINE, "state": LanguageModel.State.RETIRED, "note": NOTE},
            )
        return self._models[shown, role]

    def _refuse_unlike(self, said: Said, there: Generation, model: LanguageModel) -> None:
        made = said.made
        differing = {
            "shopper": (there.shopper.external_id, made.shopper),
            "model": (there.model.name, model.name),
            "kind": (there.stage, STAGE_OF_KIND[made.kind].value),
            "prompt_version": (there.prompt_version, made.prompt_version),
            "history": (there.input.get("history"), list(made.history)),
        }
        for name, (stored, given) in differing.items():
            if stored != given:
                raise RowError(
                    f'the generation "{made.key}" has another {name} in an earlier row or import, and nothing is '
                    "overwritten; give it a key of its own",
                    str(given),
                )

    def _refuse_other(self, output: Output, known: Known) -> None:
        there = known.outputs.get(output.pk)
        if there is not None and any(getattr(there, name) != getattr(output, name) for name in _COMPARED):
            raise RowError(
                f"there is another output at position {output.position} of this generation, and nothing is overwritten"
                '; give each a "position", or let the rows of one generation stand together',
                output.text,
            )
        if there is None and output.generation_id in known.generations and output.generation_id not in self.new:
            raise RowError(
                "its generation was imported before without this output, and may have been reviewed; give the "
                "generation a new key",
                output.text,
            )
        # The judge is shown the item of the generation's input: there is one.
        if output.kind == Output.Kind.EXPLANATION and output.position > 0:
            raise RowError("an explanation is the only output of its generation; give each a generation of its own")


_COMPARED = ("text", "reason", "stage", "parent_id", "item_id", "evidence")


def _bad(row: Row, error: RowError) -> BadRow:
    return BadRow(row.line, error.reason, error.value, row.raw)


def _history(lines: tuple[str, ...]) -> dict[str, Any]:
    """What a run stores of its history, as `histories.as_json` has it; how many behaviours it was, nobody knows."""
    return {
        "lines": [
            {
                "text": line if " | " in line else f" | {line}",
                "contexts": line.partition(" | ")[0] if " | " in line else "",
                "items": [[line.partition(" | ")[2] or line, 1]],
            }
            for line in lines
        ],
        "n_events": 0,
        "n_kept_events": 0,
        "n_dropped_events": 0,
        "n_unknown_items": 0,
        "dropped": [],
        "dropped_before": None,
        "tokens": 0,
        "max_tokens": None,
    }
