"""Who may see and do what."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from api_client import ADMIN, ApiClient, api_client
from fake_platform import shop

from api.auth import Scope, Tokens
from api.errors import Forbidden, Unauthenticated
from api.masking import (
    masked_context,
    masked_properties,
    masked_trait,
    masked_traits,
    personal_trait,
)


@pytest.fixture
async def api() -> AsyncIterator[ApiClient]:
    async with api_client(shop()) as client:
        yield client


@pytest.mark.parametrize("token", [None, "", "unknown", "admin-toke", "é"])
async def test_without_a_known_token_nothing_is_answered(api: ApiClient, token: str | None) -> None:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    status, body = await api.post({"query": "{ stats { lag } }"}, None, headers=headers)
    assert status == 401
    assert body["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert "data" not in body


async def test_the_scheme_is_bearer(api: ApiClient) -> None:
    headers = {"Authorization": f"Basic {ADMIN}"}
    assert (await api.post({"query": "{ stats { lag } }"}, None, headers=headers))[0] == 401


FORBIDDEN_ROOTS = [
    ("nobody", 'profile(id: "p_0001") { id }'),
    ("marketer", 'profile(id: "p_0001") { id }'),
    ("nobody", "profiles(first: 1) { totalCount }"),
    ("reader", 'profiles(first: 1, search: "u1") { totalCount }'),
    ("pii", 'profiles(first: 1, segment: "gold") { totalCount }'),
    ("reader", 'segment(key: "gold") { key }'),
    ("reader", "segments(first: 1) { totalCount }"),
    ("reader", 'previewSegment(rule: {segment: "gold"}) { count }'),
    ("reader", 'item(id: "i1") { id }'),
    ("reader", "items(first: 1) { totalCount }"),
    ("reader", "recommend(first: 1) { requestId }"),
    ("reader", 'similarItems(itemId: "i1", first: 1) { requestId }'),
    ("reader", "recommenders { id }"),
    ("shop", 'change(id: "c_merge") { id }'),
    ("shop", "changes(first: 1) { totalCount }"),
]


@pytest.mark.parametrize(("token", "field"), FORBIDDEN_ROOTS)
async def test_a_root_without_its_scope_is_null_with_an_error(
    api: ApiClient, token: str, field: str
) -> None:
    answer = await api.ask(f"{{ {field} }}", token)
    assert list(answer["data"].values()) == [None]
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]


async def test_forbidden_says_the_same_of_what_is_there_and_what_is_not(api: ApiClient) -> None:
    def without_id(answer: dict) -> dict:  # type: ignore[type-arg]
        for error in answer["errors"]:
            del error["extensions"]["requestId"]
        return answer

    there = await api.ask('{ profile(id: "p_0001") { id } }', "shop")
    nowhere = await api.ask('{ profile(id: "p_none") { id } }', "shop")
    assert without_id(there) == without_id(nowhere)


async def test_personal_values_are_masked(api: ApiClient) -> None:
    query = """{ profile(id: "p_0001") { traits
      email: trait(name: "email") { value others { value } } plan: trait(name: "plan") { value }
      identifiers(first: 5) { edges { node { namespace value } } }
      counters { firstTouch { referrer source } }
      events(first: 1) { edges { node { properties context } } } } }"""
    masked = (await api.data(query, "reader"))["profile"]
    assert masked["traits"]["email"] == "***"
    assert masked["traits"]["plan"] == "gold"
    assert masked["email"] == {"value": "***", "others": [{"value": "***"}]}
    assert masked["plan"] == {"value": "gold"}
    values = {
        edge["node"]["namespace"]: edge["node"]["value"] for edge in masked["identifiers"]["edges"]
    }
    assert values == {"email": "***", "anonymous_id": "a1"}
    event = masked["events"]["edges"][0]["node"]
    assert event["context"] == {"ip": "***", "locale": "de", "page": {"url": "***", "path": "/"}}
    assert event["properties"]["email"] == "***"
    assert masked["counters"]["firstTouch"] == {"referrer": "***", "source": "news"}

    shown = (await api.data(query, "pii"))["profile"]
    assert shown["traits"]["email"] == "u1@example.com"
    assert shown["events"]["edges"][0]["node"]["context"]["ip"] == "192.0.2.7"


async def test_no_answer_without_pii_read_holds_an_address(api: ApiClient) -> None:
    query = """{ profiles(first: 10) { edges { cursor node { traits traitList { value others { value
      identifier { value } } identifier { value } } identifiers(first: 9) { edges { cursor node {
      value } } } sessions(first: 9) { edges { node { user { value } events(first: 9) { edges { node
      { properties context } } } } } } } } } changes(first: 9) { edges { node { before { identifiers
      { value } } } } } }"""
    answer = await api.ask(query, "reader")
    assert "errors" not in answer
    assert "@example.com" not in str(answer)


async def test_parts_without_their_scope_are_null(api: ApiClient) -> None:
    data = await api.data(
        '{ profile(id: "p_0001") { id segments(first: 1) { totalCount } segmentTrace(segment: "gold")'
        " { member } recommendations(first: 1) { requestId }"
        " events(first: 1) { edges { node { items { item { similar(first: 1) { requestId } } } } } }"
        " } }",
        "reader",
    )
    profile = data["profile"]
    assert profile["id"] == "p_0001"
    assert [profile[name] for name in ("segments", "segmentTrace", "recommendations")] == [None] * 3
    assert profile["events"]["edges"][0]["node"]["items"][0]["item"]["similar"] is None


async def test_a_segment_shows_no_profile_without_profile_read(api: ApiClient) -> None:
    data = await api.data(
        '{ segment(key: "gold") { size members(first: 1) { totalCount } }'
        ' previewSegment(rule: {segment: "gold"}) { count sample { id } } }',
        "marketer",
    )
    assert data["segment"] == {"size": 2, "members": None}
    assert data["previewSegment"] == {"count": 1, "sample": []}


async def test_commands_need_segment_write(api: ApiClient) -> None:
    answer = await api.ask('mutation { archiveSegment(key: "gold") { __typename } }', "marketer")
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert api.platform.segments.stored["gold"].status.name == "ACTIVE"


def test_admin_implies_every_scope() -> None:
    principal = Tokens({"t": frozenset({Scope.ADMIN})}).principal("bearer t")
    assert principal.scopes == frozenset(Scope)
    assert principal.actor.removeprefix("token:") != "t"


def test_a_principal_without_the_scope_is_forbidden() -> None:
    tokens = Tokens({"t": frozenset({Scope.PROFILE_READ}), "": frozenset({Scope.ADMIN})})
    principal = tokens.principal("Bearer t")
    principal.need(Scope.PROFILE_READ)
    with pytest.raises(Forbidden):
        principal.need(Scope.PII_READ)
    with pytest.raises(Unauthenticated):
        Tokens({"t": frozenset()}).principal("Bearer")


def test_an_empty_token_never_authenticates() -> None:
    with pytest.raises(Unauthenticated):
        Tokens({"": frozenset({Scope.ADMIN})}).principal("Bearer ")


@pytest.mark.parametrize("name", ["email", "Email", "first_name", "firstName", "phone-number"])
def test_personal_traits_however_they_are_written(name: str) -> None:
    assert personal_trait(name)
    assert masked_traits({name: "x", "plan": 1}) == {name: "***", "plan": 1}


@pytest.mark.parametrize("name", ["billing_email", "homePhone", "Contact E-Mail", "email.address"])
def test_whoever_an_address_or_a_number_belongs_to(name: str) -> None:
    assert masked_traits({name: "x"}) == masked_properties({name: "x"}) == {name: "***"}


def test_what_is_personal_is_masked_however_deep_it_lies() -> None:
    said = {
        "company": {"name": "Acme", "email": "a@b.c"},
        "tags": ["x", {"lastName": "Doe", "n": 1}],
    }
    hidden = {
        "company": {"name": "Acme", "email": "***"},
        "tags": ["x", {"lastName": "***", "n": 1}],
    }
    assert masked_traits(said) == masked_properties(said) == hidden
    assert masked_trait("company", said["company"]) == hidden["company"]


def test_what_else_is_masked() -> None:
    assert masked_properties({"name": "Shoe", "Email": "a"}) == {"name": "Shoe", "Email": "***"}
    context = {"traits": {"email": "a"}, "device": {"id": "1", "type": "ios"}, "page": "odd"}
    assert masked_context(context) == {
        "traits": "***",
        "device": {"id": "***", "type": "ios"},
        "page": "odd",
    }
