"""The OpenAPI schema: how to sign in, and the one shape of every refusal."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from recgpt_site.api.problems import CONTENT_TYPE

METHODS = {"get", "post", "put", "patch", "delete"}
PROBLEM = {
    "type": "object",
    "description": "Problem details (RFC 9457). Every answer from 400 on has this shape.",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {
            "type": "string",
            "format": "uri-reference",
            "description": "`about:blank`, or a `urn:recgpt-studio:problem:…` that a client may branch on.",
        },
        "title": {"type": "string", "description": "The words of the status."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What happened, and what can be done about it."},
        "instance": {"type": "string", "format": "uri-reference", "description": "The path that was called."},
        "errors": {
            "type": "array",
            "description": "Where values are at fault: each of them.",
            "items": {
                "type": "object",
                "required": ["detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "A JSON pointer into the body, like `#/beta`."},
                    "parameter": {"type": "string", "description": "A query parameter or header."},
                    "detail": {"type": "string"},
                    "value": {"description": "The refused value, if it is a plain one.", "nullable": True},
                },
            },
        },
    },
}
ALWAYS = {
    "401": "No token, or one that is not valid.",
    "403": "Not for your role.",
    "429": "Too many calls; `Retry-After` says when to try again.",
}


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema describes our tokens."""

    target_class = "recgpt_site.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A token from `create_token` or /admin/."}


def add_problems(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """A post-processing hook: give every operation the refusals that it can answer with."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            if method in METHODS:
                add_to(operation, path)
    return result


def group_by_resource(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """A post-processing hook: operations on one resource stand together, under its name in the path."""
    for path, operations in result["paths"].items():
        resource = path.removeprefix("/api/v1/").partition("/")[0]
        for method, operation in operations.items():
            if method in METHODS:
                operation["tags"] = [resource]
    return result


def add_to(operation: dict[str, Any], path: str) -> None:
    refusals = dict(ALWAYS)
    if "requestBody" in operation or operation.get("parameters"):
        refusals["400"] = "A value is at fault; `errors` names it."
    if "{" in path:
        refusals["404"] = "Nothing there, or not yours to see."
    for status, description in refusals.items():
        operation["responses"].setdefault(status, {"description": description})
    for status, response in operation["responses"].items():
        if int(status) >= HTTPStatus.BAD_REQUEST:
            response["content"] = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
