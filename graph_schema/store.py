"""GraphStore: the protocol behind which the graph lives, shaped for batches.

Only the worker writes, through a `Batch`: one transaction that reads the neighbourhood of the
records, takes the difference, and stores the log's position with it. Everything else reads, and sees
nothing of a batch before it is committed.

A method that takes a sequence and answers a list has one answer for each element, in its order: asked
twice, answered twice; for what is not known None, an empty page, an empty list or 0. Where the answer
is a dict, each element asked for is a key. Where it is a flat list of what was found (it says so),
each thing is in it once. A method costs one round trip, however long its sequence is; an empty one is
answered empty. Of `names`, `namespaces` and `kinds`, None means all of them and an empty sequence none.

Keysets (`after`) are the plain sort values of the last item seen. A span's `since` is included and
its `until` is not. Text is ordered by code point. Keys, ids, and names of events hold no NUL; inside
properties, traits and rules there is any JSON, and it comes back with its types.

A store that is not open, or cannot be reached at the moment, raises StoreUnavailable.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from graph_schema.knowledge import DecidingReading, HistoryReading
from graph_schema.model.change import Change, FeedEntry
from graph_schema.model.command import Outcome
from graph_schema.model.event import Event
from graph_schema.model.evidence import Decision, Edge, EdgeKey, Seen, Waiting
from graph_schema.model.identifier import Identifier, Key
from graph_schema.model.item import Interaction, Item
from graph_schema.model.known import Assigned, Sighting
from graph_schema.model.profile import Profile
from graph_schema.model.rules import RulesVersion
from graph_schema.model.segment import Membership, Segment, SegmentVersion
from graph_schema.model.session import Session
from graph_schema.model.time import Micros
from graph_schema.reading import MomentReading
from graph_schema.walking import GraphWalking

T = TypeVar("T")

# ── values of the reading side ─────────────────────────────────────────────────────────────────


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A part of a list, in its order; `has_next`: more would follow."""

    items: Sequence[T]
    has_next: bool


class Span(msgspec.Struct, frozen=True):
    """Which part of a list is wanted: at most `first`, behind `after`, in [since, until)."""

    first: int
    after: tuple[Any, ...] | None = None
    since: Micros | None = None
    until: Micros | None = None


class StoredEvent(msgspec.Struct, frozen=True):
    """An event in the graph. `rec`: when it was recorded. `session` and `profile` are ids; `profile`
    is None where all its identifiers are blocked."""

    event: Event
    rec: Micros
    session: str
    profile: str | None


class StoredSession(msgspec.Struct, frozen=True):
    """A session with the id of the profile that holds its owner now; None where it is nobody's."""

    session: Session
    profile: str | None


class Totals(msgspec.Struct, frozen=True):
    """How much there is of everything; `dead_letters` are the dead records."""

    profiles: int
    identifiers: int
    sessions: int
    events: int
    items: int
    dead_letters: int


class ProfileInteraction(msgspec.Struct, frozen=True):
    """An edge of the training graph: how one profile met one item, in one of its sessions."""

    profile_id: str
    item_id: str
    views: int
    carts: int
    purchases: int
    first_at: Micros
    last_at: Micros


# ── values of the writing side ─────────────────────────────────────────────────────────────────


class Checkpoint(msgspec.Struct, frozen=True):
    """How far a partition of the log `log` is applied: up to and including `position`, whose record
    had the time `rec`. `seq` is the last one of the partition's change feed. `owner` names the worker
    that holds the partition, `until` when (by the wall clock) others may take it; "": nobody holds it.
    `pruned` is the seq up to which the partition's feed is no longer kept.
    """

    partition: int
    log: str
    position: int = 0
    rec: Micros = 0
    seq: int = 0
    owner: str = ""
    until: Micros = 0
    pruned: int = 0


def feed_position(checkpoints: Iterable[Checkpoint]) -> tuple[int, ...]:
    """The end of the change feed: the last seq of each partition at its number's place."""
    seqs = {checkpoint.partition: checkpoint.seq for checkpoint in checkpoints}
    return tuple(seqs.get(partition, 0) for partition in range(max(seqs, default=-1) + 1))


def is_pruned(after: tuple[int, ...], checkpoints: Iterable[Checkpoint]) -> bool:
    """Whether something that lies behind a position of the change feed is no longer kept."""
    taken = dict(enumerate(after))
    return any(known.pruned > taken.get(known.partition, 0) for known in checkpoints)


