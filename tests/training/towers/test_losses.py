"""The losses by hand, towers that learn, and ONNX that says what torch says. Needs the training environment."""

import math

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is in the training environment only (requirements/train.txt)")

import torch

from recommend.towers.served import Person, Towers
from tests.support import small_towers
from training.towers import export, runs
from training.towers.batches import Batches
from training.towers.losses import sampled_softmax
from training.towers.model import Widths
from training.towers.train import TrainConfig, losses_of, train, user_scores

SMALL = Widths(dimensions=16, hidden=16, item_features=(8, 4, 8, 8, 4, 4, 4), shopper=8, word=16)
CONFIG = TrainConfig(batch_size=128, n_negatives=32, max_steps=100, check_every=50, widths=SMALL)


@pytest.fixture(scope="module")
def log():
    return small_towers.log()


@pytest.fixture(scope="module")
def trained(log):
    return train(log, CONFIG)


def test_the_loss_is_a_softmax_over_the_positive_and_the_negatives_that_are_not_barred():
    query = torch.tensor([[1.0, 0.0]])
    negatives = torch.tensor([[2.0, 0.0], [9.0, 0.0], [0.0, 5.0]])

    loss = sampled_softmax(query, torch.tensor([[1.0, 7.0]]), negatives, torch.tensor([[False, True, False]]))

    # Scores 1 for the positive, 2 and 0 for the negatives; 9 is barred.
    assert loss.item() == pytest.approx(-math.log(math.e / (math.e + math.e**2 + 1)))


def test_a_negative_that_is_barred_for_one_row_counts_for_another():
    queries = torch.tensor([[1.0], [1.0]])
    positives = torch.tensor([[0.0], [0.0]])

    loss = sampled_softmax(queries, positives, torch.tensor([[0.0]]), torch.tensor([[True], [False]]))

    assert loss.item() == pytest.approx((0.0 + math.log(2)) / 2)


def test_losses_fall_and_what_was_held_out_is_found_more_often(log, trained):
    batch = next(iter(Batches(log, size=256, n_negatives=32, unnamed=0.1, seed=5)))

    untrained = train(log, TrainConfig(max_steps=1, check_every=1, widths=SMALL, batch_size=128, is_refitted=False))
    before = {name: loss.item() for name, loss in losses_of(untrained.towers, log, batch).items()}
    after = {name: loss.item() for name, loss in losses_of(trained.towers, log, batch).items()}

    assert all(after[name] < before[name] - 0.3 for name in before)
    assert trained.record["looks"][-1]["ndcg"] > untrained.record["looks"][0]["ndcg"] + 0.1


def test_the_same_seed_trains_the_same(log):
    config = TrainConfig(max_steps=4, check_every=2, widths=SMALL, batch_size=64, n_negatives=16)

    one, other = train(log, config), train(log, config)

    np.testing.assert_array_equal(one.scores, other.scores)
    assert one.record["looks"] == other.record["looks"]


def test_a_training_that_gets_no_better_ends(log, monkeypatch):
    from training.towers import train as module

    monkeypatch.setattr(module, "gains", lambda scores, held: np.array([0.5]))

    found = train(log, TrainConfig(max_steps=100, check_every=2, patience=3, widths=SMALL, batch_size=64))

    assert [look["step"] for look in found.record["looks"]] == [2, 4, 6, 8]
    assert found.record["steps"] == 2


def test_onnx_says_what_torch_says_of_shoppers_items_and_tags(log, trained):
    served = export.export(trained.towers, log, weight=0.3, record={}).for_catalogue(small_towers.catalogue())

    wanted = user_scores(trained.towers, log)
    with torch.no_grad():
        items = trained.towers.item(torch.from_numpy(log.codes)).numpy()
        tags = trained.towers.tag(torch.from_numpy(log.titles)).numpy() @ items.T

    np.testing.assert_allclose(served.vectors, items, atol=1e-5)
    for number in (0, 7, 79):
        np.testing.assert_allclose(served.user_scores(person(log, number)), wanted[number], atol=1e-4)
    np.testing.assert_allclose(served.tag_scores([item.title for item in small_towers.catalogue()]), tags, atol=1e-4)
    # One row, and none at all, are as good as many.
    assert served.tag_scores(["red shoes"]).shape == (1, 48)
    assert served.tag_scores([]).shape == (0, 48)


def person(log, number) -> Person:
    taken = {
        kind: [small_towers.item_id(item) for item in log.items[(log.shoppers == number) & (log.how == place)].tolist()]
        for place, kind in enumerate(small_towers.KINDS)
    }
    return Person(small_towers.shopper_id(number), taken)


def test_a_run_leaves_towers_that_can_be_read_and_its_record_last(log, tmp_path):
    made = runs.run(log, TrainConfig(max_steps=2, check_every=2, widths=SMALL, batch_size=64), tmp_path)

    again = Towers.from_bytes((tmp_path / "towers.npz").read_bytes())
    assert again.weight == made.weight
    assert again.networks == made.networks
    assert again.record["fusion"]["ndcg"].keys() == {str(round(0.1 * n, 1)) for n in range(11)}
    assert (tmp_path / "run.json").stat().st_mtime_ns >= (tmp_path / "towers.npz").stat().st_mtime_ns
