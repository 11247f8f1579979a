"""What new evidence cuts or uncuts, from the own evidence of what it names."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TypeAlias

from graph_schema.model.evidence import EdgeKey, EvidenceStatus
from graph_schema.model.identifier import Key
from identity.difference import Cuts, Difference, Loading, Need, complete, put
from identity.region import Node, Region, kept_cut
from identity.resolve import cut_by

Judgement: TypeAlias = tuple[bool, bool, frozenset[Key] | None]
"""(burned, shared, admits) of an identifier."""


class Judging:
    """Judges identifiers, and remembers how they stood, so that it can be taken back as long as nothing
    was made of it."""

    def __init__(self, region: Region, difference: Difference) -> None:
        self._region = region
        self._difference = difference
        self._before: dict[Key, Judgement] = {}

    def burn(self, keys: Iterable[Key]) -> set[Key]:
        """Burns what was seen with too many users; answers those."""
        region = self._region
        burned = set()
        for key in keys:
            node = region.nodes[key]
            if (
                not (node.user or node.burned)
                and region.users_seen(key) > region.rules.burned_above
            ):
                self._remember(node)
                node.burned = True
                burned.add(key)
        self._difference.nodes |= burned
        return burned

    def judge(self, devices: Collection[Key]) -> Loading:
        yield from complete(self._region, devices)
        for key in sorted(devices):
            node = self._region.nodes[key]
            if node.burned:
                continue
            yield from prepare(self._region, key)
            self._remember(node)
            shared, node.admits = self._region.judge(key)
            if shared != node.shared:
                node.shared = shared
                self._difference.nodes.add(key)

    def take_back(self) -> None:
        for key, (burned, shared, admits) in self._before.items():
            node = self._region.nodes[key]
            node.burned, node.shared, node.admits = burned, shared, admits

    def _remember(self, node: Node) -> None:
        self._before.setdefault(node.key, (node.burned, node.shared, node.admits))


def people_about(region: Region, device: Key) -> set[Key]:
    """The e-mails, phones and whoever decisions name, whose own evidence judging a device takes."""
    people = {end.key for _, end in region.ends(device) if end.person and not end.user}
    people.update(key for side in region.decisions.claims(device) for key in side)
    people.update(
        key
        for person in tuple(people)
        for decision in region.decisions.naming(person)
        for key in (*decision.left, *decision.right)
    )
    return people


def prepare(region: Region, device: Key) -> Loading:
    """Loads what judging a device takes: its people's own evidence, and the half-hours if several."""
    yield from complete(region, people_about(region, device))
    seen = region.people_of(device)
    if len({region.principal(person.key) for _, person in seen}) > 1:
        missing = frozenset(e.key for e, _ in seen if e.key not in region.half_hours)
        if missing:
            yield Need(edges=missing)


def cuts_of(region: Region, judged: Iterable[Key], reordered: Iterable[EdgeKey]) -> Cuts:
    """The cut of every edge of what was judged, and of the new ones."""
    edges = {key for node in judged for key in region.evidence.get(node, ())} | set(reordered)
    return {key: cut_by(region, region.edges[key]) for key in edges}


def changed_at(
    region: Region, reordered: Iterable[EdgeKey], cuts: Cuts, difference: Difference
) -> set[Key]:
    """Where clusters can change: at edges that are new, earlier or no longer cut, and at those that
    joined and are cut now. Any other edge that is cut needs but its new name."""
    start = {end for key in reordered if cuts[key] is None for end in key[:2]}
    for key, cut in cuts.items():
        edge = region.edges[key]
        if cut == kept_cut(edge):
            continue
        if cut is None or edge.status is EvidenceStatus.JOINED:
            start.update(key[:2])
        else:
            put(region, edge, EvidenceStatus.REFUSED, cut, difference)
    return start
