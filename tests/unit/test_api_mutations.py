"""Commands of people, and how failures are told."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest
from api_client import ApiClient, api_client
from fake_platform import shop

from api.settings import Limits

CREATE = """mutation ($input: CreateSegmentInput!) { createSegment(input: $input) { __typename
  ... on CreateSegmentSuccess { segment { key name status progress createdBy rule } }
  ... on Problem { code message }
  ... on UserError { path errors { code path } }
  ... on Pending { changeId } } }"""
RULE = {"trait": {"name": "plan", "op": "EQ", "value": "gold"}}


@pytest.fixture
async def api() -> AsyncIterator[ApiClient]:
    async with api_client(shop()) as client:
        yield client


async def test_a_segment_is_made(api: ApiClient) -> None:
    made = await api.data(CREATE, "writer", input={"key": "new", "name": "New", "rule": RULE})
    segment = made["createSegment"]["segment"]
    assert made["createSegment"]["__typename"] == "CreateSegmentSuccess"
    assert segment["rule"] == RULE
    assert segment["progress"] == 0.5
    assert segment["createdBy"].startswith("token:")
    assert "writer" not in segment["createdBy"]


async def test_a_taken_key_is_a_user_error(api: ApiClient) -> None:
    made = await api.data(CREATE, input={"key": "gold", "name": "Gold", "rule": RULE})
    assert made["createSegment"] == {
        "__typename": "UserError",
        "code": "KEY_TAKEN",
        "message": "That key is taken.",
        "path": ["key"],
        "errors": [{"code": "KEY_TAKEN", "path": ["key"]}],
    }


async def test_a_mistake_deep_in_a_rule_is_named(api: ApiClient) -> None:
    rule = {"event": {"name": "x", "within": "P1M"}}
    made = await api.data(CREATE, input={"key": "new", "name": "New", "rule": rule})
    assert made["createSegment"]["code"] == "BAD_RULE"
    assert made["createSegment"]["path"] == ["rule", "event", "within"]


async def test_without_a_worker_it_is_pending(api: ApiClient) -> None:
    api.platform.segments.worker = False
    made = await api.data(CREATE, input={"key": "new", "name": "New", "rule": RULE})
    assert made["createSegment"]["__typename"] == "Pending"
    assert made["createSegment"]["changeId"] == "c_1"


async def test_update_and_archive(api: ApiClient) -> None:
    update = """mutation ($input: UpdateSegmentInput!) { updateSegment(input: $input) {
      ... on UpdateSegmentSuccess { segment { version name } } ... on Problem { code } } }"""
    done = await api.data(update, input={"key": "gold", "name": "Golden", "expectedVersion": 1})
    assert done["updateSegment"] == {"segment": {"version": 2, "name": "Golden"}}
    late = await api.data(update, input={"key": "gold", "name": "x", "expectedVersion": 1})
    assert late["updateSegment"] == {"code": "VERSION_CONFLICT"}
    archive = """mutation { archiveSegment(key: "%s") {
      ... on ArchiveSegmentSuccess { segment { status } } ... on Problem { code } } }"""
    assert await api.data(archive % "gold") == {
        "archiveSegment": {"segment": {"status": "ARCHIVED"}}
    }
    assert await api.data(archive % "none") == {"archiveSegment": {"code": "NOT_FOUND"}}


async def test_each_command_of_a_request_answers_what_is_after_it(api: ApiClient) -> None:
    done = await api.data(
        """mutation { a: updateSegment(input: {key: "gold", name: "One"}) {
            ... on UpdateSegmentSuccess { segment { version name } } }
          b: updateSegment(input: {key: "gold", name: "Two"}) {
            ... on UpdateSegmentSuccess { segment { version name } } } }"""
    )
    assert done["a"]["segment"] == {"version": 2, "name": "One"}
    assert done["b"]["segment"] == {"version": 3, "name": "Two"}


async def test_what_nobody_foresaw_is_told_without_its_text(
    api: ApiClient, caplog: pytest.LogCaptureFixture
) -> None:
    api.platform.profiles.broken = True
    with caplog.at_level(logging.ERROR):
        answer = await api.ask('{ profile(id: "p_0001") { id } stats { lag } }')
    error = answer["errors"][0]
    assert answer["data"]["profile"] is None
    assert answer["data"]["stats"] == {"lag": 0.25}
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["path"] == ["profile"]
    assert "ada@" not in str(answer)
    assert error["extensions"]["requestId"] in caplog.text
    assert "ada@" not in caplog.text


async def test_an_answer_that_takes_too_long_is_given_up() -> None:
    platform = shop()
    platform.profiles.slow = 60.0
    async with api_client(platform, limits=Limits(timeout=0.05)) as api:
        status, answer = await api.post({"query": '{ profile(id: "p_0001") { id } }'})
        assert status == 503
        assert answer["errors"][0]["extensions"]["code"] == "TIMEOUT"


async def test_the_request_id_is_the_clients_where_it_gives_one(api: ApiClient) -> None:
    _, answer = await api.post({"query": "{"}, headers={"X-Request-Id": "abc-1"})
    assert answer["errors"][0]["extensions"]["requestId"] == "abc-1"
    _, answer = await api.post({"query": "{"}, headers={"X-Request-Id": "a b"})
    assert answer["errors"][0]["extensions"]["requestId"] != "a b"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ nothing }", "VALIDATION_FAILED"),
        ("{", "PARSE_FAILED"),
        ("", "PARSE_FAILED"),
        ("query A { stats { lag } } query B { stats { lag } }", "UNKNOWN_OPERATION"),
        ("fragment F on Stats { lag }", "UNKNOWN_OPERATION"),
        ('subscription { profileChanged(id: "p_0001") { id } }', "UNKNOWN_OPERATION"),
        ("query ($n: Int!) { profiles(first: $n) { totalCount } }", "BAD_VARIABLES"),
        ('{ changes(first: 1, since: "yesterday") { totalCount } }', "VALIDATION_FAILED"),
    ],
)
async def test_mistakes_have_codes(api: ApiClient, query: str, code: str) -> None:
    status, answer = await api.post({"query": query})
    assert status == 400
    assert answer["errors"][0]["extensions"]["code"] == code


async def test_an_operation_is_chosen_by_its_name(api: ApiClient) -> None:
    query = "query A { stats { lag } } query B { stats { events } }"
    _, answer = await api.post({"query": query, "operationName": "B"})
    assert answer["data"] == {"stats": {"events": 2**60}}
    _, answer = await api.post({"query": query, "operationName": "C"})
    assert answer["errors"][0]["extensions"]["code"] == "UNKNOWN_OPERATION"


async def test_introspection_and_suggestions_are_settings() -> None:
    query = "{ __schema { queryType { name } } }"
    async with api_client(shop()) as api:
        assert (await api.data(query))["__schema"] == {"queryType": {"name": "Query"}}
        answer = await api.ask("{ profil { id } }")
        assert "Did you mean" in answer["errors"][0]["message"]
    async with api_client(shop(), introspection=False, suggestions=False) as api:
        assert await api.code(query) == "VALIDATION_FAILED"
        answer = await api.ask("{ profil { id } }")
        assert "Did you mean" not in answer["errors"][0]["message"]
        assert await api.data("{ __typename }") == {"__typename": "Query"}
