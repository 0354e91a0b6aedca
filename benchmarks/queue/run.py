"""How fast eight people work through the review queue: `python -m benchmarks.queue.run`.

The web server as the demo runs it, the embedded PostgreSQL (with fsync) and Valkey, and eight programs that take a
screen and submit its labels by the API, each with a token and a connection of its own, without a pause. Generated
outputs and finished reviews are stand-ins (seed.py). Processor time is that of the web server, PostgreSQL and Valkey
together. It all happens in a data folder of its own, which is removed at the end.
"""

import argparse
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import connection
from django.utils import timezone

from benchmarks.queue import load, seed
from benchmarks.services import server
from judge import leases
from judge.models import Assignment, Campaign
from judge.services import rater_for_model, seed_rubrics
from recgpt_site.api import tokens
from recgpt_site.embedded import stack
from recommend.models import LanguageModel
from recommend.roles import ANNOTATOR

N_PEOPLE = 8
N_ROUNDS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--generations", type=int, default=50_000, help="in the large campaigns; a fifth in the small")
    parser.add_argument("--pairs", type=int, default=4_000, help="of next and submit, in each campaign, by all people")
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    options = parser.parse_args()
    if stack.uses_own("DATABASE_URL") or stack.uses_own("REDIS_URL"):
        parser.error("It counts the processor time of the embedded services: unset DATABASE_URL and REDIS_URL.")
    with server() as port:
        result = measure(port, options.generations, options.pairs)
    print(table(result))
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")
    if result["problems"]:
        sys.exit("\n".join(result["problems"][:20]))


