"""What the linter finds in evidence made for it, and that it says nothing of sound evidence."""

from __future__ import annotations

import msgspec

from graph_schema.model.evidence import EvidenceKind, Seen
from graph_schema.model.identifier import Key
from graph_schema.model.rules import IdentityRules
from graph_schema.model.time import HALF_HOUR
from identity.batch import EvidenceTable, resolve_table
from identity.lint import Lint, LintFinding, lint

RULES = IdentityRules()


def linted(pairs: list[tuple[Key, Key]], rules: IdentityRules = RULES) -> list[LintFinding]:
    facts, first = [], {}
    for number, pair in enumerate(pairs):
        a, b = sorted(pair)
        at = number * HALF_HOUR
        facts.append(Seen(a, b, EvidenceKind.LOGIN, number, at, f"m{number}"))
        first.setdefault(a, at)
        first.setdefault(b, at)
    table = EvidenceTable.of(facts, first)
    return lint(resolve_table(table, rules), rules, lambda key: f"p({key})")


def of(kind: Lint, found: list[LintFinding]) -> list[LintFinding]:
    return [finding for finding in found if finding.kind is kind]


def people(count: int) -> list[tuple[Key, Key]]:
    """Each with two devices."""
    return [(f"user_id:u{n}", f"anonymous_id:a{n}-{d}") for n in range(count) for d in (0, 1)]


def test_sound_evidence_has_no_findings() -> None:
    mails = [(f"user_id:u{n}", f"email:e{n}") for n in range(20)]
    assert linted(people(20) + mails) == []
    assert linted([]) == []


def test_a_value_that_everybody_has_is_burned() -> None:
    found = linted(people(30) + [(f"user_id:u{n}", "email:info") for n in range(21)])
    (burned,) = of(Lint.BURNED, found)
    assert (burned.namespace, burned.count, burned.examples) == ("email", 1, ("p(email:info)",))
    assert "blocked.values" in burned.advice
    assert of(Lint.NEARLY_BURNED, found) == []


def test_a_form_of_too_many_spellings_is_burned() -> None:
    spellings = [(f"email:info+{n}@x.y", "email~canonical:info@x.y") for n in range(21)]
    (burned,) = of(Lint.BURNED, linted(people(3) + spellings))
    assert (burned.namespace, burned.count) == ("email~canonical", 1)
    assert burned.examples == ("p(email~canonical:info@x.y)",)
    assert "more than 20 spellings" in burned.message
    assert of(Lint.BURNED, linted(people(3) + spellings[:20])) == []


def test_a_value_that_many_have_is_nearly_burned() -> None:
    found = linted(people(30) + [(f"user_id:u{n}", "email:info") for n in range(11)])
    (nearly,) = of(Lint.NEARLY_BURNED, found)
    assert (nearly.namespace, nearly.count) == ("email", 1)
    assert of(Lint.BURNED, found) == []


def test_a_namespace_whose_values_never_join_stitches_nothing() -> None:
    shared = [(f"user_id:u{n}", f"till:t{n % 110}") for n in range(240)]
    (never,) = of(Lint.NEVER_STITCHES, linted(people(240) + shared, _tills_are_burned()))
    assert (never.namespace, never.count) == ("till", 110)
    assert of(Lint.NEVER_STITCHES, linted(people(240) + shared)) == []
    few = [pair for pair in shared if pair[1] < "till:t5"]
    assert of(Lint.NEVER_STITCHES, linted(people(240) + few, _tills_are_burned())) == []


def _tills_are_burned() -> IdentityRules:
    return msgspec.structs.replace(RULES, burned_above=1)


def test_profiles_near_a_limit_and_near_the_cap() -> None:
    tight = msgspec.structs.replace(RULES, size_cap=10)
    devices = [("user_id:u", f"anonymous_id:a{n}") for n in range(8)]
    (cap,) = of(Lint.NEAR_CAP, linted(devices, tight))
    assert (cap.count, cap.examples) == (1, ("p(user_id:u)",))
    mails = [("user_id:u", f"email:e{n}") for n in range(4)]
    (limit,) = of(Lint.NEAR_LIMIT, linted(mails))
    assert (limit.namespace, limit.count, limit.examples) == ("email", 1, ("p(user_id:u)",))
    assert of(Lint.NEAR_LIMIT, linted(mails[:3])) == []


def test_evidence_refused_for_a_limit_is_counted_by_namespace() -> None:
    mails = [("user_id:u", f"email:e{n}") for n in range(7)]
    (over,) = of(Lint.OVER_LIMIT, linted(mails))
    assert (over.namespace, over.count) == ("email", 2)
    assert "limit" in over.message


def test_many_shared_devices() -> None:
    shared = [
        (f"user_id:u{n + other}", f"anonymous_id:a{n}-0") for n in range(10) for other in (1, 2)
    ]
    (found,) = of(Lint.MANY_SHARED, linted(people(60) + shared))
    assert (found.namespace, found.count) == ("anonymous_id", 10)


def test_no_finding_holds_a_value() -> None:
    found = linted(
        people(120)
        + [(f"user_id:u{n}", "email:ann@example.com") for n in range(25)]
        + [(f"user_id:u{n}", f"phone:+49170{n:07d}") for n in range(120)]
    )
    assert found
    told = msgspec.json.encode([msgspec.structs.replace(f, examples=()) for f in found]).decode()
    assert "example.com" not in told
    assert "+49170" not in told