class Wanted(msgspec.Struct, frozen=True):
    """What a batch of events needs to know. `devices` maps a device to the time from which on
    its sessions must be known; `until`, where it has one, to the time up to which: sessions that begin
    later may be left out. `pairs` are (a, b, kind, half-hour)."""

    mids: tuple[str, ...]
    keys: tuple[Key, ...]
    pairs: tuple[tuple[Key, Key, str, int], ...]
    devices: dict[Key, Micros]
    until: dict[Key, Micros] = {}


class Neighbourhood(msgspec.Struct):
    """What is known about a batch's surroundings; what is not known is absent.

    `digests`: those of the message ids that are known already. `identifiers`: the wanted ones and the
    owners of the sessions. `seen`: the earliest (at, mid) of the pairs known. `sessions`: of each
    device those that end at the wanted time or later (and begin at its `until` or earlier), and the
    last one in any case, oldest first by (started at, id); every device asked for is a key.
    `profiles`: those of the identifiers, by id.
    """

    digests: dict[str, bytes]
    identifiers: dict[Key, Identifier]
    seen: dict[tuple[Key, Key, str, int], tuple[Micros, str]]
    sessions: dict[Key, list[Session]]
    profiles: dict[str, Profile]


class Clusters(msgspec.Struct, frozen=True):
    """Whole profiles with all their evidence, and the identifiers at the other ends of it.

    `members`: every identifier of the profiles that hold the keys asked for. `edges`: all evidence of
    the members that are neither burned nor `crowded`.
    `neighbours`: the identifiers at the other ends that are no members. `anchors`: the keys of the
    anchors of all profiles named, by profile id.
    """

    members: tuple[Identifier, ...]
    neighbours: tuple[Identifier, ...]
    anchors: dict[str, Key]
    edges: tuple[Edge, ...]
    crowded: tuple[Key, ...] = ()


class About(msgspec.Struct, frozen=True):
    """A product that an event names, for people who look at the graph: `quantity` in pieces, `price`
    of one in `currency`."""

    item_id: str
    quantity: float | None = None
    price: float | None = None
    currency: str | None = None


class NewEvent(msgspec.Struct, frozen=True):
    """`digest` tells whether the same message id came with the same content. `partition` and
    `position`: which record of the log it is. A store that shows nothing to people leaves `about`
    out."""

    event: Event
    position: int
    rec: Micros
    device: Key | None
    user: Key | None
    session: str
    digest: bytes
    partition: int = 0
    about: tuple[About, ...] = ()


class Met(msgspec.Struct, frozen=True):
    """What a batch adds to a session's interactions with an item."""

    session: str
    interaction: Interaction


class MembershipEntry(msgspec.Struct, frozen=True):
    """Opens a membership, from the delta's `rec` on. `since` is `rec`, or what an earlier profile's
    membership had."""

    membership: Membership
    event: str | None = None


class DeadRecord(msgspec.Struct, frozen=True):
    """A record of the log that could not be applied. Its body stays in the log."""

    partition: int
    position: int
    rec: Micros
    reason: str
    message: str


class Delta(msgspec.Struct):
    """The difference that a batch makes. Applied in the order of the fields. `rec` dates the
    memberships that begin and end, and the changes; an identity change is dated by its own `at`.

    Facts (events, seen, decisions, segment versions, outcomes, dead records, changes) are appended,
    each once; what else is put replaces, whole, what has the same key. References may lead ahead: an
    event names a session, a session an owner, an identifier a profile that the same batch writes
    later; but the ends of an edge are there. What is to go and is not there is passed over.
    """

    rec: Micros
    events: list[NewEvent] = []
    moved_events: list[tuple[str, str]] = []
    """(message id, session id): of sessions that were split again by a late event."""
    gone_sessions: list[str] = []
    """Their interactions go with them. Their events stay: they were moved, or a session of the same
    id, which this delta puts, takes them up again."""
    sessions: list[Session] = []
    met: list[Met] = []
    """Added up with what the session has of the item."""
    seen: list[Seen] = []
    decisions: list[Decision] = []
    rules: list[RulesVersion] = []
    """Put by their numbers. Where several workers write, none of their batches is in hand when a version
    is committed, so that whatever begins after sees it."""
    identifiers: list[Identifier] = []
    assigned: list[Assigned] = []
    """In the order in which they became so. Each ends the one before it of that identifier; one whose
    `rec` is not behind that one's (another partition's clock) takes its place and its `rec`."""
    sightings: list[Sighting] = []
    """Likewise."""
    edges: list[Edge] = []
    gone_edges: list[EdgeKey] = []
    gone_profiles: list[str] = []
    profiles: list[Profile] = []
    items: list[Item] = []
    segments: list[Segment] = []
    segment_versions: list[tuple[str, SegmentVersion]] = []
    closed: list[tuple[str, str]] = []
    """(profile id, segment key) of memberships that end."""
    opened: list[MembershipEntry] = []
    """None of these is open, or it is among the closed."""
    deadlines: list[tuple[str, Micros | None]] = []
    """(profile id, deadline), of profiles that are there."""
    waiting: list[Waiting] = []
    """Of a pair that waits already, in its place."""
    resolved: list[tuple[Key, Key]] = []
    """Pairs that wait no longer."""
    outcomes: list[Outcome] = []
    revived: list[tuple[int, int]] = []
    """(partition, position) of dead records that are none any longer."""
    dead: list[DeadRecord] = []
    changes: list[Change] = []


