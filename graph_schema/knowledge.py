"""What a store tells of evidence and of the past: the parts of its protocol that identity needs.

The past is what was known at a moment `t` of recorded time: the facts with `rec` <= t and nothing else,
also where they were taken back since. Memberships are recorded when a batch ends, everything else with
the record that brought it. The sentences at the top of `graph_schema/store.py` hold here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from graph_schema.model.change import FeedEntry, IdentityChange
from graph_schema.model.evidence import Decision, EdgeKey, Seen
from graph_schema.model.identifier import Identifier, Key
from graph_schema.model.rules import RulesVersion
from graph_schema.model.segment import Membership, Segment
from graph_schema.model.session import Session
from graph_schema.model.time import Micros

if TYPE_CHECKING:
    from graph_schema.store import Clusters, Page, Span, StoredEvent

RecordedAt = tuple[Micros, str]
"""(rec, id): the order in which decisions were recorded."""
EARLIEST: RecordedAt = (0, "")


class EvidenceReading(Protocol):
    """What resolving reads; inside a batch, and outside of one for explaining and trying things out."""

    async def clusters(self, keys: Sequence[Key], most: int | None = None) -> Clusters:
        """The profiles that hold the keys, whole. Keys that are not known, or that no profile holds,
        are passed over. Everything is in the answer once, in any order. Members with more evidence than
        `most` are named as crowded; theirs is left out, and not even read to its end."""
        ...

    async def halves(self, edges: Sequence[EdgeKey]) -> list[Seen]:
        """The earliest sighting, by (at, mid), in each half-hour of those edges, in any order."""
        ...

    async def decisions(self, after: RecordedAt) -> list[Decision]:
        """All decisions recorded behind `after`, by (rec, id), those undone among them. They are
        never changed, so whoever knows the earlier ones asks for the rest only."""
        ...

    async def rules(self, after: int) -> list[RulesVersion]:
        """The versions of the rules beyond `after`, oldest first. Those that the graph began with are
        none of them."""
        ...

    async def changes_by_ids(self, ids: Sequence[str]) -> list[IdentityChange | None]: ...


class DecidingReading(EvidenceReading, Protocol):
    """What deciding reads besides."""

    async def sessions_between(self, devices: Sequence[Key], users: Sequence[Key]) -> list[Session]:
        """The sessions on one of the devices in which one of the users logged in, in any order."""
        ...


class ChangeReading(Protocol):
    """Who decided, what was taken back, and what became of one profile."""

    async def decisions_by_ids(self, ids: Sequence[str]) -> list[Decision | None]: ...

    async def decisions_about(self, ids: Sequence[str]) -> list[Decision]:
        """A flat list by (rec, id): the decisions with those ids, those that name one of the ids, of
        a decision or of a change, in `undoes` or in `undoes_change`, those that undo these, and on."""
        ...

    async def decisions_naming(self, keys: Sequence[Key]) -> list[Decision]:
        """As `decisions_about` those that name one of the keys on either side."""
        ...

    async def newest_seen(self, edges: Sequence[EdgeKey], limit: int) -> list[list[Seen]]:
        """Of each edge the last half-hours, at most `limit`, newest first, each with its earliest
        sighting."""
        ...

    async def history_pages(
        self, lineages: Sequence[Sequence[str]], span: Span
    ) -> list[Page[FeedEntry]]:
        """For each group of profile ids the identity changes in which one of them took part, before
        or after; newest first by (rec, id). The span's bounds are on `rec`. A profile's lineage is
        the ids that its identifiers would give it: so what made it is found too."""
        ...

    async def history_counts(
        self, lineages: Sequence[Sequence[str]], until: Micros | None
    ) -> list[int]:
        """How many the pages would show in all, those before `until`."""
        ...


class HistoryReading(Protocol):
    """What was known at a moment `t`: not before `known_since`, and of partitions that have come so far.

    `sessions_about` and `sessions_within` answer today's sessions: as they were at `t` follows from
    their events (`identity/past.py`). A session with `rec` <= t in a visit of such was the same then.
    """

    async def known_since(self) -> Micros:
        """From which moment on the past was kept; 0: always."""
        ...

    async def identifiers_at(self, keys: Sequence[Key], t: Micros) -> list[Identifier | None]:
        """As they were known; None for those that were not known yet. What never changes of an
        identifier (id, namespace, value, rank) is as it is today."""
        ...

    async def members_at(self, profiles: Sequence[str], t: Micros) -> list[list[Identifier]]:
        """What each profile held, in anchor order, by (rank, first seen, key)."""
        ...

    async def seen_at(self, keys: Sequence[Key], t: Micros) -> list[Seen]:
        """A flat list, each once, in any order: the facts that name one of the keys, those for which an
        earlier one in the same half-hour came later among them."""
        ...

    async def sessions_about(self, keys: Sequence[Key], t: Micros) -> list[Session]:
        """Those in which one of the keys logged in, and those on a device that is one of the keys in
        which nobody did or of which an event was recorded behind t; each once, in any order."""
        ...

    async def sessions_within(self, reaches: Sequence[tuple[Key, Micros, Micros]]) -> list[Session]:
        """Those that overlap one of the reaches, each once, in any order; a reach is a device with
        [since, until], both included."""
        ...

    async def sessions_holding(self, mids: Sequence[str]) -> list[Session]:
        """Those that hold one of the events, each once, in any order."""
        ...

    async def events_at(self, sessions: Sequence[str], t: Micros) -> list[StoredEvent]:
        """The events of those sessions that were recorded, each once, in any order."""
        ...

    async def event_page_at(
        self, sessions: Sequence[str], names: Sequence[str] | None, span: Span, t: Micros
    ) -> Page[StoredEvent]:
        """The same, newest first by (at, message id); the span's bounds are on `at`."""
        ...

    async def memberships_at(self, profiles: Sequence[str], t: Micros) -> list[list[Membership]]:
        """Those that were open, by segment key."""
        ...

    async def member_page_at(
        self, segment: str, order: str, span: Span, t: Micros
    ) -> Page[Membership]:
        """As `GraphReading.member_page`."""
        ...

    async def segment_sizes_at(self, keys: Sequence[str], t: Micros) -> list[int]: ...

    async def segments_at(self, t: Micros) -> list[Segment]:
        """All that there were, by key, as they stood."""
        ...
