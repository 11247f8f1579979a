"""Inputs: segment rules and item filters, and their way to plain JSON and values."""

from __future__ import annotations

from enum import Enum
from typing import Any

import strawberry
from strawberry.types import has_object_definition

from api.platform import ItemWhere
from api.types.common import described
from api.types.enums import RuleOp, ValueType
from api.types.scalars import (
    JSON,
    DateTime,
    Decimal,
    Duration,
    write_decimal,
)
from graph_schema.model.time import to_exact_iso

_TEST = (
    "value: any JSON scalar; a list for IN; none for EXISTS. NE holds only where the trait exists. "
    'DATETIME also takes a duration back from now: "-P30D".'
)


@strawberry.input(description="An identifier of a person or a device.")
class IdentifierInput:
    namespace: str = described("user_id, email, phone, device_id, anonymous_id, or an external id.")
    value: str = described("As the client sent it; normalised here.")


@strawberry.input(description=_TEST)
class TraitRule:
    name: str = described("The trait's name.")
    op: RuleOp = described("How it compares.", default=RuleOp.EQ)
    value: JSON | None = described("What it is compared with.", default=None)
    as_: ValueType | None = described("How both sides are read.", name="as", default=None)


@strawberry.input(
    description='name may be a path: "cart.total". For the products of an event: '
    '"products[].category" (any of them).'
)
class PropertyRule:
    name: str = described("The property's name or path.")
    op: RuleOp = described("How it compares.", default=RuleOp.EQ)
    value: JSON | None = described("What it is compared with.", default=None)
    as_: ValueType | None = described("How both sides are read.", name="as", default=None)


@strawberry.input(description="A range of counts; both ends belong to it.")
class CountRange:
    gte: int | None = described("At least so many.", default=None)
    lte: int | None = described("At most so many.", default=None)


@strawberry.input(description="Events with at in (now - within, now], and in [since, until).")
class EventRule:
    name: str = described("The event's name.")
    where: list[PropertyRule] | None = described("All of these must hold.", default=None)
    count: CountRange | None = described(
        "How many there must be.", default_factory=lambda: CountRange(gte=1)
    )
    within: Duration | None = described("Only events of the last so long.", default=None)
    since: DateTime | None = described("Only events from then on.", default=None)
    until: DateTime | None = described("Only events before then.", default=None)


@strawberry.input(description="The sum of a property over events.")
class SumRule:
    event: str = described("The event's name.")
    property: str = described("The property, or its path.")
    where: list[PropertyRule] | None = described("All of these must hold.", default=None)
    gte: Decimal | None = described("At least so much.", default=None)
    lte: Decimal | None = described("At most so much.", default=None)
    within: Duration | None = described("Only events of the last so long.", default=None)
    since: DateTime | None = described("Only events from then on.", default=None)
    until: DateTime | None = described("Only events before then.", default=None)


@strawberry.input(description="How many identifiers of a namespace a profile has.")
class IdentifierCountRule:
    namespace: str = described("The namespace.")
    gte: int | None = described("At least so many.", default=None)
    lte: int | None = described("At most so many.", default=None)


@strawberry.input(one_of=True, description="A condition on profiles: exactly one of these.")
class SegmentRule:
    all: list[SegmentRule] | None = described(
        "At least one; all must hold.", default=strawberry.UNSET
    )
    any: list[SegmentRule] | None = described(
        "At least one; any must hold.", default=strawberry.UNSET
    )
    not_: SegmentRule | None = described("Must not hold.", name="not", default=strawberry.UNSET)
    trait: TraitRule | None = described("A test of a trait.", default=strawberry.UNSET)
    event: EventRule | None = described("Events that happened.", default=strawberry.UNSET)
    sum: SumRule | None = described("A sum over events.", default=strawberry.UNSET)
    segment: str | None = described(
        "A member of another segment, at its newest version. Circles are refused.",
        default=strawberry.UNSET,
    )
    identifiers: IdentifierCountRule | None = described(
        "How many identifiers it has.", default=strawberry.UNSET
    )


@strawberry.input(description="A range of numbers; both ends belong to it.")
class DecimalRange:
    gte: Decimal | None = described("At least so much.", default=None)
    lte: Decimal | None = described("At most so much.", default=None)


@strawberry.input(description="All given parts must hold; lists mean any of.")
class ItemFilter:
    ids: list[strawberry.ID] | None = described("Only these items.", default=None)
    exclude_ids: list[strawberry.ID] | None = described("Not these items.", default=None)
    categories: list[str] | None = described("Of one of these categories.", default=None)
    brands: list[str] | None = described("Of one of these brands.", default=None)
    price: DecimalRange | None = described("In this range.", default=None)
    available: bool | None = described("Whether it can be bought; null: both.", default=True)
    attributes: list[PropertyRule] | None = described("Tests of attributes.", default=None)
    any: list[ItemFilter] | None = described("At least one of these holds.", default=None)
    not_: ItemFilter | None = described("This does not hold.", name="not", default=None)


_NAMES = {"as_": "as", "not_": "not"}


def plain(value: Any) -> Any:
    """An input as JSON, in the shape in which a client would send it; what was left out stays out."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, DateTime):
        return to_exact_iso(value)
    if isinstance(value, Decimal):
        return write_decimal(value)
    if has_object_definition(value):
        parts = ((name, getattr(value, name)) for name in value.__dataclass_fields__)  # type: ignore[attr-defined]
        return {
            _NAMES.get(name, name): plain(part)
            for name, part in parts
            if part is not None and part is not strawberry.UNSET
        }
    if isinstance(value, list):
        return [plain(element) for element in value]
    return value


def where_of(filter_: ItemFilter | None) -> ItemWhere | None:
    """The filter as the product takes it."""
    return None if filter_ is None else _where(filter_)


def _where(filter_: ItemFilter) -> ItemWhere:
    price = filter_.price or DecimalRange()
    return ItemWhere(
        ids=_tuple(filter_.ids),
        exclude_ids=_tuple(filter_.exclude_ids),
        categories=_tuple(filter_.categories),
        brands=_tuple(filter_.brands),
        price_gte=None if price.gte is None else int(price.gte),
        price_lte=None if price.lte is None else int(price.lte),
        available=filter_.available,
        attributes=tuple(plain(rule) for rule in filter_.attributes or ()),
        any=None if filter_.any is None else tuple(_where(part) for part in filter_.any),
        negated=where_of(filter_.not_),
    )


def _tuple(values: list[Any] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(map(str, values))
