"""Ways to put identifiers together: the product's rule, and the two baselines beside which it is
measured. All take the same evidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from graph_schema.model.evidence import Decision, Seen
from graph_schema.model.identifier import Key, parse_key
from graph_schema.model.rules import IdentityRules
from identity.decisions import USER
from identity.evaluation.subjects import Evidence, Method
from identity.whole import members, resolve_all

RULE = "rule"
COMPONENTS = "connected components"
FIRST_LOGIN = "first login wins"


def methods(rules: IdentityRules, decisions: Sequence[Decision] = ()) -> dict[str, Method]:
    """The rule and the baselines, by name."""
    return {RULE: partial(by_rule, rules=rules, decisions=decisions)} | baselines(rules)


def baselines(rules: IdentityRules) -> dict[str, Method]:
    return {COMPONENTS: components, FIRST_LOGIN: partial(first_login_wins, rules=rules)}


def by_rule(
    evidence: Evidence, rules: IdentityRules, decisions: Sequence[Decision] = ()
) -> dict[Key, str]:
    """The rule over all evidence at once: identifier to the anchor of its cluster."""
    return members(resolve_all(evidence.facts, evidence.sighted, rules, decisions))


def components(evidence: Evidence) -> dict[Key, str]:
    """Joins whatever was ever seen together."""
    pairs = [(fact.a, fact.b) for fact in evidence.facts]
    return _alone(evidence) | connected_components(pairs)


def first_login_wins(evidence: Evidence, rules: IdentityRules) -> dict[Key, str]:
    """Whatever is no user_id belongs for ever to the first user_id seen with it, else to the first
    stronger identifier seen with it. Two user_ids are never one."""
    first: dict[Key, tuple[bool, int, str, Key]] = {}
    for fact in evidence.facts:
        weaker, stronger = _ends(fact, rules)
        claim = (not is_user(stronger), fact.at, fact.mid, stronger)
        if not is_user(weaker):
            first[weaker] = min(first.get(weaker, claim), claim)
    found: dict[Key, str] = {}
    for sight in evidence.sighted:
        path = [sight.key]
        while path[-1] in first and path[-1] not in found:
            path.append(first[path[-1]][3])
        root = found.get(path[-1], path[-1])
        found.update(dict.fromkeys(path, root))
    return found


def connected_components(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Element to its component, in time nearly linear in the pairs."""
    parent: dict[str, str] = {}

    def root(element: str) -> str:
        parent.setdefault(element, element)
        while parent[element] != element:
            parent[element] = parent[parent[element]]
            element = parent[element]
        return element

    for one, other in pairs:
        parent[root(one)] = root(other)
    return {element: root(element) for element in list(parent)}


def is_user(key: Key) -> bool:
    return parse_key(key)[0] == USER


def _alone(evidence: Evidence) -> dict[Key, str]:
    return {sight.key: sight.key for sight in evidence.sighted}


def _ends(fact: Seen, rules: IdentityRules) -> tuple[Key, Key]:
    """(weaker, stronger) by rank, then by key: so that no chain of claims is a circle."""
    ends = sorted((fact.a, fact.b), key=lambda key: (rules.namespace(parse_key(key)[0]).rank, key))
    return ends[1], ends[0]
