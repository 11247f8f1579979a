"""What the API needs of the product: its whole view of it.

Everything is shaped for batches: a GraphQL answer asks once for all the profiles on a level, never
once for each. Keysets (`after`) are the plain sort values of the last item seen; turning them into
opaque cursors is the API's business. Times are microseconds; money is micros.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

import msgspec

from graph_schema.model.change import FeedEntry, IdentityChange
from graph_schema.model.event import Event
from graph_schema.model.evidence import Decision, Edge, EdgeKey
from graph_schema.model.explanation import EvidenceGraph, LinkPath, Separation
from graph_schema.model.identifier import Identifier, Key
from graph_schema.model.item import Item
from graph_schema.model.lint import LintFinding
from graph_schema.model.profile import Profile
from graph_schema.model.rehearsal import Rehearsal
from graph_schema.model.rules import RulesVersion
from graph_schema.model.segment import Membership, Segment, SegmentVersion
from graph_schema.model.time import Micros
from graph_schema.store import Page, StoredEvent, StoredSession
from graph_schema.store import Span as Range


class TraitValue(msgspec.Struct, frozen=True):
    """A trait's value in one session; None never stands here (a removed trait is absent)."""

    value: Any
    at: Micros
    identifier: Key
    event: str


class ConsentSummary(msgspec.Struct, frozen=True):
    """`value` is a name of ConsentValue (GRANTED, DENIED, CONFLICT); `at` is the newest statement's."""

    category: str
    value: str
    at: Micros
    identifiers: tuple[Key, ...]


class Summary(msgspec.Struct, frozen=True):
    """What folding a profile's tally gives beyond the tally itself. `revenue` maps a currency to
    micros: completed minus refunded. `identified`: its anchor is a person's identifier."""

    identified: bool
    orders: int
    revenue: dict[str, int]
    consent: tuple[ConsentSummary, ...]


class Line(msgspec.Struct, frozen=True):
    """A product of an event; `quantity` in micros of one piece, `price` of one unit of `currency`
    (XXX where none was sent)."""

    item_id: str
    quantity: int | None
    price: int | None
    currency: str = "XXX"


class SegmentDetail(msgspec.Struct, frozen=True):
    """`progress` is 0 to 1 while the segment is being filled; `uses` and `used_by` are keys."""

    segment: Segment
    progress: float | None
    uses: tuple[str, ...]
    used_by: tuple[str, ...]


class Condition(msgspec.Struct, frozen=True):
    path: tuple[str, ...]
    condition: dict[str, Any]
    holds: bool
    observed: Any
    until: Micros | None
    events: tuple[str, ...]


class Trace(msgspec.Struct, frozen=True):
    segment: str
    member: bool
    since: Micros | None
    conditions: tuple[Condition, ...]


class Preview(msgspec.Struct, frozen=True):
    count: int
    exact: bool
    sample: tuple[str, ...]
    conditions: tuple[tuple[tuple[str, ...], int], ...]


class InputProblem(msgspec.Struct, frozen=True):
    code: str
    message: str
    path: tuple[str, ...] = ()


class Done(msgspec.Struct, frozen=True):
    """The command was applied; `key` is what it was about."""

    key: str


class Refused(msgspec.Struct, frozen=True):
    """The command was not taken; the first problem leads."""

    problems: tuple[InputProblem, ...]


class Waiting(msgspec.Struct, frozen=True):
    """The command is durable in the log and not applied yet."""

    change_id: str


CommandResult = Done | Refused | Waiting


class Changed(msgspec.Struct, frozen=True):
    """What a person's command about profiles became, or, with `dry_run`, would become."""

    change: IdentityChange
    dry_run: bool = False


ChangeResult = Changed | Refused | Waiting


class ChangeStanding(msgspec.Struct, frozen=True):
    """`undone_by`: the id of the change in force that takes it back; `undoable`: it can be taken back
    now."""

    undone_by: str | None
    undoable: bool


Name = tuple[str, str]
"""(namespace, value as a client sends it)"""


class Apart(msgspec.Struct, frozen=True):
    """What keeps two identifiers apart, with a sentence for a person."""

    separation: Separation
    message: str


class ItemWhere(msgspec.Struct, frozen=True):
    """ItemFilter of the schema: all given parts must hold, lists mean any of. Prices in micros;
    `attributes` are property tests in the JSON shape of PropertyRule."""

    ids: tuple[str, ...] | None = None
    exclude_ids: tuple[str, ...] | None = None
    categories: tuple[str, ...] | None = None
    brands: tuple[str, ...] | None = None
    price_gte: int | None = None
    price_lte: int | None = None
    available: bool | None = True
    attributes: tuple[dict[str, Any], ...] = ()
    any: tuple[ItemWhere, ...] | None = None
    negated: ItemWhere | None = None


