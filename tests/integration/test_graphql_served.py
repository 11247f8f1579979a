"""GraphQL of a running `cdp serve`: answers to plausible mistakes, and walks over whole lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from asking import person
from serving import Server, served

CREATE = """mutation($input: CreateSegmentInput!) { createSegment(input: $input) {
  __typename ... on Problem { code } ... on UserError { errors { code path } } } }"""
DEVICES = 7


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    products = [
        track(f"m{n}", f"user-{n}", "Product Viewed", product_id=f"p{n}") for n in range(DEVICES)
    ]
    again = [track("once", "twice", "Ordered", total=total) for total in (1, 1, 2)]
    early = {**track("early", "user-0", "Began"), "timestamp": "0001-01-01T00:00:00Z"}
    with served(tmp_path_factory.mktemp("graphql") / "data") as found:
        found.post(*products, *again, early)
        person(found, "twice", 1)
        person(found, "user-0", 2)
        yield found


def track(message_id: str, user: str, event: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "track", "messageId": message_id, "userId": user, "anonymousId": f"d-{user}",
        "event": event, "properties": properties,
    }  # fmt: skip


def test_the_same_id_again_changes_nothing_and_with_other_content_is_a_dead_letter(
    server: Server,
) -> None:
    found = person(server, "twice", 1)
    assert found.counters["events"] == 1
    assert found.all("properties") == [{"total": 1}]
    assert server.ask("{ stats { deadLetters } }")["stats"]["deadLetters"] == 1


def test_times_have_four_digits_for_the_year(server: Server) -> None:
    # Year 1 is what some clients write for no time at all.
    began, viewed = person(server, "user-0", 2).all("at")
    assert began.startswith("0001-01-01T00:00:")
    assert len(began) == len(viewed) == len("2026-11-23T10:00:00.000Z")


@pytest.mark.parametrize("order", ["LAST_SEEN_DESC", "FIRST_SEEN_DESC", "ID"])
def test_a_walk_meets_everybody_once(server: Server, order: str) -> None:
    query = f"""query($after: String) {{ profiles(first: 3, after: $after, orderBy: {order}) {{
      totalCount edges {{ node {{ id }} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
    seen: list[str] = []
    after, more = None, True
    while more:
        page = server.ask(query, after=after)["profiles"]
        seen += [edge["node"]["id"] for edge in page["edges"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert len(seen) == len(set(seen)) == page["totalCount"] == DEVICES + 1


def test_every_mistake_of_a_segment_is_told_at_once(server: Server) -> None:
    rule = {"all": [{"event": {"name": "", "within": "P1M"}}, {"not": {"any": []}}]}
    made = server.ask(CREATE, input={"key": "No Key", "name": "x", "rule": rule})["createSegment"]
    assert made["code"] == "BAD_KEY"
    assert [(error["code"], error["path"]) for error in made["errors"]] == [
        ("BAD_KEY", ["key"]),
        ("BAD_RULE", ["rule", "all", "0", "event", "name"]),
        ("BAD_RULE", ["rule", "all", "0", "event", "within"]),
        ("BAD_RULE", ["rule", "all", "1", "not", "any"]),
    ]


def test_a_filter_that_is_none_is_refused_and_an_empty_choice_lets_nothing_through(
    server: Server,
) -> None:
    query = "query($where: ItemFilter) { items(first: 1, where: $where) { totalCount } }"

    def count(where: dict[str, Any]) -> int:
        return int(server.ask(query, where=where)["items"]["totalCount"])

    assert count({}) == DEVICES
    assert count({"any": []}) == count({"ids": []}) == 0
    answer = server.answer(query, where={"attributes": [{"name": "x", "op": "IN", "value": 3}]})
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "BAD_INPUT"
    assert error["message"].startswith("where.attributes.0.value: ")
