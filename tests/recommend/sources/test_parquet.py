"""Parquet files: only what may hold the shopper is read, new exports are seen, and what cannot serve is named."""

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from recommend import histories, pipeline, services
from recommend.models import JobState, LanguageModel, PipelineRun, Shopper
from recommend.roles import LEAD
from recommend.sources import ParquetSource, SourceError
from recommend.sources.parquet_files import ParquetFolder
from tests.judge.factories import UserFactory
from tests.recommend.factories import ItemFactory, LanguageModelFactory, PipelineRunFactory, ShopperFactory
from tests.recommend.sources.warehouse import Rows, moment, row, sorted_file, table

pytestmark = pytest.mark.django_db

NOW = moment("2018-01-01")


@pytest.fixture
def ada() -> Shopper:
    return ShopperFactory.create(external_id="ada", last_behavior_at=moment("2017-05-01"), n_behaviors=1)


def purchases(shopper: str, n: int) -> Rows:
    return [row(shopper, "purchase", f"2017-05-{day:02}", "tea") for day in range(1, n + 1)]


def n_read(folder: Path, shopper: Shopper) -> int:
    return len(list(ParquetSource(folder).read(shopper, NOW)))


def test_only_the_row_groups_that_may_hold_the_shopper_are_read(tmp_path: Path):
    rows = [one for name in ("ada", "bob", "cyd", "dan") for one in purchases(name, 6)]
    sorted_file(tmp_path, rows)

    (part,) = ParquetFolder(tmp_path).parts()

    assert [part.groups(name) for name in ("ada", "cyd", "dan")] == [[0, 1], [4, 5], [6, 7]]
    assert [part.groups(name) for name in ("aa", "bobby", "zoe")] == [[], [], []]


def test_a_shopper_who_begins_inside_a_row_group_is_found_whole(tmp_path: Path, ada: Shopper):
    sorted_file(tmp_path, [*purchases("abe", 2), *purchases("ada", 5), *purchases("bob", 2)])

    assert n_read(tmp_path, ada) == 5


def test_numeric_keys_count_as_their_digits(tmp_path: Path):
    data = table([row("9", "purchase", "2017-05-01", "tea"), row("10", "purchase", "2017-05-01", "tea")])
    numbers = data.set_column(0, "shopper", pa.array([9, 10], pa.int64()))
    pq.write_table(numbers, tmp_path / "a.parquet", row_group_size=1)

    assert n_read(tmp_path, ShopperFactory.create(external_id="10")) == 1
    assert n_read(tmp_path, ShopperFactory.create(external_id="010")) == 0
    assert n_read(tmp_path, ShopperFactory.create(external_id="ten")) == 0


def test_a_file_that_was_replaced_is_read_as_it_is_now(tmp_path: Path, ada: Shopper):
    sorted_file(tmp_path, purchases("ada", 2))
    source = ParquetSource(tmp_path)
    assert len(list(source.read(ada, NOW))) == 2

    sorted_file(tmp_path, purchases("ada", 9))

    assert len(list(source.read(ada, NOW))) == 9


def test_a_file_that_is_gone_is_not_missed_and_a_new_one_is_seen_after_a_while(
    tmp_path: Path, ada: Shopper, monkeypatch: pytest.MonkeyPatch
):
    old = sorted_file(tmp_path, purchases("ada", 2), "old.parquet")
    source = ParquetSource(tmp_path)
    assert len(list(source.read(ada, NOW))) == 2

    sorted_file(tmp_path, purchases("ada", 3), "new.parquet")
    assert len(list(source.read(ada, NOW))) == 2
    monkeypatch.setattr("recommend.sources.parquet_files.LOOK_AGAIN_S", -1)
    assert len(list(source.read(ada, NOW))) == 5
    old.unlink()
    assert len(list(source.read(ada, NOW))) == 3


def test_what_is_still_being_written_is_not_read(tmp_path: Path, ada: Shopper):
    sorted_file(tmp_path, purchases("ada", 2))
    sorted_file(tmp_path, purchases("ada", 3), "_temporary/part-1.parquet")
    sorted_file(tmp_path, purchases("ada", 3), ".part-2.parquet")

    assert n_read(tmp_path, ada) == 2


def write_unsorted(path: Path) -> None:
    pq.write_table(table([*purchases("bob", 4), *purchases("ada", 4)]), path, row_group_size=2)


def write_without_statistics(path: Path) -> None:
    pq.write_table(table(purchases("ada", 2)), path, write_statistics=False)