class ProfileEvent(msgspec.Struct, frozen=True):
    """An event as segment rules read it; `body` is the JSON of the `Event`."""

    profile_id: str
    at: Micros
    mid: str
    name: str
    body: bytes


# ── the protocol ───────────────────────────────────────────────────────────────────────────────


class Batch(DecidingReading, Protocol):
    """One transaction of a worker. What it writes, it reads.

    Where several workers write at once, what was read must still be true when it is written. So
    `load`, `clusters` and `profiles` lock the profiles that they answer (`load` also the keys that are
    not there yet) and `items` the items, also those not there yet, in the order of the keys, and read
    under the lock; what the other methods read of a profile is asked for under its lock. A batch that
    cannot go on (two wait for each other, or take the same message id) raises StoreConflict.
    """

    checkpoint: Checkpoint
    """Where the partition stands, in this transaction."""

    async def load(self, wanted: Wanted) -> Neighbourhood: ...

    async def edges(self, keys: Sequence[EdgeKey]) -> list[Edge]:
        """Those of the edges that are there, each once, in any order."""
        ...

    async def visits(self, device: Key, since: Micros, until: Micros) -> list[Session]:
        """The sessions of a device that overlap [since, until], both included, oldest first by
        (started at, id). No two of a device overlap each other."""
        ...

    async def events_of(self, sessions: Sequence[str]) -> list[StoredEvent]:
        """All events of those sessions, each once, in any order."""
        ...

    async def tallies(self, profiles: Sequence[str]) -> dict[str, list[Session]]:
        """All sessions of the identifiers that name each profile as theirs (the profile itself may
        not be written yet), for folding it anew; in any order."""
        ...

    async def profiles(self, ids: Sequence[str]) -> list[Profile | None]:
        """The profiles that have those very ids; a retired id answers None."""
        ...

    async def identifiers_of(self, profiles: Sequence[str]) -> dict[str, list[Identifier]]:
        """In anchor order, by (rank, first seen, key)."""
        ...

    async def memberships(self, profiles: Sequence[str]) -> dict[str, list[Membership]]:
        """The open memberships of each profile, by segment key."""
        ...

    async def profile_events(
        self, profiles: Sequence[str], names: Sequence[str], since: Micros
    ) -> list[ProfileEvent]:
        """A flat list: the events of those names from `since` on, by (profile id, at, mid)."""
        ...

    async def items(self, ids: Sequence[str]) -> list[Item | None]: ...

    async def segment_states(self) -> list[Segment]:
        """All segments, by key."""
        ...

    async def checkpoints(self) -> list[Checkpoint]:
        """How far every partition is applied, as it stands now: other workers go on meanwhile."""
        ...

    async def outcome(self, command_id: str) -> Outcome | None: ...

    async def outdated(self, version: int, after: Key, limit: int) -> list[Key]:
        """Identifiers of profiles that were resolved by other rules than this version, by key behind
        `after`. Nothing is locked."""
        ...

    async def burned_by(self, users: int) -> list[Key]:
        """The burned identifiers that were seen with so many user_ids or fewer; of canonical forms those
        with so many spellings. Nothing is locked."""
        ...

    async def write(self, delta: Delta) -> None:
        """Writes a difference; may be called several times in one batch."""
        ...

    async def prune_changes(self, before: Micros, limit: int) -> int:
        """Goes on from `pruned` through this partition's feed, over at most `limit` entries, as long as
        they were recorded before that moment, and deletes them; identity changes stay, for whoever asks
        for them, but not in the feed. Answers how many it passed; `advance` stores how far it came."""
        ...

    async def advance(self, position: int, rec: Micros) -> None:
        """Stores the position, and the end of the change feed, in this transaction. A batch that
        writes ends with it; the last of several counts."""
        ...


