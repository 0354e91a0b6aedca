"""The client's types say what the API's schema says, no more and no less."""

import types
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest
from drf_spectacular.generators import SchemaGenerator

from recgpt_client import types as ours

# Class of the client -> component of the schema. Of several components that a class stands for, the richest.
COMPONENTS = {
    ours.Behavior: "GivenBehaviorRequest",
    ours.ChosenModels: "ChosenModelsRequest",
    ours.ChosenPrompts: "ChosenPromptsRequest",
    ours.ListRules: "ListRulesRequest",
    ours.RunRequest: "RunRequestRequest",
    ours.BulkLine: "BulkLineRequest",
    ours.Shopper: "ShopperReference",
    ours.Run: "Run",
    ours.RunResult: "JudgedRun",
    ours.Step: "Step",
    ours.History: "History",
    ours.HistoryLine: "HistoryLine",
    ours.Dropped: "Dropped",
    ours.Rejection: "Rejection",
    ours.Output: "JudgedOutput",
    ours.Interest: "JudgedInterest",
    ours.Item: "ItemReference",
    ours.Tag: "TagReference",
    ours.Recommendation: "JudgedRecommendation",
    ours.FailedCall: "FailedCall",
    ours.Model: "LanguageModelReference",
    ours.Problem: "Problem",
    ours.BulkAnswer: "BulkAnswer",
}
PLAIN = {"string": str, "integer": int, "number": float, "boolean": bool}


@pytest.fixture(scope="module")
def components() -> dict[str, Any]:
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    found: dict[str, Any] = schema["components"]["schemas"]
    return found


@pytest.mark.parametrize("ours", COMPONENTS, ids=lambda ours: ours.__name__)
def test_a_class_has_the_fields_of_its_component(ours: type, components: dict[str, Any]) -> None:
    component = components[COMPONENTS[ours]]
    hints = get_type_hints(ours, include_extras=True)

    assert hints.keys() == component["properties"].keys()
    differing = {
        name: (hint, component["properties"][name])
        for name, hint in hints.items()
        if not agrees(bare(hint), component["properties"][name], components)
    }
    assert differing == {}


@pytest.mark.parametrize("ours", [ours.Behavior, ours.Problem, ours.BulkAnswer], ids=lambda ours: ours.__name__)
def test_what_must_be_there_is_required_in_both(ours: type, components: dict[str, Any]) -> None:
    assert set(ours.__required_keys__) == set(components[COMPONENTS[ours]]["required"])  # type: ignore[attr-defined]


def test_every_class_is_held_to_something() -> None:
    classes = {one for one in vars(ours).values() if is_typeddict(one)}

    # An event's data is no component: tests/client/test_client.py reads one from the server.
    assert classes - COMPONENTS.keys() == {ours.Progress, ours.Calls, ours.Fault}


def bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) in (NotRequired, Required) else hint


def agrees(hint: Any, schema: dict[str, Any], components: dict[str, Any]) -> bool:
    """Whether every value of the schema is one of the type."""
    if hint is Any:
        return True
    may_be_none = get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint)
    if schema.get("nullable", False) != may_be_none:
        return False
    if may_be_none:
        (hint,) = (one for one in get_args(hint) if one is not type(None))
    schema = resolved(schema, components)
    if is_typeddict(hint):
        return (
            set(get_type_hints(hint)) >= set(schema.get("properties", {})) or schema.get("additionalProperties") == {}
        )
    if get_origin(hint) is Literal:
        return set(get_args(hint)) == set(schema["enum"])
    if get_origin(hint) is list:
        return schema["type"] == "array" and agrees(get_args(hint)[0], schema["items"], components)
    if get_origin(hint) is dict:
        return bool(schema["type"] == "object")
    return PLAIN[schema["type"]] is hint


def resolved(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema or "allOf" in schema:
        reference = schema.get("$ref") or schema["allOf"][0]["$ref"]
        schema = components[reference.rsplit("/", 1)[1]]
    return schema
