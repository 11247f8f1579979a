"""Each sentence of the rule (identity.md), and its scenarios at the level of identity.

Every case is told to the local resolver fact by fact, and must also be what resolving everything says.
"""

from __future__ import annotations

import pytest

from graph_schema.model.evidence import Decision, DecisionKind, EvidenceKind, Seen
from graph_schema.model.identifier import Key, parse_key
from graph_schema.model.rules import DEFAULT_NAMESPACES, IdentityRules, Namespace
from graph_schema.model.time import HALF_HOUR
from identity.book import EvidenceBook
from identity.local import Sighted
from identity.whole import resolve_all

SHORT = {"u": "user_id", "e": "email", "p": "phone", "d": "device_id", "a": "anonymous_id"}


def key(short: str) -> Key:
    return f"{SHORT.get(short[0], 'crm')}:{short}"


class Story:
    """Identifiers are written short: u1, e1, p1, d1, a1, and x1 for an external one. Each telling is
    a half-hour later than the one before."""

    def __init__(self, rules: IdentityRules | None = None) -> None:
        self.rules = rules or IdentityRules()
        self.book = EvidenceBook(self.rules)
        self.sighted: list[Sighted] = []
        self.told = 0

    def seen(
        self,
        text: str,
        times: int = 1,
        kind: EvidenceKind = EvidenceKind.LOGIN,
        at: int | None = None,
    ) -> Story:
        for _ in range(times):
            self.told += 1
            moment = self.told * HALF_HOUR if at is None else at
            keys = [key(short) for short in text.split("+")]
            facts = [
                Seen(
                    min(keys[0], other), max(keys[0], other), kind, moment // HALF_HOUR, moment,
                    f"m{self.told}",
                )
                for other in keys[1:]
            ]  # fmt: skip
            sights = [Sighted(k, self.rules.namespace(parse_key(k)[0]), moment) for k in keys]
            self.sighted += sights
            self.book.take(facts, sights)
        return self

    def decide(self, kind: str, left: str, right: str, id_: str = "") -> Story:
        sides = (tuple(key(s) for s in side.split("+")) for side in (left, right))
        return self._decide(Decision(
            id_ or f"d{self.told}", DecisionKind(kind), *sides, "ann", self.told, rec=self.told,
        ))  # fmt: skip

    def confirm(self, left: str, right: str, id_: str = "") -> Story:
        return self.decide("confirmed", left, right, id_)

    def part(self, left: str, right: str, id_: str = "") -> Story:
        return self.decide("cannot_link", left, right, id_)

    def undo(self, id_: str, by: str = "undo") -> Story:
        return self._decide(Decision(
            by, DecisionKind.CONFIRMED, (), (), "ann", self.told, undoes=id_, rec=self.told,
        ))  # fmt: skip

    def _decide(self, decision: Decision) -> Story:
        self.told += 1
        self.book.take([], [], [decision])
        return self

    def profiles(self) -> set[str]:
        """Each cluster as its members in order; what resolving everything says must be the same."""
        whole = resolve_all(self.book.facts(), self.sighted, self.rules, self.book.decisions)
        assert self.book.clusters == whole.clusters
        assert self.book.edges == whole.edges
        return {
            " ".join(sorted(parse_key(k)[2] for k in members))
            for members in self.book.clusters.values()
        }

    def status(self, short: str) -> str:
        return self.book.identifiers[key(short)].status.value

    def edge(self, one: str, other: str, kind: str = "login") -> str:
        a, b = sorted((key(one), key(other)))
        edge = self.book.edges[a, b, EvidenceKind(kind)]
        return edge.refused_by.value if edge.refused_by is not None else edge.status.value


def limited(**limits: int) -> IdentityRules:
    return IdentityRules(
        namespaces=tuple(
            Namespace(n.name, n.rank, n.role, limits.get(n.name, n.limit))
            for n in DEFAULT_NAMESPACES
        )
    )


# ── joining ────────────────────────────────────────────────────────────────────────────────────


def test_scenario_2_cross_device() -> None:
    story = Story().seen("u1+a1").seen("a2").seen("u1+a2")
    assert story.profiles() == {"a1 a2 u1"}


def test_scenario_3_an_email_stays_with_its_first_user() -> None:
    story = Story().seen("u1+e1").seen("u2+e1")
    assert story.profiles() == {"e1 u1", "u2"}
    assert story.edge("u2", "e1") == "limit"


def test_scenario_3_told_the_other_way_round() -> None:
    story = Story().seen("u2+e1", at=9 * HALF_HOUR).seen("u1+e1", at=HALF_HOUR)
    assert story.profiles() == {"e1 u1", "u2"}


