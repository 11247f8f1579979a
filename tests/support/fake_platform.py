"""A Platform in memory, small enough to see through. It counts how often it was asked."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

import msgspec

from api.errors import AsOfTooOld
from api.platform import (
    Apart,
    ChangeResult,
    ChangeStanding,
    CollectReply,
    CommandResult,
    Condition,
    Done,
    InputProblem,
    ItemWhere,
    Line,
    MetricValue,
    Preview,
    Readiness,
    Reason,
    Recommendations,
    Recommended,
    Recommender,
    Refused,
    SegmentDetail,
    Stats,
    Summary,
    Trace,
    TraitValue,
    Waiting,
    Watched,
)
from graph_schema.model.change import ChangeKind, ChangePart, FeedEntry, IdentityChange
from graph_schema.model.event import Event, EventType
from graph_schema.model.evidence import (
    Decision,
    DecisionKind,
    Edge,
    EvidenceKind,
    EvidenceStatus,
    RefusalRule,
)
from graph_schema.model.explanation import EvidenceGraph, LinkPath, Separation
from graph_schema.model.identifier import Identifier, key_of
from graph_schema.model.item import Item
from graph_schema.model.lint import Lint, LintFinding
from graph_schema.model.profile import Profile
from graph_schema.model.rehearsal import Rehearsal, RehearsedChange
from graph_schema.model.segment import (
    Membership,
    MembershipCause,
    Segment,
    SegmentStatus,
    SegmentVersion,
)
from graph_schema.model.session import DeviceFacts, Session
from graph_schema.model.tally import NameTally, Tally, TouchFact, TraitFact
from graph_schema.model.time import DAY, HOUR, MINUTE, from_iso
from graph_schema.store import Page, Span, StoredEvent, StoredSession

START = from_iso("2026-11-01T10:00:00.000Z")


def _page(
    found: list[Any], span: Span, keyset: Callable[[Any], tuple[Any, ...]], *, down: bool
) -> Page[Any]:
    found = sorted(found, key=keyset, reverse=down)
    if span.after is not None:
        after = span.after
        found = [one for one in found if (keyset(one) < after if down else keyset(one) > after)]
    return Page(items=found[: span.first], has_next=len(found) > span.first)


def _within(at: int, span: Span) -> bool:
    return (span.since is None or at >= span.since) and (span.until is None or at < span.until)


class FakeProfiles:
    pii_namespaces = frozenset({"email", "phone"})

    def __init__(self, asked: Counter[str]) -> None:
        self.asked = asked
        self.stored: dict[str, Profile] = {}
        self.retired: dict[str, str] = {}
        self.by_key: dict[str, Identifier] = {}
        self.session: dict[str, StoredSession] = {}
        self.event: dict[str, StoredEvent] = {}
        self.broken = False
        self.slow = 0.0

    def summary(self, profile: Profile) -> Summary:
        identified = profile.anchor.split(":")[0] in {"user_id", "email", "phone"}
        return Summary(identified=identified, orders=2, revenue={"EUR": 12_500_000}, consent=())

    def lines(self, event: Event) -> tuple[Line, ...]:
        product = event.properties.get("product_id")
        return () if product is None else (Line(product, 2_000_000, 9_990_000, "EUR"),)

    async def by_ids(self, ids: Sequence[str]) -> list[Profile | None]:
        self.asked["by_ids"] += 1
        if self.broken:
            raise RuntimeError("secret of ada@example.com")
        if self.slow:
            await asyncio.sleep(self.slow)
        return [self.stored.get(self.retired.get(one, one)) for one in ids]

    async def by_identifiers(
        self, identifiers: Sequence[tuple[str, str]]
    ) -> list[Identifier | None]:
        return [self.by_key.get(key_of(name, value.lower())) for name, value in identifiers]

    async def by_keys(self, keys: Sequence[str]) -> list[Identifier | None]:
        self.asked["by_keys"] += 1
        return [self.by_key.get(key) for key in keys]

    async def profile_ids_of(self, keys: Sequence[str]) -> list[str | None]:
        return [one.profile if one else None for one in await self.by_keys(keys)]

    def _selected(self, search: str | None) -> list[Profile]:
        return [one for one in self.stored.values() if search is None or search in one.anchor]

    async def page(
        self, order: str, span: Span, *, segment: str | None, search: str | None
    ) -> Page[Profile]:
        self.asked["page"] += 1
        found = self._selected(search)
        if order == "LAST_SEEN_DESC":
            return _page(found, span, lambda one: (one.last_at, one.id), down=True)
        if order == "FIRST_SEEN_DESC":
            return _page(found, span, lambda one: (one.first_at, one.id), down=True)
        return _page(found, span, lambda one: (one.id,), down=False)

    async def count(self, *, segment: str | None, search: str | None) -> int | None:
        self.asked["count"] += 1
        return len(self._selected(search))

    async def session_counts(self, ids: Sequence[str]) -> list[int]:
        self.asked["session_counts"] += 1
        return [sum(one.profile == id_ for one in self.session.values()) for id_ in ids]

    async def identifiers(
        self, ids: Sequence[str], namespaces: Sequence[str] | None, span: Span
    ) -> list[Page[Identifier]]:
        self.asked["identifiers"] += 1
        return [
            _page(
                self._identifiers_of(id_, namespaces),
                span,
                lambda one: (one.rank, one.first_at, one.key),
                down=False,
            )
            for id_ in ids
        ]

    def _identifiers_of(self, id_: str, namespaces: Sequence[str] | None) -> list[Identifier]:
        return [
            one
            for one in self.by_key.values()
            if one.profile == id_ and (namespaces is None or one.namespace in namespaces)
        ]

    async def identifier_counts(
        self, ids: Sequence[str], namespaces: Sequence[str] | None
    ) -> list[int]:
        return [len(self._identifiers_of(id_, namespaces)) for id_ in ids]

    async def sessions(self, ids: Sequence[str], span: Span) -> list[Page[StoredSession]]:
        self.asked["sessions"] += 1
        return [
            _page(
                [
                    one
                    for one in self.session.values()
                    if one.profile == id_ and _within(one.session.started_at, span)
                ],
                span,
                lambda one: (one.session.started_at, one.session.id),
                down=True,
            )
            for id_ in ids
        ]

    def _events_of(self, id_: str, names: Sequence[str] | None, span: Span) -> list[StoredEvent]:
        return [
            one
            for one in self.event.values()
            if one.profile == id_
            and (names is None or one.event.name in names)
            and _within(one.event.at, span)
        ]

    async def events(
        self, ids: Sequence[str], names: Sequence[str] | None, span: Span
    ) -> list[Page[StoredEvent]]:
        self.asked["events"] += 1
        return [
            _page(
                self._events_of(id_, names, span),
                span,
                lambda one: (one.event.at, one.event.message_id),
                down=True,
            )
            for id_ in ids
        ]

    async def event_counts(
        self, ids: Sequence[str], names: Sequence[str] | None, span: Span
    ) -> list[int]:
        self.asked["event_counts"] += 1
        return [len(self._events_of(id_, names, span)) for id_ in ids]

    async def session_events(self, ids: Sequence[str], span: Span) -> list[Page[StoredEvent]]:
        return [
            _page(
                [one for one in self.event.values() if one.session == id_],
                span,
                lambda one: (one.event.at, one.event.message_id),
                down=False,
            )
            for id_ in ids
        ]

    async def sessions_by_ids(self, ids: Sequence[str]) -> list[StoredSession | None]:
        self.asked["sessions_by_ids"] += 1
        return [self.session.get(id_) for id_ in ids]

    async def events_by_ids(self, message_ids: Sequence[str]) -> list[StoredEvent | None]:
        self.asked["events_by_ids"] += 1
        return [self.event.get(id_) for id_ in message_ids]

    async def trait_values(
        self, ids: Sequence[str], names: Sequence[str]
    ) -> list[dict[str, list[TraitValue]]]:
        self.asked["trait_values"] += 1
        found = []
        for id_ in ids:
            traits = self.stored[id_].tally.traits
            found.append(
                {
                    name: [
                        TraitValue(fact.value, fact.at, fact.identifier, fact.mid),
                        TraitValue("older", fact.at - DAY, fact.identifier, "pruned"),
                    ]
                    for name in names
                    if (fact := traits.get(name)) is not None
                }
            )
        return found


class FakeSegments:
    def __init__(self, asked: Counter[str], profiles: FakeProfiles) -> None:
        self.asked = asked
        self.stored: dict[str, Segment] = {}
        self.history: dict[str, list[SegmentVersion]] = {}
        self.member: list[Membership] = []
        self.commands: list[tuple[str, str, Any]] = []
        self.worker = True
        self._profiles = profiles

    def _detail(self, segment: Segment) -> SegmentDetail:
        return SegmentDetail(segment, 0.5 if segment.status == "building" else None, (), ())

    async def by_keys(self, keys: Sequence[str]) -> list[SegmentDetail | None]:
        self.asked["segments"] += 1
        return [self._detail(self.stored[key]) if key in self.stored else None for key in keys]

    async def at_version(self, key: str, version: int) -> SegmentDetail | None:
        for one in self.history.get(key, []):
            if one.version == version:
                segment = self.stored[key]
                return self._detail(
                    Segment(key, segment.name, segment.status, version, one.rule, START, one.rec)
                )
        return None

    async def page(self, status: str | None, span: Span) -> Page[SegmentDetail]:
        found = [
            self._detail(one)
            for one in self.stored.values()
            if status is None or one.status.name == status
        ]
        return _page(found, span, lambda one: (one.segment.key,), down=False)

    async def count(self, status: str | None) -> int:
        return sum(status is None or one.status.name == status for one in self.stored.values())

    async def versions(self, keys: Sequence[str]) -> list[list[SegmentVersion]]:
        return [self.history.get(key, []) for key in keys]

    async def sizes(self, keys: Sequence[str]) -> list[int]:
        return [sum(one.segment == key for one in self.member) for key in keys]

    async def members(self, key: str, order: str, span: Span) -> Page[Membership]:
        found = [one for one in self.member if one.segment == key]
        if order == "ID":
            return _page(found, span, lambda one: (one.profile_id,), down=False)
        return _page(found, span, lambda one: (one.since, one.profile_id), down=True)

    async def memberships(self, profile_ids: Sequence[str], span: Span) -> list[Page[Membership]]:
        self.asked["memberships"] += 1
        return [
            _page(
                [one for one in self.member if one.profile_id == id_],
                span,
                lambda one: (one.segment,),
                down=False,
            )
            for id_ in profile_ids
        ]

    async def membership_counts(self, profile_ids: Sequence[str]) -> list[int]:
        return [sum(one.profile_id == id_ for one in self.member) for id_ in profile_ids]

    async def traces(self, pairs: Sequence[tuple[str, str]]) -> list[Trace | None]:
        self.asked["traces"] += 1
        return [
            Trace(
                segment,
                any(m.profile_id == id_ and m.segment == segment for m in self.member),
                START,
                (
                    Condition(
                        ("trait",), {"trait": {"name": "email"}}, True, "ada@example.com", None, ()
                    ),
                ),
            )
            if segment in self.stored
            else None
            for id_, segment in pairs
        ]

    async def preview(self, rule: Any, sample: int) -> Preview | Refused:
        self.commands.append(("preview", "", rule))
        problems = self._problems(rule)
        if problems:
            return Refused(problems)
        return Preview(1, True, tuple(sorted(self._profiles.stored))[:sample], ((("trait",), 1),))

    def _problems(self, rule: Any) -> tuple[InputProblem, ...]:
        within = rule.get("event", {}).get("within")
        if within != "P1M":
            return ()
        path = ("rule", "event", "within")
        return (InputProblem("BAD_RULE", "A month has no fixed length.", path),)

    async def create(
        self, *, actor: str, key: str, name: str, description: str | None, rule: Any
    ) -> CommandResult:
        self.commands.append(("create", actor, rule))
        problems = self._problems(rule)
        if problems:
            return Refused(problems)
        if key in self.stored:
            return Refused((InputProblem("KEY_TAKEN", "That key is taken.", ("key",)),))
        if not self.worker:
            return Waiting("c_1")
        self.stored[key] = Segment(
            key, name, SegmentStatus.BUILDING, 1, rule, START, START, description, actor
        )
        self.history[key] = [SegmentVersion(1, rule, START, actor)]
        return Done(key)

    async def update(
        self,
        *,
        actor: str,
        key: str,
        expected_version: int | None,
        name: str | None,
        description: str | None,
        rule: Any | None,
    ) -> CommandResult:
        old = self.stored.get(key)
        if old is None:
            return Refused((InputProblem("NOT_FOUND", "No such segment.", ("key",)),))
        if expected_version not in {None, old.version}:
            return Refused(
                (InputProblem("VERSION_CONFLICT", "Another is current.", ("expectedVersion",)),)
            )
        version = SegmentVersion(old.version + 1, rule or old.rule, START + HOUR, actor)
        self.history[key].append(version)
        self.stored[key] = Segment(
            key, name or old.name, old.status, version.version, version.rule, START, START + HOUR
        )
        return Done(key)

    async def archive(self, *, actor: str, key: str) -> CommandResult:
        if key not in self.stored:
            return Refused((InputProblem("NOT_FOUND", "No such segment.", ("key",)),))
        old = self.stored[key]
        self.stored[key] = Segment(
            key, old.name, SegmentStatus.ARCHIVED, old.version, old.rule, START, START
        )
        return Done(key)


class FakeChanges:
    def __init__(self) -> None:
        self.entries: list[FeedEntry] = []
        self.decided: list[tuple[str, dict[str, Any]]] = []
        self.answer: ChangeResult = Waiting("c_waits")

    def _identity(self) -> Iterable[tuple[FeedEntry, IdentityChange]]:
        for entry in self.entries:
            if isinstance(entry.change, IdentityChange):
                yield entry, entry.change

    async def by_ids(self, ids: Sequence[str]) -> list[IdentityChange | None]:
        known = {change.id: change for _, change in self._identity()}
        return [known.get(id_) for id_ in ids]

    async def page(self, kinds: Sequence[str] | None, span: Span) -> Page[FeedEntry]:
        found = [
            entry
            for entry, change in self._identity()
            if (kinds is None or change.kind in kinds) and _within(entry.rec, span)
        ]
        return _page(found, span, lambda one: (one.rec, one.change.id), down=True)

    async def count(self, kinds: Sequence[str] | None, since: int | None, until: int | None) -> int:
        return sum(kinds is None or change.kind in kinds for _, change in self._identity())

    async def standings(self, ids: Sequence[str]) -> list[ChangeStanding]:
        return [ChangeStanding(None, undoable=id_ == "c_merge") for id_ in ids]

    async def decisions(self, ids: Sequence[str]) -> list[Decision | None]:
        return [
            Decision(id_, DecisionKind.CONFIRMED, (), (), "token:ada", START, note="the same")
            for id_ in ids
        ]

    async def merge(self, **asked: Any) -> ChangeResult:
        self.decided.append(("merge", asked))
        return self.answer

    async def split(self, **asked: Any) -> ChangeResult:
        self.decided.append(("split", asked))
        return self.answer

    async def undo(self, **asked: Any) -> ChangeResult:
        self.decided.append(("undo", asked))
        return self.answer


class FakeReasons:
    """Every profile hangs together by one login of its e-mail and its device."""

    def __init__(self, changes: FakeChanges, asked: Counter[str]) -> None:
        self._changes = changes
        self.asked = asked

    def _edge(self, anchor: str) -> Edge:
        number = anchor.removeprefix("email:u").removesuffix("@example.com")
        device = f"anonymous_id:a{number}"
        return Edge(
            device, anchor, EvidenceKind.LOGIN, 2, START, START + HOUR, EvidenceStatus.JOINED
        )

    async def graphs(self, anchors: Sequence[str], limit: int) -> list[EvidenceGraph]:
        self.asked["graphs"] += 1
        edges = [self._edge(anchor) for anchor in anchors]
        return [EvidenceGraph((e.b, e.a)[:limit], (e,), truncated=limit < 2) for e in edges]

    async def links(self, pairs: Sequence[Any]) -> list[LinkPath | None]:
        self.asked["links"] += 1
        found = [self._edge(f"email:u{int(id_[2:])}@example.com") for id_, _, _ in pairs]
        return [LinkPath((edge,), edge) for edge in found]

    async def separation(self, one: Any, other: Any) -> Apart | None:
        if one == other:
            return None
        refused = msgspec.structs.replace(
            self._edge("email:u1@example.com"),
            status=EvidenceStatus.REFUSED,
            refused_by=RefusalRule.LIMIT,
        )
        return Apart(Separation((refused,), RefusalRule.LIMIT), "Together too many.")

    async def sightings(self, edges: Sequence[Any]) -> list[list[str]]:
        self.asked["sightings"] += 1
        return [["m1-1", "m1-0", "pruned"] for _ in edges]

    async def decided(self, edges: Sequence[Edge]) -> list[str | None]:
        self.asked["decided"] += 1
        return ["c_merge" if edge.kind is EvidenceKind.CONFIRMED else None for edge in edges]

    async def histories(self, profiles: Sequence[str], span: Span) -> list[Page[FeedEntry]]:
        return [
            _page(
                [
                    entry
                    for entry, change in self._changes._identity()
                    if any(part.profile_id == id_ for part in (*change.before, *change.after))
                ],
                span,
                lambda one: (one.rec, one.change.id),
                down=True,
            )
            for id_ in profiles
        ]

    async def history_counts(self, profiles: Sequence[str]) -> list[int]:
        return [len(page.items) for page in await self.histories(profiles, Span(1000))]


class FakeTrials:
    async def rehearse(self, rules: str, examples: int) -> Rehearsal | Refused:
        if "limit" not in rules:
            return Refused((InputProblem("BAD_IDENTITY_RULES", "It is wrong.", ("rules", "x")),))
        part = ChangePart("p_0001", ("email:u1@example.com",))
        change = RehearsedChange(ChangeKind.SPLIT, (part,), (part, part), RefusalRule.LIMIT)
        return Rehearsal(2, 3, 0, 1, 0, (change,) * min(1, examples))

    async def lint(self, examples: int) -> list[LintFinding]:
        finding = LintFinding(
            Lint.NEAR_LIMIT, "email", 2, "2 profiles are near.", "Look at them.", ("p_0001", "gone")
        )
        return [finding]


class FakeRecommending:
    def __init__(self, asked: Counter[str]) -> None:
        self.asked = asked
        self.stored: dict[str, Item] = {}
        self.wanted: list[dict[str, Any]] = []
        self.watch: Watched | None = None
        self.version = Recommender(
            id="r_1", name="one", model="spectral", active=True, trained_at=START,
            data_cutoff=START, items=3, users=2, interactions=2**60,
            metrics=(MetricValue("recall", 0.2, "temporal", 20),), parameters={"k": 512},
            graph_hash="g", code_version="0", share=0.9,
        )  # fmt: skip

    async def prepare(self) -> None:
        self.asked["prepare"] += 1

    async def watched(self) -> Watched | None:
        return self.watch

    async def items(self, ids: Sequence[str]) -> list[Item | None]:
        self.asked["items"] += 1
        return [self.stored.get(id_) for id_ in ids]

    async def item_page(
        self, search: str | None, where: ItemWhere | None, span: Span
    ) -> Page[Item]:
        self.wanted.append({"where": where})
        return _page(list(self.stored.values()), span, lambda one: (one.id,), down=False)

    async def item_count(self, search: str | None, where: ItemWhere | None) -> int:
        return len(self.stored)

    async def recommend(self, **wanted: Any) -> Recommendations:
        self.wanted.append(wanted)
        fallback = "UNKNOWN_PROFILE" if wanted["profile_id"] is None else None
        reason = Reason("VIEWED", "i1", 1.0, "because of Item 1")
        found = tuple(
            Recommended(id_, 1.0 - index / 10, (reason,))
            for index, id_ in enumerate(sorted(self.stored))
        )
        return Recommendations("r_42", found[: wanted["first"]], self.version, fallback)

    async def similar(
        self, item_id: str, where: ItemWhere | None, first: int
    ) -> Recommendations | None:
        if item_id not in self.stored:
            return None
        return Recommendations("r_43", (Recommended("gone", 0.5, ()),), None, None)

    async def recommenders(self) -> list[Recommender]:
        return [self.version]


class FakeFeed:
    """One partition; `put` wakes whoever follows."""

    def __init__(self, changes: FakeChanges) -> None:
        self._changes = changes
        self._news = asyncio.Condition()
        self.followers = 0

    async def position(self) -> tuple[int, ...]:
        return (len(self._changes.entries),)

    async def put(self, change: Any) -> None:
        async with self._news:
            seq = len(self._changes.entries) + 1
            self._changes.entries.append(FeedEntry(0, seq, START + seq, change))
            self._news.notify_all()

    async def follow(self, after: tuple[int, ...]) -> AsyncIterator[FeedEntry]:
        seq = after[0]
        self.followers += 1
        try:
            while True:
                async with self._news:
                    while len(self._changes.entries) <= seq:
                        await self._news.wait()
                yield self._changes.entries[seq]
                seq += 1
        finally:
            self.followers -= 1


class FakeCollecting:
    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes, dict[str, Any]]] = []
        self.reply = CollectReply(200, b'{"success":true}')
        self.hold: asyncio.Event | None = None
        self.failure: Exception | None = None

    async def collect(self, path: str, body: bytes, **more: Any) -> CollectReply:
        self.taken.append((path, body, more))
        if self.failure is not None:
            raise self.failure
        if self.hold is not None:
            await self.hold.wait()
        return self.reply

    def settings(self, write_key: str) -> bytes | None:
        return b'{"integrations":{}}' if write_key == "wk" else None


class FakePlatform:
    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.collecting = FakeCollecting()
        self.profiles = FakeProfiles(self.asked)
        self.segments = FakeSegments(self.asked, self.profiles)
        self.changes = FakeChanges()
        self.trials = FakeTrials()
        self.reasons = FakeReasons(self.changes, self.asked)
        self.recommending = FakeRecommending(self.asked)
        self.feed = FakeFeed(self.changes)
        self.ready = True

    async def at(self, t: int) -> FakePlatform:
        """Nothing ever changed; but how it was before the start nobody knows."""
        if t < START:
            raise AsOfTooOld(since="then")
        self.asked["at"] += 1
        return self

    async def stats(self) -> Stats:
        return Stats(
            profiles=len(self.profiles.stored), identifiers=2, sessions=1, events=2**60, items=3,
            dead_letters=0, lag=0.25, as_of=START,
        )  # fmt: skip

    async def readiness(self) -> Readiness:
        return Readiness(self.ready, "" if self.ready else "the lag is over its limit", 1.5)


def add_person(platform: FakePlatform, number: int, events: int = 3) -> Profile:
    """A person with an e-mail, a device, a session and events, all derived from `number`."""
    id_ = f"p_{number:04d}"
    email, device = f"email:u{number}@example.com", f"anonymous_id:a{number}"
    first_at = START + number * MINUTE
    last_at = first_at + events * MINUTE
    tally = Tally(
        events=events,
        first=(first_at, f"m{number}-0"),
        last=(last_at, f"m{number}-{events}"),
        days={first_at // DAY},
        names={"Product Viewed": NameTally(events, first_at, last_at)},
        traits={
            "email": TraitFact(first_at, f"m{number}-0", f"u{number}@example.com", email),
            "plan": TraitFact(first_at, f"m{number}-0", "gold", email),
            "big": TraitFact(first_at, f"m{number}-0", 2**60, email),
            "gone": TraitFact(first_at, f"m{number}-0", None, email),
        },
        first_touch=TouchFact(first_at, "m", "news", "email", None, "https://x.example/?e=a@b.c"),
    )
    profile = Profile(id_, email, first_at, last_at, tally)
    profiles = platform.profiles
    profiles.stored[id_] = profile
    for namespace, key, rank in (("email", email, 1), ("anonymous_id", device, 4)):
        value = key.partition(":")[2]
        profiles.by_key[key] = Identifier(key, id_, namespace, value, rank, first_at, last_at, id_)
    session = f"m{number}-0"
    facts = DeviceFacts(kind="mobile", os="Android")
    profiles.session[session] = StoredSession(
        Session(session, device, email, email, first_at, last_at, session, facts, tally), id_
    )
    for index in range(events):
        at = first_at + index * MINUTE
        event = Event(
            f"m{number}-{index}", EventType.TRACK, "Product Viewed", at, at, "web",
            properties={"product_id": "i1", "email": f"u{number}@example.com", "n": 2**60},
            context={"ip": "192.0.2.7", "locale": "de", "page": {"url": "https://x", "path": "/"}},
        )  # fmt: skip
        profiles.event[event.message_id] = StoredEvent(event, at + 1000, session, id_)
    return profile


def shop(people: int = 2, events: int = 3, items: int = 3) -> FakePlatform:
    """People, items, one segment that holds them all, one merge in the audit trail."""
    platform = FakePlatform()
    for number in range(1, people + 1):
        add_person(platform, number, events)
    platform.profiles.retired["p_old"] = "p_0001"
    for number in range(1, items + 1):
        platform.recommending.stored[f"i{number}"] = Item(
            f"i{number}", START, f"Item {number}", price=number * 1_000_000, currency="EUR"
        )
    rule = {"trait": {"name": "plan", "op": "EQ", "value": "gold"}}
    platform.segments.stored["gold"] = Segment(
        "gold", "Gold", SegmentStatus.ACTIVE, 1, rule, START, START
    )
    platform.segments.history["gold"] = [SegmentVersion(1, rule, START)]
    platform.segments.member = [
        Membership(id_, "gold", 1, START, MembershipCause.EVENT)
        for id_ in sorted(platform.profiles.stored)
    ]
    part = ChangePart("p_0001", ("email:u1@example.com",))
    old = ChangePart("p_old", ("anonymous_id:a1",))
    platform.changes.entries.append(
        FeedEntry(
            0, 1, START + 1,
            IdentityChange("c_merge", ChangeKind.MERGE, START, "m1-0", (old, part), (part,)),
        )
    )  # fmt: skip
    return platform
