"""Train the adapter on the teacher's examples.

One adapter for all four tasks. The loss is the mean over answer tokens, those of a judge's labels counting more. Logits
are computed where an answer token is predicted and nowhere else, as the vocabulary is a fifth of the work. One
single-threaded process per core, gradients averaged once per step: on a busy machine the threads of one process wait
for one another at every layer (measured: two threads were three times slower than one). Departs from the papers, which
fine-tune all weights of 14-billion-parameter models on tens of thousands of curated samples.
"""

import json
import math
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, distributed, multiprocessing
from torch.nn import functional

from judge.verdicts import RATIONALE
from training.adapter import examples, record
from training.adapter.examples import Example
from training.adapter.model import add_lora, load_base, load_gguf, load_tokenizer, lora_state, save_gguf, save_peft
from training.adapter.packing import Encoded, Pack, pack, packs
from training.adapter.record import Record, Run

# task -> share of the tokens; the judge's three kinds divide its share.
SHARES = {"interests": 0.58, "tags": 0.12, "explanations": 0.04, "judge": 0.26}
LABEL_WEIGHT = 8.0


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """How the adapter is trained; chosen by measuring on two CPU cores.

    minutes      wall time; the learning rate follows the share of it that has passed, so that a slow machine ends as
                 gently as a fast one
    pack_tokens  distinct tokens that a pack holds at most
    packs        per process and optimiser step
    order        seed of the order of examples; another one for a second run, so that it sees others first
    start        file of an adapter to go on from; "" for a new one
    part         the adapter's name
    tasks        what is trained, by the shares in SHARES
    """

    seed: int = 1
    minutes: float = 55.0
    learning_rate: float = 1e-3
    warmup: float = 0.05
    pack_tokens: int = 1300
    packs: int = 2
    clip: float = 1.0
    processes: int = 2
    checkpoint_minutes: float = 5.0
    order: int = 1
    start: str = ""
    part: str = "generator"
    tasks: tuple[str, ...] = tuple(SHARES)


def train(config: TrainConfig, source: Path, out: Path) -> None:
    """Train on the examples in `source`, with log.jsonl and a checkpoint every few minutes in `out`; run.json last."""
    if config.start:
        record.read(Path(config.start))  # missing, it ends here and not after the training
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as meeting:
        multiprocessing.spawn(_worker, args=(config, source, out, meeting), nprocs=config.processes)


def schedule(passed: float, warmup: float) -> float:
    """Share of the peak learning rate after a share of the time: up in a line, down along a cosine to 2%.

    >>> schedule(0.02, 0.04), schedule(0.04, 0.04), round(schedule(1.0, 0.04), 2)
    (0.5, 1.0, 0.02)
    """
    if passed < warmup:
        return max(passed / warmup, 0.01)
    return 0.02 + 0.98 * (1 + math.cos(math.pi * (passed - warmup) / (1 - warmup))) / 2


def loss_of(model: Any, batch: Pack) -> Tensor:
    """Weighted mean negative log-likelihood of the pack's answer tokens, in nats."""
    hidden = model.model(
        input_ids=batch.tokens[None],
        position_ids=batch.positions[None],
        attention_mask=None,
        use_cache=False,
        segments=batch.segments,
    ).last_hidden_state[0]  # (L, D)
    logits = model.lm_head(hidden[batch.sources]).float()  # (N, V)
    losses = functional.cross_entropy(logits, batch.targets, reduction="none")
    return (losses * batch.weights).sum() / batch.weights.sum()


def encode(example: Example, tokenizer: Any) -> Encoded:
    """A chat as tokens by the model's own chat template; the answer ends with the end-of-turn token."""
    chat = [{"role": message.role, "content": message.content} for message in example.messages]
    asked = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    start = tokenizer(asked, add_special_tokens=False)["input_ids"]
    answer = tokenizer(example.answer + "<|im_end|>", add_special_tokens=False, return_offsets_mapping=True)
    weights = _label_weights(example.answer, answer["offset_mapping"]) if example.task == "judge" else ()
    return Encoded(tuple(start + answer["input_ids"]), len(start), example.task, weights)


def _label_weights(answer: str, offsets: Sequence[tuple[int, int]]) -> tuple[float, ...]:
    """LABEL_WEIGHT where a token is part of a label, 1 elsewhere: of some 40 tokens, two to four decide."""
    spans = []
    for name, value in json.loads(answer).items():
        if name != RATIONALE:
            start = answer.index(f'"{name}": "') + len(name) + 5
            spans.append((start, start + len(value)))
    return tuple(
        LABEL_WEIGHT if any(start < high and end > low for low, high in spans) else 1.0 for start, end in offsets
    )