def test_scenario_4_a_device_of_two_users_is_shared() -> None:
    story = Story().seen("u1+a1").seen("u2+a1")
    assert story.profiles() == {"a1", "u1", "u2"}
    assert (story.status("a1"), story.edge("u1", "a1")) == ("shared", "shared")


def test_scenario_5_a_device_of_one_user_with_a_guest() -> None:
    story = Story().seen("u1+a1", times=9).seen("u2+a1")
    assert story.profiles() == {"a1 u1", "u2"}
    assert (story.status("a1"), story.edge("u2", "a1")) == ("active", "dominance")


def test_scenario_9_an_alias_joins() -> None:
    story = Story().seen("u1+a9", kind=EvidenceKind.ALIAS)
    assert story.profiles() == {"a9 u1"}


def test_scenario_19_the_newsletter_kiosk() -> None:
    story = Story()
    for number in range(1, 6):
        story.seen(f"e{number}+a1")
    assert story.status("a1") == "shared"
    assert story.profiles() == {"a1", "e1", "e2", "e3", "e4", "e5"}


def test_a_shared_device_joins_no_other_device_either() -> None:
    story = Story().seen("u1+a1").seen("d1+a1").seen("u2+a1")
    assert story.edge("d1", "a1") == "shared"
    assert story.profiles() == {"a1", "d1", "u1", "u2"}


def test_an_email_counts_for_the_user_of_its_strongest_edge() -> None:
    story = Story().seen("u1+a1").seen("e1+a1")
    assert story.status("a1") == "shared"
    story.seen("u1+e1")
    assert story.status("a1") == "active"
    assert story.profiles() == {"a1 e1 u1"}


def test_that_strongest_edge_is_the_earliest_of_a_kind() -> None:
    story = Story().seen("u1+a1").seen("e1+a1").seen("u2+e1").seen("u1+e1")
    assert story.status("a1") == "shared"  # e1 is u2's, though u1 used it too
    story.seen("u1+e1", at=1)
    assert story.status("a1") == "active"


# ── burned ─────────────────────────────────────────────────────────────────────────────────────


def test_an_email_seen_with_more_than_twenty_users_is_burned() -> None:
    story = Story()
    for number in range(20):
        story.seen(f"u{number}+e1")
    assert (story.status("e1"), story.edge("u0", "e1")) == ("active", "joined")
    story.seen("u20+e1")
    assert (story.status("e1"), story.edge("u0", "e1")) == ("burned", "burned")
    assert len(story.profiles()) == 22


def test_a_device_seen_with_more_than_twenty_users_is_shared_without_counting() -> None:
    story = Story().seen("u0+a1", times=200)
    for number in range(1, 20):
        story.seen(f"u{number}+a1")
    assert story.edge("u0", "a1") == "joined"
    story.seen("u20+a1")
    assert story.edge("u0", "a1") == "shared"
    assert len(story.profiles()) == 22


def test_a_user_id_is_never_burned() -> None:
    story = Story(limited(user_id=50))
    for number in range(1, 25):
        story.seen(f"u0+u{number}")
    assert story.status("u0") == "active"


def test_a_burned_email_stands_for_nobody_on_a_device() -> None:
    story = Story(IdentityRules(burned_above=1)).seen("u1+a1").seen("e1+a1", times=3)
    assert "a1 e1" in story.profiles()
    story.seen("u2+e1").seen("u3+e1")
    assert story.profiles() == {"a1 u1", "e1", "u2", "u3"}


# ── limits, cap, order ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("namespace", "short"), [("email", "e"), ("phone", "p"), ("device_id", "d")]
)
def test_limits(namespace: str, short: str) -> None:
    story = Story(limited(**{namespace: 2}))
    for number in (1, 2, 3):
        story.seen(f"u1+{short}{number}")
    assert story.profiles() == {f"{short}1 {short}2 u1", f"{short}3"}
    assert story.edge("u1", f"{short}3") == "limit"


def test_external_ids_have_the_limit_of_others() -> None:
    story = Story(IdentityRules(other_limit=1)).seen("u1+x1").seen("u1+x2")
    assert story.profiles() == {"u1 x1", "x2"}


def test_a_limit_binds_only_where_both_sides_hold_the_namespace() -> None:
    story = Story().seen("u1+a1").seen("u2+a2").confirm("u1", "u2")
    story.seen("u1+a3").seen("u2+a4")
    assert story.profiles() == {"a1 a2 a3 a4 u1 u2"}
    story.seen("u3+e1").seen("u1+e1")
    assert story.edge("u1", "e1") == "limit"


