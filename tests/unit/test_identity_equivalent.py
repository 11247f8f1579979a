"""The canonical form of a value, by the rule of its namespace; what is evidence of it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from spellings import EMAIL, PHONE, with_spellings

from graph_schema.model.event import Event, EventType
from graph_schema.model.evidence import EvidenceKind
from graph_schema.model.rules import Equivalent, Form, IdentityRules, Role
from identity import evidence
from identity.equivalent import canonical
from identity.normalise import Normaliser

RULES = with_spellings(IdentityRules())
CASE = Equivalent(Form.CASE)


@pytest.mark.parametrize(
    ("rule", "value", "form"),
    [
        (EMAIL, "ann.lee@gmail.com", "annlee@gmail.com"),
        (EMAIL, "Ann.Lee+news@GoogleMail.com", "annlee@gmail.com"),
        (EMAIL, "ann.lee@x.org", "ann.lee@x.org"),
        (EMAIL, "ann+a+b@x.org", "ann@x.org"),
        (EMAIL, "+tag@x.org", None),
        (EMAIL, "...@gmail.com", None),
        (EMAIL, '"a+b"@x.org', None),
        (EMAIL, "no address", None),
        (EMAIL, "ann@", None),
        (Equivalent(Form.EMAIL, plus_tags=False), "ann+a@x.org", "ann+a@x.org"),
        (PHONE, "0170 555 12 34", "+491705551234"),
        (PHONE, "+49 (0)170/5551234", "+491705551234"),
        (PHONE, "0049 170 5551234", "+491705551234"),
        (PHONE, "tel:+49-170-5551234", "+491705551234"),
        (PHONE, "+1 (212) 555-0100", "+12125550100"),
        (PHONE, "+39 06 698 1234", "+39066981234"),
        (PHONE, "030 1234567 ext. 12", None),
        (PHONE, "1", None),
        (PHONE, "call me", None),
        (Equivalent(Form.PHONE), "0170 5551234", None),
        (Equivalent(Form.PHONE), "+49 170 5551234", "+491705551234"),
        (CASE, "AB-12", "ab-12"),
        (CASE, "STRASSE", "strasse"),
        (CASE, "Straße", "strasse"),
        (CASE, "", None),
    ],
)
def test_the_form_of_a_value(rule: Equivalent, value: str, form: str | None) -> None:
    assert canonical(rule, value) == form


@given(
    st.sampled_from([EMAIL, PHONE, CASE]),
    st.text(max_size=512) | st.from_regex(r"[+0-9a-z.@ ()/-]{1,40}"),
)
def test_a_form_is_its_own_form(rule: Equivalent, value: str) -> None:
    form = canonical(rule, value)
    assert form is None or canonical(rule, form) == form


def identify(**stated: object) -> Event:
    return Event(
        message_id="m", type=EventType.IDENTIFY, name="identify", at=0, received_at=0, source="w",
        **stated,
    )  # fmt: skip


def test_an_identifier_is_linked_to_its_form_and_the_form_to_nothing_else() -> None:
    event = identify(user_id="u1", traits={"email": "Ann.Lee@gmail.com", "phone": "0170 5551234"})
    names = Normaliser(RULES).names(event)
    assert [name.key for name in names.all] == [
        "user_id:u1", "email:ann.lee@gmail.com", "phone:0170 5551234",
    ]  # fmt: skip
    said = {(fact.a, fact.b, fact.kind) for fact in evidence.star(event, names)}
    assert said == {
        ("email:ann.lee@gmail.com", "user_id:u1", EvidenceKind.LOGIN),
        ("phone:0170 5551234", "user_id:u1", EvidenceKind.LOGIN),
        ("email:ann.lee@gmail.com", "email~canonical:annlee@gmail.com", EvidenceKind.EQUIVALENT),
        ("phone:0170 5551234", "phone~canonical:+491705551234", EvidenceKind.EQUIVALENT),
    }
    off = Normaliser(IdentityRules()).names(event)
    assert off.with_forms == off.all
    assert {f.kind for f in evidence.star(event, off)} == {EvidenceKind.LOGIN}


def test_a_blocked_value_has_no_form_and_none_is_blocked() -> None:
    rules = msgspec.structs.replace(RULES, blocked=("none@x.org", "ann@x.org"))
    normaliser = Normaliser(rules)
    (blocked,) = normaliser.names(identify(traits={"email": "none@x.org"})).all
    assert (blocked.blocked, blocked.form) == (True, None)
    (tagged,) = normaliser.names(identify(traits={"email": "ann+1@x.org"})).all
    assert (tagged.blocked, tagged.form) == (False, None)


def test_no_client_can_name_a_form() -> None:
    event = identify(
        user_id="u",
        context={"externalIds": [{"id": "annlee@gmail.com", "type": "email~canonical"}]},
    )
    assert [name.key for name in Normaliser(RULES).names(event).all] == ["user_id:u"]


def test_a_form_of_what_is_scoped_is_scoped_and_as_personal() -> None:
    email = msgspec.structs.replace(RULES.namespace("email"), scoped=True)
    rules = msgspec.structs.replace(RULES, namespaces=(email,))
    (name,) = Normaliser(rules).names(identify(traits={"email": "a+1@x.y"})).all
    assert name.form is not None
    assert name.form.key == "email~canonical@w:a@x.y"
    assert Normaliser(rules).form_of(name.key) == name.form.key
    space = rules.namespace("email~canonical")
    assert (space.role, space.pii, space.is_canonical) == (Role.OTHER, True, True)
    assert "email~canonical" in rules.personal
    assert space.rank > max(known.rank for known in rules.namespaces)
