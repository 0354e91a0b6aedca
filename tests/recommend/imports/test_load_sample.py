"""load_sample: the real sample data, a few households of it."""

import pytest
from django.core.management.base import CommandError

from recommend.models import Behavior, Item, RetrievalIndex, Shopper
from tests.recommend.imports.conftest import Load

pytestmark = pytest.mark.django_db


def test_a_few_households_are_loaded_fitted_and_not_loaded_twice(load: Load) -> None:
    said = load("load_sample", shoppers=3)

    assert "84.51°" in said
    assert Shopper.objects.count() == 3
    assert Behavior.objects.count() == sum(Shopper.objects.values_list("n_behaviors", flat=True)) > 300
    assert not Item.objects.filter(behaviors=None).exists()
    first = Shopper.objects.get(external_id="household-1")
    assert first.attributes["age"] == "65+"
    assert RetrievalIndex.objects.get().n_behaviors == Behavior.objects.count()

    assert "loaded already" in load("load_sample", shoppers=3)
    assert "4,000 added" not in load("load_sample", shoppers=4)
    assert Shopper.objects.count() == 4


def test_no_shoppers_is_no_sample(load: Load) -> None:
    with pytest.raises(CommandError, match="at least 1"):
        load("load_sample", shoppers=0)
