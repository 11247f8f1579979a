"""Running the local resolver on whatever answers its needs: a worker's batch, or a reader's store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from typing import TypeVar

from graph_schema.knowledge import EvidenceReading
from graph_schema.model.evidence import EdgeKey, Seen
from graph_schema.model.identifier import Identifier, Key
from identity.difference import Need
from identity.region import Region

T = TypeVar("T")


class Driver:
    """Loads into a region what `absorb` needs. `learn` is told every identifier that was read;
    `unwritten` are facts that were noticed and that `source` does not know yet."""

    def __init__(
        self,
        region: Region,
        source: EvidenceReading,
        learn: Callable[[Identifier], None] = lambda identifier: None,
        unwritten: Sequence[Seen] = (),
    ) -> None:
        self._region = region
        self._source = source
        self._learn = learn
        self._unwritten = unwritten

    async def run(self, asking: Generator[Need, None, T]) -> T:
        """Answers what is needed until it is done; its value."""
        try:
            need = next(asking)
            while True:
                await self._answer(need)
                need = next(asking)
        except StopIteration as stop:
            value: T = stop.value
            return value

    async def load(self, keys: Iterable[Key]) -> None:
        """The whole clusters of those keys, with their evidence."""
        missing = sorted(keys)
        if missing:
            found = await self._source.clusters(missing, self._region.most)
            for identifier in (*found.members, *found.neighbours):
                self._learn(identifier)
            self._region.load(
                found.members, found.neighbours, found.anchors, found.edges, found.crowded
            )

    async def _answer(self, need: Need) -> None:
        await self.load(need.keys)
        await self._load_half_hours(need.edges)

    async def _load_half_hours(self, edges: Collection[EdgeKey]) -> None:
        if edges:
            found = await self._source.halves(sorted(edges))
            unwritten = [s for s in self._unwritten if (s.a, s.b, s.kind) in edges]
            self._region.load_half_hours(edges, [*found, *unwritten])
