"""How fast labels get out, and in how much memory: `python -m benchmarks.export_labels.run`.

Generations with three interests each, every one labelled by the judge and by a person: six rows a generation. Each
format is taken as a lead takes it, through the download's address with its checks of who may see what, to the last
byte. As a yardstick, first: a plain `COPY (SELECT …) TO STDOUT` of the same rows, as CSV that nothing is done to. Each
export runs in a process of its own, whose largest resident memory is the kernel's figure; "CPU s" is that process's
time without PostgreSQL's, which says more than the clock where others use the machine. A database of its own in the
embedded PostgreSQL, or in that of DATABASE_URL; it is removed at the end.
"""

import argparse
import json
import multiprocessing
import os
import resource
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import connection, models
from django.test import Client

from benchmarks.services import database
from judge.comparison import Filters
from judge.exchange import rows
from judge.exchange.columns import NAMES
from judge.exchange.formats import FORMATS
from judge.exchange.selection import Selection
from judge.models import Assessment, Assignment, CampaignUnit
from recommend.models import Generation, Output, PipelineRun, Shopper
from recommend.roles import LEAD
from tests.judge import factories
from tests.recommend.factories import GenerationFactory, OutputFactory

YARDSTICK = "COPY"
ADDRESS = "/dashboard/export/file/"
N_OUTPUTS = 3
REASON = "Bought diapers nine times, baby foods four times and wipes in most months of the year; grows with the child."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--generations", type=int, nargs="+", default=[10_000, 170_000], help="sizes, ascending")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=list(FORMATS))
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    options = parser.parse_args()
    found: list[dict[str, Any]] = []
    with database():
        user, stored = seed_one(), 1
        for size in options.generations:
            grow(stored, size)
            stored = size
            names = [YARDSTICK, *options.formats]
            found += [measured(name, size, user, options.repeats) for name in names]
    print(table(found))
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n")


def seed_one() -> Any:
    """The first generation, reviewed and judged, that all others are copies of; gives the lead who exports."""
    campaign = factories.CampaignFactory.create()
    generation = GenerationFactory.create()
    unit = factories.CampaignUnitFactory.create(campaign=campaign, generation=generation)
    assignment = factories.AssignmentFactory.create(unit=unit, state=Assignment.State.SUBMITTED)
    person = factories.PersonFactory.create(user=assignment.annotator)
    for position in range(N_OUTPUTS):
        output = OutputFactory.create(generation=generation, position=position, reason=REASON)
        weights = {"willingness": {"Spontaneity": 0.93, "Necessity": 0.07}}
        factories.AssessmentFactory.create(output=output, rationale=REASON, probabilities=weights)
        factories.AssessmentFactory.create(output=output, rater=person, assignment=assignment)
    factories.AssessmentFactory.create(output__generation__stage="tags")  # for the first export, which is not timed
    return factories.UserFactory.create(role=LEAD)


def grow(stored: int, wanted: int) -> None:
    """Copy the first generation with all that hangs on it until there are `wanted`."""
    first = Generation.objects.earliest("pk")
    with connection.cursor() as cursor:
        for model, own, parents in (
            (Shopper, [first.shopper], {}),
            (PipelineRun, [first.run], {"shopper_id": first.shopper}),
            (Generation, [first], {"shopper_id": first.shopper, "run_id": first.run}),
            (Output, list(first.outputs.all()), {"generation_id": first}),
            (CampaignUnit, list(first.campaign_units.all()), {"generation_id": first}),
            (Assignment, list(Assignment.objects.filter(unit__generation=first)), {"unit_id": None}),
            (
                Assessment,
                list(Assessment.objects.filter(output__generation=first)),
                {"output_id": None, "assignment_id": None},
            ),
        ):
            for row in own:
                copy(cursor, model, row, tuple(parents), stored, wanted)
        cursor.execute("ANALYZE")


