"""The baselines, the cutting of sessions and the hiding of logins, against naive ways."""

from __future__ import annotations

from evaluations import RULES, Call, heard, resolved
from hypothesis import given
from hypothesis import strategies as st

from identity.evaluation.masking import mask
from identity.evaluation.methods import (
    COMPONENTS,
    FIRST_LOGIN,
    RULE,
    by_rule,
    connected_components,
    first_login_wins,
    is_user,
)
from identity.evaluation.rehearse import under
from identity.evaluation.subjects import evidence_of, owners
from identity.evidence import star

CALLS = st.lists(
    st.builds(
        Call,
        person=st.just("p"),
        minute=st.integers(0, 40).map(lambda n: n * 7.0),
        device=st.sampled_from(["d1", "d2", "d3", "d4", "d5"]),
        user=st.none() | st.sampled_from(["u1", "u2", "u3"]),
        email=st.none() | st.none() | st.sampled_from(["e1@x.example", "e2@x.example"]),
    ),
    min_size=1,
    max_size=24,
)


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")), max_size=12))
def test_components_are_what_links_reach(pairs: list[tuple[str, str]]) -> None:
    found = connected_components(pairs)
    assert set(found) == {thing for pair in pairs for thing in pair}
    for start in found:
        reached, border = {start}, [start]
        while border:
            here = border.pop()
            near = {b for a, b in pairs if a == here} | {a for a, b in pairs if b == here}
            border.extend(near - reached)
            reached |= near
        assert {thing for thing in found if found[thing] == found[start]} == reached


@given(CALLS)
def test_the_first_login_wins_for_ever(calls: list[Call]) -> None:
    evidence = evidence_of(heard(calls))
    found = first_login_wins(evidence, RULES)
    rank = {sight.key: sight.namespace.rank for sight in evidence.sighted}
    assert set(found) == set(rank)
    for key in found:
        met = sorted(
            (not is_user(other), fact.at, fact.mid, other)
            for fact in evidence.facts
            for mine, other in ((fact.a, fact.b), (fact.b, fact.a))
            if mine == key and rank[other] < rank[key]
        )
        owner = met[0][3] if met else key
        assert found[key] == found[owner]
        assert (found[key] == key) == (not met)


@given(CALLS)
def test_two_users_are_never_one_but_for_components(calls: list[Call]) -> None:
    evidence = evidence_of(heard(calls))
    for cluster in (first_login_wins(evidence, RULES), by_rule(evidence, RULES)):
        users = [name for key, name in cluster.items() if is_user(key)]
        assert len(users) == len(set(users))


@given(CALLS, st.randoms(use_true_random=False))
def test_evidence_does_not_depend_on_order_or_duplicates(calls: list[Call], rng: object) -> None:
    events = heard(calls)
    again = events + events[::2]
    rng.shuffle(again)  # type: ignore[attr-defined]
    one, other = evidence_of(events), evidence_of(again)
    assert set(one.facts) == set(other.facts)
    assert set(one.sighted) == set(other.sighted)


@given(CALLS)
def test_evidence_is_the_earliest_sighting_in_each_half_hour(calls: list[Call]) -> None:
    events = heard(calls)
    moments: dict[tuple[object, ...], tuple[int, str]] = {}
    for item in events:
        for fact in star(item, item.names):
            place = (fact.a, fact.b, fact.kind, fact.half_hour)
            moment = (fact.at, fact.mid)
            moments[place] = min(moments.get(place, moment), moment)
    evidence = evidence_of(events)
    assert len(evidence.facts) == len(moments)
    assert moments == {(f.a, f.b, f.kind, f.half_hour): (f.at, f.mid) for f in evidence.facts}
    first = {s.key: min(h.at for h in events if s.key in {n.key for n in h.names.all})
             for s in evidence.sighted}  # fmt: skip
    assert first == {s.key: s.at for s in evidence.sighted}


@given(CALLS)
def test_sessions_cut_anew_are_those_that_were_there(calls: list[Call]) -> None:
    events = heard(calls)
    found = owners(events)
    graph = resolved(events)
    assert found == {h.message_id: s.owner for s in graph.sessions for h in s.events}
    assert set(found) == {h.message_id for h in events}


@given(CALLS)
def test_the_same_rules_give_the_same_graph(calls: list[Call]) -> None:
    graph = resolved(heard(calls))
    assert under(graph, RULES) == graph


@given(CALLS, st.sampled_from([0.3, 0.7, 1.0]), st.integers(0, 5))
def test_hidden_logins_are_told_by_nothing(calls: list[Call], share: float, seed: int) -> None:
    """Every hidden session is right, wrong or nobody's; components find whatever can be reached."""
    graph = resolved(heard(calls))
    found = mask(graph.sessions, RULES, share, seed)
    assert found.logins == sum(session.user is not None for session in graph.sessions)
    assert found == mask(graph.sessions[::-1], RULES, share, seed)
    assert set(found.found) == {RULE, COMPONENTS, FIRST_LOGIN}
    for of in found.found.values():
        assert of.right + of.wrong + of.nobody == found.hidden
    reached = found.found[COMPONENTS]
    assert reached.right + reached.wrong >= found.reachable
    if share == 1.0:
        assert found.hidden == found.logins
        assert found.reachable == 0
        for of in found.found.values():
            assert (of.right, of.wrong) == (0, 0)


@given(CALLS, st.integers(0, 5))
def test_more_is_hidden_where_the_share_is_larger(calls: list[Call], seed: int) -> None:
    sessions = resolved(heard(calls)).sessions
    hidden = [mask(sessions, RULES, share, seed).hidden for share in (0.2, 0.5, 1.0)]
    assert hidden == sorted(hidden)


@given(CALLS)
def test_devices_of_one_user_alone_are_found_by_all(calls: list[Call]) -> None:
    """Where every device sees one user alone, and no e-mail, all methods agree with the rule."""
    own = [
        Call(call.person, call.minute, call.device, call.user and f"u-of-{call.device}")
        for call in calls
    ]
    found = mask(resolved(heard(own)).sessions, RULES, 0.5, 1)
    assert len(set(found.found.values())) <= 1
    assert all(of.wrong == 0 and of.right == found.reachable for of in found.found.values())
