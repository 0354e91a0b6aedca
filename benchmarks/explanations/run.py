"""How fast a run finds explanations that were made ahead: `python -m benchmarks.explanations.run`.

A table of that many rows: every item with every one of the interests. A look-up is that of a run: so many items, each
with the interest that brought it, and all interests of the shopper; random ones each time, so that most pages are read
anew. Timed with the clock around `find`, which is all that a run asks of the database for them. A database of its own
in the embedded PostgreSQL, or in that of DATABASE_URL; it is removed at the end.
"""

import argparse
import os
import random
import statistics
import time

from django.db import connection

from benchmarks.services import database
from recommend.ahead.lookup import find
from recommend.models import Item, StoredExplanation
from tests.recommend.factories import GenerationFactory, OutputFactory

N_INTERESTS = 50  # of each item


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, nargs="+", default=[1, 6, 50], help="of a run")
    parser.add_argument("--interests", type=int, default=16, help="of a shopper; the report's have 16.1")
    parser.add_argument("--repeats", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with database():
        fill(options.rows)
        skus = list(Item.objects.values_list("pk", flat=True))
        chance = random.Random(options.seed)
        print(f"{StoredExplanation.objects.count():,} rows, load average {os.getloadavg()}, {os.cpu_count()} cores")
        print("| items | found | median ms | 95 % | 99 % | worst |\n|---:|---:|---:|---:|---:|---:|")
        for n_items in options.items:
            times, n_found = [], 0
            for _ in range(options.repeats):
                interests = [name(number) for number in chance.sample(range(2 * N_INTERESTS), options.interests)]
                wanted = {item: chance.choice(interests) for item in chance.sample(skus, n_items)}
                started = time.perf_counter()
                n_found += len(find(wanted, interests, "en"))
                times.append(1000 * (time.perf_counter() - started))
            cuts = statistics.quantiles(times, n=100)
            print(
                f"| {n_items} | {n_found / options.repeats:.1f} | {statistics.median(times):.2f} | {cuts[94]:.2f} | "
                f"{cuts[98]:.2f} | {max(times):.2f} |"
            )


def name(number: int) -> str:
    """An interest; half of those that are asked for are in the table."""
    return f"interest number {number}"


def fill(n_rows: int) -> None:
    """Items, outputs and stored explanations, made by PostgreSQL."""
    generation = GenerationFactory.create(stage="explanations")
    output = OutputFactory.create(generation=generation, position=0)
    n_items = n_rows // N_INTERESTS
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO recommend_item (id, created_at, sku, title, category, brand, attributes, short_text,
                                           n_behaviors)
               SELECT gen_random_uuid(), now(), 'sku-' || n, 'Item ' || n, ARRAY['food', 'tea'], '', '{}', 'tea', 0
               FROM generate_series(1, %s) AS n""",
            [n_items],
        )
        cursor.execute(
            """INSERT INTO recommend_output (id, created_at, generation_id, kind, position, text, reason, stage,
                                             evidence, rejected_by, rejected_because)
               SELECT md5('output' || n)::uuid, now(), generation_id, kind, n, 'A calm start for little eaters', '', '',
                      '[]', '', ''
               FROM recommend_output, generate_series(1, %s) AS n WHERE id = %s""",
            [n_rows, output.pk],
        )
        cursor.execute(
            """INSERT INTO recommend_storedexplanation (stored_at, item_id, interest, language, item_version, output_id)
               SELECT now(), item.id, 'interest number ' || i, 'en', item.version,
                      md5('output' || row_number() OVER (ORDER BY random()))::uuid
               FROM recommend_item AS item, generate_series(0, %s - 1) AS i ORDER BY random()""",
            [N_INTERESTS],
        )
        cursor.execute("ANALYZE")


if __name__ == "__main__":
    main()
