"""The same facts under other rules, without touching the graph."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from graph_schema.model.evidence import Decision
from graph_schema.model.identifier import IdentifierStatus
from graph_schema.model.rules import IdentityRules
from identity.evaluation.subjects import ResolvedGraph, evidence_of
from identity.whole import resolve_all


def under(
    graph: ResolvedGraph, rules: IdentityRules, decisions: Sequence[Decision] = ()
) -> ResolvedGraph:
    """The graph as those rules would have it; each profile goes by the key of its anchor. Namespaces,
    blocked values and the session gap must be those that the graph was built with."""
    evidence = evidence_of(graph.events())
    nodes = resolve_all(evidence.facts, evidence.sighted, rules, decisions).nodes
    sessions = tuple(
        msgspec.structs.replace(session, profile=nodes[session.owner].anchor)
        for session in graph.sessions
    )
    identifiers = {
        key: msgspec.structs.replace(known, profile=nodes[key].anchor, status=nodes[key].status)
        for key, known in graph.identifiers.items()
        if known.status is not IdentifierStatus.BLOCKED
    }
    return ResolvedGraph(sessions, identifiers)