class Reason(msgspec.Struct, frozen=True):
    """`kind` is a name of ReasonKind; the shares of one recommendation add up to 1."""

    kind: str
    item_id: str | None
    share: float
    text: str


class Recommended(msgspec.Struct, frozen=True):
    item_id: str
    score: float
    reasons: tuple[Reason, ...]


class MetricValue(msgspec.Struct, frozen=True):
    """`baseline` names the baseline whose value this is; None for the model's own."""

    name: str
    value: float
    split: str
    k: int | None = None
    baseline: str | None = None


class Recommender(msgspec.Struct, frozen=True):
    id: str
    name: str
    model: str
    active: bool
    trained_at: Micros
    data_cutoff: Micros
    items: int
    users: int
    interactions: int
    metrics: tuple[MetricValue, ...]
    parameters: dict[str, Any]
    graph_hash: str
    code_version: str
    share: float
    """Of the profiles, for which it answers."""


class Clicked(msgspec.Struct, frozen=True):
    """Of a recommender's answers (its name), `personal` or not, those shown and those clicked."""

    recommender: str
    personal: bool
    shown: int
    clicked: int


class Watched(msgspec.Struct, frozen=True):
    """What became of the recommender in service, as it was measured last. `drift`: why it should be
    trained again, where something says so. Shifts are PSI."""

    recommender: str
    at: Micros
    profiles: int
    without_known_item: int
    interactions: int
    item_shift: float | None
    event_shift: float | None
    drift: str | None
    clicks: tuple[Clicked, ...]


class Recommendations(msgspec.Struct, frozen=True):
    """`fallback` is a name of Fallback, or None where the answer is personal."""

    request_id: str
    items: tuple[Recommended, ...]
    recommender: Recommender | None
    fallback: str | None


class Stats(msgspec.Struct, frozen=True):
    profiles: int
    identifiers: int
    sessions: int
    events: int
    items: int
    dead_letters: int
    lag: float
    as_of: Micros


class CollectReply(msgspec.Struct, frozen=True):
    """`status` is an HTTP status, `body` JSON."""

    status: int
    body: bytes
    retry_after: int | None = None


class Readiness(msgspec.Struct, frozen=True):
    ready: bool
    reason: str
    lag: float


class Collecting(Protocol):
    async def collect(
        self,
        path: str,
        body: bytes,
        *,
        content_type: str,
        content_encoding: str,
        authorization: str,
        client_ip: str,
        verbose: bool,
    ) -> CollectReply:
        """Takes one request of a client (collector.md). Answers when its events are durable. `path` is
        what follows `/v1/` (batch, track, t …); `body` is as it came, still compressed where
        `content_encoding` says so; `verbose`: asked with `?verbose=1`."""
        ...

    def settings(self, write_key: str) -> bytes | None:
        """The JSON of GET /v1/projects/<writeKey>/settings, or None for an unknown key."""
        ...


class Profiles(Protocol):
    pii_namespaces: frozenset[str]
    """The namespaces whose values need the scope pii:read."""

    def summary(self, profile: Profile) -> Summary:
        """A pure function of the profile's tally and anchor; reads nothing."""
        ...

    def lines(self, event: Event) -> tuple[Line, ...]:
        """The products that an event names, in its order; reads nothing."""
        ...

    async def by_ids(self, ids: Sequence[str]) -> list[Profile | None]:
        """The profiles those ids stand for today, in their order. A retired id answers its profile of
        today: whoever asks compares the ids."""
        ...

    async def by_identifiers(
        self, identifiers: Sequence[tuple[str, str]]
    ) -> list[Identifier | None]:
        """(namespace, value as the client sent it) -> the identifier, normalised here."""
        ...

    async def by_keys(self, keys: Sequence[Key]) -> list[Identifier | None]: ...

    async def profile_ids_of(self, keys: Sequence[Key]) -> list[str | None]:
        """The ids of the profiles that hold those identifiers now."""
        ...

    async def session_counts(self, ids: Sequence[str]) -> list[int]: ...

    async def identifiers(
        self, ids: Sequence[str], namespaces: Sequence[str] | None, span: Range
    ) -> list[Page[Identifier]]:
        """In anchor order: (namespace rank, first seen, key); the keyset is these three."""
        ...

    async def identifier_counts(
        self, ids: Sequence[str], namespaces: Sequence[str] | None
    ) -> list[int]: ...

    async def sessions(self, ids: Sequence[str], span: Range) -> list[Page[StoredSession]]:
        """Newest first by (started at, id)."""
        ...

    async def events(
        self, ids: Sequence[str], names: Sequence[str] | None, span: Range
    ) -> list[Page[StoredEvent]]:
        """Newest first by (at, message id)."""
        ...

    async def event_counts(
        self, ids: Sequence[str], names: Sequence[str] | None, span: Range
    ) -> list[int]: ...

    async def session_events(self, ids: Sequence[str], span: Range) -> list[Page[StoredEvent]]:
        """Of sessions, oldest first."""
        ...

    async def sessions_by_ids(self, ids: Sequence[str]) -> list[StoredSession | None]: ...

    async def events_by_ids(self, message_ids: Sequence[str]) -> list[StoredEvent | None]: ...

    async def trait_values(
        self, ids: Sequence[str], names: Sequence[str]
    ) -> list[dict[str, list[TraitValue]]]:
        """Every session's value of the traits, newest first; the first one is the profile's."""
        ...


