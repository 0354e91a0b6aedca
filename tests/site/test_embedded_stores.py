"""The stores that the tests themselves run on."""

import pytest
from django.core.cache import cache
from django.db import connection


@pytest.mark.django_db
def test_database_is_postgresql_18_with_vectors():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), current_setting('TimeZone')")
        version, zone = cursor.fetchone()
        cursor.execute("SELECT count(*) FROM pg_available_extensions WHERE name IN ('vector', 'pg_trgm')")
        n_extensions = cursor.fetchone()[0]

    assert version.startswith("18.")
    assert zone == "UTC"
    assert n_extensions == 2


def test_cache_keeps_what_it_is_given(stores):
    cache.set("shopper", "1012", timeout=5)

    assert cache.get("shopper") == "1012"