def packs_by_share(
    found: Sequence[Example], tokenizer: Any, config: TrainConfig, rng: random.Random
) -> Iterator[tuple[str, Pack]]:
    """An endless stream of packs, each of one task, such that every task gets its share of the tokens."""
    streams = {}
    for task in config.tasks:
        groups: dict[str, list[Example]] = defaultdict(list)
        for number, example in enumerate(found):
            if example.task == task:
                # A judge's cases of one history share it and stay together; other chats share their instruction only.
                groups[example.group if task == "judge" else str(number)].append(example)
        streams[task] = _endless(list(groups.values()), tokenizer, config, rng)
    used = {task: rng.random() * config.pack_tokens for task in config.tasks}
    while True:
        task = min(used, key=lambda name: used[name] / SHARES[name])
        batch = pack(next(streams[task]))
        used[task] += len(batch.tokens)
        yield task, batch


def save(model: Any, config: TrainConfig, made: dict[str, Any], folder: Path) -> None:
    """The adapter in both formats, with its record."""
    state = lora_state(model)
    save_peft(state, folder)
    path = folder / f"{config.part}.gguf"
    save_gguf(state, model.config, path)
    before = record.read(Path(config.start)) if config.start else Record()
    run = Run(round(made["seconds"] / 60, 1), made["steps"], config.tasks)
    before.then(run, made["of_one_process"]["tokens"] * config.processes).write(path)


def _endless(
    groups: list[list[Example]], tokenizer: Any, config: TrainConfig, rng: random.Random
) -> Iterator[list[Encoded]]:
    while True:
        rng.shuffle(groups)
        yield from packs(([encode(one, tokenizer) for one in group] for group in groups), config.pack_tokens)


def _worker(rank: int, config: TrainConfig, source: Path, out: Path, meeting: str) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(config.seed)  # the same first matrices everywhere
    distributed.init_process_group(
        "gloo", init_method=f"file://{meeting}/rendezvous", rank=rank, world_size=config.processes
    )
    rng = random.Random(f"{config.order} {rank}")  # noqa: S311 - reproducible order, no secret
    found = examples.read(source)
    stream = packs_by_share(found, load_tokenizer(), config, rng)
    model = load_base()
    parameters = add_lora(model)
    if config.start:
        load_gguf(model, Path(config.start))
    model.train()
    log = (out / "log.jsonl").open("w") if rank == 0 else None
    run = _loop(model, parameters, stream, config, out, log)
    if log is not None:
        log.close()
        save(model, config, run, out / "final")
        (out / "run.json").write_text(json.dumps({"config": asdict(config), "shares": SHARES, **run}, indent=2) + "\n")
    distributed.destroy_process_group()


def _loop(
    model: Any,
    parameters: Sequence[Tensor],
    stream: Iterator[tuple[str, Pack]],
    config: TrainConfig,
    out: Path,
    log: Any,
) -> dict[str, Any]:
    optimizer = torch.optim.AdamW(parameters, lr=config.learning_rate, betas=(0.9, 0.99), weight_decay=0.0)
    totals: Counter[str] = Counter()
    started = saved = time.monotonic()
    step = 0
    while (passed := _agreed((time.monotonic() - started) / 60 / config.minutes)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * schedule(passed, config.warmup)
        batches = [next(stream) for _ in range(config.packs)]
        losses = _gradients(model, batches)
        _average(parameters)
        torch.nn.utils.clip_grad_norm_(parameters, config.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        for task, batch in batches:
            totals.update({"tokens": len(batch.tokens), "answer_tokens": len(batch.targets), task: batch.n_chats})
        if log is not None:
            row = {"step": step, "s": round(time.monotonic() - started, 1), "tokens": totals["tokens"], **losses}
            log.write(json.dumps(row) + "\n")
            log.flush()
            if time.monotonic() - saved > 60 * config.checkpoint_minutes:
                saved = time.monotonic()
                save(model, config, _made(step, started, totals), out / f"checkpoint-{step}")
    return _made(step, started, totals)


def _made(steps: int, started: float, totals: Counter[str]) -> dict[str, Any]:
    return {"steps": steps, "seconds": round(time.monotonic() - started), "of_one_process": dict(totals)}


def _gradients(model: Any, batches: Sequence[tuple[str, Pack]]) -> dict[str, float]:
    losses: dict[str, list[float]] = defaultdict(list)
    for task, batch in batches:
        loss = loss_of(model, batch)
        (loss / len(batches)).backward()
        losses[task].append(loss.item())
    return {task: round(sum(values) / len(values), 4) for task, values in losses.items()}


def _average(parameters: Sequence[Tensor]) -> None:
    """Mean of the gradients over all processes, as one message of 20 MB."""
    flat = torch.cat([parameter.grad.flatten() for parameter in parameters if parameter.grad is not None])
    distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    start = 0
    for parameter in parameters:
        if parameter.grad is not None:
            parameter.grad.copy_(flat[start : start + parameter.numel()].view_as(parameter))
            start += parameter.numel()


def _agreed(passed: float) -> float:
    """The first process's clock, so that all stop at the same step."""
    value = torch.tensor([passed])
    distributed.broadcast(value, src=0)
    return float(value)