def copy(
    cursor: Any, model: type[models.Model], row: models.Model, parents: tuple[str, ...], stored: int, wanted: int
) -> None:
    """One row for each new generation; its id, and those of `parents`, follow from the first's and the number."""
    changed = {name: f"md5(t.{name}::text || n)::uuid" for name in ("id", *parents)}
    if model is Shopper:
        changed["external_id"] = "'shopper-' || n"
    names = [field.column or field.name for field in model._meta.concrete_fields]
    cursor.execute(
        f"INSERT INTO {model._meta.db_table} ({', '.join(names)}) "
        f"SELECT {', '.join(changed.get(name, f't.{name}') for name in names)} "
        f"FROM {model._meta.db_table} AS t, generate_series(%s, %s) AS n WHERE t.id = %s",
        [stored + 1, wanted, row.pk],
    )


def measured(name: str, size: int, user: Any, repeats: int) -> dict[str, Any]:
    """An export some times over, each in a process of its own."""
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # its threads do not live on in a forked process
    context = multiprocessing.get_context("fork")
    runs = []
    for _ in range(repeats):
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=export, args=(name, user, sender))
        process.start()
        runs.append(receiver.recv())
        process.join()
        print(f"{name}, {size:,} generations: {runs[-1]}", file=sys.stderr, flush=True)
    return {
        "format": name,
        "generations": size,
        "rows": size * N_OUTPUTS * 2,
        "seconds": [round(run["seconds"], 2) for run in runs],
        "cpu_s": [round(run["cpu_s"], 2) for run in runs],  # of our process, without PostgreSQL's
        "first_byte_s": [round(run["first_byte_s"], 3) for run in runs],
        "megabytes": round(runs[0]["bytes"] / 1e6, 1),
        "peak_mib": [round(run["peak_kib"] / 1024) for run in runs],
        "load_average": os.getloadavg(),
        "cores": os.cpu_count(),
    }


def export(name: str, user: Any, sender: Any) -> None:
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    # Imports and the connection are a server's start, not an export's time; there is one tag.
    b"".join(pieces(client, user, name, "tag"))
    started, n_bytes, first_byte_s = time.perf_counter(), 0, 0.0
    cpu_started = time.process_time()
    for part in pieces(client, user, name, "interest"):
        first_byte_s = first_byte_s or time.perf_counter() - started
        n_bytes += len(part)
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu_started
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sender.send(
        {
            "seconds": seconds,
            "cpu_s": cpu_s,
            "first_byte_s": first_byte_s,
            "bytes": n_bytes,
            "peak_kib": peak_kib,
        }
    )


def pieces(client: Client, user: Any, name: str, kind: str) -> Iterator[bytes]:
    """What comes down the line, by a download's address or by the yardstick."""
    if name == YARDSTICK:
        selected = Selection(Filters(kind=kind), by=user).assessments()
        yield from (b"".join(batch) for batch in rows.copied(selected, NAMES, rows.CSV))
        return
    response = client.get(ADDRESS, {"format": name, "kind": kind}, secure=True)
    assert response.status_code == 200, response.status_code
    yield from response.streaming_content  # type: ignore[attr-defined]  # a download streams


def table(found: list[dict[str, Any]]) -> str:
    """The figures as a table in Markdown."""
    lines = [
        "| format | generations | rows | s (median) | × COPY | CPU s | first byte, s | MB | peak MiB |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    plain = {one["generations"]: statistics.median(one["seconds"]) for one in found if one["format"] == YARDSTICK}
    for one in found:
        seconds = statistics.median(one["seconds"])
        lines.append(
            f"| {one['format']} | {one['generations']:,} | {one['rows']:,} | {seconds:.2f} "
            f"| {seconds / plain[one['generations']]:.1f} | {statistics.median(one['cpu_s']):.2f} "
            f"| {statistics.median(one['first_byte_s']):.2f} | {one['megabytes']:,.1f} | {max(one['peak_mib'])} |"
        )
    load = ", ".join(f"{value:.1f}" for value in found[-1]["load_average"])
    lines.append(f"\n{found[-1]['cores']} cores, load average {load}.")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
