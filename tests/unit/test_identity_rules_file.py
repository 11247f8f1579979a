"""Identity rules as a file: what is left out stays, and every mistake is named with its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_schema.model.rules import Equivalent, Form, IdentityRules, Namespace, Role
from identity.rules_file import RulesRefused, read_rules, write_rules

EMAIL = ("namespaces", "email")


def test_an_empty_file_is_the_defaults() -> None:
    assert read_rules("") == IdentityRules()


def test_what_is_stated_replaces_and_the_rest_stays() -> None:
    rules = read_rules(
        """
        size_cap = 50
        [dominance]
        from = 0.9
        until = 0.8
        [blocked]
        values = ["nobody"]
        [namespaces.user_id]
        limit = 2
        [namespaces.loyalty_card]
        rank = 2
        role = "person"
        """
    )
    assert (rules.size_cap, rules.burned_above) == (50, 20)
    assert (rules.dominant_from, rules.dominant_until) == (0.9, 0.8)
    assert rules.blocked == ("nobody",)
    assert rules.blocked_patterns == IdentityRules().blocked_patterns
    assert rules.namespace("user_id") == Namespace("user_id", 0, Role.PERSON, 2)
    assert rules.namespace("loyalty_card") == Namespace("loyalty_card", 2, Role.PERSON, 5)
    assert rules.namespace("email") == IdentityRules().namespace("email")


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        ("size_cap = ", (), "no TOML"),
        ("size_cup = 3", ("size_cup",), "known are size_cap"),
        ("size_cap = -1", ("size_cap",), "whole number"),
        ("size_cap = true", ("size_cap",), "whole number"),
        ("dominance = 3", ("dominance",), "table"),
        ("[dominance]\nfrom = 1.5", ("dominance", "from"), "share"),
        ("[dominance]\nfrom = 0.4", ("dominance",), "less than from"),
        ("[blocked]\nvalues = [1]", ("blocked", "values"), "list of texts"),
        ("[blocked]\npatterns = ['a', '(']", ("blocked", "patterns", "1"), "no pattern"),
        ("[namespaces.email]\nlimit = 0", ("namespaces", "email", "limit"), "from 1"),
        ("[namespaces.email]\nrole = 'dog'", ("namespaces", "email", "role"), "person"),
        ("[namespaces.email]\npii = 1", ("namespaces", "email", "pii"), "true or false"),
        ("[namespaces.email]\nlimits = 1", ("namespaces", "email", "limits"), "Unknown"),
        ("[namespaces.'e mail']\nlimit = 1", ("namespaces", "e mail"), "letters"),
        ("[namespaces]\nemail = 1", ("namespaces", "email"), "table"),
        ("[namespaces.email]\nequivalent = 'email'", (*EMAIL, "equivalent"), "table whose form"),
        ("[namespaces.email.equivalent]\nform = 'mail'", (*EMAIL, "equivalent"), "one of email"),
        (
            "[namespaces.email.equivalent]\nform = 'email'\nregion = 'DE'",
            (*EMAIL, "equivalent", "region"),
            "known are form, plus_tags",
        ),
        (
            "[namespaces.email.equivalent]\nform = 'email'\nplus_tags = 1",
            (*EMAIL, "equivalent", "plus_tags"),
            "true or false",
        ),
        (
            "[namespaces.email.equivalent]\nform = 'email'\ndotless = ['Gmail.com']",
            (*EMAIL, "equivalent", "dotless"),
            "lower case",
        ),
        (
            "[namespaces.email.equivalent]\nform = 'email'\ndomains = {'a.b' = 1}",
            (*EMAIL, "equivalent", "domains"),
            "domains",
        ),
        (
            "[namespaces.phone.equivalent]\nform = 'phone'\nregion = 'Germany'",
            ("namespaces", "phone", "equivalent", "region"),
            "country",
        ),
        (
            "[namespaces.user_id.equivalent]\nform = 'case'",
            ("namespaces", "user_id", "equivalent"),
            "Neither user ids",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, path: tuple[str, ...], says: str) -> None:
    with pytest.raises(RulesRefused) as refused:
        read_rules(text)
    assert [mistake.path for mistake in refused.value.mistakes] == [path]
    assert says in refused.value.mistakes[0].message
    assert says in refused.value.message


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(RulesRefused) as refused:
        read_rules("size_cap = 'x'\nother_rank = 1.5\n[namespaces.email]\nrank = -1")
    assert len(refused.value.mistakes) == 3


names = st.from_regex(r"[a-z_.\-]{1,12}", fullmatch=True)
numbers = st.integers(1, 1_000_000)
domains = st.from_regex(r"[a-z.\-]{1,12}", fullmatch=True)
equivalents = st.one_of(
    st.none(),
    st.just(Equivalent(Form.CASE)),
    st.builds(Equivalent, st.just(Form.PHONE), region=st.sampled_from(["", "DE", "US"])),
    st.builds(
        Equivalent,
        st.just(Form.EMAIL),
        st.booleans(),
        st.lists(domains, max_size=3).map(tuple),
        st.dictionaries(domains, domains, max_size=3).map(lambda d: tuple(d.items())),
    ),
)
spaces = st.builds(
    Namespace,
    names,
    numbers,
    st.sampled_from([Role.PERSON, Role.OTHER]),
    numbers,
    st.booleans(),
    st.booleans(),
    st.booleans(),
    equivalents,
) | st.builds(Namespace, names, numbers, st.just(Role.DEVICE), numbers)


@given(
    st.lists(spaces, max_size=4, unique_by=lambda space: space.name),
    st.lists(st.text(max_size=20), max_size=4),
    numbers,
)
def test_what_is_written_reads_as_the_same(
    extra: list[Namespace], blocked: list[str], cap: int
) -> None:
    known = {space.name: space for space in (*IdentityRules().namespaces, *extra)}
    ordered = tuple(sorted(known.values(), key=lambda space: space.rank))
    rules = IdentityRules(namespaces=ordered, blocked=tuple(blocked), size_cap=cap)
    assert read_rules(write_rules(rules)) == rules
