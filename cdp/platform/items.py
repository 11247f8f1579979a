"""Which items a filter lets through (ItemFilter of the schema)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from api.platform import ItemWhere
from cdp.segments.compare import matches_all
from cdp.segments.errors import BadRule
from cdp.segments.parse import parse_tests
from graph_schema.errors import BadInput
from graph_schema.model.item import Item
from graph_schema.model.rule import Test

Passes: TypeAlias = Callable[[Item], bool]


def item_filter(where: ItemWhere | None) -> Passes:
    """What tells whether an item passes: all given parts must hold, lists mean any of. Raises BadInput
    where a test of an attribute is none."""
    if where is None:
        return lambda item: item.available
    tests = _tests(where)
    any_of = None if where.any is None else [item_filter(part) for part in where.any]
    negated = None if where.negated is None else item_filter(where.negated)

    def passes(item: Item) -> bool:
        return (
            _is_one_of(item.id, where.ids)
            and (where.exclude_ids is None or item.id not in where.exclude_ids)
            and _is_one_of(item.category, where.categories)
            and _is_one_of(item.brand, where.brands)
            and (where.available is None or item.available is where.available)
            and _priced(item, where)
            and matches_all(tests, item.attributes, now=0)
            and (any_of is None or any(part(item) for part in any_of))
            and (negated is None or not negated(item))
        )

    return passes


def attribute_filter(where: ItemWhere) -> Passes:
    """The tests of attributes alone. Raises BadInput where one is none."""
    tests = _tests(where)
    return lambda item: matches_all(tests, item.attributes, now=0)


def _is_one_of(value: str | None, wanted: tuple[str, ...] | None) -> bool:
    return wanted is None or value in wanted


def _priced(item: Item, where: ItemWhere) -> bool:
    if where.price_gte is None and where.price_lte is None:
        return True
    return (
        item.price is not None
        and (where.price_gte is None or item.price >= where.price_gte)
        and (where.price_lte is None or item.price <= where.price_lte)
    )


def _tests(where: ItemWhere) -> tuple[Test, ...]:
    try:
        return parse_tests(list(where.attributes), ("where", "attributes"))
    except BadRule as error:
        mistakes = (f"{'.'.join(one.path)}: {one.message}" for one in error.problems)
        raise BadInput(reason=" ".join(mistakes)) from None
