"""A resolved graph against the truth: every measure over sessions, events and identifiers, beside the
baselines, and which pairs of sessions are wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from graph_schema.model.identifier import Key
from graph_schema.model.rules import IdentityRules
from identity.evaluation.assessment import (
    ALL,
    CEILING,
    EVENTS,
    GRAPH,
    IDENTIFIERS,
    OWN,
    OWN_SAW_LOGIN,
    SAW_LOGIN,
    SESSIONS,
    UNATTRIBUTED,
    Assessment,
    Row,
    Truth,
)
from identity.evaluation.measures import scores, scores_by
from identity.evaluation.methods import baselines
from identity.evaluation.standing import Place, Sharing, Standings
from identity.evaluation.subjects import AssignedSession, ResolvedGraph, evidence_of
from identity.evaluation.wrong_pairs import by_greater, false_pairs, missed_pairs
from identity.whole import resolve_all

Answers = Mapping[str, Mapping[str, str]]
"""Of each method: element to its cluster."""


def assess(graph: ResolvedGraph, truth: Truth, rules: IdentityRules) -> Assessment:
    """Everything at once. Elements of which the truth knows nothing are left out."""
    return _Assessing(graph, truth, rules).all()


class _Assessing:
    def __init__(self, graph: ResolvedGraph, truth: Truth, rules: IdentityRules) -> None:
        self._graph = graph
        self._truth = truth
        self._rules = rules
        evidence = evidence_of(graph.events())
        region = resolve_all(evidence.facts, evidence.sighted, rules)
        self._standings = Standings(region, graph.identifiers.values(), rules)
        self._baselines = {name: find(evidence) for name, find in baselines(rules).items()}
        self._people: dict[str, Counter[str]] = {}
        self._used: dict[Key, set[str]] = {}
        for session in graph.sessions:
            self._tell(session)
        self._sessions = [s for s in graph.sessions if s.id in self._people]
        self._person = {id_: _most(told) for id_, told in self._people.items()}

    def _tell(self, session: AssignedSession) -> None:
        known = (self._truth.people.get(heard.message_id) for heard in session.events)
        told = Counter(person for person in known if person is not None)
        if told:
            self._people[session.id] = told
            if self._standings.on_device(session):
                self._used.setdefault(session.device, set()).update(told)

    def all(self) -> Assessment:
        answers = self._answers()
        places = {session.id: self._place(session) for session in self._sessions}
        devices = {id_: place.device for id_, place in places.items()}
        strict, loose = (
            scores_by(answers[method], self._person, devices) for method in (GRAPH, UNATTRIBUTED)
        )
        return Assessment(
            sessions=len(self._sessions),
            absent=len(self._truth.people) - sum(t.total() for t in self._people.values()),
            mixed=sum(len(told) > 1 for told in self._people.values()),
            rows=(
                *self._rows(SESSIONS, answers, self._person, lambda session: [session.id]),
                *self._event_rows(answers),
                *self._identifier_rows(),
            ),
            devices={kind: (strict[kind], loose[kind]) for kind in sorted(strict)},
            false=by_greater(false_pairs(answers[GRAPH], self._person, places)),
            missed=by_greater(missed_pairs(answers[GRAPH], self._person, places)),
        )

    # ── whose session it is, by each method ────────────────────────────────────────────────────

    def _answers(self) -> dict[str, dict[str, str]]:
        attributed = self._standings.attributed
        found = {
            GRAPH: {s.id: s.profile for s in self._sessions},
            UNATTRIBUTED: {s.id: s.profile if attributed(s) else s.id for s in self._sessions},
        }
        for name, cluster in self._baselines.items():
            found[name] = {s.id: cluster.get(s.owner, s.owner) for s in self._sessions}
        return found | {CEILING: self._ceiling()}

    def _ceiling(self) -> dict[str, str]:
        """Whose each session is for one who was told who made most of the visits without login on each
        device. A device that never saw a login stays by itself."""
        alone: dict[Key, Counter[str]] = {}
        for session in self._sessions:
            if session.user is None:
                alone.setdefault(session.device, Counter())[self._person[session.id]] += 1
        main = {
            device: person
            for device, told in alone.items()
            if 2 * told[person := _most(told)] > told.total()
        }
        known = self._saw_login()

        def whose(session: AssignedSession) -> str:
            if session.user is not None:
                return self._person[session.id]
            if session.device in known:
                return main.get(session.device, session.id)
            return session.device

        return {session.id: whose(session) for session in self._sessions}

    # ── kinds of sessions ──────────────────────────────────────────────────────────────────────

    def _saw_login(self) -> set[Key]:
        return {session.device for session in self._sessions if session.user is not None}

    def _sharing(self, session: AssignedSession) -> Sharing:
        if not self._standings.on_device(session):
            return Sharing.NOTHING
        people = self._used[session.device]
        if len(people) == 1:
            return Sharing.OWN
        houses = {self._truth.households.get(person, person) for person in people}
        return Sharing.HOUSEHOLD if len(houses) == 1 else Sharing.PUBLIC

    def _place(self, session: AssignedSession) -> Place:
        sharing = self._sharing(session)
        mixed = len(self._people[session.id]) > 1
        standing = self._standings.of(session, mixed=mixed)
        return Place(standing, sharing, _device(sharing, session.kind))

    def _scopes(self) -> dict[str, Callable[[AssignedSession], bool]]:
        known = self._saw_login()
        sharing = {s.device: self._sharing(s) for s in self._sessions}

        def own(session: AssignedSession) -> bool:
            return sharing[session.device] <= Sharing.OWN

        return {
            ALL: lambda session: True,
            SAW_LOGIN: lambda session: session.device in known,
            OWN: own,
            OWN_SAW_LOGIN: lambda session: own(session) and session.device in known,
        }

    # ── rows ───────────────────────────────────────────────────────────────────────────────────

    def _rows(
        self,
        level: str,
        answers: Answers,
        true: Mapping[str, str],
        elements: Callable[[AssignedSession], Iterable[str]],
    ) -> list[Row]:
        found: list[Row] = []
        for scope, holds in self._scopes().items():
            chosen = [e for s in self._sessions if holds(s) for e in elements(s)]
            found += _rows(level, scope, answers, true, chosen)
        return found

    def _event_rows(self, answers: Answers) -> list[Row]:
        told = self._truth.people

        def elements(session: AssignedSession) -> list[str]:
            return [h.message_id for h in session.events if h.message_id in told]

        of_events = {
            method: {e: cluster[s.id] for s in self._sessions for e in elements(s)}
            for method, cluster in answers.items()
        }
        return self._rows(EVENTS, of_events, told, elements)

    def _identifier_rows(self) -> list[Row]:
        """An identifier that several people used is nobody's in truth: right by itself."""
        keys = [
            key
            for key, identifier in self._graph.identifiers.items()
            if identifier.profile is not None and key in self._truth.identifiers
        ]
        users = {key: self._truth.identifiers[key] for key in keys}
        own = [key for key in keys if len(users[key]) == 1]
        true = {key: next(iter(used)) if len(used) == 1 else key for key, used in users.items()}
        answers = {GRAPH: {key: self._graph.identifiers[key].profile or key for key in keys}}
        for name, cluster in self._baselines.items():
            answers[name] = {key: cluster.get(key, key) for key in keys}
        return [
            *_rows(IDENTIFIERS, ALL, answers, true, keys),
            *_rows(IDENTIFIERS, OWN, answers, true, own),
        ]


def _rows(
    level: str,
    scope: str,
    answers: Answers,
    true: Mapping[str, str],
    elements: Sequence[str],
) -> list[Row]:
    return [
        Row(level, scope, method, scores({e: cluster[e] for e in elements}, true))
        for method, cluster in answers.items()
    ]


def _device(sharing: Sharing, kind: str) -> str:
    match sharing:
        case Sharing.NOTHING:
            return kind
        case Sharing.PUBLIC:
            return f"public {kind}"
        case Sharing.HOUSEHOLD:
            return f"household {kind}"
        case _:
            return f"own {kind}"


def _most(counts: Counter[str]) -> str:
    """The most frequent one; of equals the least, so that it does not depend on the order."""
    return min(counts, key=lambda name: (-counts[name], name))
