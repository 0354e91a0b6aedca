"""Write the towers that tests without torch read: `.venv-train/bin/python -m tests.support.train_small_towers`."""

import os

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "recgpt_site.settings")
    django.setup()
    # What they import reads the settings.
    from tests.support import small_towers
    from training.towers import export
    from training.towers.model import Widths
    from training.towers.train import TrainConfig, train

    widths = Widths(dimensions=16, hidden=16, item_features=(8, 4, 8, 8, 4, 4, 4), shopper=8, word=16)
    config = TrainConfig(batch_size=128, n_negatives=32, max_steps=300, check_every=50, widths=widths)
    trained = train(small_towers.log(), config, say=print)
    # A weight that lets both sides speak, whatever would be learned of so small a log.
    made = export.export(trained.towers, small_towers.log(), weight=0.5, record={"steps": trained.record["steps"]})
    small_towers.FILE.write_bytes(made.to_bytes())
    print(f"{small_towers.FILE}: {small_towers.FILE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
