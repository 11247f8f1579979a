"""Sessions do not depend on the order in which events arrive."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from graph_schema.model.session import DeviceFacts, Session
from graph_schema.model.tally import Tally
from graph_schema.model.time import Micros
from identity.sessions import BEGINS, Sighting, Span, Step, advance, around, insert, split, widened

GAP = 30
"""Of an abstract unit of time, so that Hypothesis meets gaps, ties and chains of visits often."""

sightings = st.lists(
    st.builds(
        Sighting,
        at=st.integers(0, 300),
        mid=st.text("abcdef", min_size=1, max_size=4),
        user=st.sampled_from([None, None, "u1", "u2", "u3"]),
    ),
    max_size=40,
    unique_by=lambda sighting: sighting.mid,
)


class Device:
    """What a worker keeps of one device: sessions, and the events that each one holds."""

    def __init__(self) -> None:
        self.held: dict[str, tuple[Session, list[Sighting]]] = {}
        self.loaded = 0

    def take(self, sighting: Sighting) -> None:
        sessions = [session for session, _ in self.held.values()]
        last = max(sessions, key=lambda s: (s.ended_at, s.last_mid), default=None)
        step = advance(last, sighting, GAP)
        if step is Step.LATE:
            self._insert(sighting)
        elif last is None or step in BEGINS:
            self._put(sighting.user, [sighting])
        else:
            user = sighting.user if step is Step.APPEND_AND_NAME_USER else last.user
            self._put(user, [*self.held.pop(last.id)[1], sighting])

    def spans(self) -> list[Span]:
        ordered = sorted(self.held.values(), key=lambda pair: pair[1][0])
        return [Span(session.id, len(events), session.user) for session, events in ordered]

    def _insert(self, late: Sighting) -> None:
        """Into the session inside which it lies, as far as that goes."""
        for session, events in self.held.values():
            step = insert(session, late)
            if step is not Step.LATE:
                user = late.user if step is Step.APPEND_AND_NAME_USER else session.user
                self._put(user, sorted([*events, late]))
                return
        self._split_again(late)

    def _split_again(self, late: Sighting) -> None:
        reach = around(late.at, late.at, GAP)
        while (wider := widened(reach, found := self._overlapping(*reach), GAP)) != reach:
            reach = wider
        events = [late]
        for session in found:
            events += self.held.pop(session.id)[1]
        self.loaded += len(events)
        events.sort()
        for span in split(events, GAP):
            self._put(span.user, events[: span.count])
            events = events[span.count :]

    def _overlapping(self, since: Micros, until: Micros) -> list[Session]:
        sessions = [session for session, _ in self.held.values()]
        return [s for s in sessions if s.ended_at >= since and s.started_at <= until]

    def _put(self, user: str | None, events: list[Sighting]) -> None:
        first, last = events[0], events[-1]
        session = Session(
            first.mid, "a1", user, None, first.at, last.at, last.mid, DeviceFacts(), Tally()
        )
        self.held[first.mid] = (session, events)


def as_written(events: list[Sighting]) -> list[Span]:
    """identity.md word for word: visits first, then each visit's logins."""
    visits: list[list[Sighting]] = []
    for event in sorted(events):
        if not visits or event.at - visits[-1][-1].at > GAP:
            visits.append([])
        visits[-1].append(event)
    spans = []
    for visit in visits:
        named, sessions = None, [[visit[0]]]
        for position, event in enumerate(visit):
            if event.user and named and event.user != named:
                sessions.append([])
            if position:
                sessions[-1].append(event)
            named = event.user or named
        for session in sessions:
            user = next((event.user for event in session if event.user), None)
            spans.append(Span(session[0].mid, len(session), user))
    return spans


@given(sightings)
@settings(max_examples=500, deadline=None)
def test_split_is_the_rule_as_it_is_written(events: list[Sighting]) -> None:
    assert split(sorted(events), GAP) == as_written(events)


@given(sightings)
@settings(max_examples=500, deadline=None)
def test_one_at_a_time_in_any_order_equals_all_at_once(events: list[Sighting]) -> None:
    device = Device()
    for event in events:
        device.take(event)
    assert device.spans() == split(sorted(events), GAP)


@given(sightings)
def test_in_order_nothing_is_read_again(events: list[Sighting]) -> None:
    device = Device()
    for event in sorted(events):
        device.take(event)
    assert device.loaded == 0
    assert device.spans() == split(sorted(events), GAP)
