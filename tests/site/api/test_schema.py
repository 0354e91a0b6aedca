"""The schema and its page."""

import io
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from openapi_spec_validator import validate

from recgpt_site.api.urls import router

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    out = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    found: dict[str, Any] = yaml.safe_load(out.getvalue())
    return found


def test_the_schema_is_valid_openapi(schema):
    validate(schema)


def test_every_refusal_is_documented_as_a_problem(schema):
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}

    operations = [
        operation
        for path in schema["paths"].values()
        for method, operation in path.items()
        if method in ("get", "post", "put", "delete")
    ]

    assert len(operations) > 20
    for operation in operations:
        refusals = {status: found for status, found in operation["responses"].items() if status >= "400"}
        assert refusals.keys() >= {"401", "403", "429"}
        assert all(found["content"] == problem for found in refusals.values())
        assert {"token": []} in operation["security"]
        assert operation["summary"]


def test_operations_are_grouped_by_their_resource(schema):
    paths = schema["paths"]

    assert paths["/api/v1/campaigns/"]["post"]["tags"] == ["campaigns"]
    assert paths["/api/v1/campaigns/{id}/next/"]["post"]["tags"] == ["campaigns"]
    assert paths["/api/v1/judge-checks/{id}/cancel/"]["post"]["tags"] == ["judge-checks"]


def test_every_address_of_the_api_is_in_the_schema(schema):
    addresses = {str(one.pattern) for one in router.urls}

    assert len(schema["paths"]) == len(addresses)


@pytest.mark.parametrize("path", ["/api/schema/", "/api/docs/", "/api/docs/?script="])
def test_schema_and_docs_open_without_signing_in(client, path):
    assert client.get(path).status_code == 200


def test_the_docs_have_nothing_inline(client):
    page = client.get("/api/docs/").content.decode()

    assert "<style" not in page
    assert "onload=" not in page
    assert all("src=" in part for part in page.split("<script")[1:])
