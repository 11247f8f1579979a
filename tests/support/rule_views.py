"""Profiles as segment rules read them, made by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from cdp.segments.evaluate import Verdict, evaluate
from cdp.segments.parse import parse
from graph_schema.model.tally import NameTally
from graph_schema.model.time import Micros


class Happened(NamedTuple):
    at: Micros
    mid: str
    name: str
    properties: Mapping[str, Any] = {}


class View:
    """Implements `cdp.segments.evaluate.ProfileView`."""

    def __init__(
        self,
        events: Iterable[Happened] = (),
        traits: Mapping[str, Any] | None = None,
        namespaces: Mapping[str, int] | None = None,
        segments: Iterable[str] = (),
    ) -> None:
        self._events = sorted(events, key=lambda event: event[:2])
        self.traits = {k: v for k, v in (traits or {}).items() if v is not None}
        self.namespaces: Mapping[str, int] = Counter(namespaces or {})
        self.segments = set(segments)
        self.names: dict[str, NameTally] = {}
        for event in self._events:
            known = self.names.setdefault(event.name, NameTally(0, event.at, event.at))
            known.count += 1
            known.last_at = event.at

    def events(self, name: str) -> list[Happened]:
        return [event for event in self._events if event.name == name]


def judged(rule: Mapping[str, Any], view: View, now: Micros = 0) -> Verdict:
    return evaluate(parse(rule), view, now)


def holds(rule: Mapping[str, Any], view: View, now: Micros = 0) -> bool:
    return judged(rule, view, now).holds
