"""The invariants by name, and what was found of each."""

from __future__ import annotations

import msgspec

EXAMPLES = 3

_REBUILD = "`cdp rebuild` derives the graph anew from the log."
_REPLAY = "`cdp rebuild` derives all anew, and tries what failed again."


class Invariant(msgspec.Struct, frozen=True):
    """`says` is what must hold, `hint` what to do where it does not."""

    name: str
    says: str
    hint: str = _REBUILD


EVENTS = Invariant(
    "events",
    "Every event of the log is in the graph once and as the log has it, or among the dead letters; "
    "and no other is in the graph.",
)
DEAD_LETTERS = Invariant(
    "dead_letters",
    "Every record among the dead letters is in the log, and the reason is found again.",
    _REPLAY,
)
COMMANDS = Invariant(
    "commands", "Every command of the log has an outcome, or is among the dead letters.", _REPLAY
)
SESSIONS = Invariant("sessions", "The sessions are the split of each device's events.")
TALLIES = Invariant(
    "tallies", "What a session adds up to, and its device's facts, are what its events say."
)
INTERACTIONS = Invariant("interactions", "A session met the items that its events say.")
SEEN = Invariant("seen", "The facts of evidence are what the events say.")
IDENTIFIERS = Invariant(
    "identifiers", "The identifiers are those that the events name, with their times and states."
)
CLUSTERS = Invariant(
    "clusters", "Every identifier is in the profile that all the evidence puts it in."
)
EDGES = Invariant(
    "edges", "Every edge has the count, times, status and refusal that all the evidence gives it."
)
PROFILES = Invariant(
    "profiles", "There is one profile for each cluster, with its anchor and times, and no other."
)
COUNTERS = Invariant(
    "counters", "A profile's counters, traits, orders and consent are the fold of its sessions."
)
MEMBERSHIPS = Invariant(
    "memberships", "Who is in a segment is who its rule takes, evaluated afresh."
)
DEADLINES = Invariant(
    "deadlines", "No membership of a profile turns over before the profile's deadline."
)
REFERENCES = Invariant("references", "Nothing refers to what is not there.")
FEED = Invariant("feed", "The change feed has no gap.")

ALL = (
    EVENTS, DEAD_LETTERS, COMMANDS, SESSIONS, TALLIES, INTERACTIONS, SEEN, IDENTIFIERS, CLUSTERS,
    EDGES, PROFILES, COUNTERS, MEMBERSHIPS, DEADLINES, REFERENCES, FEED,
)  # fmt: skip


class Result(msgspec.Struct, frozen=True):
    """What was found of one invariant. `walked`: how many things were held against it."""

    name: str
    says: str
    walked: int
    broken: int
    examples: tuple[str, ...]
    hint: str


class Findings:
    """Counts what was walked and what is broken. Examples name things by ids that hold nothing of a
    person: message ids, and the derived ids of identifiers."""

    def __init__(self) -> None:
        self._walked = {invariant.name: 0 for invariant in ALL}
        self._broken = dict(self._walked)
        self._examples: dict[str, list[str]] = {invariant.name: [] for invariant in ALL}

    def walked(self, invariant: Invariant, count: int = 1) -> None:
        self._walked[invariant.name] += count

    def broken(self, invariant: Invariant, example: str) -> None:
        self._broken[invariant.name] += 1
        if len(self._examples[invariant.name]) < EXAMPLES:
            self._examples[invariant.name].append(example)

    def results(self) -> list[Result]:
        """One for each invariant, in the order in which they are listed."""
        return [
            Result(
                one.name,
                one.says,
                self._walked[one.name],
                self._broken[one.name],
                tuple(self._examples[one.name]),
                one.hint,
            )
            for one in ALL
        ]


class Report(msgspec.Struct, frozen=True):
    """`letters`: dead letters of the collector, which never came into the log; `buried`: records of
    the log that could not be applied; `erased`: records whose body is gone."""

    results: list[Result]
    records: int
    letters: int
    buried: int
    erased: int

    @property
    def clean(self) -> bool:
        return not any(result.broken for result in self.results)
