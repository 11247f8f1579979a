"""Profiles as segment rules read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from graph_schema.model.identifier import Identifier
from graph_schema.model.profile import Profile
from graph_schema.model.tally import NameTally
from graph_schema.store import ProfileEvent
from identity import fold


class _Body(msgspec.Struct):
    properties: dict[str, Any] = {}


_properties = msgspec.json.Decoder(_Body).decode


class StoredEventView:
    """An event whose properties are decoded when a rule first asks for them."""

    __slots__ = ("_body", "_properties", "at", "mid", "name")

    def __init__(self, event: ProfileEvent) -> None:
        self.at = event.at
        self.mid = event.mid
        self.name = event.name
        self._body = event.body
        self._properties: dict[str, Any] | None = None

    @property
    def properties(self) -> Mapping[str, Any]:
        if self._properties is None:
            self._properties = _properties(self._body).properties
        return self._properties


class StoredView:
    """Implements `cdp.segments.evaluate.ProfileView`."""

    def __init__(
        self,
        profile: Profile,
        identifiers: Iterable[Identifier],
        events: Iterable[ProfileEvent],
        segments: set[str],
    ) -> None:
        self.traits: Mapping[str, Any] = fold.traits(profile.tally)
        self.names: Mapping[str, NameTally] = profile.tally.names
        self.namespaces: Mapping[str, int] = Counter(i.namespace for i in identifiers)
        self.segments = segments
        self._events: dict[str, list[StoredEventView]] = {}
        for event in events:
            self._events.setdefault(event.name, []).append(StoredEventView(event))

    def events(self, name: str) -> Sequence[StoredEventView]:
        return self._events.get(name, ())
