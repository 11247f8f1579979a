"""What is in force: the rules, the decisions, the segments. Kept between batches, since reading and
parsing them costs more than most batches do; all of it follows from what the graph holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cdp.eventlog.partitioning import COMMANDS
from cdp.segments.index import SegmentIndex
from graph_schema.errors import StoreConflict
from graph_schema.knowledge import EARLIEST
from graph_schema.model.profile import ProfileIds
from graph_schema.model.rules import IdentityRules, RulesVersion
from graph_schema.model.time import Micros
from graph_schema.store import Batch, Checkpoint
from identity.decisions import Decisions
from identity.normalise import Normaliser


class InForce:
    """`now` is the wall clock."""

    def __init__(self, rules: IdentityRules, ids: ProfileIds, now: Callable[[], Micros]) -> None:
        self.first = RulesVersion(rules.version, rules, 0, "", "")
        """The rules that the graph began with."""
        self.ids = ids
        self.now = now
        self.adopt(self.first)
        self.decisions = Decisions()
        self._known = EARLIEST
        self._segments: SegmentIndex | None = None
        self._segments_of = -1

    def adopt(self, version: RulesVersion) -> None:
        """From here on these rules hold. They must be committed."""
        self.rules = version.rules
        self.normaliser = Normaliser(version.rules)

    async def refresh(self, batch: Batch) -> None:
        """Takes in what was decided since, the rules among it. To be called before the batch writes
        decisions of its own: they may still be rolled back."""
        await self.refresh_rules(batch)
        await self.refresh_decisions(batch)

    async def refresh_rules(self, batch: Batch) -> None:
        """Rules that others put in force from here on wait for this batch to end."""
        versions = await batch.rules(self.rules.version)
        if versions:
            self.adopt(versions[-1])

    async def refresh_decisions(self, batch: Batch) -> None:
        """Once the batch holds the profiles that it begins with."""
        recorded = await batch.decisions(self._known)
        if recorded:
            self.decisions = self.decisions.and_also(recorded)
            self._known = (recorded[-1].rec, recorded[-1].id)

    async def confirm(self, batch: Batch) -> None:
        """To be called once the batch holds every profile that it touches. Raises StoreConflict where
        another worker has recorded a decision since `refresh`: it may be about one of them."""
        if await batch.decisions(self._known):
            raise StoreConflict(store="the graph")

    async def segments(self, batch: Batch, checkpoints: Iterable[Checkpoint]) -> SegmentIndex:
        """The segments as the batch sees them, read anew where a command has been applied since, by this
        worker or another. `checkpoints` were read when the batch held its profiles: so either a new
        version is known here, or the walk that fills it comes to those profiles after this batch."""
        position = next((c.position for c in checkpoints if c.partition == COMMANDS), 0)
        if self._segments is None or position != self._segments_of:
            self._segments = SegmentIndex(await batch.segment_states())
            self._segments_of = position
        return self._segments

    @property
    def known_segments(self) -> SegmentIndex | None:
        """As they were read last; None where they may be others by now."""
        return self._segments

    def forget_segments(self) -> None:
        self._segments = None
