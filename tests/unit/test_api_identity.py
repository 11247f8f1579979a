"""Commands about who is who: who may give them, what is handed on, and what is answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from api_client import ApiClient, api_client
from fake_platform import START, shop

from api.platform import Changed, InputProblem, Refused
from graph_schema.model.change import (
    CausedBy,
    ChangeKind,
    ChangePart,
    ChangeStatus,
    IdentityChange,
)

ANSWER = """{ __typename ... on Problem { code message } ... on UserError { path errors { path } }
  ... on Pending { changeId }
  ... on IdentityChangeSuccess { dryRun profiles { id } change { id status
    cause { __typename ... on Decision { actor note } }
    before { profileId identifiers { value } } } } }"""
MERGE = "mutation($i: MergeProfilesInput!) { mergeProfiles(input: $i) " + ANSWER + " }"
SPLIT = "mutation($i: SplitProfileInput!) { splitProfile(input: $i) " + ANSWER + " }"
UNDO = 'mutation($note: String) { undoChange(changeId: "c_1", note: $note) ' + ANSWER + " }"
U1 = {"namespace": "user_id", "value": "U1"}
CHANGE = IdentityChange(
    "c_1",
    ChangeKind.MERGE,
    START,
    "d_1",
    before=(ChangePart("p_0001", ("user_id:u1",)), ChangePart("p_gone", ())),
    after=(ChangePart("p_0001", ("user_id:u1",)),),
    by=CausedBy.DECISION,
)


@pytest.fixture
async def api() -> AsyncIterator[ApiClient]:
    async with api_client(shop()) as client:
        yield client


async def test_what_is_asked_is_handed_on_with_the_actor(api: ApiClient) -> None:
    asked = {"ids": ["p_1"], "identifiers": [U1], "note": "twins", "idempotencyKey": "7"}
    await api.data(MERGE, "decider", i=asked)
    ((what, given),) = api.platform.changes.decided
    actor = given.pop("actor")
    assert what == "merge" and actor.startswith("token:") and "decider" not in actor
    assert given == {
        "ids": ["p_1"],
        "identifiers": [("user_id", "U1")],
        "note": "twins",
        "dry_run": False,
        "idempotency_key": "7",
    }


@pytest.mark.parametrize(
    ("query", "variables"),
    [(MERGE, {"i": {}}), (SPLIT, {"i": {"identifiers": []}}), (UNDO, {})],
)
async def test_they_need_their_scope(api: ApiClient, query: str, variables: dict[str, Any]) -> None:
    for token in ("reader", "pii", "writer", "shop", "nobody"):
        assert await api.code(query, token, **variables) == "FORBIDDEN"
    assert api.platform.changes.decided == []


async def test_a_change_is_answered_with_the_profiles_it_left(api: ApiClient) -> None:
    api.platform.changes.answer = Changed(CHANGE)
    answer = (await api.data(MERGE, i={}))["mergeProfiles"]
    assert answer["profiles"] == [{"id": "p_0001"}] and not answer["dryRun"]
    assert answer["change"]["status"] == "APPLIED"
    assert answer["change"]["cause"] == {
        "__typename": "Decision",
        "actor": "token:ada",
        "note": "the same",
    }


async def test_who_may_only_decide_sees_no_identifiers(api: ApiClient) -> None:
    api.platform.changes.answer = Changed(CHANGE)
    answer = (await api.data(MERGE, "decider", i={}))["mergeProfiles"]
    assert answer["profiles"] == []
    assert [part["identifiers"] for part in answer["change"]["before"]] == [[], []]


async def test_without_effect_is_a_success(api: ApiClient) -> None:
    without = IdentityChange(
        "c_1", ChangeKind.SPLIT, START, "d_1", (), (), CausedBy.DECISION,
        ChangeStatus.WITHOUT_EFFECT,
    )  # fmt: skip
    api.platform.changes.answer = Changed(without, dry_run=True)
    answer = (await api.data(SPLIT, i={"identifiers": [U1], "dryRun": True}))["splitProfile"]
    assert answer["change"]["status"] == "WITHOUT_EFFECT" and answer["dryRun"]


async def test_a_refusal_and_a_waiting_command_are_problems(api: ApiClient) -> None:
    answer = (await api.data(UNDO))["undoChange"]
    assert (answer["__typename"], answer["code"], answer["changeId"]) == (
        "Pending", "PENDING", "c_waits",
    )  # fmt: skip
    problem = InputProblem("NOTHING_TO_UNDO", "It was taken back.", ("changeId",))
    api.platform.changes.answer = Refused((problem,))
    answer = (await api.data(UNDO))["undoChange"]
    assert (answer["__typename"], answer["code"]) == ("UserError", "NOTHING_TO_UNDO")
    assert answer["path"] == ["changeId"]


async def test_notes_and_keys_are_bounded(api: ApiClient) -> None:
    assert await api.code(MERGE, i={"note": "x" * 2001}) == "BAD_INPUT"
    assert await api.code(UNDO, note="x" * 2001) == "BAD_INPUT"
    key = {"identifiers": [U1], "idempotencyKey": "x" * 201}
    assert await api.code(SPLIT, i=key) == "BAD_INPUT"
    assert api.platform.changes.decided == []


DRY_RUN = """query($rules: String!, $examples: Int) {
  identityDryRun(rules: $rules, examples: $examples) {
  profilesBefore profilesAfter merges splits moves
  examples { kind rule before { profileId } after { profileId identifiers { value } } } } }"""
LINT = "{ identityLint { kind namespace count message advice profiles { id } } }"


async def test_a_dry_run_of_rules(api: ApiClient) -> None:
    found = (await api.data(DRY_RUN, rules="limit"))["identityDryRun"]
    assert (found["profilesBefore"], found["profilesAfter"], found["splits"]) == (2, 3, 1)
    (example,) = found["examples"]
    assert (example["kind"], example["rule"]) == ("SPLIT", "LIMIT")
    assert [part["profileId"] for part in example["after"]] == ["p_0001", "p_0001"]
    none = (await api.data(DRY_RUN, rules="limit", examples=0))["identityDryRun"]
    assert none["examples"] == []
    seen = (await api.data(DRY_RUN, "decider", rules="limit"))["identityDryRun"]
    assert [part["identifiers"] for part in seen["examples"][0]["after"]] == [[], []]


async def test_a_dry_run_refused(api: ApiClient) -> None:
    answer = await api.ask(DRY_RUN, rules="nonsense")
    assert answer["errors"][0]["extensions"]["code"] == "BAD_IDENTITY_RULES"
    assert "rules.x" in answer["errors"][0]["message"]
    for examples in (-1, 101):
        assert await api.code(DRY_RUN, rules="limit", examples=examples) == "BAD_INPUT"
    assert await api.code(DRY_RUN, "reader", rules="limit") == "FORBIDDEN"
    blocked = '[blocked]\nvalues = ["jane@x.example"]'
    assert await api.code(DRY_RUN, "decider", rules=blocked) == "FORBIDDEN"


async def test_what_the_linter_finds(api: ApiClient) -> None:
    (finding,) = (await api.data(LINT))["identityLint"]
    assert finding["profiles"] == [{"id": "p_0001"}]
    assert (finding["kind"], finding["namespace"], finding["count"]) == ("NEAR_LIMIT", "email", 2)
    assert await api.code(LINT, "reader") == "FORBIDDEN"
    ((finding),) = (await api.data(LINT, "decider"))["identityLint"]
    assert finding["profiles"] == []
