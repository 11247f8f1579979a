"""What can be read of a graph as it was known at one moment: now, or an earlier one.

A store answers for now; `HistoryReading` (graph_schema/knowledge.py) is what answering for an earlier
moment is made of. The sentences at the top of `graph_schema/store.py` hold here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from graph_schema.knowledge import ChangeReading, EvidenceReading
from graph_schema.model.identifier import Identifier, Key
from graph_schema.model.profile import Profile
from graph_schema.model.segment import Membership, Segment, SegmentVersion
from graph_schema.model.session import Session
from graph_schema.model.time import Micros

if TYPE_CHECKING:
    from graph_schema.store import Page, ProfileEvent, Span, StoredEvent, StoredSession


class ProfileReading(Protocol):
    async def identifiers_by_keys(self, keys: Sequence[Key]) -> list[Identifier | None]: ...

    async def identifiers_by_ids(self, ids: Sequence[str]) -> list[Identifier | None]:
        """The identifiers that anchor, or would anchor, the profiles of those ids."""
        ...

    async def profiles_by_ids(self, ids: Sequence[str]) -> list[Profile | None]:
        """The profiles that those ids stand for today: the id of any identifier ever seen answers
        the profile that holds it now."""
        ...

    async def identifier_pages(
        self, profiles: Sequence[str], namespaces: Sequence[str] | None, span: Span
    ) -> list[Page[Identifier]]:
        """In anchor order, by (rank, first seen, key)."""
        ...

    async def identifier_counts(
        self, profiles: Sequence[str], namespaces: Sequence[str] | None
    ) -> list[int]: ...

    async def session_pages(self, profiles: Sequence[str], span: Span) -> list[Page[StoredSession]]:
        """Newest first by (started at, id); the span's bounds are on when they started."""
        ...

    async def session_counts(self, profiles: Sequence[str]) -> list[int]: ...

    async def sessions_by_ids(self, ids: Sequence[str]) -> list[StoredSession | None]:
        """A session's id is the message id of its first event; an older id, or that of any other
        event, answers the session that holds that event now."""
        ...

    async def session_tallies(self, profiles: Sequence[str]) -> list[list[Session]]:
        """All sessions of each profile, newest first by (started at, id)."""
        ...

    async def event_pages(
        self, profiles: Sequence[str], names: Sequence[str] | None, span: Span
    ) -> list[Page[StoredEvent]]:
        """Newest first by (at, message id); the span's bounds are on `at`."""
        ...

    async def event_counts(
        self, profiles: Sequence[str], names: Sequence[str] | None, span: Span
    ) -> list[int]:
        """How many the pages would show in all; of the span only the bounds count."""
        ...

    async def session_event_pages(
        self, sessions: Sequence[str], span: Span
    ) -> list[Page[StoredEvent]]:
        """Oldest first by (at, message id); the span's bounds are on `at`. Only a session that is
        there now has any: an older id has not."""
        ...

    async def events_by_ids(self, mids: Sequence[str]) -> list[StoredEvent | None]: ...

    async def profile_events(
        self, profiles: Sequence[str], names: Sequence[str], since: Micros
    ) -> list[ProfileEvent]:
        """As `Batch.profile_events`."""
        ...


class SegmentReading(Protocol):
    async def segments_by_keys(self, keys: Sequence[str]) -> list[Segment | None]: ...

    async def segments(self) -> list[Segment]:
        """All of them, by key."""
        ...

    async def segment_versions(self, keys: Sequence[str]) -> list[list[SegmentVersion]]:
        """Newest first."""
        ...

    async def segment_sizes(self, keys: Sequence[str]) -> list[int]:
        """How many memberships of each are open."""
        ...

    async def member_page(self, segment: str, order: str, span: Span) -> Page[Membership]:
        """The open memberships of a segment. `order`: SINCE_DESC by (since, profile id), or ID by
        (profile id,)."""
        ...

    async def membership_pages(self, profiles: Sequence[str], span: Span) -> list[Page[Membership]]:
        """The open ones, by segment key: (segment,)."""
        ...

    async def membership_counts(self, profiles: Sequence[str]) -> list[int]: ...


class MomentReading(ProfileReading, SegmentReading, EvidenceReading, ChangeReading, Protocol):
    """All of it."""
