"""Categories of texts, with the real embedding model and a catalogue in the database."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from recommend import categories
from recommend.categories.summary import summary
from recommend.models import RetrievalIndex
from recommend.retrieval.errors import NotFittedError
from recommend.retrieval.serving import fitted_at
from tests.recommend.factories import ItemFactory
from tests.support.review_data import full_run

pytestmark = pytest.mark.django_db
CATALOGUE = {
    ("grocery", "bakery bread"): ["rye bread", "white bread", "wheat sandwich bread", "sourdough loaf"],
    ("toys", "crayons"): ["wax crayons", "washable crayons", "chalk crayons", "colour pencils"],
}


@pytest.fixture
def catalogue() -> None:
    for path, kinds in CATALOGUE.items():
        for kind in kinds:
            ItemFactory.create(title=f"{kind.capitalize()}, 500 g", category=[*path, kind])


def test_a_text_that_the_catalogue_does_not_have_gets_its_category(catalogue):
    categories.fit()

    bread, crayons = categories.categories_of(["gluten-free toast bread", "crayons for toddlers"])

    assert (bread.path, crayons.path) == (("grocery", "bakery bread"), ("toys", "crayons"))
    assert 0.5 < bread.probability <= 1.0
    assert categories.categories_of([]) == []


def test_how_good_it_is_is_stored_with_it_and_the_one_before_stays(catalogue):
    before = [categories.fit().pk for _ in range(3)]

    newest = RetrievalIndex.objects.newest(RetrievalIndex.Kind.CATEGORIES)

    assert newest is not None
    assert newest.pk == before[-1]
    assert newest.n_items == 8
    assert newest.figures["n_categories"] == 2
    assert 0 < newest.figures["n_kinds"] <= 8
    assert set(RetrievalIndex.objects.values_list("pk", flat=True)) == set(before[1:])
    # It is no collaborative arm, however new it is.
    assert fitted_at() is None


def test_before_the_first_fit_the_remedy_is_named(catalogue):
    with pytest.raises(NotFittedError, match=r"manage\.py fit_categories"):
        categories.categories_of(["bread"])


def test_a_catalogue_of_one_category_has_nothing_to_tell_apart(catalogue):
    from recommend.models import Item

    Item.objects.filter(category__0="toys").delete()

    with pytest.raises(CommandError, match="of 1 categories, and two are needed"):
        call_command("fit_categories")


def test_the_command_says_how_good_it_is(catalogue):
    out = StringIO()

    call_command("fit_categories", stdout=out)

    assert "8 titles of 2 categories" in out.getvalue()
    assert "unseen kinds: " in out.getvalue()


def test_texts_are_counted_by_category_with_the_model_s_accuracy(catalogue):
    assert summary(["white toast bread"]) is None
    stored = categories.fit()

    found = summary(["white toast bread", "red wax crayons", "rye toast bread"])

    assert found is not None
    assert found.counts == (("bakery bread", 2), ("crayons", 1))
    assert found.n_kinds == stored.figures["n_kinds"]
    assert found.kinds_percent == 100 * stored.figures["kinds"]
    assert summary([]) is None


def test_the_page_of_a_run_tells_the_categories_of_its_tags(catalogue, client, django_user_model):
    run = full_run().run
    client.force_login(django_user_model.objects.create_superuser("root"))
    without = client.get(run.get_absolute_url()).content.decode()
    categories.fit()

    with_them = client.get(run.get_absolute_url()).content.decode()

    assert "of tags</summary>" not in without
    # The run's own item is of a third.
    assert "right one of 3 categories" in with_them