def test_the_size_cap_binds_evidence_and_decisions() -> None:
    story = Story(IdentityRules(size_cap=2)).seen("u1+a1").seen("u1+a2")
    assert story.edge("u1", "a2") == "size"
    story.confirm("u1", "a2")
    assert story.edge("u1", "a2", "confirmed") == "joined"  # it comes before all other evidence
    assert story.edge("u1", "a1") == "size"
    assert story.profiles() == {"a1", "a2 u1"}
    story.confirm("a1", "a2")
    assert story.edge("a1", "a2", "confirmed") == "size"


def test_login_is_stronger_than_an_earlier_alias() -> None:
    story = Story().seen("u1+e1", kind=EvidenceKind.ALIAS).seen("u2+e1")
    assert story.profiles() == {"e1 u2", "u1"}


def test_a_suggestion_never_joins() -> None:
    story = Story().seen("u1+a1", kind=EvidenceKind.SUGGESTED)
    assert story.profiles() == {"a1", "u1"}
    assert story.edge("u1", "a1", "suggested") == "pending"


def test_equivalence_joins() -> None:
    story = Story().seen("e1+e2", kind=EvidenceKind.EQUIVALENT)
    assert story.profiles() == {"e1 e2"}


def test_a_second_way_between_two_is_redundant() -> None:
    story = Story().seen("u1+e1").seen("u1+a1").seen("e1+a1")
    assert story.edge("e1", "a1") == "redundant"


def test_an_email_set_free_is_taken_by_the_next() -> None:
    story = Story().seen("u1+e1").seen("u2+e1").part("u1", "e1")
    assert story.profiles() == {"u1", "e1 u2"}


# ── the anchor ─────────────────────────────────────────────────────────────────────────────────


def test_the_anchor_is_the_least_by_rank_then_first_seen_then_key() -> None:
    story = Story().seen("p1", at=5).seen("e2+p1", at=20).seen("e1+p1", at=20)
    assert story.book.anchor_of(key("p1")) == key("e1")
    story.seen("e2", at=10)
    assert story.book.anchor_of(key("p1")) == key("e2")
    story.seen("u1+e1")
    assert story.book.anchor_of(key("p1")) == key("u1")
    story.profiles()


def test_a_late_fact_can_move_the_anchor() -> None:
    story = Story().seen("e1+a1").seen("e1+p1").seen("e2+p1").seen("e1+e2")
    assert story.book.anchor_of(key("e2")) == key("e1")
    story.seen("e2", at=0)
    assert story.book.anchor_of(key("e1")) == key("e2")
    story.profiles()


# ── decisions ──────────────────────────────────────────────────────────────────────────────────


def test_scenario_18_two_user_ids_of_one_human() -> None:
    story = Story().seen("u1+a1").seen("u2+a2")
    before = story.profiles()
    story.confirm("u1+a1", "u2+a2", "d")
    assert story.profiles() == {"a1 a2 u1 u2"}
    assert story.edge("u1", "u2", "confirmed") == "joined"
    story.undo("d")
    assert story.profiles() == before
    assert not [k for k in story.book.edges if k[2] is EvidenceKind.CONFIRMED]


def test_user_ids_joined_by_a_decision_count_as_one_on_a_device() -> None:
    story = Story().seen("u1+a1").seen("u2+a1")
    assert story.status("a1") == "shared"
    story.confirm("u1", "u2", "d")
    assert story.profiles() == {"a1 u1 u2"}
    story.undo("d")
    assert story.profiles() == {"a1", "u1", "u2"}


def test_scenario_12_two_anonymous_profiles() -> None:
    story = Story().seen("a1").seen("a2").confirm("a1", "a2", "d")
    assert story.profiles() == {"a1 a2"}
    story.undo("d")
    assert story.profiles() == {"a1", "a2"}


def test_scenario_11_a_split_holds_against_later_logins_until_confirmed() -> None:
    story = Story().seen("u1+a1").seen("u1+e1").part("a1", "u1+e1")
    assert story.profiles() == {"a1", "e1 u1"}
    story.seen("u1+a1", times=30)
    assert story.profiles() == {"a1", "e1 u1"}
    assert story.edge("u1", "a1") == "cannot_link"
    story.seen("u1+e2").confirm("a1", "u1+e1+e2")
    assert story.profiles() == {"a1 e1 e2 u1"}