class ProfileLists(Profiles, Protocol):
    """Lists of profiles, which there are of today only."""

    async def page(
        self, order: str, span: Range, *, segment: str | None, search: str | None
    ) -> Page[Profile]:
        """`order` is a name of ProfileOrder. `search`: a part of an identifier or of a trait's text."""
        ...

    async def count(self, *, segment: str | None, search: str | None) -> int | None:
        """None where counting took too long."""
        ...


class Segments(Protocol):
    async def by_keys(self, keys: Sequence[str]) -> list[SegmentDetail | None]: ...

    async def at_version(self, key: str, version: int) -> SegmentDetail | None: ...

    async def page(self, status: str | None, span: Range) -> Page[SegmentDetail]:
        """By key; the keyset is (key,)."""
        ...

    async def count(self, status: str | None) -> int: ...

    async def versions(self, keys: Sequence[str]) -> list[list[SegmentVersion]]: ...

    async def sizes(self, keys: Sequence[str]) -> list[int]: ...

    async def members(self, key: str, order: str, span: Range) -> Page[Membership]:
        """`order` is a name of MemberOrder; the keyset is (since, profile id) or (profile id,)."""
        ...

    async def memberships(self, profile_ids: Sequence[str], span: Range) -> list[Page[Membership]]:
        """By segment key; the keyset is (key,). Archived segments are left out."""
        ...

    async def membership_counts(self, profile_ids: Sequence[str]) -> list[int]: ...

    async def traces(self, pairs: Sequence[tuple[str, str]]) -> list[Trace | None]:
        """(profile id, segment key) -> why it is, or is not, a member now."""
        ...


class SegmentCommands(Segments, Protocol):
    async def preview(self, rule: Any, sample: int) -> Preview | Refused: ...

    async def create(
        self, *, actor: str, key: str, name: str, description: str | None, rule: Any
    ) -> CommandResult: ...

    async def update(
        self,
        *,
        actor: str,
        key: str,
        expected_version: int | None,
        name: str | None,
        description: str | None,
        rule: Any | None,
    ) -> CommandResult: ...

    async def archive(self, *, actor: str, key: str) -> CommandResult: ...


class IdentityChanges(Protocol):
    async def by_ids(self, ids: Sequence[str]) -> list[IdentityChange | None]:
        """Now also those that wait in the log."""
        ...

    async def standings(self, ids: Sequence[str]) -> list[ChangeStanding]:
        """Of changes; an unknown one is not undoable."""
        ...

    async def decisions(self, ids: Sequence[str]) -> list[Decision | None]: ...

    async def rules(self, numbers: Sequence[str]) -> list[RulesVersion | None]:
        """Versions of the rules that were put in force, by their numbers in figures."""
        ...


class IdentityCommands(IdentityChanges, Protocol):
    """The audit trail, and what people ask for."""

    async def page(self, kinds: Sequence[str] | None, span: Range) -> Page[FeedEntry]:
        """Newest first; the keyset is (rec, id)."""
        ...

    async def count(
        self, kinds: Sequence[str] | None, since: Micros | None, until: Micros | None
    ) -> int: ...

    async def merge(
        self,
        *,
        actor: str,
        ids: Sequence[str],
        identifiers: Sequence[tuple[str, str]],
        note: str | None,
        dry_run: bool,
        idempotency_key: str | None,
    ) -> ChangeResult:
        """Profiles that are one person's, by their ids or by (namespace, value as a client sends it)."""
        ...

    async def split(
        self,
        *,
        actor: str,
        identifiers: Sequence[tuple[str, str]],
        note: str | None,
        dry_run: bool,
        idempotency_key: str | None,
    ) -> ChangeResult:
        """Identifiers of one profile that are to leave it together."""
        ...

    async def undo(self, *, actor: str, change_id: str, note: str | None) -> ChangeResult: ...


