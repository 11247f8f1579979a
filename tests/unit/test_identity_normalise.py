"""Which identifiers an event names, which are blocked, and what evidence that makes."""

from __future__ import annotations

from typing import Any

import pytest

from graph_schema.model.event import Event, EventType
from graph_schema.model.evidence import EvidenceKind, Seen
from graph_schema.model.rules import DEFAULT_NAMESPACES, IdentityRules, Namespace, Role
from graph_schema.model.time import HALF_HOUR
from identity.blocked import Blocked
from identity.evidence import star
from identity.normalise import Names, Normaliser

RULES = IdentityRules()


def event(type_: EventType = EventType.TRACK, **fields: Any) -> Event:
    defaults: dict[str, Any] = {
        "message_id": "m1",
        "name": type_.value,
        "at": 5 * HALF_HOUR + 7,
        "received_at": 0,
        "source": "web",
    }
    return Event(type=type_, **(defaults | fields))


def names(type_: EventType = EventType.TRACK, **fields: Any) -> Names:
    return Normaliser(RULES).names(event(type_, **fields))


def keys(type_: EventType = EventType.TRACK, **fields: Any) -> list[str]:
    return [name.key for name in names(type_, **fields).all]


def test_all_that_an_identify_names_in_rank_order() -> None:
    found = keys(
        EventType.IDENTIFY,
        anonymous_id="a1",
        user_id="u1",
        traits={"email": " Ann@Example.COM ", "phone": 4912345},
        context={"device": {"id": "d1"}, "externalIds": [{"type": "crm-id", "id": "7"}]},
    )
    assert found == [
        "user_id:u1", "email:ann@example.com", "phone:4912345", "device_id:d1",
        "anonymous_id:a1", "crm-id:7",
    ]  # fmt: skip


@pytest.mark.parametrize("type_", [t for t in EventType if t is not EventType.IDENTIFY])
def test_traits_name_somebody_in_an_identify_only(type_: EventType) -> None:
    traits = {"email": "ann@example.com", "phone": "1"}
    fields = {"traits": traits, "properties": traits, "context": {"traits": traits}}
    assert keys(type_, anonymous_id="a1", **fields) == ["anonymous_id:a1"]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"type": "email", "id": "Ann@example.com"}, ["email:ann@example.com"]),
        ({"type": "crm", "id": 7, "collection": "users", "encoding": "none"}, ["crm:7"]),
        ({"type": "crm", "id": "7", "encoding": None}, ["crm:7"]),
        ({"type": "crm", "id": "7", "collection": "accounts"}, []),
        ({"type": "crm", "id": "7", "encoding": "sha256"}, []),
        ({"type": "a:b", "id": "7"}, []),
        ({"type": "a@b", "id": "7"}, []),
        ({"type": 5, "id": "7"}, []),
        ({"type": "crm"}, []),
        ("crm", []),
    ],
)
def test_external_ids(entry: object, expected: list[str]) -> None:
    assert keys(context={"externalIds": [entry]}) == expected


@pytest.mark.parametrize("context", [{"externalIds": {"id": 1}}, {"device": "d1"}, {"device": {}}])
def test_a_context_of_another_shape_names_nobody(context: dict[str, Any]) -> None:
    assert keys(context=context) == []


@pytest.mark.parametrize("value", [True, 1.5, ["a"], {"id": "a"}, None, "x" * 513, "a\x00b", 2**80])
def test_what_is_no_text_or_number_of_decent_length_is_no_identifier(value: object) -> None:
    assert keys(EventType.IDENTIFY, traits={"email": value}) == []


def test_keys_are_trimmed_and_composed_and_keep_their_case() -> None:
    assert keys(user_id=" Jose\u0301 ") == ["user_id:Jos\u00e9"]
    assert keys(user_id="u1") != keys(user_id="U1")


def test_a_scoped_namespace_takes_its_source_into_the_key() -> None:
    scoped = Namespace("crm", 5, Role.OTHER, 5, scoped=True)
    rules = IdentityRules(namespaces=(*DEFAULT_NAMESPACES, scoped))
    external = {"context": {"externalIds": [{"type": "crm", "id": "7"}]}}
    normaliser = Normaliser(rules)
    found = [
        normaliser.names(event(source=source, **external)).all[0].key for source in ("web", "shop")
    ]
    assert found == ["crm@web:7", "crm@shop:7"]
    assert normaliser.key("crm", " 7", "web") == "crm@web:7"
    assert normaliser.key("email", "A@B.c", "web") == "email:a@b.c"


