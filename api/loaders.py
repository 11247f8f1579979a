"""One question for all the objects on a level of an answer, instead of one for each.

Loaders live as long as one request: what they remember is never older than the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar, cast

from api.platform import ChangeStanding, Moment, Name, Platform, SegmentDetail, Trace, TraitValue
from graph_schema.model.change import FeedEntry, IdentityChange
from graph_schema.model.evidence import Decision, Edge, EdgeKey
from graph_schema.model.explanation import EvidenceGraph, LinkPath
from graph_schema.model.identifier import Identifier
from graph_schema.model.item import Item
from graph_schema.model.profile import Profile
from graph_schema.model.rules import RulesVersion
from graph_schema.model.segment import Membership, SegmentVersion
from graph_schema.store import Page, Span, StoredEvent, StoredSession

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Loader(Generic[K, V]):
    """Gathers the keys that are asked for in one turn of the event loop, and asks once."""

    def __init__(
        self, ask: Callable[[list[K]], Awaitable[Sequence[V]]], tasks: set[asyncio.Task[Any]]
    ) -> None:
        self._ask = ask
        self._tasks = tasks
        self._futures: dict[K, asyncio.Future[V]] = {}
        self._known: dict[K, V] = {}
        self._wanted: list[K] = []

    def load(self, key: K) -> asyncio.Future[V]:
        """The value of a key; the same future for the same key."""
        future = self._futures.get(key)
        if future is None:
            loop = asyncio.get_running_loop()
            future = self._futures[key] = loop.create_future()
            if key in self._known:
                future.set_result(self._known[key])
                return future
            if not self._wanted:
                loop.call_soon(self._dispatch)
            self._wanted.append(key)
        return future

    def know(self, key: K, value: V) -> None:
        """Remembers a value that came another way; one that is asked for already stays."""
        self._known[key] = value

    def _dispatch(self) -> None:
        keys, self._wanted = self._wanted, []
        task = asyncio.ensure_future(self._ask(keys))
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._spread(keys, done))

    def _spread(self, keys: list[K], task: asyncio.Future[Sequence[V]]) -> None:
        self._tasks.discard(cast("asyncio.Task[Any]", task))
        error = None if task.cancelled() else task.exception()
        for index, key in enumerate(keys):
            future = self._futures[key]
            if future.done():
                continue
            if task.cancelled():
                future.cancel()
            elif error is not None:
                future.set_exception(error)
                future.exception()
            else:
                future.set_result(task.result()[index])


class Loaders:
    """The loaders of one request, or of the part of it that is about an earlier moment; `beside`: those
    of the request, which end with it."""

    def __init__(self, platform: Platform, moment: Moment, beside: Loaders | None = None) -> None:
        self._platform = platform
        self._moment = moment
        self._tasks: set[asyncio.Task[Any]] = set() if beside is None else beside._tasks
        self._made: dict[Hashable, Loader[Any, Any]] = {}

    def renew(self) -> None:
        """Forgets everything: the graph was changed within this request."""
        self._made.clear()

    def close(self) -> None:
        """Gives up what is still being asked for."""
        for task in tuple(self._tasks):
            task.cancel()

    def _loader(
        self, name: Hashable, ask: Callable[[list[Any]], Awaitable[Sequence[Any]]]
    ) -> Loader[Any, Any]:
        loader = self._made.get(name)
        if loader is None:
            loader = self._made[name] = Loader(ask, self._tasks)
        return loader

    @property
    def profiles(self) -> Loader[str, Profile | None]:
        return self._loader("profiles", self._moment.profiles.by_ids)

    @property
    def identifiers(self) -> Loader[str, Identifier | None]:
        return self._loader("identifiers", self._moment.profiles.by_keys)

    @property
    def sessions(self) -> Loader[str, StoredSession | None]:
        return self._loader("sessions", self._moment.profiles.sessions_by_ids)

    @property
    def events(self) -> Loader[str, StoredEvent | None]:
        return self._loader("events", self._moment.profiles.events_by_ids)

    @property
    def session_counts(self) -> Loader[str, int]:
        return self._loader("session counts", self._moment.profiles.session_counts)

    @property
    def segments(self) -> Loader[str, SegmentDetail | None]:
        return self._loader("segments", self._moment.segments.by_keys)

    @property
    def segment_versions(self) -> Loader[str, list[SegmentVersion]]:
        return self._loader("segment versions", self._moment.segments.versions)

    @property
    def segment_sizes(self) -> Loader[str, int]:
        return self._loader("segment sizes", self._moment.segments.sizes)

    @property
    def membership_counts(self) -> Loader[str, int]:
        return self._loader("membership counts", self._moment.segments.membership_counts)

    @property
    def traces(self) -> Loader[tuple[str, str], Trace | None]:
        return self._loader("traces", self._moment.segments.traces)

    @property
    def items(self) -> Loader[str, Item | None]:
        return self._loader("items", self._platform.recommending.items)

    @property
    def changes(self) -> Loader[str, IdentityChange | None]:
        return self._loader("changes", self._moment.changes.by_ids)

    @property
    def standings(self) -> Loader[str, ChangeStanding]:
        return self._loader("standings", self._moment.changes.standings)

    @property
    def decisions(self) -> Loader[str, Decision | None]:
        return self._loader("decisions", self._moment.changes.decisions)

    @property
    def rules(self) -> Loader[str, RulesVersion | None]:
        return self._loader("rules", self._moment.changes.rules)

    @property
    def sightings(self) -> Loader[EdgeKey, list[str]]:
        return self._loader("sightings", self._moment.reasons.sightings)

    @property
    def decided(self) -> Loader[Edge, str | None]:
        return self._loader("decided", self._moment.reasons.decided)

    @property
    def links(self) -> Loader[tuple[str, Name, Name], LinkPath | None]:
        return self._loader("links", self._moment.reasons.links)

    def identity_graphs(self, limit: int) -> Loader[str, EvidenceGraph]:
        ask = self._moment.reasons.graphs
        return self._loader(("identity graphs", limit), lambda anchors: ask(anchors, limit))

    def histories(self, span: Span) -> Loader[str, Page[FeedEntry]]:
        ask = self._moment.reasons.histories
        return self._loader(("histories", span), lambda ids: ask(ids, span))

    @property
    def history_counts(self) -> Loader[str, int]:
        return self._loader("history counts", self._moment.reasons.history_counts)

    def profile_identifiers(
        self, namespaces: tuple[str, ...] | None, span: Span
    ) -> Loader[str, Page[Identifier]]:
        ask = self._moment.profiles.identifiers
        return self._loader(
            ("identifiers of", namespaces, span), lambda ids: ask(ids, namespaces, span)
        )

    def identifier_counts(self, namespaces: tuple[str, ...] | None) -> Loader[str, int]:
        ask = self._moment.profiles.identifier_counts
        return self._loader(("identifier counts", namespaces), lambda ids: ask(ids, namespaces))

    def profile_sessions(self, span: Span) -> Loader[str, Page[StoredSession]]:
        ask = self._moment.profiles.sessions
        return self._loader(("sessions of", span), lambda ids: ask(ids, span))

    def profile_events(
        self, names: tuple[str, ...] | None, span: Span
    ) -> Loader[str, Page[StoredEvent]]:
        ask = self._moment.profiles.events
        return self._loader(("events of", names, span), lambda ids: ask(ids, names, span))

    def event_counts(self, names: tuple[str, ...] | None, span: Span) -> Loader[str, int]:
        ask = self._moment.profiles.event_counts
        return self._loader(("event counts", names, span), lambda ids: ask(ids, names, span))

    def session_events(self, span: Span) -> Loader[str, Page[StoredEvent]]:
        ask = self._moment.profiles.session_events
        return self._loader(("events in", span), lambda ids: ask(ids, span))

    def trait_values(self, names: tuple[str, ...]) -> Loader[str, dict[str, list[TraitValue]]]:
        ask = self._moment.profiles.trait_values
        return self._loader(("trait values", names), lambda ids: ask(ids, names))

    def memberships(self, span: Span) -> Loader[str, Page[Membership]]:
        ask = self._moment.segments.memberships
        return self._loader(("memberships", span), lambda ids: ask(ids, span))