def write_without_kind(path: Path) -> None:
    pq.write_table(table(purchases("ada", 2)).drop_columns(["kind"]), path)


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (write_unsorted, "x.parquet is not sorted by shopper, .* Export it sorted by shopper and occurred_at"),
        (write_without_statistics, "x.parquet has no statistics of the column shopper"),
        (write_without_kind, "x.parquet has no column kind"),
        (lambda path: path.write_bytes(b"PAR1 and then nothing"), "x.parquet is no Parquet file, or damaged"),
        (lambda path: None, "holds no Parquet file. Export behaviours there, or unset BEHAVIORS_DIR"),
    ],
)
def test_files_that_cannot_serve_are_named_with_the_remedy(tmp_path: Path, ada: Shopper, write, said: str):
    write(tmp_path / "x.parquet")

    with pytest.raises(SourceError, match=said):
        n_read(tmp_path, ada)


BAD_ROWS = [
    (row("ada", "viewed", "2017-05-01", "tea"), "\"kind\" must be one of .* .value: 'viewed'."),
    (row("ada", "purchase", "2017-05-01"), '"sku" is missing'),
    (row("ada", "purchase", "2017-05-01", "tea", quantity=0), '"quantity" must be a whole number'),
    (
        row("ada", "purchase", (timezone.now() + timedelta(days=9)).date().isoformat(), "tea"),
        '"occurred_at" lies in the future',
    ),
]


@pytest.mark.parametrize(("bad", "said"), BAD_ROWS)
def test_a_row_that_no_import_would_take_is_named_and_spoils_nobody_else_s_history(tmp_path: Path, ada, bad, said):
    sorted_file(tmp_path, [bad, *purchases("ada", 2), *purchases("bob", 2)])

    with pytest.raises(SourceError, match=f"part-0.parquet has a row of shopper 'ada' that cannot be read: {said}"):
        n_read(tmp_path, ada)
    assert n_read(tmp_path, ShopperFactory.create(external_id="bob")) == 2


def test_counting_names_a_bad_row_and_changes_nothing(tmp_path: Path, ada: Shopper, settings):
    settings.BEHAVIORS_DIR = str(tmp_path)
    sorted_file(tmp_path, [*purchases("ada", 2), row("bob", "viewed", "2017-05-01", "tea")])

    with pytest.raises(CommandError, match=r"a row of shopper 'bob'.*Nothing was changed"):
        call_command("count_behaviors")

    ada.refresh_from_db()
    assert ada.n_behaviors == 1


def test_counting_says_how_many_shoppers_are_not_loaded(tmp_path: Path, ada: Shopper, settings, capsys):
    settings.BEHAVIORS_DIR = str(tmp_path)
    sorted_file(tmp_path, [*purchases("ada", 2), *purchases("bob", 2), *purchases("cyd", 1)])

    call_command("count_behaviors")

    assert "2 more have behaviours, but are not loaded: use import_shoppers." in capsys.readouterr().out


def test_items_that_the_catalogue_lacks_are_left_out_and_counted(tmp_path: Path, ada: Shopper, settings):
    settings.BEHAVIORS_DIR = str(tmp_path)
    ItemFactory.create(sku="tea", short_text="tea")
    sorted_file(
        tmp_path,
        [
            *purchases("ada", 2),
            row("ada", "cart", "2017-05-03", "soap"),
            row("ada", "search", "2017-05-04", query="ink"),
        ],
    )

    history = histories.load(ada, NOW)

    assert [event.text for event in history.events] == ["tea", "tea", "ink"]
    assert history.n_unknown == 1
    assert histories.as_json(history.compressed(NOW, None), None, history)["n_unknown_items"] == 1


def test_a_run_on_files_that_cannot_be_read_is_refused_or_fails_in_words(tmp_path: Path, ada: Shopper, settings):
    settings.BEHAVIORS_DIR = str(tmp_path)
    ItemFactory.create(sku="tea")
    LanguageModelFactory.create(role=LanguageModel.Role.INTERESTS)
    sorted_file(tmp_path, purchases("ada", 2))
    run, _ = services.start_run(shopper=ada, by=None)
    write_unsorted(tmp_path / "part-0.parquet")

    pipeline.advance(run.pk)

    run = PipelineRun.objects.get()
    assert run.state == JobState.FAILED
    assert run.error.startswith("part-0.parquet is not sorted by shopper")
    with pytest.raises(services.InvalidRunError, match=r"part-0\.parquet is not sorted") as refused:
        services.start_run(shopper=ada, by=None)
    assert refused.value.field == "shopper"


def test_a_history_that_cannot_be_read_is_not_offered_for_editing_and_the_page_says_why(
    client, tmp_path, ada, settings
):
    settings.BEHAVIORS_DIR = str(tmp_path)
    run = PipelineRunFactory.create(shopper=ada)
    write_unsorted(tmp_path / "x.parquet")
    client.force_login(UserFactory.create(role=LEAD))

    page = client.get(reverse("recommend:demo"), {"edit": run.pk})

    assert page.status_code == 200
    assert "x.parquet is not sorted by shopper" in page.content.decode()
