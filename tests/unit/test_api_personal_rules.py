"""What may not be seen may not be found out by trying rules either."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from api_client import ApiClient, api_client
from fake_platform import shop

from api.personal_rules import personal_conditions


@pytest.fixture
async def api() -> AsyncIterator[ApiClient]:
    async with api_client(shop()) as client:
        yield client


STARTS = {"op": "STARTS_WITH", "value": "a"}

RULES: list[tuple[dict[str, Any], list[tuple[str, ...]]]] = [
    ({"trait": {"name": "email", **STARTS}}, [("trait", "name")]),
    ({"trait": {"name": "Billing E-Mail", **STARTS}}, [("trait", "name")]),
    ({"trait": {"name": "plan", **STARTS}}, []),
    ({"trait": {"name": "email", "op": "EXISTS"}}, []),
    ({"not": {"trait": {"name": "phone", **STARTS}}}, [("not", "trait", "name")]),
    (
        {"all": [{"segment": "x"}, {"any": [{"trait": {"name": "lastName", "value": "B"}}]}]},
        [("all", "1", "any", "0", "trait", "name")],
    ),
    (
        {"event": {"name": "Bought", "where": [{"name": "sku"}, {"name": "buyer.email"}]}},
        [("event", "where", "1", "name")],
    ),
    (
        {"event": {"name": "Bought", "where": [{"name": "gifts[].phone_number"}]}},
        [("event", "where", "0", "name")],
    ),
    ({"event": {"name": "Bought", "where": [{"name": "address.city"}]}},
     [("event", "where", "0", "name")]),
    ({"sum": {"event": "Bought", "property": "zip"}}, [("sum", "property")]),
    ({"sum": {"event": "Bought", "property": "revenue", "where": [{"name": "email"}]}},
     [("sum", "where", "0", "name")]),
    ({"event": {"name": "email"}}, []),
    ({"identifiers": {"namespace": "email", "gte": 2}}, []),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "paths"), RULES)
def test_which_conditions_are_personal(rule: dict[str, Any], paths: list[tuple[str, ...]]) -> None:
    assert list(personal_conditions(rule)) == paths


PERSONAL = '{any: [{segment: "gold"}, {trait: {name: "email", op: STARTS_WITH, value: "u"}}]}'


async def test_a_preview_does_not_tell_what_may_not_be_seen(api: ApiClient) -> None:
    query = f"{{ previewSegment(rule: {PERSONAL}) {{ count }} }}"
    answer = await api.ask(query, "marketer")
    assert answer["data"] == {"previewSegment": None}
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert "rule.any.1.trait.name" in error["message"]
    assert (await api.data(query))["previewSegment"]["count"] == 1


@pytest.mark.parametrize(
    "mutation",
    [
        f'createSegment(input: {{key: "u", name: "U", rule: {PERSONAL}}})',
        f'updateSegment(input: {{key: "gold", rule: {PERSONAL}}})',
    ],
)
async def test_no_segment_is_made_of_what_may_not_be_seen(api: ApiClient, mutation: str) -> None:
    query = f"mutation {{ {mutation} {{ ... on UserError {{ code path errors {{ path }} }} }} }}"
    (told,) = (await api.data(query, "writer")).values()
    path = ["rule", "any", "1", "trait", "name"]
    assert told == {"code": "FORBIDDEN", "path": path, "errors": [{"path": path}]}
    (done,) = (await api.data(query)).values()
    assert done == {}


async def test_a_segment_may_be_renamed_whatever_its_rule_asks_for(api: ApiClient) -> None:
    query = (
        'mutation { updateSegment(input: {key: "gold", name: "G"}) { ... on UserError { code } } }'
    )
    assert (await api.data(query, "writer"))["updateSegment"] == {}
