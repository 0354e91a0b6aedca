"""Towers in the database beside co-occurrence: loaded, asked, taken back. They were trained where torch is."""

from datetime import timedelta
from io import StringIO
from uuid import uuid4

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from recommend import histories, retrieval
from recommend.models import Item, RetrievalIndex
from recommend.towers import asking, loading, reading
from recommend.towers.served import Person, Towers
from tests.recommend.factories import REFERENCE, BehaviorFactory, ItemFactory, ShopperFactory
from tests.support import small_towers

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalogue() -> list[Item]:
    """The items that the towers know; two shoppers took bread number 0, then milk number 1, and one took the others."""
    items = [
        ItemFactory.create(
            pk=small_towers.item_id(n), title=row.title, category=list(row.category), brand=row.brand, price=row.price
        )
        for n, row in enumerate(small_towers.catalogue())
    ]
    for shopper in ShopperFactory.create_batch(2):
        for day, item in enumerate(items[:2]):
            BehaviorFactory.create(shopper=shopper, item=item, occurred_at=REFERENCE - timedelta(days=90 - day))
    other = ShopperFactory.create()
    for item in items[2:]:
        BehaviorFactory.create(shopper=other, item=item, occurred_at=REFERENCE - timedelta(days=80))
    retrieval.fit()
    return items


def bread_lover() -> Person:
    return Person(None, {"purchase": [small_towers.item_id(n) for n in (0, 4, 8)]})


def found(person: Person | None, tags: list[str], beta: float = 0.9, n: int = 48):
    history = [[small_towers.item_id(n)] for n in (0, 4, 8)]
    return retrieval.recommend(history=history, tags=tags, recent=(), beta=beta, n=n, person=person)


def test_a_shopper_who_is_known_by_their_items_alone_is_offered_more_of_the_kind(catalogue):
    loading.load(small_towers.FILE)
    towers = asking.newest()
    assert towers is not None

    scores = towers.user_scores(bread_lover())
    best = [int(row) for row in np.argsort(-scores)[:8]]

    assert sum(towers.items[row].tobytes()[-1] % 4 == 1 for row in best) >= 6  # ids from 1: every fourth is bread


def test_what_the_user_tower_brings_joins_the_votes_and_says_so(catalogue):
    before = {one.item_id: one for one in found(bread_lover(), [])}
    loading.load(small_towers.FILE)

    after = {one.item_id: one for one in found(bread_lover(), [])}

    assert {one.arm for one in before.values()} == {"collaborative"}
    assert set(before) < set(after)
    assert {after[item].arm for item in set(after) - set(before)} == {"user_tower"}
    assert {after[item].arm for item in before} == {"collaborative"}
    assert max(one.collaborative for one in after.values()) == 1.0


def test_without_a_person_or_of_one_whom_they_do_not_know_towers_say_nothing(catalogue):
    before = found(None, [])
    loading.load(small_towers.FILE)

    assert found(None, []) == before
    assert found(Person(uuid4(), {"purchase": [uuid4()]}), []) == before


def test_what_the_tag_tower_brings_says_so_where_no_other_arm_did(catalogue, monkeypatch):
    # There are three kinds of shoes, and the embedding brings one.
    monkeypatch.setattr("recommend.retrieval.serving.N_TEXTS", 1)
    loading.load(small_towers.FILE)

    arms = {one.item_id: one.arm for one in found(None, ["green shoes"], beta=0.0)}

    towers = asking.newest()
    assert towers is not None
    near = asking.near(towers, ["green shoes"])
    assert len(near) == asking.N_ITEMS_PER_TAG
    by_tower = {item for item, arm in arms.items() if arm == "tag_tower"}
    assert "semantic" in arms.values()
    assert len(by_tower) >= 2
    assert by_tower <= near


def test_an_item_that_came_after_the_training_has_a_vector_too(catalogue):
    ItemFactory.create(title="blue bread", category=["shop", "bread", "new bread"], n_behaviors=3)

    index = loading.load(small_towers.FILE)

    towers = asking.newest()
    assert towers is not None
    assert index.n_items == len(towers.items) == 49
    assert np.isfinite(towers.vectors).all()


