"""What people decided: which of it is in force, and what it says about an identifier."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import product
from typing import TypeAlias

import msgspec

from graph_schema.model.evidence import Decision, DecisionKind
from graph_schema.model.identifier import Key, parse_key

USER = "user_id"
Pair: TypeAlias = tuple[Key, Key]

_CHANGE, _DECISION = "c_", "d_"


def decision_id(change: str, number: int = 0) -> str:
    """A change by hand is one decision or several; the first has the change's id but for the prefix."""
    stem = change.removeprefix(_CHANGE)
    return f"{_DECISION}{stem}.{number}" if number else f"{_DECISION}{stem}"


def change_id(decision: str) -> str:
    """The change of a decision: `decision_id` the other way round."""
    return f"{_CHANGE}{decision.removeprefix(_DECISION).partition('.')[0]}"


class Apart(msgspec.Struct, frozen=True):
    """A cannot_link in force: no cluster holds one of `left` and one of `right`, but for the pairs
    that a later confirmation names."""

    id: str
    left: frozenset[Key]
    right: frozenset[Key]
    besides: frozenset[Pair] = frozenset()

    def parts(self, on_left: Collection[Key], on_right: Collection[Key]) -> bool:
        """Whether it keeps apart some of its left and some of its right."""
        if not self.besides:
            return bool(on_left and on_right)
        return any(pair not in self.besides for pair in product(on_left, on_right))


class Decisions:
    """The decisions in force, of all that were recorded.

    A decision is out of force while another one in force undoes it. Of what was said about the same
    two identifiers the last word holds: a later confirmation lifts a cannot_link for the pairs that it
    names, and a later cannot_link refuses what was confirmed.
    """

    def __init__(self, recorded: Iterable[Decision] = ()) -> None:
        self.recorded = sorted(recorded, key=lambda d: (d.rec, d.at, d.id))
        self._undone = _undone(self.recorded)
        self._made: dict[str, list[Decision]] = {}
        self._taking_back: dict[str, Decision] = {}
        for decision in self.recorded:
            self._made.setdefault(change_id(decision.id), []).append(decision)
            taken = decision.undoes or decision.undoes_change
            if taken is not None and decision.id not in self._undone:
                self._taking_back[taken] = decision
        standing = _standing(self.recorded, self._undone)
        self.confirmed = [d for d in standing if d.kind is DecisionKind.CONFIRMED]
        self.apart = list(_apart(standing))
        self._naming: dict[Key, list[Decision]] = {}
        self._marks: dict[Key, list[tuple[Apart, bool]]] = {}
        for decision in self.confirmed:
            for key in dict.fromkeys((*decision.left, *decision.right)):
                self._naming.setdefault(key, []).append(decision)
        for apart in self.apart:
            for key in apart.left:
                self._marks.setdefault(key, []).append((apart, True))
            for key in apart.right:
                self._marks.setdefault(key, []).append((apart, False))
        self._one = self._united()

    def __bool__(self) -> bool:
        return bool(self.recorded)

    def and_also(self, decided: Iterable[Decision]) -> Decisions:
        return Decisions((*self.recorded, *decided))

    def made_by(self, change: str) -> list[Decision]:
        """The decisions of a change by hand; none where evidence made it."""
        return self._made.get(change, [])

    def in_force(self, decision: str) -> bool:
        """Whether no decision in force undoes it."""
        return decision not in self._undone

    def taken_back_by(self, change: str) -> str | None:
        """The change in force that takes this one back, whoever made it."""
        names = [change, *(decision.id for decision in self.made_by(change))]
        found = [d for name in names if (d := self._taking_back.get(name)) is not None]
        return change_id(found[-1].id) if found else None

    def naming(self, key: Key) -> list[Decision]:
        """The confirmations in force that name an identifier."""
        return self._naming.get(key, [])

    def marks(self, key: Key) -> list[tuple[Apart, bool]]:
        """The cannot_links that name an identifier; true: on their left."""
        return self._marks.get(key, [])

    def same_user(self, user: Key) -> Key:
        """User_ids joined by a decision count as one: the least of them stands for all."""
        return min(self._one.get(user, (user,)))

    def users_with(self, key: Key) -> frozenset[Key]:
        """All user_ids that count as one with this one."""
        return frozenset(self._one.get(key, (key,)))

    def claims(self, device: Key) -> list[tuple[Key, ...]]:
        """The other sides of the confirmations that name a single identifier, this one, on a side."""
        return [
            other
            for decision in self.naming(device)
            for side, other in _sides(decision)
            if side == (device,)
        ]

    def parts(self, one: Key, other: Key) -> bool:
        """Whether a cannot_link in force keeps these two apart."""
        facing = {(apart.id, left) for apart, left in self.marks(other)}
        return any(
            (apart.id, not left) in facing
            and ((one, other) if left else (other, one)) not in apart.besides
            for apart, left in self.marks(one)
        )

    def _united(self) -> dict[Key, set[Key]]:
        groups: dict[Key, set[Key]] = {}
        for decision in self.confirmed:
            users = [[k for k in side if parse_key(k)[0] == USER] for side, _ in _sides(decision)]
            for one, other in product(*users):
                if not self.parts(one, other):
                    joined = groups.get(one, {one}) | groups.get(other, {other})
                    groups.update(dict.fromkeys(joined, joined))
        return groups


def _sides(decision: Decision) -> tuple[tuple[tuple[Key, ...], tuple[Key, ...]], ...]:
    return (decision.left, decision.right), (decision.right, decision.left)


def _undone(recorded: list[Decision]) -> set[str]:
    undone: set[str] = set()
    for decision in reversed(recorded):
        if decision.undoes is not None and decision.id not in undone:
            undone.add(decision.undoes)
    return undone


def _standing(recorded: list[Decision], undone: set[str]) -> list[Decision]:
    """Without those undone, the undoing ones, and all but the last on the same two sets."""
    last = {
        frozenset((frozenset(d.left), frozenset(d.right))): d
        for d in recorded
        if d.undoes is None and d.id not in undone
    }
    kept = {d.id for d in last.values()}
    return [d for d in recorded if d.id in kept]


def _apart(standing: list[Decision]) -> Iterable[Apart]:
    place = {decision.id: index for index, decision in enumerate(standing)}
    confirming: dict[Key, set[str]] = {}
    by_id = {d.id: d for d in standing if d.kind is DecisionKind.CONFIRMED}
    for decision in by_id.values():
        for key in (*decision.left, *decision.right):
            confirming.setdefault(key, set()).add(decision.id)
    for decision in standing:
        if decision.kind is not DecisionKind.CANNOT_LINK:
            continue
        left, right = frozenset(decision.left), frozenset(decision.right)
        lifted: set[Pair] = set()
        for other in set().union(*(confirming.get(key, ()) for key in left)):
            if place[other] > place[decision.id]:
                for one, two in _sides(by_id[other]):
                    lifted.update(product(left.intersection(one), right.intersection(two)))
        if len(lifted) < len(left) * len(right):
            yield Apart(decision.id, left, right, frozenset(lifted))