class Reasons(Protocol):
    """Why identifiers are one person's, or are not; and what became of one profile."""

    async def graphs(self, anchors: Sequence[Key], limit: int) -> list[EvidenceGraph]:
        """Of the profiles with those anchors, at most `limit` identifiers each."""
        ...

    async def links(self, pairs: Sequence[tuple[str, Name, Name]]) -> list[LinkPath | None]:
        """(profile id, one, other): the way between two different identifiers that it holds."""
        ...

    async def separation(self, one: Name, other: Name) -> Apart | None:
        """None where they are one person's."""
        ...

    async def sightings(self, edges: Sequence[EdgeKey]) -> list[list[str]]:
        """Of each the message ids of some events that say so, the newest first."""
        ...

    async def decided(self, edges: Sequence[Edge]) -> list[str | None]:
        """The change whose decision makes an edge, where one does."""
        ...

    async def histories(self, profiles: Sequence[str], span: Range) -> list[Page[FeedEntry]]:
        """Newest first; the keyset is (rec, id)."""
        ...

    async def history_counts(self, profiles: Sequence[str]) -> list[int]: ...


class EvidenceTrials(Protocol):
    """Questions about all stored evidence at once: dear, so one is answered at a time."""

    async def rehearse(self, rules: str, examples: int) -> Rehearsal | Refused:
        """What other rules (TOML) would merge and split."""
        ...

    async def lint(self, examples: int) -> list[LintFinding]:
        """What stands in the way of knowing who is who, the gravest first."""
        ...


class Recommending(Protocol):
    async def prepare(self) -> None:
        """Reads what the first answer needs, so that nobody waits for it. Raises StoreUnavailable."""
        ...

    async def items(self, ids: Sequence[str]) -> list[Item | None]: ...

    async def item_page(
        self, search: str | None, where: ItemWhere | None, span: Range
    ) -> Page[Item]:
        """By id; the keyset is (id,)."""
        ...

    async def item_count(self, search: str | None, where: ItemWhere | None) -> int: ...

    async def recommend(
        self,
        *,
        profile_id: str | None,
        item_ids: Sequence[str],
        context: dict[str, Any] | None,
        where: ItemWhere | None,
        policy: str,
        diversity: float,
        first: int,
    ) -> Recommendations:
        """`policy` is a name of RecommendationPolicy. `context` may say `items`, those seen in this
        visit, and `maxPerCategory`. Never fails for want of a model: see fallback. Raises BadInput."""
        ...

    async def similar(
        self, item_id: str, where: ItemWhere | None, first: int
    ) -> Recommendations | None: ...

    async def recommenders(self) -> list[Recommender]: ...

    async def watched(self) -> Watched | None:
        """None where nothing was measured."""
        ...


class Feed(Protocol):
    async def position(self) -> tuple[int, ...]:
        """Where the feed ends now: one seq for each partition."""
        ...

    def follow(self, after: tuple[int, ...]) -> AsyncIterator[FeedEntry]:
        """Entries behind that position, as they come, also from a worker in another process. Ends
        when it is closed."""
        ...


class Moment(Protocol):
    """What was known at one moment: now, or an earlier one."""

    @property
    def profiles(self) -> Profiles: ...

    @property
    def segments(self) -> Segments: ...

    @property
    def changes(self) -> IdentityChanges: ...

    @property
    def reasons(self) -> Reasons: ...


class Platform(Moment, Protocol):
    """The product, as it is handed to the API: what is known now, and all else."""

    collecting: Collecting
    trials: EvidenceTrials
    recommending: Recommending
    feed: Feed

    @property
    def profiles(self) -> ProfileLists: ...

    @property
    def segments(self) -> SegmentCommands: ...

    @property
    def changes(self) -> IdentityCommands: ...

    async def at(self, t: Micros) -> Moment:
        """What was known at an earlier moment. Raises AsOfTooNew, AsOfTooOld."""
        ...

    async def stats(self) -> Stats: ...

    async def readiness(self) -> Readiness: ...
