"""The table of behaviours: parts by month, nothing is changed or lost, and what goes with its shopper or item."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from recommend import months
from recommend.models import Behavior
from tests.recommend.factories import BehaviorFactory, ItemFactory

pytestmark = pytest.mark.django_db


def asked(query: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return [row[0] for row in cursor.fetchall()]


@pytest.mark.parametrize(
    "attempt",
    [
        "UPDATE recommend_behavior SET quantity = 9",
        "DELETE FROM recommend_behavior",
        "UPDATE recommend_behavior_2017_05 SET kind = 'click'",
        "DELETE FROM recommend_behavior_2017_05",
    ],
)
def test_postgresql_refuses_to_change_or_delete_behaviours(attempt: str):
    BehaviorFactory.create(occurred_at=datetime(2017, 5, 1, tzinfo=UTC))

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(attempt)

    assert Behavior.objects.get().quantity == 1


def test_behaviours_go_with_their_shopper_or_item():
    kept, of_shopper, of_item = BehaviorFactory.create_batch(3)

    of_shopper.shopper.delete()
    assert of_item.item is not None
    of_item.item.delete()

    assert list(Behavior.objects.all()) == [kept]


def test_each_month_has_a_part_of_its_own_to_the_microsecond():
    for second in (datetime(2017, 5, 1, tzinfo=UTC), datetime(2017, 5, 31, 23, 59, 59, 999999, tzinfo=UTC)):
        BehaviorFactory.create(occurred_at=second)
    BehaviorFactory.create(occurred_at=datetime(2017, 6, 1, tzinfo=UTC))

    parts = asked("SELECT tableoid::regclass::text FROM recommend_behavior ORDER BY occurred_at")
    assert parts == ["recommend_behavior_2017_05", "recommend_behavior_2017_05", "recommend_behavior_2017_06"]


def test_the_coming_months_are_made_ahead_once():
    today = datetime.now(UTC).date().replace(day=1)

    assert today in months.held("recommend_behavior")
    assert months.make("recommend_behavior", 12) == 12 - months.AHEAD
    assert months.make("recommend_behavior", 12) == 0


def test_the_same_behaviour_is_there_once_in_any_part():
    first = BehaviorFactory.create()

    with pytest.raises(IntegrityError, match="duplicate key"), transaction.atomic():
        BehaviorFactory.create(
            shopper=first.shopper, item=first.item, occurred_at=first.occurred_at, source_key=first.source_key
        )


def test_a_history_is_read_by_the_index_of_each_part():
    BehaviorFactory.create_batch(5, item=ItemFactory.create())

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    rows = Behavior.objects.filter(shopper=Behavior.objects.earliest("pk").shopper_id).order_by("occurred_at", "id")
    plan = rows.explain()

    assert "Seq Scan" not in plan
    assert "shopper_id_occurred_at" in plan


@pytest.mark.django_db(transaction=True)
def test_what_was_in_the_one_table_before_is_in_the_parts_and_back():
    made = BehaviorFactory.create_batch(3)
    expected = list(Behavior.objects.order_by("pk").values())
    executor = MigrationExecutor(connection)

    executor.migrate([("recommend", "0013_months")])
    try:
        assert asked("SELECT count(*) FROM recommend_behavior") == [3]
        assert asked("SELECT relkind::text FROM pg_class WHERE relname = 'recommend_behavior'") == ["r"]
    finally:
        executor.loader.build_graph()
        executor.migrate(executor.loader.graph.leaf_nodes())

    assert list(Behavior.objects.order_by("pk").values()) == expected
    assert BehaviorFactory.create().pk > max(one.pk for one in made)
