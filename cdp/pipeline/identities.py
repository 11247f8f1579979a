"""Who is who after a batch: takes the events' evidence in the order of the log."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from contextlib import suppress

import msgspec

from cdp.pipeline.prepare import Prepared
from cdp.pipeline.working import Working
from graph_schema.model.change import IdentityChange
from graph_schema.model.evidence import Decision, EdgeKey, Seen, Waiting
from graph_schema.model.identifier import Identifier, IdentifierStatus, Key
from identity.anew import mark, resolve_anew
from identity.deciding import came_out, parts_of
from identity.driving import Driver
from identity.local import Difference, Noticed, Sighted, absorb, resolve_waiting
from identity.normalise import Name
from identity.region import Region, TooLarge
from identity.ruling import consequences


class IdentityResolver:
    """Notes every identifier and all evidence of a batch. Most events bring nothing new and take the
    short way; the others are resolved one by one, so that each change has its cause."""

    def __init__(self, work: Working, most: int | None = None) -> None:
        """`most`: how much may be read and resolved for one event; what takes more waits."""
        self._work = work
        self._region = Region(work.rules, work.decisions, most)
        # What the batch's one read did not find is in no store: nobody need ask again.
        self._region.unknown.update(work.wanted - work.identifiers.keys())
        self._driver = Driver(self._region, work.batch, work.learn, work.delta.seen)
        self._changed_edges: set[EdgeKey] = set()
        self._gone_edges: set[EdgeKey] = set()

    async def take(self, prepared: Sequence[Prepared]) -> None:
        await self._driver.load(
            {end for i in prepared for f in i.facts if self._is_news(f) for end in (f.a, f.b)}
        )
        await self._load_burned(prepared)
        for item in prepared:
            self._work.rec = item.rec
            sighted = [
                s for name in item.names.with_forms if (s := self._sight(item, name)) is not None
            ]
            noticed = [self._notice(fact, item) for fact in item.facts if self._is_news(fact)]
            if noticed or sighted:
                await self._by_todays_rules({end for n in noticed for end in (n.fact.a, n.fact.b)})
                difference = await self._driver.run(absorb(self._region, noticed, sighted))
                mark(self._region, difference)
                self._keep(difference)
                self._note_change(difference, item)
                self._work.delta.waiting += [
                    Waiting(a, b, item.event.message_id, item.rec)
                    for a, b in sorted(difference.waiting)
                ]
        self._finish()

    async def decide(self, decided: Sequence[Decision]) -> Difference:
        """Takes decisions, and answers what they change."""
        named = {key for one in decided for key in (*one.left, *one.right)}
        await self._driver.load(named)
        await self._by_todays_rules(named)
        difference = await self._driver.run(absorb(self._region, (), (), decided))
        mark(self._region, difference)
        self._keep(difference)
        self._work.decisions = self._region.decisions
        self._finish()
        return difference

    async def resolve(self, waiting: Sequence[Waiting]) -> Difference:
        """Resolves what was set aside, and answers what that changes."""
        pairs = [(one.a, one.b) for one in waiting]
        await self._driver.load({key for pair in pairs for key in pair})
        difference = await self._driver.run(resolve_waiting(self._region, pairs))
        mark(self._region, difference)
        self._keep(difference)
        self._finish()
        return difference

    async def resolve_anew(self, keys: Collection[Key]) -> None:
        """Resolves the profiles of those identifiers by today's rules; notes what that changes."""
        await self._anew(keys)
        self._finish()

    # ── by other rules ─────────────────────────────────────────────────────────────────────────

    async def _by_todays_rules(self, keys: Collection[Key]) -> None:
        """Before anything is made of them: the profiles of those identifiers that other rules resolved.
        Where that takes too much they are left to the walk, which comes to them."""
        nodes, version = self._region.nodes, self._work.rules.version
        known = (key for key in keys if key in nodes)
        outdated = [key for key in known if nodes[key].resolved_by != version]
        if outdated:
            with suppress(TooLarge):
                await self._anew(sorted(outdated))

    async def _anew(self, keys: Collection[Key]) -> None:
        work = self._work
        difference = await self._driver.run(resolve_anew(self._region, keys))
        self._keep(difference)
        at = work.batch.checkpoint
        place = f"{at.partition}/{at.seq}/{len(work.delta.changes)}"
        work.delta.changes += consequences(
            difference, work.rules.version, work.rec, place, work.ids
        )

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
            resolved_by=self._work.rules.version,
        )

    # ── resolving ──────────────────────────────────────────────────────────────────────────────

    async def _load_burned(self, prepared: Sequence[Prepared]) -> None:
        """Evidence between two identifiers that are burned or crowded comes with neither of them: it is
        asked for."""
        nodes = self._region.nodes
        wanted = {
            (fact.a, fact.b, fact.kind)
            for item in prepared
            for fact in item.facts
            if all(
                (node := nodes.get(end)) is not None and (node.burned or node.crowded)
                for end in (fact.a, fact.b)
            )
        }
        if wanted:
            for edge in await self._work.batch.edges(sorted(wanted)):
                self._region.put_edge(edge)

    def _keep(self, difference: Difference) -> None:
        for key in difference.nodes:
            self._keep_node(key)
        self._gone_edges |= difference.gone_edges
        self._gone_edges -= difference.edges - difference.gone_edges
        self._changed_edges |= difference.edges
        self._changed_edges -= self._gone_edges
        for members in (*difference.before.values(), *difference.after.values()):
            self._work.regrouped |= members

    def _finish(self) -> None:
        self._work.delta.edges += [self._region.edges[key] for key in self._changed_edges]
        self._work.delta.gone_edges += sorted(self._gone_edges)

    def _keep_node(self, key: Key) -> None:
        node = self._region.nodes[key]
        known = self._work.identifiers[key]
        self._work.put_identifier(
            msgspec.structs.replace(
                known,
                first_at=node.first_at,
                status=node.status,
                profile=self._work.ids.of(node.anchor) if node.anchor is not None else None,
                resolved_by=node.resolved_by,
            )
        )

    # ── changes ────────────────────────────────────────────────────────────────────────────────

    def _note_change(self, difference: Difference, item: Prepared) -> None:
        """What became of profiles that were there before."""
        kind = came_out(difference.before, difference.after)
        if kind is None:
            return
        digest = hashlib.blake2b(item.event.message_id.encode(), digest_size=16).hexdigest()
        self._work.delta.changes.append(
            IdentityChange(
                id=f"c_{digest}",
                kind=kind,
                at=item.rec,
                cause=item.event.message_id,
                before=parts_of(difference.before, self._work.ids),
                after=parts_of(difference.after, self._work.ids),
            )
        )
