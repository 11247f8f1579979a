"""Who is who after a batch: takes the events' evidence in the order of the log."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from cdp.pipeline.prepare import Prepared
from cdp.pipeline.working import Working
from graph_schema.model.change import ChangeKind, ChangePart, IdentityChange
from graph_schema.model.evidence import EdgeKey, Seen
from graph_schema.model.identifier import Identifier, IdentifierStatus, Key
from identity.local import Absorbing, Difference, Noticed, Sighted, absorb
from identity.normalise import Name
from identity.region import Region


class IdentityResolver:
    """Notes every identifier and all evidence of a batch. Most events bring nothing new and take the
    short way; the others are resolved one by one, so that each change has its cause."""

    def __init__(self, work: Working) -> None:
        self._work = work
        self._region = Region(work.rules)
        # What the batch's one read did not find is in no store: nobody need ask again.
        self._region.unknown.update(work.wanted - work.identifiers.keys())
        self._changed_edges: set[EdgeKey] = set()

    async def take(self, prepared: Sequence[Prepared]) -> None:
        await self._load(
            {end for i in prepared for f in i.facts if self._is_news(f) for end in (f.a, f.b)}
        )
        await self._load_burned(prepared)
        for item in prepared:
            sighted = [s for name in item.names.all if (s := self._sight(item, name)) is not None]
            noticed = [self._notice(fact, item) for fact in item.facts if self._is_news(fact)]
            if noticed or sighted:
                difference = await self._run(absorb(self._region, noticed, sighted))
                self._keep(difference, item)
        self._work.delta.edges += [self._region.edges[key] for key in self._changed_edges]

    # ── what is new ────────────────────────────────────────────────────────────────────────────

    def _is_news(self, fact: Seen) -> bool:
        known = self._work.seen.get((fact.a, fact.b, fact.kind.value, fact.half_hour))
        return known is None or (fact.at, fact.mid) < known

    def _notice(self, fact: Seen, item: Prepared) -> Noticed:
        key = (fact.a, fact.b, fact.kind.value, fact.half_hour)
        known = self._work.seen.get(key)
        self._work.seen[key] = (fact.at, fact.mid)
        self._work.delta.seen.append(msgspec.structs.replace(fact, rec=item.rec))
        return Noticed(fact, known)

    def _sight(self, item: Prepared, name: Name) -> Sighted | None:
        """Notes that an identifier was seen; answers it where that changes more than when last."""
        at = item.event.at
        known = self._work.identifiers.get(name.key)
        if known is None or (name.blocked and at < known.first_at):
            last_at = at if known is None else max(at, known.last_at)
            self._work.put_identifier(self._identifier(name, at, last_at))
        elif at > known.last_at:
            self._work.put_identifier(msgspec.structs.replace(known, last_at=at))
        if name.blocked or (known is not None and at >= known.first_at):
            return None
        return Sighted(name.key, name.namespace, at)

    def _identifier(self, name: Name, first_at: int, last_at: int) -> Identifier:
        return Identifier(
            key=name.key,
            id=self._work.ids.of(name.key),
            namespace=name.namespace.name,
            value=name.value,
            rank=name.namespace.rank,
            first_at=first_at,
            last_at=last_at,
            profile=None,
            status=IdentifierStatus.BLOCKED if name.blocked else IdentifierStatus.ACTIVE,
        )

    # ── resolving ──────────────────────────────────────────────────────────────────────────────

    async def _run(self, absorbing: Absorbing) -> Difference:
        try:
            need = next(absorbing)
            while True:
                await self._load(need.keys)
                await self._load_half_hours(need.edges)
                need = next(absorbing)
        except StopIteration as stop:
            difference: Difference = stop.value
            return difference

    async def _load(self, keys: Iterable[Key]) -> None:
        missing = sorted(keys)
        if missing:
            found = await self._work.batch.clusters(missing)
            for identifier in (*found.members, *found.neighbours):
                self._work.learn(identifier)
            self._region.load(found.members, found.neighbours, found.anchors, found.edges)

    async def _load_burned(self, prepared: Sequence[Prepared]) -> None:
        """Evidence between two burned identifiers comes with neither of them: it is asked for."""
        nodes = self._region.nodes
        wanted = {
            (fact.a, fact.b, fact.kind)
            for item in prepared
            for fact in item.facts
            if all((node := nodes.get(end)) is not None and node.burned for end in (fact.a, fact.b))
        }
        if wanted:
            for edge in await self._work.batch.edges(sorted(wanted)):
                self._region.put_edge(edge)

    async def _load_half_hours(self, edges: frozenset[EdgeKey]) -> None:
        if edges:
            found = await self._work.batch.halves(sorted(edges))
            pending = [s for s in self._work.delta.seen if (s.a, s.b, s.kind) in edges]
            self._region.load_half_hours(edges, [*found, *pending])

    def _keep(self, difference: Difference, item: Prepared) -> None:
        for key in difference.nodes:
            self._keep_node(key)
        self._changed_edges |= difference.edges
        if difference.before or difference.after:
            for members in (*difference.before.values(), *difference.after.values()):
                self._work.regrouped |= members
            change = self._change(difference, item)
            if change is not None:
                self._work.delta.changes.append(change)

    def _keep_node(self, key: Key) -> None:
        node = self._region.nodes[key]
        known = self._work.identifiers[key]
        self._work.put_identifier(
            msgspec.structs.replace(
                known,
                first_at=node.first_at,
                status=node.status,
                profile=self._work.ids.of(node.anchor) if node.anchor is not None else None,
            )
        )

    # ── changes ────────────────────────────────────────────────────────────────────────────────

    def _change(self, difference: Difference, item: Prepared) -> IdentityChange | None:
        """What became of profiles that were there before; growing by new identifiers is no change."""
        kind = _kind(difference.before, difference.after)
        if kind is None:
            return None
        digest = hashlib.blake2b(item.event.message_id.encode(), digest_size=16).hexdigest()
        return IdentityChange(
            id=f"c_{digest}",
            kind=kind,
            at=item.rec,
            cause=item.event.message_id,
            before=self._parts(difference.before),
            after=self._parts(difference.after),
        )

    def _parts(self, clusters: dict[Key, frozenset[Key]]) -> tuple[ChangePart, ...]:
        return tuple(
            ChangePart(self._work.ids.of(anchor), tuple(sorted(members)))
            for anchor, members in sorted(clusters.items())
        )


def _kind(before: dict[Key, frozenset[Key]], after: dict[Key, frozenset[Key]]) -> ChangeKind | None:
    """A merge: every former profile lies whole in one of today's, and an id went. A split: one
    profile became several. Else identifiers moved. Growing by new identifiers is no change."""
    whole = all(any(members <= now for now in after.values()) for members in before.values())
    if whole:
        retired = [anchor for anchor in before if anchor not in after]
        return ChangeKind.MERGE if retired else None
    return ChangeKind.SPLIT if len(before) == 1 else ChangeKind.MOVE
