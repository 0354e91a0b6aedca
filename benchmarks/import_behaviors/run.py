"""How fast behaviours get from a file into PostgreSQL: `python -m benchmarks.import_behaviors.run`.

The purchases of the sample data (813,343 rows) as Parquet, CSV and JSONL, each imported into an empty table by the code
that `import_behaviors` runs, from opening the file to the commit. Beside it, in the same run and into the same table,
what psycopg's COPY does with the same rows when ids are known, nothing is checked, and nothing may be there already.
A database of its own in the embedded PostgreSQL, or in that of DATABASE_URL; it is removed at the end.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from django.db import connection, transaction

from benchmarks import WORK
from benchmarks.services import database
from recgpt_site.embedded import stack
from recommend import sample_data
from recommend.imports import behaviors, files, sample

COLUMNS = "created_at, shopper_id, kind, item_id, query, occurred_at, quantity, source_key"


@dataclass(frozen=True)
class Time:
    """Seconds on the clock, and of processor time in this process and in PostgreSQL's."""

    wall: float
    cpu: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    options = parser.parse_args()
    with database():
        rows = sample.households()
        sample.load_items(rows)
        sample.load_shoppers(rows)
        result = measure(write_files(), options.repeats)
    print(table(result))
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")


def write_files() -> dict[str, Path]:
    purchases = sample_data.purchases()
    kind = pa.array(["purchase"] * purchases.num_rows)
    data = purchases.append_column("kind", kind).select(["shopper", "kind", "sku", "occurred_at", "quantity"])
    found = {name: WORK / f"purchases.{name}" for name in ("parquet", "csv", "jsonl")}
    pq.write_table(data, found["parquet"])
    pa.csv.write_csv(data, found["csv"])
    with found["jsonl"].open("w") as file:
        for row in data.to_pylist():
            file.write(json.dumps(row | {"occurred_at": row["occurred_at"].isoformat()}) + "\n")
    return found


def measure(paths: dict[str, Path], repeats: int) -> dict[str, Any]:
    times: dict[str, list[Time]] = defaultdict(list)
    for _ in range(repeats):
        for name, path in paths.items():
            load = partial(behaviors.load, files.source(path), say=lambda line: None)
            times[f"import_behaviors, {name}"].append(timed(load))
        rows = stored_rows()
        times["bare COPY into the same table"].append(timed(partial(bare_copy, rows, "recommend_behavior")))
        plain_table()
        times["bare COPY into a table without keys"].append(timed(partial(bare_copy, rows, "plain")))
    return {
        "rows": len(rows),
        "repeats": repeats,
        "load_average": os.getloadavg(),
        "cores": os.cpu_count(),
        "results": {
            name: {
                "rows_per_s": len(rows) / statistics.median(one.wall for one in given),
                "wall_s": [round(one.wall, 2) for one in given],
                "cpu_s": [round(one.cpu, 2) for one in given],
            }
            for name, given in times.items()
        },
    }


def timed(work: Callable[[], object]) -> Time:
    """Time `work` on an empty table, up to and including the commit."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE recommend_behavior")
        cursor.execute("CHECKPOINT")
        cursor.execute("SELECT pg_backend_pid()")
        backend = cursor.fetchone()[0]
        started, used = time.perf_counter(), time.process_time() + backend_cpu_s(backend)
        work()
        spent = Time(time.perf_counter() - started, time.process_time() + backend_cpu_s(backend) - used)
    print(f"{spent.wall:.1f} s, {spent.cpu:.1f} s of processor time", file=sys.stderr, flush=True)
    return spent


def backend_cpu_s(pid: int) -> float:
    """Processor seconds of PostgreSQL's process so far; 0 where it is on another machine."""
    path = Path(f"/proc/{pid}/stat")
    if stack.uses_own("DATABASE_URL") or not path.exists():
        return 0.0
    user, system = path.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def stored_rows() -> list[tuple[object, ...]]:
    """The imported rows, in the file's order, with ids in place of keys."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {COLUMNS} FROM recommend_behavior ORDER BY occurred_at, id")
        return list(cursor.fetchall())


def bare_copy(rows: list[tuple[object, ...]], target: str) -> None:
    with (
        transaction.atomic(),
        connection.cursor() as cursor,
        cursor.copy(f"COPY {target} ({COLUMNS}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)


def plain_table() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS plain")
        cursor.execute("CREATE TABLE plain (LIKE recommend_behavior INCLUDING DEFAULTS)")


def table(result: dict[str, Any]) -> str:
    """The figures as a table in Markdown; ratios are to the bare COPY into the same table."""
    results = result["results"]
    bare = results["bare COPY into the same table"]["rows_per_s"]
    lines = ["| what | rows/s | ratio to bare COPY | seconds | processor seconds |", "|---|---:|---:|---|---|"]
    for name, one in results.items():
        wall, cpu = (", ".join(f"{value:.1f}" for value in one[key]) for key in ("wall_s", "cpu_s"))
        lines.append(f"| {name} | {one['rows_per_s']:,.0f} | {one['rows_per_s'] / bare:.2f} | {wall} | {cpu} |")
    load = ", ".join(f"{value:.1f}" for value in result["load_average"])
    lines.append(
        f"\n{result['rows']:,} rows, median of {result['repeats']}; {result['cores']} cores, load average {load}."
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
