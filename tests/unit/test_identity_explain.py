"""Why together: the path in the forest and its weakest edge. Why apart: the nearest refusals."""

from __future__ import annotations

from graph_schema.model.evidence import Edge, EvidenceKind, EvidenceStatus, RefusalRule
from graph_schema.model.explanation import Separation
from graph_schema.model.rules import IdentityRules
from identity.explain import why_apart, why_together

RULES = IdentityRules()
U1, U2, E1, A1, A2 = "user_id:1", "user_id:2", "email:1", "anonymous_id:1", "anonymous_id:2"


def edge(
    one: str,
    other: str,
    status: EvidenceStatus = EvidenceStatus.JOINED,
    rule: RefusalRule | None = None,
    kind: EvidenceKind = EvidenceKind.LOGIN,
    first_at: int = 0,
) -> Edge:
    a, b = sorted((one, other))
    return Edge(a, b, kind, 1, first_at, first_at, status, rule)


def refused(one: str, other: str, rule: RefusalRule) -> Edge:
    return edge(one, other, EvidenceStatus.REFUSED, rule)


def test_the_path_goes_over_joined_evidence_only() -> None:
    steps = (edge(A1, U1), edge(U1, E1), edge(E1, A2))
    found = why_together([edge(A1, A2, EvidenceStatus.REDUNDANT), *steps], A1, A2, RULES)
    assert found is not None
    assert found.steps == steps


def test_its_weakest_edge_is_the_last_in_the_order_of_the_rule() -> None:
    alias = edge(A1, U1, kind=EvidenceKind.ALIAS)
    found = why_together([alias, edge(U1, E1), edge(E1, A2, first_at=99)], A1, A2, RULES)
    assert found is not None
    assert found.weakest == alias
    late = edge(U1, A2, first_at=9)
    found = why_together([edge(U1, A1, first_at=3), late], A1, A2, RULES)
    assert found is not None
    assert found.weakest == late


def test_no_path_within_the_forest() -> None:
    edges = [refused(U1, A1, RefusalRule.SHARED), edge(U1, E1)]
    assert why_together(edges, U1, A1, RULES) is None
    assert why_together(edges, U1, "email:unknown", RULES) is None


def test_what_separates_is_the_refusal_between_them() -> None:
    limit = refused(U2, E1, RefusalRule.LIMIT)
    edges = [edge(U1, E1), limit, edge(U2, A2)]
    assert why_apart(edges, U1, A2, RULES) == Separation((limit,), RefusalRule.LIMIT)


def test_one_refusal_is_nearer_than_two_however_long_the_way() -> None:
    far = [edge(U1, E1), refused(E1, A1, RefusalRule.LIMIT), edge(A1, A2), edge(A2, U2)]
    near = [refused(U1, "d:1", RefusalRule.SHARED), refused("d:1", U2, RefusalRule.SHARED)]
    found = why_apart([*near, *far], U1, U2, RULES)
    assert found == Separation((far[1],), RefusalRule.LIMIT)


def test_both_refusals_of_a_shared_device_are_listed_from_one_to_the_other() -> None:
    one, other = refused(U1, A1, RefusalRule.DOMINANCE), refused(U2, A1, RefusalRule.SHARED)
    assert why_apart([other, one], U1, U2, RULES) == Separation((one, other), RefusalRule.DOMINANCE)
    assert why_apart([other, one], U2, U1, RULES) == Separation((other, one), RefusalRule.SHARED)


def test_nothing_links_them_or_only_a_suggestion() -> None:
    pending = edge(U1, U2, EvidenceStatus.PENDING, kind=EvidenceKind.SUGGESTED)
    assert why_apart([pending], U1, U2, RULES) == Separation()
    assert why_apart([], U1, U2, RULES) == Separation()
