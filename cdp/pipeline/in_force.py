"""What is in force: the rules, the decisions, the segments. Kept between batches; all of it follows from
what the graph holds, and whoever changes the segments has their index made anew."""

from __future__ import annotations

from collections.abc import Callable

from cdp.segments.index import SegmentIndex
from graph_schema.knowledge import EARLIEST
from graph_schema.model.profile import ProfileIds
from graph_schema.model.rules import IdentityRules
from graph_schema.model.time import Micros
from graph_schema.store import Batch
from identity.decisions import Decisions
from identity.normalise import Normaliser


class InForce:
    """`now` is the wall clock. `segments` is None where the index must be made anew."""

    def __init__(self, rules: IdentityRules, ids: ProfileIds, now: Callable[[], Micros]) -> None:
        self.rules = rules
        self.ids = ids
        self.now = now
        self.normaliser = Normaliser(rules)
        self.decisions = Decisions()
        self.segments: SegmentIndex | None = None
        self._known = EARLIEST

    async def refresh(self, batch: Batch) -> None:
        """Takes in what was decided since. To be called before the batch writes decisions of its own:
        they may still be rolled back."""
        recorded = await batch.decisions(self._known)
        if recorded:
            self.decisions = self.decisions.and_also(recorded)
            self._known = (recorded[-1].rec, recorded[-1].id)

    async def index(self, batch: Batch) -> SegmentIndex:
        if self.segments is None:
            self.segments = SegmentIndex(await batch.segment_states())
        return self.segments
