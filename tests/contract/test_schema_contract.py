"""The schema is the one in the repository, and it is a part of the contract."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    print_ast,
)

from api import schema as api_schema

HERE = Path(__file__).parent
EXPORTED = Path(api_schema.__file__).with_name("schema.graphql")


@pytest.fixture(scope="module")
def contract() -> GraphQLSchema:
    return build_schema((HERE / "contract.graphql").read_text("utf-8"))


@pytest.fixture(scope="module")
def ours() -> GraphQLSchema:
    return build_schema(api_schema.sdl())


ADDED_TYPES = {"IdentityFinding", "IdentityFindingKind", "RecommenderWatch", "ClickThrough"}
ADDED_FIELDS = {"Query.identityLint", "Query.recommenderWatch", "RecommenderVersion.share"}
"""What users would expect beyond the contract; nothing of the contract is changed by it."""


def own_types(schema: GraphQLSchema) -> dict[str, GraphQLNamedType]:
    """All but what was added to the contract."""
    left_out = {"String", "Int", "Float", "Boolean", "ID"} | ADDED_TYPES
    return {
        name: kind
        for name, kind in schema.type_map.items()
        if not name.startswith("__") and name not in left_out
    }


def test_the_exported_schema_is_the_current_one() -> None:
    assert EXPORTED.read_text("utf-8") == api_schema.sdl(), (
        "the schema changed: run `python -m api.schema > api/schema.graphql` and say in CHANGELOG what"
    )


def test_every_type_is_one_of_the_contract(ours: GraphQLSchema, contract: GraphQLSchema) -> None:
    differences = [
        f"{name}: {type(kind).__name__}"
        for name, kind in own_types(ours).items()
        if type(contract.get_type(name)) is not type(kind)
    ]
    assert differences == []


def test_every_field_and_argument_is_as_in_the_contract(
    ours: GraphQLSchema, contract: GraphQLSchema
) -> None:
    differences: list[str] = []
    for name, kind in own_types(ours).items():
        theirs = contract.get_type(name)
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            assert isinstance(theirs, GraphQLObjectType | GraphQLInterfaceType)
            differences += compare_fields(kind, theirs)
        elif isinstance(kind, GraphQLInputObjectType):
            assert isinstance(theirs, GraphQLInputObjectType)
            differences += compare_inputs(kind, theirs)
    assert differences == []


def compare_fields(
    ours: GraphQLObjectType | GraphQLInterfaceType, theirs: GraphQLObjectType | GraphQLInterfaceType
) -> list[str]:
    differences = []
    if [one.name for one in ours.interfaces] != [one.name for one in theirs.interfaces]:
        differences.append(f"{ours.name}: interfaces")
    for name, field in ours.fields.items():
        their_field = theirs.fields.get(name)
        where = f"{ours.name}.{name}"
        if where in ADDED_FIELDS:
            continue
        if their_field is None:
            differences.append(f"{where}: unknown")
            continue
        if str(field.type) != str(their_field.type):
            differences.append(f"{where}: {field.type} is not {their_field.type}")
        differences += compare_arguments(where, field.args, their_field.args)
    return differences


def compare_arguments(where: str, ours: dict, theirs: dict) -> list[str]:  # type: ignore[type-arg]
    differences = [f"{where}({name}): unknown" for name in ours.keys() - theirs.keys()]
    differences += [
        f"{where}({name}): missing"
        for name in theirs.keys() - ours.keys()
        if name not in NOT_BUILT_ARGUMENTS.get(where, ())
    ]
    for name in ours.keys() & theirs.keys():
        if str(ours[name].type) != str(theirs[name].type):
            differences.append(f"{where}({name}): {ours[name].type} is not {theirs[name].type}")
        if default_of(ours[name]) != default_of(theirs[name]):
            differences.append(
                f"{where}({name}): {default_of(ours[name])} is not {default_of(theirs[name])}"
            )
    return differences


NOT_BUILT_ARGUMENTS: dict[str, tuple[str, ...]] = {}
"""They come with the parts that they belong to."""


def default_of(argument: GraphQLArgument | GraphQLInputField) -> object:
    """Its text; both schemas were built from text."""
    node = argument.ast_node
    return None if node is None or node.default_value is None else print_ast(node.default_value)


def compare_inputs(ours: GraphQLInputObjectType, theirs: GraphQLInputObjectType) -> list[str]:
    return compare_arguments(ours.name, ours.fields, theirs.fields) + (
        [] if ours.is_one_of == theirs.is_one_of else [f"{ours.name}: oneOf"]
    )


NOT_BUILT_ARGUMENTS["SegmentRule"] = ("sequence",)


def test_enums_and_unions_have_no_member_of_their_own(
    ours: GraphQLSchema, contract: GraphQLSchema
) -> None:
    differences: list[str] = []
    for name, kind in own_types(ours).items():
        theirs = contract.get_type(name)
        if isinstance(kind, GraphQLEnumType):
            assert isinstance(theirs, GraphQLEnumType)
            differences += [f"{name}.{one}" for one in kind.values.keys() ^ theirs.values.keys()]
        elif isinstance(kind, GraphQLUnionType):
            assert isinstance(theirs, GraphQLUnionType)
            known = {one.name for one in theirs.types}
            differences += [f"{name}: {one.name}" for one in kind.types if one.name not in known]
        elif isinstance(kind, GraphQLScalarType):
            assert isinstance(theirs, GraphQLScalarType)
            if kind.description != theirs.description:
                differences.append(f"{name}: {kind.description}")
    assert differences == []


PARTS_NOT_BUILT = {
    "Query": {"lookalikes", "mergeSuggestions"},
    "Mutation": {"acceptSuggestion", "rejectSuggestion", "eraseProfile"},
    "Profile": {"suggestions"},
}


def test_what_is_left_out_belongs_to_parts_that_are_not_built(
    ours: GraphQLSchema, contract: GraphQLSchema
) -> None:
    """A field that goes missing by accident is found here; a part that is built is taken off."""
    missing: dict[str, set[str]] = {}
    for name, kind in own_types(ours).items():
        theirs = contract.get_type(name)
        if isinstance(kind, GraphQLObjectType) and isinstance(theirs, GraphQLObjectType):
            gone = theirs.fields.keys() - kind.fields.keys()
            if gone:
                missing[name] = set(gone)
    assert missing == PARTS_NOT_BUILT


def test_everything_is_described(ours: GraphQLSchema) -> None:
    bare: list[str] = []
    for name, kind in own_types(ours).items():
        if not kind.description:
            bare.append(name)
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for field_name, field in kind.fields.items():
                if not field.description:
                    bare.append(f"{name}.{field_name}")
                for argument_name, argument in getattr(field, "args", {}).items():
                    if not argument.description:
                        bare.append(f"{name}.{field_name}({argument_name})")
        if isinstance(kind, GraphQLEnumType):
            bare += [f"{name}.{one}" for one, value in kind.values.items() if not value.description]
    assert bare == []
