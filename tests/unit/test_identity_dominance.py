"""Whose device it is: the fold over (half-hour, principal) pairs, with its band."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from graph_schema.model.rules import IdentityRules
from identity.dominance import FREE, SHARED, Pair, Verdict, verdict

RULES = IdentityRules()


def logins(people: str) -> list[Pair]:
    """One letter for each half-hour, in order of time."""
    return [(hour, f"m{hour}", hour, person) for hour, person in enumerate(people)]


def of(people: str) -> Verdict:
    return verdict(logins(people), RULES)


def test_nobody_was_seen() -> None:
    assert of("") == FREE


def test_one_person_is_dominant() -> None:
    assert of("a") == Verdict("a")


def test_scenario_4_two_in_as_many_half_hours_share_it() -> None:
    assert of("ab") == of("abab") == of("aabb") == SHARED


def test_scenario_5_nine_against_one() -> None:
    assert of("aaaaaaaaab") == Verdict("a")
    assert of("baaaaaaaaa") == Verdict("a")


def test_dominant_from_a_share_of_seven_tenths() -> None:
    assert of("bbabaaaaa") == SHARED  # 6 of 9
    assert of("bbabaaaaaa") == Verdict("a")  # 7 of 10


def test_dominance_lasts_until_a_share_of_one_half() -> None:
    assert of("aaabb") == Verdict("a")  # 3 of 5
    assert of("aaabbb") == SHARED  # 3 of 6
    assert of("aaabbba") == SHARED  # 4 of 7: back above one half, but not at .7


def test_dominance_can_pass_to_another() -> None:
    assert of("a" + "b" * 3) == Verdict("b")  # 3 of 4


def test_a_hundred_sightings_in_one_half_hour_count_once() -> None:
    page_views = [(5, f"v{i}", 0, "b") for i in range(100)]
    assert verdict([*logins("aaa"), *page_views], RULES) == Verdict("a")


def test_a_pair_stands_where_it_was_first_seen() -> None:
    early = [(0, "m", 0, "a"), (1, "n", 0, "b"), (9, "x", 0, "a")]
    assert verdict(early, RULES) == SHARED


def test_ties_in_time_go_by_message_id() -> None:
    rules = IdentityRules(dominant_until=0.0)
    tied = [(5, "m2", 0, "b"), (5, "m1", 0, "a")]
    assert verdict(tied, rules) == verdict(tied[::-1], rules) == Verdict("a")


def test_the_band_is_configuration() -> None:
    rules = IdentityRules(dominant_from=0.9, dominant_until=0.8)
    assert verdict(logins("aaaab"), rules) == SHARED
    assert verdict(logins("aaaaab"), rules) == Verdict("a")


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from("abc")), max_size=25), st.randoms())
def test_arrival_does_not_matter(seen: list[tuple[int, str]], rng: object) -> None:
    pairs = [(hour * 10 + i % 10, f"m{i}", hour, p) for i, (hour, p) in enumerate(seen)]
    shuffled = [*pairs, *pairs[:3]]
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert verdict(shuffled, RULES) == verdict(pairs, RULES)


@given(st.text("abc", max_size=40))
def test_who_is_dominant_has_more_than_the_lower_bound(people: str) -> None:
    found = of(people)
    if found.principal is not None:
        assert people.count(found.principal) > RULES.dominant_until * len(people)
    for person in set(people):
        if people.count(person) >= RULES.dominant_from * len(people):
            assert found.principal == person