@pytest.mark.parametrize(
    "value",
    ["", "  ", "null", "None", "NIL", "undefined", "NaN", " Anonymous ", "guest", "unknown", "test",
     "TRUE", "false", "-1", "[object Object]", "0", "00-00", "00000000-0000-0000-0000-000000000000",
     "-"],
)  # fmt: skip
def test_values_blocked_by_default(value: str) -> None:
    assert Blocked(RULES)(value)


@pytest.mark.parametrize("value", ["u1", "10", "nullable", "test@example.com", "a-0", "0x0"])
def test_values_not_blocked(value: str) -> None:
    assert not Blocked(RULES)(value)


def test_blocked_by_configuration_folds_case_on_both_sides() -> None:
    blocked = Blocked(IdentityRules(blocked=("NoBody",), blocked_patterns=(r"qa-\d+",)))
    assert blocked("nobody")
    assert blocked("QA-17")
    assert not blocked("qa-17b")
    assert not blocked("null")
    assert not Blocked(IdentityRules(blocked_patterns=()))("00")


@pytest.mark.parametrize("user", [None, "-1", "anonymous", "00-00", "null"])
def test_scenario_6_a_blocked_user_takes_part_in_no_evidence(user: str | None) -> None:
    found = names(anonymous_id="a1", user_id=user)
    assert found.user is None
    assert found.device == "anonymous_id:a1"
    assert star(event(anonymous_id="a1", user_id=user), found) == ()


def test_the_device_of_an_event() -> None:
    device = {"device": {"id": "d1"}}
    assert names(anonymous_id="a1", user_id="u1", context=device).device == "anonymous_id:a1"
    assert names(anonymous_id="null", user_id="u1", context=device).device == "device_id:d1"
    assert names(user_id="u1").device == "user_id:u1"
    assert names(user_id="0", anonymous_id="0").device is None
    assert names().device is None


def test_evidence_is_a_star_around_the_highest_ranked() -> None:
    identify = event(EventType.IDENTIFY, user_id="u1", anonymous_id="a1", traits={"email": "a@b.c"})
    found = star(identify, Normaliser(RULES).names(identify), rec=9)
    login, at = EvidenceKind.LOGIN, identify.at
    assert found == (
        Seen("email:a@b.c", "user_id:u1", login, 5, at, "m1", 9),
        Seen("anonymous_id:a1", "user_id:u1", login, 5, at, "m1", 9),
    )


def test_one_identifier_alone_is_no_evidence() -> None:
    assert star(event(anonymous_id="a1"), names(anonymous_id="a1")) == ()


def alias(**fields: Any) -> tuple[Names, list[tuple[str, str, str]]]:
    spoken = event(EventType.ALIAS, **fields)
    found = Normaliser(RULES).names(spoken)
    return found, [(s.a, s.b, s.kind.value) for s in star(spoken, found)]


def test_scenario_9_an_alias_names_an_anonymous_id() -> None:
    found, evidence = alias(previous_id="a9", user_id="u1")
    assert evidence == [("anonymous_id:a9", "user_id:u1", "alias")]
    assert found.previous == "anonymous_id:a9"
    assert found.device == "user_id:u1"


@pytest.mark.parametrize("previous", ["u1", " u1 ", None, "null"])
def test_scenario_9_an_alias_of_oneself_or_of_nobody_is_nothing(previous: str | None) -> None:
    found, evidence = alias(previous_id=previous, user_id="u1")
    assert (found.previous, evidence) == (None, [])


def test_an_alias_on_the_device_that_it_names_is_a_login() -> None:
    found, evidence = alias(previous_id="a1", anonymous_id="a1", user_id="u1")
    assert found.device == "anonymous_id:a1"
    assert evidence == [("anonymous_id:a1", "user_id:u1", "login")]


def test_an_alias_between_two_anonymous_ids_has_todays_at_its_centre() -> None:
    crm = {"externalIds": [{"type": "crm", "id": "7"}]}
    found, evidence = alias(previous_id="a1", anonymous_id="z1", context=crm)
    assert found.device == "anonymous_id:z1"
    assert evidence == [
        ("anonymous_id:a1", "anonymous_id:z1", "alias"),
        ("anonymous_id:z1", "crm:7", "login"),
    ]


def test_a_previous_id_means_nothing_elsewhere() -> None:
    assert keys(previous_id="a9", user_id="u1") == ["user_id:u1"]


def test_answers_are_the_same_when_remembered_values_were_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("identity.normalise._REMEMBERED", 2)
    monkeypatch.setattr("identity.blocked._REMEMBERED", 2)
    normaliser = Normaliser(RULES)
    for _ in range(2):
        for number in range(5):
            found = normaliser.names(event(user_id=f"u{number}", anonymous_id="null"))
            assert [(n.key, n.blocked) for n in found.all] == [
                (f"user_id:u{number}", False),
                ("anonymous_id:null", True),
            ]
