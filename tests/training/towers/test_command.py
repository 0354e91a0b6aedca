"""The command of the towers as far as it goes without torch."""

from datetime import timedelta
from pathlib import Path

import pytest

from recommend import retrieval
from recommend.towers.log import Log
from tests.recommend.factories import REFERENCE, BehaviorFactory, ItemFactory, ShopperFactory
from training.towers.__main__ import main


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr("sys.argv", ["training.towers", *arguments])
    main()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("train", "--alpha", "1.5"), "--alpha is 1.5; it lies between 0 and 1"),
        (("train", "--negatives", "100"), "--negatives is 100; with fewer than 128"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(monkeypatch, capsys, tmp_path, arguments, problem):
    with pytest.raises(SystemExit):
        run(monkeypatch, *arguments, "--out", str(tmp_path / "towers"))

    assert problem in capsys.readouterr().err
    assert not (tmp_path / "towers").exists()


def test_without_data_the_training_names_the_command_that_makes_them(monkeypatch, tmp_path):
    with pytest.raises(SystemExit, match=r"data\.npz does not exist; `python -m training\.towers data` makes it"):
        run(monkeypatch, "train", "--out", str(tmp_path))


@pytest.mark.django_db
def test_the_data_are_those_of_the_database(monkeypatch, tmp_path: Path, capsys):
    items = ItemFactory.create_batch(3)
    for shopper in ShopperFactory.create_batch(2):
        for day, item in enumerate(items):
            BehaviorFactory.create(shopper=shopper, item=item, occurred_at=REFERENCE - timedelta(days=9 - day))
    retrieval.fit()

    run(monkeypatch, "data", "--out", str(tmp_path))

    log = Log.load(tmp_path / "data.npz")
    assert (len(log.item_ids), len(log.shopper_ids), len(log.items)) == (3, 2, 6)
    assert "6 behaviours of 2 shoppers with 3 items" in capsys.readouterr().out


@pytest.mark.django_db
def test_an_empty_database_has_nothing_to_learn_from(monkeypatch, tmp_path):
    with pytest.raises(SystemExit, match="Nobody took an item"):
        run(monkeypatch, "data", "--out", str(tmp_path))
