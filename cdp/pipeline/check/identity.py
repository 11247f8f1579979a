"""Who is who: identifiers, edges and clusters against resolving all evidence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from cdp.pipeline.check import parts
from cdp.pipeline.check.findings import CLUSTERS, EDGES, IDENTIFIERS, Findings
from cdp.pipeline.check.scratch import Scratch
from graph_schema.model.evidence import Decision, Edge
from graph_schema.model.identifier import Identifier, IdentifierStatus, Key, parse_key
from graph_schema.model.profile import ProfileIds
from graph_schema.model.rules import IdentityRules
from graph_schema.store import GraphStore
from identity.difference import Sighted
from identity.whole import resolve_all

CHUNK = 2_000


class IdentityWalk:
    """Resolves everything anew from what the scratch holds of the events, part by part, and holds the
    graph against it."""

    def __init__(
        self,
        store: GraphStore,
        rules: IdentityRules,
        ids: ProfileIds,
        scratch: Scratch,
        findings: Findings,
    ) -> None:
        self._store = store
        self._rules = rules
        self._ids = ids
        self._scratch = scratch
        self._findings = findings

    def resolve(self, decisions: Sequence[Decision]) -> None:
        for part in range(parts.cut(self._scratch, decisions)):
            sights = self._scratch.rows("sights_of_part", part)
            inside = {key for key, _ in sights}
            region = resolve_all(
                self._scratch.facts_of(part),
                [Sighted(key, self._namespace(key), first_at) for key, first_at in sights],
                self._rules,
                [d for d in decisions if not inside.isdisjoint((*d.left, *d.right)) or d.undoes],
            )
            self._scratch.many(
                "put_resolved",
                ((key, node.anchor, node.status.value) for key, node in region.nodes.items()),
            )
            self._scratch.put_edges(region.edges.values())

    async def identifiers(self) -> None:
        async for chunk in self._store.walk_identifiers(CHUNK):
            self._findings.walked(IDENTIFIERS, len(chunk))
            keys = json.dumps([identifier.key for identifier in chunk])
            expected = {row[0]: row[1:] for row in self._scratch.rows("sights", keys=keys)}
            for identifier in chunk:
                self._identifier(identifier, expected.get(identifier.key))
            self._scratch.many("put_known", ((i.key, i.id, i.profile) for i in chunk))
        for (key,) in self._scratch.rows("unknown_sights"):
            self._findings.broken(IDENTIFIERS, f"{self._ids.named(key)} is missing")

    def clusters(self) -> None:
        """Behind `identifiers`."""
        ((count,),) = self._scratch.rows("sight_count")
        self._findings.walked(CLUSTERS, count)
        for key, anchor in self._scratch.rows("strayed"):
            where = f"that of {self._ids.named(anchor)}" if anchor is not None else "no profile"
            self._findings.broken(CLUSTERS, f"{self._ids.named(key)} belongs to {where}")

    async def edges(self) -> None:
        async for chunk in self._store.walk_edges(CHUNK):
            self._findings.walked(EDGES, len(chunk))
            keys = [(edge.a, edge.b, edge.kind.value) for edge in chunk]
            expected = self._scratch.edges(keys)
            for edge, key in zip(chunk, keys, strict=True):
                if edge != expected.get(key):
                    self._edge(edge, expected.get(key))
            self._scratch.many("meet_edge", keys)
        for a, b, kind in self._scratch.rows("unmet_edges"):
            self._findings.broken(EDGES, f"{kind} of {self._pair(a, b)} is missing")

    def _identifier(self, found: Identifier, said: Any) -> None:
        if said is None:
            self._findings.broken(IDENTIFIERS, f"{self._ids.named(found.key)} is named by no event")
            return
        blocked, first_at, last_at, status = said
        namespace, _, value = parse_key(found.key)
        expected = Identifier(
            key=found.key,
            id=self._ids.of(found.key, found.generation),
            namespace=namespace,
            value=value,
            rank=self._namespace(found.key).rank,
            first_at=first_at,
            last_at=last_at,
            profile=found.profile,
            status=IdentifierStatus.BLOCKED if blocked else IdentifierStatus(status),
            generation=found.generation,
            resolved_by=self._rules.version if found.profile is not None else found.resolved_by,
        )
        if found != expected:
            self._findings.broken(
                IDENTIFIERS,
                f"{self._ids.named(found.key)} has another id, time or status than it must",
            )

    def _edge(self, found: Edge, expected: Edge | None) -> None:
        name = f"{found.kind.value} of {self._pair(found.a, found.b)}"
        if expected is None:
            self._findings.broken(EDGES, f"{name} is said by no event")
            return
        differing = [
            field
            for field in found.__struct_fields__
            if getattr(found, field) != getattr(expected, field)
        ]
        self._findings.broken(EDGES, f"{name} has another {', '.join(differing)} than it must")

    def _pair(self, a: Key, b: Key) -> str:
        return f"{self._ids.named(a)} with {self._ids.named(b)}"

    def _namespace(self, key: Key) -> Any:
        return self._rules.namespace(parse_key(key)[0])