class GraphWriting(Protocol):
    async def checkpoint(self, partition: int, log: str) -> Checkpoint:
        """Where the partition stands; one that nobody asked for before begins at 0. Partitions are
        numbered from 0. Raises WrongLog where the graph belongs to another log."""
        ...

    def batch(self, expected: Checkpoint) -> AbstractAsyncContextManager[Batch]:
        """A transaction, committed at the end of the block and rolled back by an error in it, which
        comes out as it is. Raises Fenced, before the block begins, where the checkpoint is another
        than expected in any field but `until`; StoreConflict, from anything in the block or at its
        end, where the same batch may be begun again; BatchTooLarge where a smaller one may be."""
        ...

    @property
    def several_writers(self) -> bool:
        """Whether several workers may write at once, each to its own partitions."""
        ...

    async def hold(self, expected: Checkpoint, owner: str, until: Micros) -> Checkpoint:
        """Gives the partition to `owner` ("": to nobody) until then, and answers how it stands now.
        Raises Fenced where its owner is another than expected; its position may be."""
        ...

    async def due(self, now: Micros, limit: int) -> list[str]:
        """The profiles whose deadline is `now` or earlier, the most overdue first by (deadline, id)."""
        ...

    async def next_deadline(self) -> Micros | None:
        """The least of all deadlines."""
        ...

    async def waiting(self, limit: int) -> list[Waiting]:
        """What waits for the background resolver, the oldest first by (rec, a, b)."""
        ...

    async def profile_ids_after(self, after: str, limit: int) -> list[str]:
        """Profile ids in their order, at most `limit`, behind `after`: a complete walk even under
        concurrent change."""
        ...


class GraphReading(MomentReading, DecidingReading, Protocol):
    async def profile_page(
        self, order: str, span: Span, *, segment: str | None, search: str | None
    ) -> Page[Profile]:
        """`order`: LAST_SEEN_DESC and FIRST_SEEN_DESC by (time, id), or ID by (id,).

        `segment`: those with an open membership of it. `search`: those with an identifier whose value,
        or a trait whose text, contains it, both as `graph_schema.search.folded` compares text; one
        that folds to nothing finds all.
        """
        ...

    async def profile_count(self, *, segment: str | None, search: str | None) -> int: ...

    async def places(self, mids: Sequence[str]) -> list[tuple[int, int] | None]:
        """(partition, position) in the log of the record that each event was taken from."""
        ...

    async def items_by_ids(self, ids: Sequence[str]) -> list[Item | None]: ...

    async def items_after(self, after: str, limit: int) -> list[Item]:
        """By id, at most `limit`, behind `after`."""
        ...

    async def interactions_of(self, profiles: Sequence[str]) -> list[list[Interaction]]:
        """What each profile did with which items, over all its sessions, by item id."""
        ...

    def training_graph(self, chunk: int) -> AsyncIterator[list[ProfileInteraction]]:
        """A row for each session and item, under the profile that owns the session now, so that history
        can be cut at any moment; by (profile id, item id, first at), in chunks of at most `chunk`, none
        empty. One consistent reading, whatever is written meanwhile; sessions of nobody have no rows."""
        ...

    async def change_page(self, kinds: Sequence[str] | None, span: Span) -> Page[FeedEntry]:
        """Identity changes, newest first by (rec, id); the span's bounds are on `rec`."""
        ...

    async def change_count(
        self, kinds: Sequence[str] | None, since: Micros | None, until: Micros | None
    ) -> int: ...

    async def feed_end(self) -> tuple[int, ...]:
        """The last seq of each partition, at its number's place; 0 where there is none yet."""
        ...

    async def changes(self, after: tuple[int, ...], limit: int) -> list[FeedEntry]:
        """The change feed behind a position: of each partition at most `limit`, by (partition, seq). A
        partition that `after` does not reach is read from its beginning. Raises FeedPruned where a
        part of what lies behind the position is no longer kept."""
        ...

    async def outcomes(self, command_ids: Sequence[str]) -> list[Outcome | None]: ...

    async def dead_records(self, after: tuple[int, int], limit: int) -> list[DeadRecord]:
        """By (partition, position), at most `limit`, behind `after`."""
        ...

    async def totals(self) -> Totals: ...

    async def outdated_count(self, version: int) -> int:
        """Of how many identifiers the profile was resolved by other rules than this version. Walks all
        identifiers."""
        ...

    async def checkpoints(self) -> list[Checkpoint]:
        """Of every partition that there is, by number."""
        ...


class GraphStore(GraphWriting, GraphReading, HistoryReading, GraphWalking, Protocol):
    """Where the graph is kept."""

    async def open(self) -> None:
        """Connects; creates or migrates the schema. Raises StoreError and touches nothing where what
        is found is damaged (StoreCorrupt), newer (StoreNewer), or of another hash key (WrongHashKey)."""
        ...

    async def close(self) -> None:
        """Also where it is not open, or was closed before."""
        ...
