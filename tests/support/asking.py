"""What a person's profile is asked in tests of clients, and waiting until it is there."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from serving import Server

PATIENCE_S = 30.0
QUERY = """query($user: String!) { profile(identifier: {namespace: "user_id", value: $user}) {
  traits
  counters { events orders revenue { amount currency } }
  identifiers(first: 20) { edges { node { namespace value } } }
  sessions(first: 20) { edges { node { eventCount device { kind userAgentFamily os locale } } } }
  events(first: 50) { edges { node {
    messageId type name at receivedAt properties context items { item { id } quantity }
  } } }
} }"""


class Person:
    """A profile as GraphQL tells it; `events` from the first to the last."""

    def __init__(self, profile: dict[str, Any]) -> None:
        self.traits = profile["traits"]
        self.counters = profile["counters"]
        self.identifiers = {
            (node["namespace"], node["value"]) for node in _nodes(profile["identifiers"])
        }
        self.sessions = _nodes(profile["sessions"])
        self.events = _nodes(profile["events"])[::-1]

    def all(self, field: str) -> list[Any]:
        """One field of all events, from the first to the last."""
        return [event[field] for event in self.events]


def person(server: Server, user: str, events: int) -> Person:
    """The user's profile once it has so many events. Raises AssertionError where it never has."""
    until = time.monotonic() + PATIENCE_S
    found = None
    while time.monotonic() < until:
        found = server.ask(QUERY, user=user)["profile"]
        if found is not None and found["counters"]["events"] >= events:
            return Person(found)
        time.sleep(0.05)
    raise AssertionError(f"{user} did not get {events} events: {found}")


def seconds(text: str) -> float:
    """A time in ISO 8601 as seconds since 1970."""
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()


def _nodes(connection: dict[str, Any]) -> list[dict[str, Any]]:
    return [edge["node"] for edge in connection["edges"]]
