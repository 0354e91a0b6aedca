"""How long the quality pages take with a million assessments: `python -m benchmarks.dashboard.run`.

The web server as the demo runs it, the embedded PostgreSQL (with fsync) and Valkey; assessments are stand-ins
(seed.py). What a worker computes is computed in this program, one after the other, and its time and memory are given
beside. It all happens in a data folder of its own, which is removed at the end.
"""

import argparse
import json
import os
import resource
import statistics
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Group, User
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection

from benchmarks.dashboard import seed
from benchmarks.services import server
from judge import dashboard_figures, disagreements, stored
from judge.comparison import Filters
from judge.disagreements import Wanted
from judge.models import Assessment, Campaign, Rater
from judge.services import rater_for_model, seed_rubrics
from recgpt_site.embedded import stack
from recommend.models import LanguageModel
from recommend.roles import LEAD

N_PEOPLE, OVERLAP = 12, 2
# Of every hundred assessments so many are people's.
HUMAN_SHARE = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assessments", type=int, default=1_000_000)
    parser.add_argument("--loads", type=int, default=20, help="of each page")
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    options = parser.parse_args()
    if stack.uses_own("DATABASE_URL") or stack.uses_own("REDIS_URL"):
        parser.error("It fills the embedded services: unset DATABASE_URL and REDIS_URL.")
    with server() as port:
        result = measure(port, options.assessments, options.loads)
    print(json.dumps(result, indent=1))
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")


def measure(port: int, n: int, n_loads: int) -> dict[str, Any]:
    """Fill the stores, compute what a worker would, and load each page."""
    say(f"Storing stand-ins for {n:,} assessments …")
    campaign = fill(n)
    cookie = signed_in()
    pages = {
        "dashboard": "/dashboard/",
        "dashboard, by model": "/dashboard/?by=model",
        "dashboard, one campaign": f"/dashboard/?campaign={campaign.pk}",
        "acceptance as CSV": "/dashboard/figures/acceptance.csv",
        "disagreements": "/dashboard/adjudication/",
        "disagreements, second page": "/dashboard/adjudication/?after={place}",
        "one disagreement": "/dashboard/adjudication/{output}/",
    }
    computing = compute(campaign)
    lead = User.objects.get(username="lead")
    place = disagreements.find(Wanted(Filters()), lead).places[-1]
    loads = {
        name: seconds(partial(load, port, cookie, url.format(place=place, output=place.output)), n_loads)
        for name, url in pages.items()
    }
    return {
        "assessments": Assessment.objects.count(),
        "people's": Assessment.objects.filter(rater__user__isnull=False).count(),
        "contested outputs": disagreements.find(Wanted(Filters()), lead).n_from_here,
        "load_average": os.getloadavg(),
        "cores": os.cpu_count(),
        "seconds to load": loads,
        "seconds to compute": computing,
        "MB at most while computing": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def fill(n: int) -> Campaign:
    """A judge's labels for all outputs, and people's for those of the generations that a campaign drew."""
    rubric = next(one for one in seed_rubrics() if one.kind == "interest")
    models = [
        LanguageModel.objects.create(name=f"stand-in {number}", role="interests", state="candidate")
        for number in range(3)
    ]
    judge = rater_for_model(LanguageModel.objects.create(name="stand-in", role="judge", state="serving"), "1")
    people = [User.objects.create(username=f"annotator-{number}") for number in range(N_PEOPLE)]
    Rater.objects.bulk_create(Rater(user=one) for one in people)
    campaign = Campaign.objects.create(
        name="stand-in", stage="interests", rubric=rubric, overlap=OVERLAP, precision=0.01, sampling_rate=0.1
    )
    n_generations = int(n * (1 - HUMAN_SHARE) / seed.OUTPUTS)
    rate = n * HUMAN_SHARE / seed.OUTPUTS / OVERLAP / 0.9 / n_generations
    seed.run(seed.SHOPPERS, shoppers=n_generations // 10)
    seed.run(seed.JUDGED, n=n_generations, models=[str(one.pk) for one in models], judge=judge.pk, rubric=rubric.pk)
    seed.run(seed.DRAWN, campaign=campaign.pk, rate=rate)
    seed.run(
        seed.REVIEWED,
        campaign=campaign.pk,
        people=[one.pk for one in people],
        judge=judge.pk,
        rubric=rubric.pk,
        overlap=OVERLAP,
    )
    Campaign.objects.filter(pk=campaign.pk).update(sampling_rate=rate)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return campaign


def compute(campaign: Campaign) -> dict[str, float]:
    """What a worker computes, in seconds; nothing where there is so little that the web server does."""
    found: dict[str, float] = {}
    for name, filters in (
        ("", Filters()),
        (", by model", Filters(by="model")),
        (", one campaign", Filters(campaign=campaign.pk)),
    ):
        sent: list[tuple[str, str, str]] = []
        send = patch.object(stored.compute_figures, "apply_async", lambda args, to=sent, **_: to.append(args))
        with send, suppress(stored.NotReadyError):
            dashboard_figures.all_of(filters)
        for asked in sent:
            found[f"{asked[0]}{name}"] = timed(partial(stored.compute_figures, *asked))
    lead = User.objects.get(username="lead")
    found["ranking"] = timed(lambda: disagreements.find(Wanted(Filters()), lead))
    return found


def signed_in() -> str:
    """The session cookie of a lead."""
    lead = User.objects.create(username="lead")
    lead.groups.add(Group.objects.get_or_create(name=LEAD)[0])
    session = SessionStore()
    session[SESSION_KEY] = str(lead.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = lead.get_session_auth_hash()
    session.create()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def load(port: int, cookie: str, url: str) -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{url}", headers={"Cookie": cookie})
    with urllib.request.urlopen(request, timeout=600) as response:
        text = response.read().decode()
    if "figures are being computed" in text or 'name="password"' in text:
        raise SystemExit(f"{url} did not show what it is for.")


def seconds(act: Callable[[], None], n: int) -> dict[str, float]:
    """The median and the longest of `n` times, the first, which warms up, apart."""
    first = timed(act)
    times = [timed(act) for _ in range(n)]
    return {"median": statistics.median(times), "longest": max(times), "first": first}


def timed(act: Callable[[], object]) -> float:
    begin = time.perf_counter()
    act()
    return round(time.perf_counter() - begin, 3)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
