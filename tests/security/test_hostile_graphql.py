"""Queries that were made to hurt: each is refused with a code, none is executed, none hangs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from api_client import ADMIN, ApiClient, api_client
from fake_platform import shop

from api import documents as api_documents


@pytest.fixture
async def api() -> AsyncIterator[ApiClient]:
    async with api_client(shop()) as client:
        yield client


def doubling(levels: int) -> str:
    fragments = " ".join(
        f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(levels)
    )
    return f"{{ ...F0 }} {fragments} fragment F{levels} on Query {{ stats {{ lag }} }}"


def nested(levels: int) -> str:
    inner = "{ id }"
    for _ in range(levels):
        inner = "{ events(first: 1) { edges { node { profile " + inner + " } } } }"
    return '{ profile(id: "p_0001") ' + inner + " }"


def rule(levels: int) -> dict[str, Any]:
    return {"not": rule(levels - 1)} if levels else {"segment": "gold"}


def rule_text(levels: int) -> str:
    return "{not: " * levels + '{segment: "gold"}' + "}" * levels


PREVIEW = "query ($rule: SegmentRule!) { previewSegment(rule: $rule) { count } }"
HOSTILE: dict[str, tuple[Any, str]] = {
    "fragments that double": ({"query": doubling(25)}, "TOO_MANY_FIELDS"),
    "fragments that double far": ({"query": doubling(100)}, "TOO_DEEP"),
    "a fragment in itself": (
        {"query": "{ ...A } fragment A on Query { ...A }"},
        "CYCLIC_FRAGMENT",
    ),
    "fragments in a circle": (
        {"query": "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }"},
        "CYCLIC_FRAGMENT",
    ),
    "a circle that is not used": (
        {"query": "{ __typename } fragment A on Query { ...B } fragment B on Query { ...A }"},
        "CYCLIC_FRAGMENT",
    ),
    "1,000 aliases": (
        {"query": "{ " + " ".join(f"a{n}: __typename" for n in range(1000)) + " }"},
        "TOO_MANY_TOKENS",
    ),
    "300 aliases": (
        {"query": "{ " + " ".join(f"a{n}: __typename" for n in range(300)) + " }"},
        "TOO_MANY_ALIASES",
    ),
    "1,000 times the same field": (
        {"query": "{ stats { " + "lag " * 1000 + "} }"},
        "TOO_MANY_FIELDS",
    ),
    "50 levels": ({"query": nested(12)}, "TOO_DEEP"),
    "1,000 levels": ({"query": "{ a " * 1000 + "}" * 1000}, "TOO_DEEP"),
    "400 levels": ({"query": "{ a " * 400 + "}" * 400}, "TOO_DEEP"),
    "400 inline fragments": (
        {"query": "{ ..." * 400 + "{ stats { lag } }" + "}" * 400},
        "TOO_DEEP",
    ),
    "300 directives": (
        {"query": "{ stats { lag " + "@include(if: true) " * 200 + "} }"},
        "TOO_MANY_DIRECTIVES",
    ),
    "unknown directives": (
        {"query": "query " + "@a" * 300 + " { stats { lag } }"},
        "TOO_MANY_DIRECTIVES",
    ),
    "a costly list of lists": (
        {
            "query": "{ profiles(first: 100) { edges { node { events(first: 100) { edges { node { "
            "session { id } } } } } } } }"
        },
        "TOO_COSTLY",
    ),
    "a costly list by variable": (
        {
            "query": "query ($n: Int!) { profiles(first: $n) { edges { node { events(first: $n) { "
            "edges { node { session { id } } } } } } } }",
            "variables": {"n": 100},
        },
        "TOO_COSTLY",
    ),
    "a list of operations": ([{"query": "{ __typename }"}] * 10, "BATCHING_REFUSED"),
    "an empty list": ([], "BATCHING_REFUSED"),
    "no query": ({}, "BAD_REQUEST"),
    "a number for a query": ({"query": 7}, "BAD_REQUEST"),
    "text for variables": ({"query": "{ __typename }", "variables": "x"}, "BAD_REQUEST"),
    "a list for a name": ({"query": "{ __typename }", "operationName": []}, "BAD_REQUEST"),
    "only text": ("x", "BAD_REQUEST"),
    "200 fragments in a chain": (
        {
            "query": "{ ...F0 } "
            + " ".join(f"fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(180))
            + "fragment F180 on Query { stats { lag } }"
        },
        "TOO_DEEP",
    ),
    "an unknown operation": (
        {"query": "{ __typename }", "operationName": "Nope"},
        "UNKNOWN_OPERATION",
    ),
    "an unknown root": ({"query": "{ dropTables }"}, "VALIDATION_FAILED"),
    "a huge first": (
        {"query": f"{{ profiles(first: {10**30}) {{ totalCount }} }}"},
        "VALIDATION_FAILED",
    ),
    "a number of 300 digits": (
        {"query": f"{{ profiles(first: {'9' * 300}) {{ totalCount }} }}"},
        "VALIDATION_FAILED",
    ),
    "a number of 9,000 digits": (
        {"query": f"{{ profiles(first: {'9' * 9000}) {{ totalCount }} }}"},
        "BAD_INPUT",
    ),
    "a default of 9,000 digits": (
        {"query": f"query ($n: Int = {'9' * 9000}) {{ profiles(first: $n) {{ totalCount }} }}"},
        "BAD_INPUT",
    ),
    "a directive's 9,000 digits": (
        {"query": f"{{ stats {{ lag @include(if: [{'9' * 9000}]) }} }}"},
        "BAD_INPUT",
    ),
    "a field 600 times": ({"query": "{ stats { " + "lag " * 600 + "} }"}, "TOO_MANY_FIELDS"),
    "a huge first by variable": (
        {
            "query": "query ($n: Int!) { profiles(first: $n) { totalCount } }",
            "variables": {"n": 10**18},
        },
        "BAD_VARIABLES",
    ),
    "a rule of 900 levels": ({"query": PREVIEW, "variables": {"rule": rule(900)}}, "TOO_DEEP"),
    "a rule of 300 levels in the text": (
        {"query": f"{{ previewSegment(rule: {rule_text(300)}) {{ count }} }}"},
        "TOO_DEEP",
    ),
    "unknown parts of a rule": (
        {"query": PREVIEW, "variables": {"rule": {f"x{n}": 1 for n in range(2000)}}},
        "BAD_VARIABLES",
    ),
    "500 comments": ({"query": "#\n" * 500 + "{ __typename }"}, "TOO_MANY_TOKENS"),
    "an open string": ({"query": '{ profile(id: "' + "x" * 29_000}, "PARSE_FAILED"),
    "a long comment": ({"query": "#" + "x" * 40_000 + "\n{ __typename }"}, "QUERY_TOO_LONG"),
    "open block strings": ({"query": '{ a(x: """' + '\\"""' * 7_000}, "PARSE_FAILED"),
    "control characters": ({"query": "{ \x00 \x07 }"}, "PARSE_FAILED"),
    "lone surrogates": ({"query": '{ profile(id: "\\uD800") { id } }'}, "PARSE_FAILED"),
    "a type system": ({"query": "type Query { a: Int }"}, "UNKNOWN_OPERATION"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_it_is_refused_with_a_code(api: ApiClient, name: str) -> None:
    body, code = HOSTILE[name]
    status, answer = await api.post(body)
    assert 400 <= status < 500
    assert answer["errors"][0]["extensions"]["code"] == code
    assert answer["errors"][0]["extensions"]["requestId"]
    assert "data" not in answer
    assert sum(api.platform.asked.values()) == 0
    assert len(json.dumps(answer)) < 20_000


LARGE = [name for name, (_, code) in HOSTILE.items() if code.startswith(("TOO_", "CYCLIC"))]


@pytest.mark.parametrize("name", LARGE)
async def test_what_is_too_large_is_never_validated(
    api: ApiClient, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Validating is what costs: 601 bytes of doubling fragments took a second of it."""

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("validated")

    monkeypatch.setattr(api_documents, "validate", never)
    body, code = HOSTILE[name]
    _, answer = await api.post(body)
    assert answer["errors"][0]["extensions"]["code"] == code


