"""Train the towers: one visible loop, early stopping on what is held out, then once more on everything.

The defaults were chosen on the validation session of The Complete Journey; the report gives none but alpha.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from recommend.towers.log import Log
from training.towers.batches import Batch, Batches, Sequences
from training.towers.holdout import Holdout, gains, hold_out
from training.towers.losses import ALPHA, sampled_softmax
from training.towers.model import Towers, Widths

_SCORED = 256  # shoppers at once
LOSSES = ("col", "tag", "cate")


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """How towers are trained.

    n_negatives       of each batch, shared by its rows
    col, tag, cate    weights of the losses; the report's alpha and 1 - alpha for tag and cate
    unnamed           share of rows whose shopper the user tower is not told, so that it can do with new ones
    check_every       steps between two looks at what is held out
    patience          such looks without a better one before the training stops
    is_refitted       train anew on everything, for as many steps as were best
    """

    seed: int = 1
    batch_size: int = 512
    n_negatives: int = 256
    learning_rate: float = 4e-3
    weight_decay: float = 0.0
    col: float = 1.0
    tag: float = ALPHA
    cate: float = 1 - ALPHA
    unnamed: float = 0.1
    max_steps: int = 2000
    check_every: int = 200
    patience: int = 2
    is_refitted: bool = True
    device: str = "cpu"
    widths: Widths = field(default_factory=Widths)


@dataclass(frozen=True)
class Trained:
    """The towers; what the ones before the last fit say of the shoppers held out; and how it went.

    scores  (shoppers, items) of the user tower that knows `held.known` only
    record  config, and of every look its step, losses and NDCG@10
    """

    towers: Towers
    held: Holdout
    scores: np.ndarray
    record: dict[str, Any]


def train(log: Log, config: TrainConfig, *, say: Callable[[str], object] = lambda message: None) -> Trained:
    """Train on a log. Raises ValueError where there is nothing to learn from."""
    started = time.monotonic()
    held = hold_out(log)
    best, looks = _fit(held.known, config, config.max_steps, held, say)
    if not looks:
        raise ValueError("The training ended before its first look at what is held out: raise max_steps.")
    n_steps = round(_best(looks)["step"])
    scores = user_scores(best, held.known, config.device)
    towers = _fit(log, config, n_steps, None, say)[0] if config.is_refitted else best
    record = {
        "config": asdict(config),
        "looks": looks,
        "steps": n_steps,
        "seconds": round(time.monotonic() - started),
        "torch": torch.__version__,
    }
    return Trained(towers, held, scores, record)


def user_scores(towers: Towers, log: Log, device: str = "cpu") -> np.ndarray:
    """h_u · h_v of every shopper of the log after all that they took, and every item: (shoppers, items)."""
    towers.eval()
    sequences, rows = Sequences(log), np.arange(len(log.shopper_ids))
    with torch.no_grad():
        items = towers.item(torch.from_numpy(log.codes).to(device))
        found = []
        for at in range(0, len(rows), _SCORED):
            some = rows[at : at + _SCORED]
            bags, offsets = sequences.whole(some)
            means = _means(items, [torch.from_numpy(bag).to(device) for bag in bags], offsets)
            found.append((towers.user(torch.from_numpy(some + 1).to(device), means) @ items.T).cpu().numpy())
    return np.concatenate(found)


def losses_of(towers: Towers, log: Log, batch: Batch, device: str = "cpu") -> dict[str, Tensor]:
    """L_col, L_tag and L_cate of a batch, in nats."""
    # Each item that the batch names goes through its tower once.
    named = np.concatenate([*batch.bags, batch.items, batch.likes, batch.negatives])
    unique, places = np.unique(named, return_inverse=True)
    items = towers.item(torch.from_numpy(log.codes[unique]).to(device))  # (M, D)
    lengths = [*(len(bag) for bag in batch.bags), len(batch.items), len(batch.likes), len(batch.negatives)]
    *bags, own, likes, negatives = torch.from_numpy(places).to(device).split(lengths)
    user = towers.user(torch.from_numpy(batch.shoppers).to(device), _means(items, bags, batch.offsets))  # (B, D)
    tag = towers.tag(torch.from_numpy(log.titles[batch.items]).to(device))  # (B, D)
    is_taken, is_alike = (torch.from_numpy(mask).to(device) for mask in (batch.is_taken, batch.is_alike))
    is_own = negatives[None, :] == own[:, None]
    return {
        "col": sampled_softmax(user, items[own], items[negatives], is_taken),
        "tag": sampled_softmax(tag, items[own], items[negatives], is_own),
        "cate": sampled_softmax(tag, items[likes], items[negatives], is_alike),
    }


def _means(items: Tensor, bags: list[Tensor], offsets: list[np.ndarray]) -> Tensor:
    """Of each kind the mean representation of a row's items, zeros without any: (B, kinds, D)."""
    means = [
        functional.embedding_bag(bag, items, torch.from_numpy(begins).to(items.device), mode="mean")
        for bag, begins in zip(bags, offsets, strict=True)
    ]
    return torch.stack(means, dim=1)


def _fit(
    log: Log, config: TrainConfig, n_steps: int, held: Holdout | None, say: Callable[[str], object]
) -> tuple[Towers, list[dict[str, float]]]:
    """Towers after so many steps, or with `held` those of the best look; and the looks."""
    torch.manual_seed(config.seed)
    towers = Towers(log.sizes.tolist(), len(log.shopper_ids), len(log.kinds), len(log.pieces), config.widths)
    towers.to(config.device)
    optimizer = torch.optim.AdamW(towers.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    looks: list[dict[str, float]] = []
    best: dict[str, Tensor] = {}
    sums = dict.fromkeys(LOSSES, 0.0)
    steps = tqdm(range(1, n_steps + 1), unit="step", mininterval=1)
    for step, batch in zip(steps, _endless(log, config), strict=False):
        towers.train()
        losses = losses_of(towers, log, batch, config.device)
        loss = config.col * losses["col"] + config.tag * losses["tag"] + config.cate * losses["cate"]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        sums = {name: sums[name] + losses[name].item() for name in LOSSES}
        if held is None or step % config.check_every:
            continue
        gain = float(gains(user_scores(towers, log, config.device), held).mean())
        mean = {name: round(sums[name] / config.check_every, 4) for name in LOSSES}
        looks.append({"step": step, "ndcg": round(gain, 5), **mean})
        sums = dict.fromkeys(LOSSES, 0.0)
        say(", ".join(f"{name} {value:g}" for name, value in looks[-1].items()))
        if looks[-1] is _best(looks):
            best = {name: value.detach().clone() for name, value in towers.state_dict().items()}
        if step - _best(looks)["step"] >= config.patience * config.check_every:
            break
    if best:
        towers.load_state_dict(best)
    return towers.eval(), looks


def _best(looks: Sequence[dict[str, float]]) -> dict[str, float]:
    return max(looks, key=lambda look: look["ndcg"])


def _endless(log: Log, config: TrainConfig) -> Iterator[Batch]:
    batches = Batches(
        log, size=config.batch_size, n_negatives=config.n_negatives, unnamed=config.unnamed, seed=config.seed
    )
    if len(batches.positives) == 0:
        raise ValueError("No shopper took something new after something else, so there is nothing to learn from.")
    while True:
        yield from batches
