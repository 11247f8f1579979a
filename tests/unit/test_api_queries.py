"""What the queries answer, through a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from api_client import ApiClient, api_client
from fake_platform import shop


@pytest.fixture
async def api() -> AsyncIterator[ApiClient]:
    async with api_client(shop(people=5)) as client:
        yield client


async def test_a_profile_with_what_hangs_on_it(api: ApiClient) -> None:
    data = await api.data(
        """{ profile(identifier: {namespace: "email", value: "U1@example.com"}) {
          id redirectedFrom identified firstSeenAt traits
          trait(name: "plan") { value at identifier { value status } event { id name }
            others { value at } }
          gone: trait(name: "gone") { value }
          traitList(names: ["plan", "gone", "email"]) { name value }
          counters { events sessions activeDays orders revenue { amount currency }
            byName(names: ["Product Viewed"]) { name count firstAt }
            firstTouch { source campaign } lastTouch { source } }
          identifiers(first: 5) { totalCount edges { node { namespace value profile { id } } } }
          sessions(first: 1) { edges { node { id device { kind os ipPrefix } eventCount
            user { value } identifier { namespace } profile { id }
            events(first: 2) { edges { node { messageId } } pageInfo { hasNextPage } } } } }
          events(first: 1) { totalCount edges { node { id messageId type name at recordedAt
            source properties context items { item { id name } quantity price { amount } }
            session { id } profile { id } } } }
          segments(first: 5) { edges { since version node { key } reason { path holds } } }
          segmentTrace(segment: "gold") { member segment { key } conditions { observed } }
          recommendations(first: 2) { requestId edges { score node { id }
            reasons { kind share item { id } } } recommender { id interactions } fallback }
        } }"""
    )
    profile = data["profile"]
    assert profile["id"] == "p_0001"
    assert profile["redirectedFrom"] is None
    assert profile["identified"] is True
    assert profile["firstSeenAt"] == "2026-11-01T10:01:00.000Z"
    assert profile["traits"] == {"email": "u1@example.com", "plan": "gold", "big": str(2**60)}
    assert profile["trait"]["event"]["id"] == "e_m1-0"
    assert profile["trait"]["others"] == [{"value": "older", "at": "2026-10-31T10:01:00.000Z"}]
    assert profile["gone"] is None
    assert [one["name"] for one in profile["traitList"]] == ["plan", "email"]
    counters = profile["counters"]
    assert counters["revenue"] == [{"amount": "12.5", "currency": "EUR"}]
    assert (counters["events"], counters["sessions"], counters["activeDays"]) == (3, 1, 1)
    assert counters["firstTouch"] == {"source": "news", "campaign": None}
    assert profile["identifiers"]["totalCount"] == 2
    assert [edge["node"]["namespace"] for edge in profile["identifiers"]["edges"]] == [
        "email",
        "anonymous_id",
    ]
    session = profile["sessions"]["edges"][0]["node"]
    assert session["device"] == {"kind": "mobile", "os": "Android", "ipPrefix": None}
    assert session["events"]["pageInfo"]["hasNextPage"] is True
    event = profile["events"]["edges"][0]["node"]
    assert profile["events"]["totalCount"] == 3
    assert (event["messageId"], event["type"]) == ("m1-2", "TRACK")
    assert event["properties"]["n"] == str(2**60)
    assert event["items"] == [
        {"item": {"id": "i1", "name": "Item 1"}, "quantity": "2", "price": {"amount": "9.99"}}
    ]
    assert profile["segments"]["edges"][0]["node"]["key"] == "gold"
    assert profile["segmentTrace"]["conditions"][0]["observed"] == "ada@example.com"
    assert profile["recommendations"]["requestId"] == "r_42"
    assert profile["recommendations"]["recommender"]["interactions"] == 2**60


async def test_a_retired_id_answers_its_profile_of_today(api: ApiClient) -> None:
    data = await api.data('{ profile(id: "p_old") { id redirectedFrom } }')
    assert data["profile"] == {"id": "p_0001", "redirectedFrom": "p_old"}


@pytest.mark.parametrize(
    "arguments", ["", '(id: "p_1", identifier: {namespace: "email", value: "a"})']
)
async def test_exactly_one_of_id_and_identifier(api: ApiClient, arguments: str) -> None:
    assert await api.code(f"{{ profile{arguments} {{ id }} }}") == "BAD_INPUT"


async def test_unknown_is_null_without_an_error(api: ApiClient) -> None:
    data = await api.data(
        '{ profile(id: "p_none") { id } segment(key: "none") { key } item(id: "none") { id }'
        ' change(id: "c_none") { id } similarItems(itemId: "none", first: 1) { requestId } }'
    )
    assert set(data.values()) == {None}


@pytest.mark.parametrize("order", ["LAST_SEEN_DESC", "FIRST_SEEN_DESC", "ID"])
async def test_pages_meet_without_gap_and_double(api: ApiClient, order: str) -> None:
    query = """query ($after: String, $order: ProfileOrder) {
      profiles(first: 2, after: $after, orderBy: $order) {
        edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        totalCount } }"""
    seen: list[str] = []
    after = None
    for _ in range(5):
        page = (await api.data(query, after=after, order=order))["profiles"]
        seen += [edge["node"]["id"] for edge in page["edges"]]
        assert page["totalCount"] == 5
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        assert page["pageInfo"]["startCursor"] == page["edges"][0]["cursor"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert sorted(seen) == [f"p_000{number}" for number in range(1, 6)]
    assert len(seen) == 5


async def test_a_cursor_of_other_arguments_is_refused(api: ApiClient) -> None:
    page = await api.data("{ profiles(first: 1, orderBy: ID) { pageInfo { endCursor } } }")
    cursor = page["profiles"]["pageInfo"]["endCursor"]
    for query in (
        "query ($after: String) { profiles(first: 1, after: $after) { totalCount } }",
        "query ($after: String) { items(first: 1, after: $after) { totalCount } }",
    ):
        assert await api.code(query, after=cursor) == "BAD_CURSOR"
    same = (
        "query ($after: String) { profiles(first: 1, orderBy: ID, after: $after) { totalCount } }"
    )
    for broken in ("", "x", "é", cursor[:-2], cursor[::-1], "A" * 9000):
        assert await api.code(same, after=broken) == "BAD_CURSOR"


async def test_cursors_do_not_show_what_they_hold(api: ApiClient) -> None:
    data = await api.data(
        '{ profile(id: "p_0001") { identifiers(first: 1) { pageInfo { endCursor } } } }', "reader"
    )
    import base64

    cursor = data["profile"]["identifiers"]["pageInfo"]["endCursor"]
    assert b"example" not in base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))


@pytest.mark.parametrize("first", [0, -1, 101, 1000])
async def test_first_is_between_1_and_100(api: ApiClient, first: int) -> None:
    query = "query ($first: Int!) { profiles(first: $first) { totalCount } }"
    assert await api.code(query, first=first) == "BAD_INPUT"


@pytest.mark.parametrize("search", ["", "x" * 201])
async def test_a_search_has_a_length(api: ApiClient, search: str) -> None:
    for field in ("profiles", "items"):
        query = f"query ($s: String) {{ {field}(first: 1, search: $s) {{ totalCount }} }}"
        assert await api.code(query, s=search) == "BAD_INPUT"


async def test_the_count_is_asked_for_only_when_selected(api: ApiClient) -> None:
    await api.data("{ profiles(first: 1) { edges { node { id } } } }")
    assert api.platform.asked["count"] == 0


async def test_a_level_is_asked_for_once(api: ApiClient) -> None:
    await api.data(
        """{ profiles(first: 5) { edges { node { id
          trait(name: "plan") { identifier { namespace } event { name } }
          counters { sessions }
          identifiers(first: 2) { edges { node { profile { id } } } }
          sessions(first: 2) { edges { node { user { value } } } }
          events(first: 3) { totalCount edges { node { items { item { id } } session { id }
            profile { id } } } }
          segments(first: 3) { edges { node { key } reason { holds } } }
        } } } }"""
    )
    asked = dict(api.platform.asked)
    asked_once = {name for name, times in asked.items() if times == 1}
    more_than_once = {name: times for name, times in asked.items() if times > 1}
    assert {
        "page",
        "trait_values",
        "identifiers",
        "sessions",
        "events",
        "event_counts",
    } <= asked_once
    assert {"memberships", "traces", "segments", "session_counts", "events_by_ids"} <= asked_once
    # Identifiers are asked for from two levels (traits and sessions), never once for each.
    assert all(times <= 2 for times in more_than_once.values()), more_than_once


async def test_segments_and_their_history(api: ApiClient) -> None:
    data = await api.data(
        """{ segments(first: 10, status: ACTIVE) { totalCount edges { node { id key name status
            version rule createdAt size progress versions { version rule at by }
            uses { key } usedBy { key }
            members(first: 2, orderBy: ID) { totalCount edges { since node { id } } } } } }
          old: segment(key: "gold", version: 1) { version } none: segment(key: "gold", version: 7)
          { version } }"""
    )
    segment = data["segments"]["edges"][0]["node"]
    assert segment["id"] == "gold"
    assert segment["rule"] == {"trait": {"name": "plan", "op": "EQ", "value": "gold"}}
    assert segment["size"] == 5
    assert [edge["node"]["id"] for edge in segment["members"]["edges"]] == ["p_0001", "p_0002"]
    assert data["old"] == {"version": 1}
    assert data["none"] is None


async def test_a_rule_arrives_in_the_shape_in_which_it_was_sent(api: ApiClient) -> None:
    rule = {
        "all": [
            {"trait": {"name": "plan", "op": "IN", "value": ["a", 1], "as": "TEXT"}},
            {"not": {"segment": "gold"}},
            {"any": [{"identifiers": {"namespace": "email", "gte": 2}}]},
            {
                "sum": {
                    "event": "Order Completed",
                    "property": "revenue",
                    "gte": "12.5",
                    "since": "2026-11-01T00:00:00.000Z",
                }
            },
            {"event": {"name": "Cart Viewed", "count": {"gte": 2}, "within": "P7D"}},
        ]
    }
    query = "query ($rule: SegmentRule!) { previewSegment(rule: $rule) { count exact conditions" + (
        " { path count } sample { id } } }"
    )
    data = await api.data(query, rule=rule)
    assert api.platform.segments.commands[-1][2] == rule
    assert data["previewSegment"]["conditions"] == [{"path": ["trait"], "count": 1}]
    assert len(data["previewSegment"]["sample"]) == 5


async def test_the_defaults_of_a_rule(api: ApiClient) -> None:
    await api.data('{ previewSegment(rule: {event: {name: "x"}}) { count } }')
    assert api.platform.segments.commands[-1][2] == {"event": {"name": "x", "count": {"gte": 1}}}


async def test_a_bad_rule_in_a_preview_is_an_error_that_names_the_place(api: ApiClient) -> None:
    answer = await api.ask(
        '{ previewSegment(rule: {event: {name: "x", within: "P1M"}}) { count } }'
    )
    assert answer["data"] == {"previewSegment": None}
    assert answer["errors"][0]["extensions"]["code"] == "BAD_RULE"
    assert "rule.event.within" in answer["errors"][0]["message"]


async def test_exactly_one_condition(api: ApiClient) -> None:
    literal = '{ previewSegment(rule: {segment: "a", trait: {name: "x"}}) { count } }'
    assert await api.code(literal) == "VALIDATION_FAILED"
    query = "query ($rule: SegmentRule!) { previewSegment(rule: $rule) { count } }"
    both = {"segment": "a", "trait": {"name": "x"}}
    assert await api.code(query, rule=both) == "BAD_VARIABLES"


async def test_items_and_recommendations(api: ApiClient) -> None:
    data = await api.data(
        """{ item(id: "i1") { id name price { amount currency } available attributes
              similar(first: 1) { fallback edges { node { id name } } } }
          items(first: 2, where: {price: {gte: "1.50", lte: 3}, not: {brands: ["x"]},
              attributes: [{name: "a", op: GT, value: 3}]}) { totalCount edges { node { id } } }
          recommend(first: 1, itemIds: ["i2"], policy: CONTINUE, context: {page: "cart"})
              { fallback edges { node { id } reasons { text } } pageInfo { hasNextPage } }
          recommenders { name active share metrics { name k value baseline split } parameters }
          stats { profiles events lag asOf } }"""
    )
    assert data["item"]["price"] == {"amount": "1", "currency": "EUR"}
    assert data["item"]["similar"]["edges"][0]["node"] == {"id": "gone", "name": None}
    assert data["recommend"]["fallback"] == "UNKNOWN_PROFILE"
    assert data["stats"]["events"] == 2**60
    where = (
        api.platform.recommending.wanted[-2]["where"]
        or api.platform.recommending.wanted[0]["where"]
    )
    assert (where.price_gte, where.price_lte, where.available) == (1_500_000, 3_000_000, True)
    assert where.negated.brands == ("x",)
    assert where.attributes == ({"name": "a", "op": "GT", "value": 3},)


async def test_changes_newest_first(api: ApiClient) -> None:
    data = await api.data(
        """{ changes(first: 5, kind: [MERGE]) { totalCount edges { cursor node { id kind status at
            cursor before { profileId profile { id redirectedFrom } } after { identifiers { value } }
            cause { ... on Event { name } } } } }
          change(id: "c_merge") { id } none: changes(first: 5, kind: [SPLIT]) { totalCount } }"""
    )
    change = data["changes"]["edges"][0]["node"]
    assert (change["kind"], change["status"]) == ("MERGE", "APPLIED")
    assert change["before"][0]["profile"] == {"id": "p_0001", "redirectedFrom": "p_old"}
    assert change["cause"] == {"name": "Product Viewed"}
    assert data["change"] == {"id": "c_merge"}
    assert data["none"]["totalCount"] == 0


async def test_the_cost_follows_first(api: ApiClient) -> None:
    cheap = await api.ask("{ profiles(first: 1) { edges { node { id } } } }")
    dear = await api.ask("query ($n: Int!) { profiles(first: $n) { edges { node { id } } } }", n=50)
    assert cheap["extensions"]["cost"] == 3
    assert dear["extensions"]["cost"] == 101


async def test_a_canonical_form_is_asked_by_only_with_pii_read(api: ApiClient) -> None:
    """All spellings of a number have one form: numbers could be counted through."""
    query = '{ profile(identifier: {namespace: "phone~canonical", value: "+491705551234"}) { id } }'
    assert await api.code(query, "reader") == "FORBIDDEN"
    assert (await api.data(query))["profile"] is None
