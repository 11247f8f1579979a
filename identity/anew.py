"""Resolving anew by rules that have changed, a part of the graph at a time, without I/O.

What is stored was resolved by other rules, so nothing of it is trusted but the facts: which evidence is
cut is judged again from the own evidence of the identifiers and of those seen with them, and everything
that hangs together over evidence that is not cut is resolved from the beginning. That is more than the
local way reads, and exact whatever stood before: such a part is what resolving everything would make of
it.

Each identifier remembers the version of the rules by which it was resolved. As long as some are of
another version, an event may meet them: first the profiles that it names are resolved anew; where it
leads on to others of another version, what came of it is marked to be resolved again (`mark`). When no
identifier is left that is not of today's version, the graph is what today's rules make of all facts:
whoever was marked as of today's version was so when it was marked, and what was done since has read
nothing but the like.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable

from graph_schema.model.identifier import Key
from identity.difference import Absorbing, Cuts, Difference, Loading, Need, complete
from identity.judging import Judgement, changed_at, people_about, prepare
from identity.region import Node, Region, TooLarge
from identity.resolve import cut_by
from identity.settle import close, clusters_of, settle

AGAIN = 0
"""The version of an identifier that is to be resolved again."""


def resolve_anew(region: Region, keys: Collection[Key]) -> Absorbing:
    """Resolves the profiles of those identifiers, and all that hangs together with them, by the region's
    rules. Raises TooLarge where the region has a limit and that goes beyond it: the region is then as it
    was, but for what was loaded. Needs that whoever was stored as burned is burned by these rules too:
    the evidence of such is never read."""
    anew = _Anew(region)
    region.begin()
    try:
        difference = yield from anew.run(keys)
    except TooLarge:
        anew.take_back(())
        raise
    return difference


def mark(region: Region, difference: Difference) -> None:
    """Behind `absorb`: where it has met identifiers that other rules had resolved, all that it looked at
    is marked to be resolved again."""
    if not region.outdated:
        return
    nodes = region.nodes
    whole = {
        key
        for key in region.asked | difference.nodes
        if (node := nodes.get(key)) is not None and (node.complete or node.crowded)
    }
    looked_at = clusters_of(region, whole)
    met = {end.key for key in looked_at for _, end in region.ends(key)} | looked_at
    if all(nodes[key].resolved_by == region.rules.version for key in met):
        return
    for key in looked_at:
        nodes[key].resolved_by = AGAIN
    difference.nodes |= looked_at


class _Anew:
    """Judges identifiers, and remembers how they stood."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._before: dict[Key, Judgement] = {}
        self._cuts: Cuts = {}

    def run(self, keys: Collection[Key]) -> Absorbing:
        region, difference = self._region, Difference()
        inside: set[Key] = set()
        more = set(keys)
        while more:
            yield from complete(region, more)
            part = clusters_of(region, {key for key in more if key in region.nodes})
            yield from close(region, part)
            region.allow(len(inside | part))
            inside |= part
            more = (yield from self._uncut_ends(part)) - inside
        if inside:
            changed_at(region, (), self._cuts, difference)
            yield from settle(region, inside, self._cuts, difference, explain_all=True)
        for key in inside:
            region.nodes[key].resolved_by = region.rules.version
        difference.nodes |= inside
        self.take_back(inside)
        return difference

    def take_back(self, inside: Collection[Key]) -> None:
        """Of whoever is not inside, what was judged has served its turn: their own evidence is resolved
        when theirs is."""
        for key, (burned, shared, admits) in self._before.items():
            if key not in inside:
                node = self._region.nodes[key]
                node.burned, node.shared, node.admits = burned, shared, admits

    def _uncut_ends(self, part: set[Key]) -> Generator[Need, None, set[Key]]:
        """Cuts the evidence of a part; who is at the other ends of what is not cut."""
        region = self._region
        ends = {end.key for key in part for _, end in region.ends(key)}
        yield from complete(region, ends)
        yield from self._judge(part | ends)
        found = set()
        for key in part:
            for edge, end in region.ends(key):
                if edge.key not in self._cuts:
                    self._cuts[edge.key] = cut_by(region, edge)
                if self._cuts[edge.key] is None:
                    found.add(end.key)
        return found

    def _judge(self, keys: set[Key]) -> Loading:
        region = self._region
        devices = sorted(key for key in keys if region.nodes[key].device)
        people = {key for device in devices for key in people_about(region, device)}
        yield from complete(region, people)
        self._burn(key for key in keys | people if key in region.nodes)
        for key in devices:
            node = region.nodes[key]
            if not node.burned:
                yield from prepare(region, key)
                self._remember(node)
                node.shared, node.admits = region.judge(key)

    def _burn(self, keys: Iterable[Key]) -> None:
        """Who was resolved by today's rules is burned if it says so. So is who was burned: see above."""
        region = self._region
        for key in keys:
            node = region.nodes[key]
            if not (node.user or node.burned or node.resolved_by == region.rules.version):
                self._remember(node)
                node.burned = region.users_seen(key) > region.rules.burned_above

    def _remember(self, node: Node) -> None:
        self._before.setdefault(node.key, (node.burned, node.shared, node.admits))
