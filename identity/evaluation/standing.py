"""How a session came to its profile, and so why it can be wrong there."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

import msgspec

from graph_schema.model.identifier import Identifier, IdentifierStatus, Key, parse_key
from graph_schema.model.rules import IdentityRules, Role
from identity.evaluation.subjects import AssignedSession
from identity.region import Region

APART = frozenset({IdentifierStatus.SHARED, IdentifierStatus.BURNED})


class Standing(IntEnum):
    """The greater, the less is known of the session. `why` says what the rule goes by."""

    LOGIN = 0
    ONLY = 1
    MIXED = 2
    DOMINANT = 3
    REFUSED = 4
    UNKNOWN = 5
    SHARED = 6

    @property
    def why(self) -> str:
        return _WHY[self]


_WHY = {
    Standing.LOGIN: "it names its user: the evidence about identifiers is wrong",
    Standing.ONLY: "no login in it; one person alone ever logged in on the device",
    Standing.MIXED: "a login, but another person was there within half an hour of it",
    Standing.DOMINANT: "no login in it; of those who logged in on the device one dominates",
    Standing.REFUSED: "no login in it; a limit or a decision parts the device from its people",
    Standing.UNKNOWN: "no login in it; nobody ever logged in on the device",
    Standing.SHARED: "no login in it; several logged in on the device and none dominates",
}


class Sharing(IntEnum):
    """Who used a device, in truth."""

    NOTHING = 0
    OWN = 1
    HOUSEHOLD = 2
    PUBLIC = 3


class Place(msgspec.Struct, frozen=True, order=True):
    """A kind of session. The greater of two is the one that a wrong pair of them is laid to."""

    standing: Standing
    sharing: Sharing
    device: str


class Standings:
    """Tells how sessions stand. `region`: all evidence, resolved."""

    def __init__(
        self, region: Region, identifiers: Iterable[Identifier], rules: IdentityRules
    ) -> None:
        self._region = region
        self._rules = rules
        self._status: dict[Key, IdentifierStatus] = {}
        self._with_people: set[str] = set()
        for identifier in identifiers:
            self._status[identifier.key] = identifier.status
            if identifier.profile is not None and self._role(identifier.key) is Role.PERSON:
                self._with_people.add(identifier.profile)

    def attributed(self, session: AssignedSession) -> bool:
        """Whether the product says whose it is: not where it belongs to a shared device."""
        return self._status.get(session.owner) not in APART

    def on_device(self, session: AssignedSession) -> bool:
        """Whether it happened on a device: a server names users only."""
        return self._role(session.device) is Role.DEVICE

    def of(self, session: AssignedSession, *, mixed: bool) -> Standing:
        if self._role(session.owner) is Role.PERSON:
            return Standing.MIXED if mixed else Standing.LOGIN
        if not self.attributed(session):
            return Standing.SHARED
        people = self._people(session.device)
        if session.profile in self._with_people:
            return Standing.DOMINANT if people > 1 else Standing.ONLY
        return Standing.REFUSED if people else Standing.UNKNOWN

    def _people(self, device: Key) -> int:
        """How many people were seen on it; an e-mail counts for its user."""
        if device not in self._region.nodes:
            return 0
        people = self._region.people_of(device)
        return len({self._region.principal(person.key) for _, person in people})

    def _role(self, key: Key) -> Role:
        return self._rules.namespace(parse_key(key)[0]).role