@pytest.mark.parametrize(
    ("content_type", "data"),
    [
        ("text/plain", b'{"query":"{ __typename }"}'),
        ("application/graphql", b"{ __typename }"),
        ("application/x-www-form-urlencoded", b"query={__typename}"),
        ("multipart/form-data; boundary=x", b"--x--"),
        ("application/json-patch+json", b"{}"),
        ("", b"{}"),
    ],
)
async def test_other_content_types_are_refused(
    api: ApiClient, content_type: str, data: bytes
) -> None:
    """A browser sends these across sites without asking first."""
    headers = {"Authorization": f"Bearer {ADMIN}", "Content-Type": content_type}
    async with api.session.post(f"{api.url}/graphql", data=data, headers=headers) as reply:
        assert reply.status == 415
        answer = await reply.json()
        assert answer["errors"][0]["extensions"]["code"] == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"query":"\xff"}',
        b"[" * 90_000,
        b'{"a":' * 15_000,
        b"NaN",
        b"null",
    ],
)
async def test_what_is_no_json_is_refused(api: ApiClient, data: bytes) -> None:
    headers = {"Authorization": f"Bearer {ADMIN}", "Content-Type": "application/json"}
    async with api.session.post(f"{api.url}/graphql", data=data, headers=headers) as reply:
        assert reply.status == 400
        assert (await reply.json())["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_a_compressed_body_is_refused_unread(api: ApiClient) -> None:
    headers = {
        "Authorization": f"Bearer {ADMIN}",
        "Content-Type": "application/json",
        "Content-Encoding": "gzip",
    }
    async with api.session.post(f"{api.url}/graphql", data=b"x" * 500, headers=headers) as reply:
        assert reply.status == 415


async def test_the_same_limits_hold_on_a_socket(api: ApiClient) -> None:
    socket = await api.session.ws_connect(f"{api.url}/graphql", protocols=["graphql-transport-ws"])
    await socket.send_json({"type": "connection_init", "payload": {"token": ADMIN}})
    assert (await socket.receive_json(timeout=5))["type"] == "connection_ack"
    for number, name in enumerate(LARGE):
        body, code = HOSTILE[name]
        await socket.send_json({"type": "subscribe", "id": str(number), "payload": body})
        message = await socket.receive_json(timeout=5)
        assert message["type"] == "error", message
        assert message["payload"][0]["extensions"]["code"] == code
    await socket.send_str('{"type":"ping","x":"' + "x" * 200_000 + '"}')
    await socket.receive(timeout=5)
    assert socket.close_code == 1009


async def test_the_librarys_own_introspection_query_is_within_the_limits(api: ApiClient) -> None:
    from graphql import get_introspection_query

    data = await api.data(get_introspection_query(descriptions=True, input_value_deprecation=True))
    assert data["__schema"]["queryType"]["name"] == "Query"
