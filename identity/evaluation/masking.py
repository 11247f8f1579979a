"""Login masking: hide a share of the logins, and see what is still found.

It needs no truth but the logins themselves, so it works on real data. A hidden session keeps its events
and its device; what names a person is taken out of them. Sessions are then cut anew, the rest of the
evidence is resolved, and the profile that holds the session either is its user's, or somebody else's, or
nobody's that is known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from graph_schema.model.evidence import Decision
from graph_schema.model.identifier import Key, parse_key
from graph_schema.model.rules import IdentityRules, Role
from identity.decisions import Decisions
from identity.evaluation.measures import Measure
from identity.evaluation.methods import is_user, methods
from identity.evaluation.subjects import (
    AssignedSession,
    Evidence,
    Heard,
    Method,
    evidence_of,
    owners,
)
from identity.normalise import Names


class Found(msgspec.Struct, frozen=True):
    """Of the hidden sessions: given to their user, to another or several, to nobody known."""

    right: int
    wrong: int
    nobody: int

    @property
    def measure(self) -> Measure:
        """Precision: of those given to somebody. Recall: of all that were hidden."""
        given, hidden = self.right + self.wrong, self.right + self.wrong + self.nobody
        return Measure(self.right / given if given else 1.0, self.right / hidden if hidden else 1.0)


class Masked(msgspec.Struct, frozen=True):
    """`logins`: sessions with a login on a device; `hidden` of them were hidden, and on the device of
    `reachable` of those the same user is still seen at another time: all that a login can tell."""

    share: float
    seed: int
    logins: int
    hidden: int
    reachable: int
    found: dict[str, Found]


def mask(
    sessions: Sequence[AssignedSession],
    rules: IdentityRules,
    share: float,
    seed: int,
    decisions: Sequence[Decision] = (),
) -> Masked:
    """Hides that share of the logins (0 to 1) and tries the rule and the baselines on the rest. The
    same seed hides the same ones, whatever their order."""
    logins = [session for session in sessions if _has_login(session, rules)]
    hidden = {s.id: s for s in logins if _drawn(s.id, seed) < share}
    events = [
        _without_people(heard) if session.id in hidden else heard
        for session in sessions
        for heard in session.events
    ]
    evidence = evidence_of(events)
    one = Decisions(decisions).same_user
    users = {id_: one(s.user) for id_, s in hidden.items() if s.user is not None}
    owned = owners(events, rules.session_gap)
    seen = {pair for fact in evidence.facts for pair in ((fact.a, fact.b), (fact.b, fact.a))}
    people = {
        name: _found(method, evidence, {id_: owned[id_] for id_ in hidden}, users, decisions)
        for name, method in methods(rules, decisions).items()
    }
    reachable = sum((s.device, s.user) in seen for s in hidden.values())
    return Masked(share, seed, len(logins), len(hidden), reachable, people)


def _found(
    method: Method,
    evidence: Evidence,
    owned: Mapping[str, Key],
    users: Mapping[str, Key],
    decisions: Iterable[Decision],
) -> Found:
    """A profile is a user's where it holds no other user_id, those apart that a decision made one."""
    one = Decisions(decisions).same_user
    cluster = method(evidence)
    people: dict[str, set[Key]] = {}
    for key, name in cluster.items():
        if is_user(key):
            people.setdefault(name, set()).add(one(key))
    right = wrong = nobody = 0
    for session, owner in owned.items():
        holders = people.get(cluster[owner], set())
        right += holders == {users[session]}
        nobody += not holders
        wrong += bool(holders) and holders != {users[session]}
    return Found(right, wrong, nobody)


def _has_login(session: AssignedSession, rules: IdentityRules) -> bool:
    device = rules.namespace(parse_key(session.device)[0]).role is Role.DEVICE
    return device and session.user is not None and bool(session.events)


def _drawn(session: str, seed: int) -> float:
    """Uniform in [0, 1), from the session and the seed alone."""
    digest = hashlib.blake2b(f"{seed}:{session}".encode(), digest_size=7).digest()
    return int.from_bytes(digest) / 256**7


def _without_people(heard: Heard) -> Heard:
    """Only its devices are left: an external id that comes with a login would tell it too."""
    names = heard.names
    kept = tuple(name for name in names.all if name.namespace.role is Role.DEVICE)
    previous = names.previous if names.previous in {name.key for name in kept} else None
    return Heard(heard.message_id, heard.at, Names(kept, names.device, None, previous))