def measure(port: int, n: int, n_pairs: int) -> dict[str, Any]:
    """Every scenario, one after the other, and what must hold after all of them."""
    say(f"Storing stand-ins for {n + n // 5:,} generations …")
    rubric = next(one for one in seed_rubrics() if one.kind == "interest")
    model = LanguageModel.objects.create(name="stand-in", role="interests", state="serving")
    judge = rater_for_model(LanguageModel.objects.create(name="stand-in", role="judge", state="serving"), "1")
    users = [User.objects.create(username=f"annotator-{number}") for number in range(N_PEOPLE)]
    group = Group.objects.get_or_create(name=ANNOTATOR)[0]
    group.user_set.set(users)
    people = [load.Annotator(port, tokens.create(user, name="benchmark")[1]) for user in users]
    seed.generations("few", n // 5, model, judge, rubric)
    seed.generations("many", n, model, judge, rubric)
    seed.generations("one", 1, model, judge, rubric)
    few = seed.campaign(f"{n // 5:,}, new", "few", rubric, overlap=1)
    half_done = seed.campaign(f"{n:,}, four fifths done, overlap 2", "many", rubric, overlap=2)
    seed.reviews(half_done, users, n * 4 // 5)
    filtered = seed.campaign(
        f"{n:,}, for members, each had a fifth elsewhere", "many", rubric, overlap=1, members=users
    )
    last = seed.campaign("one", "one", rubric, overlap=1)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")

    say("Warming up …")
    load.together(people, load.review(few.pk, 10))
    problems: list[str] = []
    bare = load.together(people, partial(look_up, rubric.pk, n_pairs // N_PEOPLE))
    results = {"bare call": figures(bare)}
    for campaign in (few, half_done, filtered):
        done = load.together(people, load.review(campaign.pk, n_pairs // N_PEOPLE))
        results[campaign.name] = figures(done)
        problems += done.errors + doubles(campaign, done.given)
        say(f"{campaign.name}: {results[campaign.name]['per_s']:.0f} pairs/s")
    problems += race(people, filtered) + stored_wrongly()
    refusal = surplus(people[0], people[1], last)
    return {
        "pairs": n_pairs,
        "people": N_PEOPLE,
        "outputs": seed.OUTPUTS,
        "load_average": os.getloadavg(),
        "cores": os.cpu_count(),
        "results": results,
        "surplus": refusal,
        "problems": problems,
    }


def look_up(rubric: object, n: int, person: load.Annotator, done: load.Done) -> None:
    """The cheapest call that checks a token, counts the limit and asks the database: for comparison."""
    for _ in range(n):
        done.timed("look-up", lambda: person.call("GET", f"rubrics/{rubric}/"))


def figures(done: load.Done) -> dict[str, Any]:
    n = min(map(len, done.seconds.values()))
    return {
        "per_s": n / done.wall_s,
        "ms": {
            name: {f"p{share}": 1000 * load.percentile(seconds, share / 100) for share in (50, 95, 99)}
            for name, seconds in done.seconds.items()
        },
        "cpu_ms": {name: 1000 * spent / n for name, spent in done.cpu_s.items()},
    }


def doubles(campaign: Campaign, given: list[str]) -> list[str]:
    """Generations that were handed out more often than the campaign's overlap."""
    most = {one: given.count(one) for one in set(given)} if len(set(given)) < len(given) else {}
    return [f"{campaign}: {one} was given {n} times" for one, n in most.items() if n > campaign.overlap]


def race(people: list[load.Annotator], campaign: Campaign) -> list[str]:
    """Everybody asks at the same moment, again and again: nobody gets what somebody else got."""
    problems = []
    for _ in range(N_ROUNDS):
        done = load.together(people, load.review(campaign.pk, 1))
        problems += done.errors + doubles(campaign, done.given)
    return problems


def stored_wrongly() -> list[str]:
    """What the database says after all: places, submits and labels that do not add up; nobody twice."""
    checks = {
        "units with more places taken than the overlap, or with counts that their assignments do not have": """
            SELECT count(*) FROM judge_campaignunit unit JOIN judge_campaign campaign ON campaign.id = unit.campaign_id
            CROSS JOIN LATERAL (
                SELECT count(*) FILTER (WHERE state IN ('leased', 'submitted')) AS taken,
                    count(*) FILTER (WHERE state = 'submitted') AS submitted
                FROM judge_assignment WHERE unit_id = unit.id
            ) real
            WHERE unit.n_taken > campaign.overlap OR unit.n_taken <> taken OR unit.n_submitted <> submitted""",
        "generations that one person was given twice under one rubric": """
            SELECT count(*) FROM (
                SELECT FROM judge_assignment mine JOIN judge_campaignunit unit ON unit.id = mine.unit_id
                JOIN judge_campaign campaign ON campaign.id = unit.campaign_id
                GROUP BY mine.annotator_id, unit.generation_id, campaign.rubric_id HAVING count(*) > 1
            ) twice""",
        "submitted reviews without a label for every output": f"""
            SELECT count(*) FROM judge_assignment mine WHERE state = 'submitted' AND {seed.OUTPUTS} <>
                (SELECT count(*) FROM judge_assessment WHERE assignment_id = mine.id)""",
    }
    problems = []
    with connection.cursor() as cursor:
        for name, statement in checks.items():
            cursor.execute(statement)
            (n,) = cursor.fetchone()
            problems += [f"{n} {name}"] if n else []
    return problems


def surplus(late: load.Annotator, other: load.Annotator, campaign: Campaign) -> str:
    """What the first of two is told who submits after the lease ran out and somebody else has taken the only place."""
    _, held = late.next(campaign.pk)
    Assignment.objects.filter(pk=held["id"]).update(lease_until=timezone.now())  # as if its time had run out
    leases.expire(campaign)
    _, taken = other.next(campaign.pk)
    status, refusal = late.submit(held)
    assert (status, taken["generation"]) == (409, held["generation"]), refusal
    assert other.submit(taken)[0] == 200
    return f"{status}: {refusal['detail']}"


def table(result: dict[str, Any]) -> str:
    """The figures as a table in Markdown; processor time is the server's side, with PostgreSQL and Valkey."""
    lines = [
        "| campaign | pairs/s | next p50, p95 | submit p50, p95 | processor time | of it PostgreSQL |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, one in result["results"].items():
        if "next" in one["ms"] and "submit" not in one["ms"]:
            lines.append(f"| {name} | no screens left | | | | |")
        elif "next" in one["ms"]:
            times = [f"{one['ms'][call]['p50']:.0f}, {one['ms'][call]['p95']:.0f} ms" for call in ("next", "submit")]
            cpu = one["cpu_ms"]
            spent = cpu["web"] + cpu["postgres"] + cpu["valkey"]
            lines.append(
                f"| {name} | {one['per_s']:.0f} | {' | '.join(times)} | {spent:.1f} ms | {cpu['postgres']:.1f} ms |"
            )
    bare = result["results"]["bare call"]
    bare_ms = bare["cpu_ms"]["web"] + bare["cpu_ms"]["postgres"] + bare["cpu_ms"]["valkey"]
    load_average = ", ".join(f"{value:.1f}" for value in result["load_average"])
    lines += [
        "",
        f"{result['pairs']:,} pairs in each campaign, {result['people']} people, {result['outputs']} outputs a screen;",
        f"{result['cores']} cores, load average {load_average}. A call that only looks a rubric up:",
        f"{bare['per_s']:.0f}/s, {bare_ms:.1f} ms of processor time.",
        f"The surplus answer is refused with {result['surplus']}",
        f"Errors, doubles and rows that do not add up: {len(result['problems'])}.",
    ]
    return "\n".join(lines)


def say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
