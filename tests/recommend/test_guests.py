"""Histories that come with a request: what is refused, how they are kept apart, and how runs read them."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from recommend import guests, histories, services
from recommend.models import Behavior, Item, PipelineRun, Shopper
from tests.recommend.factories import REFERENCE, BehaviorFactory, ItemFactory, ShopperFactory

pytestmark = pytest.mark.django_db

SOUP = {"kind": "purchase", "sku": "S-1", "occurred_at": "2017-12-20", "quantity": 2}
SEARCH = {"kind": "search", "query": "oat milk", "occurred_at": "2017-12-30T10:00:00+02:00"}


@pytest.fixture(autouse=True)
def soup() -> Item:
    return ItemFactory.create(sku="S-1", short_text="soup", category=["food", "soup", "tomato soup"])


def given(*behaviors: Any, **attributes: Any) -> guests.GivenHistory:
    return guests.check(behaviors, attributes, now=REFERENCE)


def refused(*behaviors: Any) -> dict[int | None, str]:
    with pytest.raises(guests.InvalidHistoryError) as error:
        given(*behaviors)
    return dict(error.value.faults)


def test_a_history_is_kept_oldest_first_in_one_form() -> None:
    found = given(SEARCH, SOUP)

    assert list(found.behaviors) == [
        {"kind": "purchase", "sku": "S-1", "occurred_at": "2017-12-20T00:00:00.000000+00:00", "quantity": 2},
        {"kind": "search", "query": "oat milk", "occurred_at": "2017-12-30T08:00:00.000000+00:00"},
    ]


@pytest.mark.parametrize(
    ("behavior", "words"),
    [
        (SOUP | {"sku": "S-9"}, "no item has this sku; GET /api/v1/items/?search=… finds items, import_items loads"),
        (SOUP | {"sku": "S-9"}, "'S-9'"),
        (SOUP | {"occurred_at": "2018-01-03"}, "lies in the future (now is 2018-01-01 00:00 UTC)"),
        (SOUP | {"occurred_at": "1899-12-31"}, "before the year 1900"),
        (SOUP | {"occurred_at": "31.12.2017"}, "ISO 8601"),
        (SOUP | {"kind": "bought"}, "must be one of click"),
        (SOUP | {"quantity": 0}, "whole number of at least 1"),
        (SOUP | {"quantity": 1.5}, "whole number of at least 1"),
        (SOUP | {"sku": ["S-1"]}, '"sku" must be plain text or a number'),
        (SOUP | {"colour": "red"}, "Unknown: colour. Known here: kind"),
        ({"kind": "search", "occurred_at": "2017-12-20"}, "a search needs its words"),
        ({"kind": "purchase", "occurred_at": "2017-12-20"}, '"sku" is missing'),
        ({"kind": "purchase", "sku": "S-1"}, '"occurred_at" is missing'),
        ("bought soup", "A behaviour is an object with kind"),
    ],
)
def test_a_behaviour_that_cannot_be_used_is_named_with_its_number_and_the_remedy(behavior: Any, words: str) -> None:
    assert words in refused(SOUP, behavior)[1]


def test_an_empty_history_and_one_that_is_too_long_are_refused_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guests, "MAX_BEHAVIORS", 2)

    assert "give at least one behaviour" in refused()[None]
    assert "3 behaviours; at most 2" in refused(SOUP, SOUP, SOUP)[None]


def test_of_many_faults_the_first_are_told_and_the_rest_counted() -> None:
    faults = refused(*[SOUP | {"sku": f"X-{number}"} for number in range(50)])

    assert sorted(number for number in faults if number is not None) == list(range(guests.MAX_FAULTS))
    assert "50 behaviours are at fault" in faults[None]


def test_a_run_reads_a_given_history_as_it_would_read_the_same_stored() -> None:
    stored = ShopperFactory.create()
    item = Item.objects.get(sku="S-1")
    BehaviorFactory.create(shopper=stored, item=item, quantity=2, occurred_at=REFERENCE - timedelta(days=12))
    searched = {"kind": Behavior.Kind.SEARCH, "item": None, "query": "oat milk"}
    BehaviorFactory.create(shopper=stored, occurred_at=REFERENCE - timedelta(days=2) + timedelta(hours=8), **searched)

    guest = guests.admit(given(SOUP, SEARCH))

    assert histories.load(guest, REFERENCE) == histories.load(stored, REFERENCE)
    assert histories.load(guest, REFERENCE).category == "food > soup"


def test_what_is_later_than_the_run_or_of_a_deleted_item_is_not_read() -> None:
    guest = guests.admit(given(SOUP, SEARCH))

    assert len(histories.load(guest, REFERENCE - timedelta(days=5)).events) == 1
    Item.objects.all().delete()
    assert [event.text for event in histories.load(guest, REFERENCE).events] == ["oat milk"]


def test_the_same_history_is_the_same_guest_and_other_attributes_are_another() -> None:
    first, again = guests.admit(given(SOUP, SEARCH, age="25-34")), guests.admit(given(SEARCH, SOUP, age="25-34"))

    assert first.pk == again.pk
    assert guests.admit(given(SOUP, SEARCH, age="65+")).pk != first.pk
    assert guests.given_by(first).external_id == first.external_id


def test_a_guest_is_none_of_the_known_shoppers_and_has_no_stored_behaviours() -> None:
    guest = guests.admit(given(SOUP))

    assert not Shopper.objects.known().exists()
    assert not Behavior.objects.exists()
    with pytest.raises(IntegrityError), transaction.atomic():
        Shopper.objects.filter(pk=guest.pk).update(last_behavior_at=REFERENCE)


def test_a_run_for_a_given_history_looks_from_the_morning_after_it() -> None:
    run, _ = services.start_run(shopper=given(SOUP, SEARCH), by=None)

    assert run.shopper.is_guest
    assert run.reference_at == REFERENCE - timedelta(days=1)


def test_a_moment_before_the_end_of_a_given_history_is_refused_with_both() -> None:
    with pytest.raises(services.InvalidRunError, match=r"until 2017-12-30 08:00.*from 2017-12-25") as error:
        services.start_run(shopper=given(SOUP, SEARCH), by=None, reference_at=REFERENCE - timedelta(days=7))

    assert error.value.field == "reference_at"
    assert not Shopper.objects.exists()


def test_a_guest_is_run_again_with_other_wishes() -> None:
    run, _ = services.start_run(shopper=given(SOUP), by=None)

    again, _ = services.start_run(shopper=run.shopper, by=None, beta=0.9)

    assert again.shopper == run.shopper
    assert PipelineRun.objects.count() == 2


def test_the_same_key_with_the_same_history_is_one_run_and_with_another_a_conflict() -> None:
    first, _ = services.start_run(shopper=given(SOUP), by=None, idempotency_key="k")
    again, is_new = services.start_run(shopper=given(SOUP), by=None, idempotency_key="k")

    assert (again.pk, is_new) == (first.pk, False)
    with pytest.raises(services.IdempotencyConflictError, match="k"):
        services.start_run(shopper=given(SEARCH), by=None, idempotency_key="k")
