"""The unit of work of one batch: what was read, what it has become, and what is to be written."""

from __future__ import annotations

from collections.abc import Iterable

from cdp.pipeline.in_force import InForce
from graph_schema.model.identifier import Identifier, Key
from graph_schema.model.known import Assigned, Sighting
from graph_schema.model.profile import Profile
from graph_schema.model.session import Session
from graph_schema.model.time import Micros
from graph_schema.store import Batch, Delta, Neighbourhood

NOTHING_KNOWN = Neighbourhood({}, {}, {}, {}, {})


class Working:
    """`identifiers` and `profiles` are as they are now, in memory; `profile_before` is the profile of
    each identifier as the batch found it (None: the identifier is new). `rec` is that of the record in
    hand; the delta's is that of the last one."""

    def __init__(
        self,
        batch: Batch,
        in_force: InForce,
        rec: Micros,
        known: Neighbourhood = NOTHING_KNOWN,
        wanted: Iterable[Key] = (),
    ) -> None:
        self.batch = batch
        self.wanted = set(wanted)
        self.rec = rec
        self.rules = in_force.rules
        self.ids = in_force.ids
        self.normaliser = in_force.normaliser
        self.decisions = in_force.decisions
        self.identifiers: dict[Key, Identifier] = dict(known.identifiers)
        self.profile_before: dict[Key, str | None] = {
            key: identifier.profile for key, identifier in known.identifiers.items()
        }
        self.profiles: dict[str, Profile] = dict(known.profiles)
        self.sessions: dict[Key, list[Session]] = dict(known.sessions)
        self.digests = dict(known.digests)
        self.seen = dict(known.seen)
        self.delta = Delta(rec=rec)
        self.changed_identifiers: set[Key] = set()
        self.regrouped: set[Key] = set()
        """Identifiers whose profile changed, or whose profile gained or lost others."""
        self.stale: set[str] = set()
        """Profiles that must be folded anew from their sessions."""

    def profile_of(self, key: Key | None) -> str | None:
        """The id of the profile that holds an identifier now."""
        found = self.identifiers.get(key) if key is not None else None
        return found.profile if found is not None else None

    def put_identifier(self, identifier: Identifier) -> None:
        """Also notes from when on what is known of it is other than it was."""
        key = identifier.key
        known = self.identifiers.get(key)
        if known is None or (known.profile, known.status) != (
            identifier.profile,
            identifier.status,
        ):
            self.delta.assigned.append(
                Assigned(key, identifier.profile, identifier.status, self.rec)
            )
        if known is None or (known.first_at, known.last_at) != (
            identifier.first_at,
            identifier.last_at,
        ):
            self.delta.sightings.append(
                Sighting(key, identifier.first_at, identifier.last_at, self.rec)
            )
        self.profile_before.setdefault(key, None)
        self.identifiers[key] = identifier
        self.changed_identifiers.add(key)

    def learn(self, identifier: Identifier) -> None:
        """Takes in an identifier that was read later in the batch."""
        if identifier.key not in self.identifiers:
            self.identifiers[identifier.key] = identifier
            self.profile_before[identifier.key] = identifier.profile
