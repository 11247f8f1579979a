"""The parts of the Neo4j store that need no server."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.settings import load, shown
from graph_schema.errors import StoreTooOld
from graph_schema.neo4j.address import Address, parse
from graph_schema.neo4j.connection import check_version
from graph_schema.neo4j.flat import FlatNames, holdable
from graph_schema.neo4j.migrating import statements
from graph_schema.neo4j.pairs import pair_of
from graph_schema.queries import queries
from graph_schema.schema import INDEXES, LABELS, RELATIONSHIPS, UNIQUE, described, newest

WORD = re.compile(r"\w+")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("neo4j://u:p@h:1/d", Address("neo4j://h:1", "u", "p", "d")),
        ("bolt://h", Address("bolt://h:7687", "neo4j", "", "neo4j")),
        ("neo4j+s://a%40b:p%2F%3A@h/", Address("neo4j+s://h:7687", "a@b", "p/:", "neo4j")),
        ("bolt://u:p@[::1]:9/x%20y", Address("bolt://[::1]:9", "u", "p", "x y")),
    ],
)
def test_an_address(text: str, address: Address) -> None:
    assert parse(text) == address


@pytest.mark.parametrize(
    "text", ["neo4j://", "http://h", "neo4j://u:secret@h:port", "bolt://h?x=secret", "secret"]
)
def test_no_address(text: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse(text)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "address", ["neo4j://u:pa55@h:1/d", "bolt://u:pa:55@w@h/d", "neo4j+s://:pa55@h"]
)
def test_the_password_is_masked(tmp_path, address: str) -> None:
    settings = load({"CDP_DATA": str(tmp_path)}, {"CDP_GRAPH": address})
    (value,) = [value for name, value, *_ in shown(settings) if name == "CDP_GRAPH"]
    assert "55" not in value and value.endswith(address.rpartition("@")[2])


@pytest.mark.parametrize("agent", ["Neo4j/4.4.40", "Neo4j/5.25.1", "Neo4j/dev", "Neo4j/3.5"])
def test_too_old(agent: str) -> None:
    with pytest.raises(StoreTooOld, match=r"5\.26 or later is needed"):
        check_version(agent, parse("bolt://h"))


@pytest.mark.parametrize("agent", ["Neo4j/5.26.0", "Neo4j/5.26.30-2024", "Neo4j/2025.10.1"])
def test_new_enough(agent: str) -> None:
    check_version(agent, parse("bolt://h"))


# ── flat properties ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "value",
    ["", "a", 0, -(1 << 63), (1 << 63) - 1, 1.5, True, ["a", "b"], [1, 2], [True], [0.5]],
)  # fmt: skip
def test_what_a_property_holds(value: object) -> None:
    assert holdable(value)


@pytest.mark.parametrize(
    "value",
    [None, {}, {"a": 1}, [], [1, "a"], [1, 1.0], [1, True], [None], [[1]], 1 << 63, "a\x00", ["\x00"],
     "x" * 2_001, ["a"] * 101],
)  # fmt: skip
def test_what_a_property_does_not_hold(value: object) -> None:
    assert not holdable(value)


def test_the_rest_stands_beside_as_json() -> None:
    names = FlatNames()
    values = {"plan": "pro", "big": 1 << 70, "tree": {"a": [1]}, "gone": None, "no word": 1, "n": 2}
    assert names.properties("trait_", values, "traitsJson") == {
        "trait_plan": "pro",
        "trait_n": 2,
        "traitsJson": '{"big":1180591620717411303424,"tree":{"a":[1]},"no word":1}',
    }


def test_names_are_limited() -> None:
    names = FlatNames(["trait_a"], most=2)
    assert names.properties("trait_", {"a": 1, "b": 2, "c": 3}, "rest") == {
        "trait_a": 1, "trait_b": 2, "rest": '{"c":3}',
    }  # fmt: skip
    assert names.admits("trait_b") and not names.admits("trait_d")


@given(st.text(), st.text(), st.text(), st.text())
def test_pairs_are_told_apart(a: str, b: str, c: str, d: str) -> None:
    assert (pair_of(a, b, "login") == pair_of(c, d, "login")) == ((a, b) == (c, d))
    assert pair_of(a, b, "login") != pair_of(a, b, "alias")


# ── the schema ─────────────────────────────────────────────────────────────────────────────────


def test_the_schema_is_whole() -> None:
    labels = {label.name: {p.name for p in label.properties} for label in LABELS}
    kinds = {kind.name: {p.name for p in kind.properties} for kind in RELATIONSHIPS}
    assert len(labels) == len(LABELS) and len(kinds) == len(RELATIONSHIPS)
    for kind in RELATIONSHIPS:
        assert {kind.source, kind.target} <= labels.keys()
    for unique in UNIQUE:
        assert set(unique.properties) <= labels[unique.label], unique
    for index in INDEXES:
        known = kinds if index.relationship else labels
        assert set(index.properties) <= known[index.on], index
    names = [thing.name for thing in (*UNIQUE, *INDEXES)]
    assert len(names) == len(set(names))


def test_every_migration_has_statements() -> None:
    every = [statements(version) for version in range(1, newest() + 1)]
    assert all(every)
    assert sum(map(len, every)) == len(UNIQUE) + len(INDEXES)
    assert (
        "CREATE CONSTRAINT profile_id IF NOT EXISTS FOR (n:Profile) REQUIRE (n.id) IS UNIQUE"
        in every[0]
    )


def test_statements_name_only_what_the_schema_has() -> None:
    """Labels, relationships and the properties of every named statement."""
    labels = {label.name for label in LABELS}
    kinds = {kind.name for kind in RELATIONSHIPS}
    properties = {p.name for thing in (*LABELS, *RELATIONSHIPS) for p in thing.properties}
    for name, statement in queries("graph_schema.neo4j", ".cypher").items():
        code = "\n".join(line for line in statement.splitlines() if not line.startswith("//"))
        for found in re.findall(r"\(\w*:(\w+)", code):
            assert found in labels, (name, found)
        for found in re.findall(r"\[\w*:(\w+)", code):
            assert found in kinds, (name, found)
        for variable, found in re.findall(r"\b([a-z]\w*)\.([a-z]\w*)\b", code):
            assert found in properties or variable in ("db", "all"), (name, found)


def test_the_graph_is_described() -> None:
    text = described()
    for label in LABELS:
        assert f"**{label.name}**" in text
    assert "(:Session)-[:OWNED_BY]->(:Identifier)" in text
    assert "- profile_id: Profile (id) is unique" in text
