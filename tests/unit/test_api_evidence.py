"""Why: identity graphs, link paths, separations and histories, as GraphQL answers them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from api_client import ApiClient, api_client
from fake_platform import shop

A = '{namespace: "email", value: "u1@example.com"}'
B = '{namespace: "anonymous_id", value: "a1"}'
EVIDENCE = "{ id kind count status refusedBy a { value } b { value } firstAt lastAt }"


@pytest.fixture
async def api() -> AsyncIterator[ApiClient]:
    async with api_client(shop(people=3)) as client:
        yield client


async def test_an_identity_graph(api: ApiClient) -> None:
    query = "{ identityGraph { truncated nodes { value } edges " + EVIDENCE + " } }"
    found = await api.data('{ profile(id: "p_0001") ' + query + " }", "pii")
    graph = found["profile"]["identityGraph"]
    assert graph["nodes"] == [{"value": "u1@example.com"}, {"value": "a1"}]
    (edge,) = graph["edges"]
    assert edge.pop("id").startswith("v_")
    assert edge == {
        "kind": "LOGIN",
        "count": 2,
        "status": "JOINED",
        "refusedBy": None,
        "a": {"value": "a1"},
        "b": {"value": "u1@example.com"},
        "firstAt": "2026-11-01T10:00:00.000Z",
        "lastAt": "2026-11-01T11:00:00.000Z",
    }


async def test_its_values_are_masked_and_its_ids_give_nothing_away(api: ApiClient) -> None:
    query = "{ identityGraph(limit: 1) { truncated nodes { value } edges { id b { value } } } }"
    found = await api.data('{ profile(id: "p_0001") ' + query + " }", "reader")
    graph = found["profile"]["identityGraph"]
    assert graph["truncated"] and graph["nodes"] == [{"value": "***"}]
    assert graph["edges"][0]["b"] == {"value": "***"}
    assert "example" not in graph["edges"][0]["id"]


async def test_the_graphs_of_a_page_are_asked_for_at_once(api: ApiClient) -> None:
    query = """{ profiles(first: 3) { edges { node {
      identityGraph { edges { change { id } events { messageId } } } } } } }"""
    found = await api.data(query)
    graphs = [edge["node"]["identityGraph"] for edge in found["profiles"]["edges"]]
    assert [graph["edges"][0]["change"] for graph in graphs] == [None, None, None]
    assert graphs[0]["edges"][0]["events"] == [{"messageId": "m1-1"}, {"messageId": "m1-0"}]
    assert [api.platform.asked[what] for what in ("graphs", "sightings", "decided")] == [1, 1, 1]


@pytest.mark.parametrize("limit", [0, -1, 1001])
async def test_a_limit_has_bounds(api: ApiClient, limit: int) -> None:
    query = f'{{ profile(id: "p_0001") {{ identityGraph(limit: {limit}) {{ truncated }} }} }}'
    assert await api.code(query) == "BAD_INPUT"


async def test_the_limit_counts_as_cost(api: ApiClient) -> None:
    query = """{ profiles(first: 100) { edges { node { identityGraph %s {
      edges { a { profile { id } } } } } } } }"""
    assert await api.code(query % "") == "TOO_COSTLY"
    assert await api.code(query % "(limit: 1000)") == "TOO_COSTLY"
    await api.data(query % "(limit: 2)")


async def test_why_and_why_not(api: ApiClient) -> None:
    why = f"why(a: {A}, b: {B}) {{ steps {{ kind }} weakest {{ kind }} }}"
    found = await api.data(f'{{ profile(id: "p_0001") {{ {why} }} }}', "pii")
    assert found["profile"]["why"] == {"steps": [{"kind": "LOGIN"}], "weakest": {"kind": "LOGIN"}}
    query = "{ whySeparate(a: %s, b: %s) { rule message refused { status refusedBy } } }"
    assert (await api.data(query % (A, B), "reader"))["whySeparate"] == {
        "rule": "LIMIT",
        "message": "Together too many.",
        "refused": [{"status": "REFUSED", "refusedBy": "LIMIT"}],
    }
    assert (await api.data(query % (A, A), "reader"))["whySeparate"] is None
    assert await api.code(query % (A, B), "shop") == "FORBIDDEN"


async def test_the_history_of_a_profile(api: ApiClient) -> None:
    query = """query($id: ID!, $after: String) { profile(id: $id) { history(first: 1, after: $after) {
      totalCount pageInfo { hasNextPage endCursor } edges { node { id undoable } } } } }"""
    history = (await api.data(query, id="p_0001"))["profile"]["history"]
    assert history["totalCount"] == 1 and not history["pageInfo"]["hasNextPage"]
    assert history["edges"] == [{"node": {"id": "c_merge", "undoable": True}}]
    after = history["pageInfo"]["endCursor"]
    assert (await api.data(query, id="p_0001", after=after))["profile"]["history"]["edges"] == []
    cursor = {"id": "p_0002", "after": after}
    assert (await api.ask(query, **cursor))["errors"][0]["extensions"]["code"] == "BAD_CURSOR"