def test_a_history_tells_what_was_taken_in_which_way(catalogue):
    shopper = ShopperFactory.create()
    for day, kind in ((9, "cart"), (8, "purchase"), (7, "return"), (6, "cart")):
        BehaviorFactory.create(
            shopper=shopper, item=catalogue[day], kind=kind, occurred_at=REFERENCE - timedelta(days=day)
        )

    loaded = histories.load(shopper, REFERENCE)

    assert loaded.sequences == {"cart": [catalogue[9].pk, catalogue[6].pk], "purchase": [catalogue[8].pk]}


def test_the_command_loads_shows_and_goes_back(catalogue):
    out = StringIO()
    call_command("towers", stdout=out)
    call_command("towers", "load", str(small_towers.FILE), stdout=out)
    first = RetrievalIndex.objects.newest(loading.KIND)
    call_command("towers", "load", str(small_towers.FILE), stdout=out)
    call_command("towers", "back", stdout=out)
    now = RetrievalIndex.objects.newest(loading.KIND)

    assert first is not None
    assert now is not None
    assert now.pk == first.pk
    assert "No towers" in out.getvalue()
    assert "48 items, weight of the user tower 0.5; serving" in out.getvalue()
    assert "the way back" in out.getvalue()
    call_command("towers", "back", stdout=out)
    assert asking.newest() is None
    with pytest.raises(CommandError, match="No towers are loaded"):
        call_command("towers", "back")


def test_what_cannot_be_loaded_is_refused_and_the_old_towers_serve_on(catalogue, tmp_path):
    loading.load(small_towers.FILE)
    served = RetrievalIndex.objects.newest(loading.KIND)
    text, archive = tmp_path / "text.npz", tmp_path / "archive.npz"
    text.write_text("towers")
    np.savez(archive, kinds=np.array(["purchase"]))

    for arguments, problem in (
        (["load"], "Which file"),
        (["load", str(tmp_path / "none.npz")], "cannot be read: No such file"),
        (["load", str(text)], "holds no towers"),
        (["load", str(archive)], "holds no towers"),
    ):
        with pytest.raises(CommandError, match=problem):
            call_command("towers", *arguments)

    assert RetrievalIndex.objects.newest(loading.KIND) == served


def test_towers_of_another_catalogue_are_refused(catalogue):
    Item.objects.update(n_behaviors=0)

    with pytest.raises(loading.TowersError, match="was trained on other items: none of its 48 is among the 0"):
        loading.load(small_towers.FILE)


def test_the_log_is_all_that_shoppers_took_by_shopper_and_time(catalogue):
    shopper = ShopperFactory.create()
    BehaviorFactory.create(shopper=shopper, item=catalogue[5], kind="cart", occurred_at=REFERENCE)
    BehaviorFactory.create(shopper=shopper, item=None, kind="search", query="tea", occurred_at=REFERENCE)
    BehaviorFactory.create(shopper=shopper, item=catalogue[5], kind="return", occurred_at=REFERENCE)

    log = reading.read()

    assert log.kinds.tolist() == ["cart", "purchase"]
    assert len(log.shoppers) == 2 * 2 + 46 + 1
    row = [bytes(one) for one in log.shopper_ids.tolist()].index(shopper.pk.bytes)
    mine = log.shoppers == row
    assert bytes(log.item_ids[log.items[mine]][0]) == catalogue[5].pk.bytes
    assert log.how[mine].tolist() == [0]
    assert log.moments[mine].tolist() == [int(REFERENCE.timestamp() * 1_000_000)]
    order = np.lexsort((log.moments, log.shoppers))
    np.testing.assert_array_equal(order, np.arange(len(order)))
    assert (log.codes[:, 0] == np.arange(1, 49)).all()


def test_a_log_that_was_saved_is_read_as_it_was(tmp_path):
    log = small_towers.log()

    log.save(tmp_path / "data.npz")
    again = type(log).load(tmp_path / "data.npz")

    np.testing.assert_array_equal(again.items, log.items)
    assert again.kinds.tolist() == log.kinds.tolist()
    assert str(again.vocabulary) == str(log.vocabulary)


def test_without_behaviours_there_is_nothing_to_learn():
    with pytest.raises(reading.NothingToLearnError, match="fit_retrieval"):
        reading.read()


def test_stored_towers_keep_their_weight_and_record():
    towers = Towers.from_bytes(small_towers.FILE.read_bytes())

    again = Towers.from_bytes(towers.to_bytes())

    assert (again.weight, again.record, again.kinds) == (0.5, towers.record, ("cart", "purchase"))
    assert again.networks == towers.networks
