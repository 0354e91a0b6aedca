"""The language in which shoppers are chosen."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from recommend.models import Shopper
from recommend.populations.queries import PopulationError, normalised, shoppers
from tests.recommend.factories import ShopperFactory

pytestmark = pytest.mark.django_db

DAY = datetime(2026, 1, 31, tzinfo=UTC)


@pytest.fixture
def four() -> dict[str, Shopper]:
    def shopper(name: str, days: int, n: int, **attributes: Any) -> Shopper:
        at = DAY + timedelta(days=days, hours=12)
        return ShopperFactory.create(external_id=name, n_behaviors=n, last_behavior_at=at, attributes=attributes)

    return {
        "a": shopper("a", -1, 10, age="25-34", kids=2, town="Bad Ems"),
        "b": shopper("b", 0, 100, age="35-44", kids=0),
        "c": shopper("c", 1, 1000, age="35-44"),
        "d": shopper("d", 2, 1000),
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("all", "abcd"),
        ("age=35-44", "bc"),
        ("age=25-34,35-44", "abc"),
        ("age!=35-44", "ad"),
        ("age!=25-34 kids!=0", "cd"),
        ("kids=2", "a"),
        ("kids=2 age=35-44", ""),
        ("'town=Bad Ems'", "a"),
        ('town="Bad Ems"', "a"),
        ("attribute.age=25-34", "a"),
        ("behaviors>=100", "bcd"),
        ("behaviors>100", "cd"),
        ("behaviors<100", "a"),
        ("behaviors<=100", "ab"),
        ("behaviors=100", "b"),
        ("behaviors!=100", "acd"),
        ("last_behavior>=2026-01-31", "bcd"),
        ("last_behavior>2026-01-31", "cd"),
        ("last_behavior<2026-01-31", "a"),
        ("last_behavior<=2026-01-31", "ab"),
        ("last_behavior=2026-01-31", "b"),
        ("last_behavior!=2026-01-31", "acd"),
        ("behaviors>=100 behaviors<=100", "b"),
        ("all sample=1", "abcd"),
    ],
)
def test_every_term_must_hold(four: dict[str, Shopper], query: str, names: str):
    assert "".join(sorted(shopper.external_id for shopper in shoppers(query))) == names


def test_nobody_without_behaviours_is_chosen(four: dict[str, Shopper]):
    ShopperFactory.create(external_id="new")

    assert not shoppers("all").filter(external_id="new").exists()


def test_a_sample_is_of_its_size_and_the_same_for_the_same_seed():
    ShopperFactory.create_batch(400, last_behavior_at=DAY)

    drawn = {seed: set(shoppers(f"all sample=0.25 seed={seed}").values_list("pk", flat=True)) for seed in (1, 2)}

    # Three standard deviations of a binomial of 400 and 0.25 are 26.
    assert all(74 <= len(one) <= 126 for one in drawn.values())
    assert drawn[1] == set(shoppers("all seed=1 sample=0.25").values_list("pk", flat=True))
    assert drawn[1] != drawn[2]
    assert drawn[1] < set(shoppers("all sample=0.5 seed=1").values_list("pk", flat=True))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "Say which shoppers"),
        ("everyone", "“everyone” is no condition"),
        ("agee=25-34", "Did you mean “age”?"),
        ("zzz=1", "There are age, kids, town."),
        ("age>25", "an attribute is compared by = or != only"),
        ("age=", "has no value"),
        ("behaviors>=many", "“many” in “behaviors>=many” is no number"),
        ("behaviors>=99999999999", "is no number of behaviours"),
        ("last_behavior>=31.1.2026", "Give one as 2026-01-31"),
        ("last_behavior<9999-12-31", "is no day"),
        ("sample=2", "above 0 up to 1"),
        ("sample=nan", "above 0 up to 1"),
        ("sample>0.1", "above 0 up to 1"),
        ("seed=7", "A seed is of a sample"),
        ("sample=0.1 seed=x", "is no seed"),
        ("sample=0.1 sample=0.2", "Say it once"),
        ("all age=25-34", "Leave one of them out"),
        ("town='Bad", "is not closed"),
        ("age=\0", "NUL"),
        ("a" * 1001, "at most 1,000"),
    ],
)
def test_what_is_wrong_is_named_with_its_remedy(four: dict[str, Shopper], query: str, words: str):
    with pytest.raises(PopulationError) as refused:
        shoppers(query)

    assert words in str(refused.value)
    assert refused.value.field == "query"


def test_a_query_is_kept_in_one_form():
    assert normalised("  age=25-34   town='Bad Ems' ") == "age=25-34 'town=Bad Ems'"
    assert normalised(normalised("town='Bad Ems'")) == normalised("town='Bad Ems'")