def test_scenario_11_the_rest_stays_together_only_as_far_as_its_evidence_reaches() -> None:
    story = Story().seen("e1+a1").seen("e1+a2").part("e1", "a1+a2")
    assert story.profiles() == {"a1", "a2", "e1"}


def test_the_undo_of_a_merge_made_by_evidence() -> None:
    story = Story().seen("a1+d1").seen("u1+a2").seen("u1+d1")
    assert story.profiles() == {"a1 a2 d1 u1"}
    story.part("a1+d1", "u1+a2", "d")
    assert story.profiles() == {"a1 d1", "a2 u1"}
    story.undo("d")
    assert story.profiles() == {"a1 a2 d1 u1"}


def test_cannot_link_holds_through_third_parties() -> None:
    story = Story().part("u1", "a2").seen("u1+a1").seen("a1+a2")
    assert story.profiles() == {"a1 u1", "a2"}


def test_the_last_decision_on_a_pair_holds_and_can_be_undone() -> None:
    story = Story().seen("a1").seen("a2").confirm("a1", "a2", "d1").part("a2", "a1", "d2")
    assert story.profiles() == {"a1", "a2"}
    story.undo("d2", by="undo1")
    assert story.profiles() == {"a1 a2"}
    story.undo("undo1", by="undo2")
    assert story.profiles() == {"a1", "a2"}


def test_a_confirmation_is_between_the_first_uncut_of_each_side() -> None:
    story = Story().seen("u1+a1").seen("u2+a1").seen("a2").confirm("a1+a2", "u3")
    story.seen("u3")
    assert story.profiles() == {"a1", "u1", "u2", "a2 u3"}
    assert story.edge("a2", "u3", "confirmed") == "joined"


def test_a_confirmation_of_unknown_values_waits_for_them() -> None:
    story = Story().seen("a1").confirm("a1", "u9")
    assert story.profiles() == {"a1"}
    story.seen("u9")
    assert story.profiles() == {"a1 u9"}


def test_a_confirmation_that_names_a_single_device_lifts_its_cut() -> None:
    story = Story().seen("u1+a1").seen("u2+a1").confirm("a1", "u2", "d")
    assert story.profiles() == {"u1", "a1 u2"}
    assert (story.status("a1"), story.edge("u1", "a1")) == ("active", "dominance")
    story.undo("d")
    assert story.profiles() == {"a1", "u1", "u2"}


def test_the_kiosk_that_was_given_to_one_is_not_open_to_the_others() -> None:
    story = Story()
    for number in range(1, 6):
        story.seen(f"e{number}+a1")
    story.confirm("e2", "a1")
    assert story.profiles() == {"a1 e2", "e1", "e3", "e4", "e5"}


def test_a_shared_device_joined_to_another_device_admits_no_person() -> None:
    story = Story().seen("u1+a1").seen("u2+a1").seen("a2").confirm("a1", "a2")
    assert story.profiles() == {"a1 a2", "u1", "u2"}
    assert (story.status("a1"), story.edge("u1", "a1")) == ("active", "dominance")


def test_a_burned_email_is_not_lifted_by_being_named_alone() -> None:
    story = Story(IdentityRules(burned_above=1)).seen("u1+e1").seen("u2+e1").confirm("e1", "u1")
    assert story.profiles() == {"e1", "u1", "u2"}


def test_a_confirmation_tells_whose_an_email_is() -> None:
    story = Story().seen("u1+a1").seen("e1+a1").seen("u2+e1").confirm("e1", "u1")
    assert story.profiles() == {"a1 e1 u1", "u2"}


def test_whom_a_confirmed_device_admits_follows_the_person_it_was_given_to() -> None:
    story = Story().seen("u1+a1").seen("u2+a1").seen("e1").confirm("a1", "e1")
    assert story.edge("u1", "a1") == "dominance"
    story.seen("u1+e1")
    assert story.edge("u1", "a1") == "redundant"
    assert story.profiles() == {"a1 e1 u1", "u2"}


def test_an_earlier_confirmation_of_more_does_not_lift_a_later_split() -> None:
    story = Story().seen("u1+a1").seen("u1+a2").confirm("a1+a2", "u1").part("a1", "u1")
    assert story.profiles() == {"a1", "a2 u1"}


def test_so_it_does_when_a_decision_tells_who_that_person_is() -> None:
    story = Story().seen("u0+a1").seen("u2+a1").seen("u1+e1").confirm("a1", "e1", "d")
    assert story.edge("u0", "a1") == "dominance"
    story.confirm("u0", "u1")
    assert story.edge("u0", "a1") == "redundant"
    assert story.profiles() == {"a1 e1 u0 u1", "u2"}
