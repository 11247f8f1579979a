"""Which items a filter lets through (ItemFilter of the schema)."""

from __future__ import annotations

from typing import Any

from api.platform import ItemWhere
from cdp.segments.compare import matches_all
from graph_schema.model.item import Item
from graph_schema.model.rule import RuleOp, Test, ValueType


def passes(item: Item, where: ItemWhere | None) -> bool:
    """All given parts must hold; lists mean any of."""
    if where is None:
        return item.available
    return (
        _is_one_of(item.id, where.ids)
        and (where.exclude_ids is None or item.id not in where.exclude_ids)
        and _is_one_of(item.category, where.categories)
        and _is_one_of(item.brand, where.brands)
        and (where.available is None or item.available is where.available)
        and _priced(item, where)
        and matches_all([_test(test) for test in where.attributes], item.attributes, now=0)
        and (not where.any or any(passes(item, part) for part in where.any))
        and (where.negated is None or not passes(item, where.negated))
    )


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


def _test(rule: dict[str, Any]) -> Test:
    value = rule.get("value")
    return Test(
        rule["name"],
        RuleOp(rule.get("op") or "EQ"),
        tuple(value) if isinstance(value, list) else value,
        ValueType(rule["as"]) if rule.get("as") else None,
    )
