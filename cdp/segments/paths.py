"""Where the conditions of a rule stand: ("all", "1", "event"), as the parser names them."""

from __future__ import annotations

from cdp.segments.write import to_json
from graph_schema.model.rule import AllOf, AnyOf, NotOf, Rule


def leaves(rule: Rule, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Rule]]:
    """Every condition with its path, in the order in which they stand."""
    match rule:
        case AllOf(parts) | AnyOf(parts):
            word = "all" if isinstance(rule, AllOf) else "any"
            return [
                leaf for i, part in enumerate(parts) for leaf in leaves(part, (*path, word, str(i)))
            ]
        case NotOf(part):
            return leaves(part, (*path, "not"))
        case _:
            return [((*path, next(iter(to_json(rule)))), rule)]
