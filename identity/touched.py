"""What new facts and decisions touch: whose principal they can change, and so which devices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graph_schema.model.evidence import Decision
from graph_schema.model.identifier import Key
from identity.decisions import Decisions
from identity.region import Region


class Touched:
    """`keys` is what must be whole in the region first, then what `widen` answers; `resolved`: whose
    clusters are to be resolved in any case. Made before the facts are taken in: it remembers for whom
    everybody counted."""

    def __init__(
        self,
        region: Region,
        facts: set[Key],
        decisions: Decisions,
        decided: Sequence[Decision],
    ) -> None:
        self._region = region
        self.resolved = _named(_with_undone(decisions, decided))
        self._after = decisions
        self._users = {
            user
            for key in self.resolved
            for book in (region.decisions, decisions)
            for user in book.users_with(key)
        }
        beside = {
            key
            for known in (facts if decisions.confirmed else ())
            for key in _named(decisions.naming(known))
        }
        self.keys = facts | self.resolved | self._users | beside
        self._deciding = self.resolved | beside
        self._principals: dict[Key, Key] = {}

    def widen(self) -> set[Key]:
        """The e-mails and phones that count for a user whom a decision touches."""
        wider = {
            end.key
            for user in self._users
            for _, end in self._region.ends(user)
            if end.person and not end.user
        }
        self.keys |= wider
        self._persons = {
            key
            for key in self.keys
            if (node := self._region.nodes.get(key)) is not None and node.person
        }
        wider |= {key for person in self._persons for key in _named(self._after.naming(person))} | {
            key for person in self._persons for key in _named(self._region.decisions.naming(person))
        }
        return wider

    def remember(self) -> None:
        """For whom each person counts, before anything changes."""
        self._principals = {key: self._region.principal(key) for key in self._persons}

    def forget(self) -> None:
        """Takes everybody to have counted for somebody else."""
        self._principals = dict.fromkeys(self._persons, "")

    def devices(self, facts: Iterable[Key], burned: Iterable[Key]) -> set[Key]:
        """The devices to be judged anew: those with new evidence, those seen with a person who counts
        for another one now or who burned, and those that a touched decision names."""
        region = self._region
        moved = {
            key for key, principal in self._principals.items() if region.principal(key) != principal
        }
        moved.update(key for key in burned if region.nodes[key].person)
        found = {*facts, *self._deciding}
        for person in moved:
            found |= {end.key for _, end in region.ends(person)}
            found |= _named(region.decisions.naming(person))
        return {key for key in found if key in region.nodes and region.nodes[key].device}


def _named(decisions: Iterable[Decision]) -> set[Key]:
    return {key for decision in decisions for key in (*decision.left, *decision.right)}


def _with_undone(decisions: Decisions, decided: Sequence[Decision]) -> list[Decision]:
    """New decisions, and those that they undo or bring back."""
    by_id = {decision.id: decision for decision in decisions.recorded}
    found = []
    for decision in decided:
        known: Decision | None = decision
        while known is not None:
            found.append(known)
            known = by_id.get(known.undoes) if known.undoes is not None else None
    return found
