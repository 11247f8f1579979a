"""Why an item was recommended: the score's own terms, in words.

A score is a sum over the touched items, so a reason is no guess about the model: the share of an
item is what the score loses when that item is taken away.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gnn.recommender import Reason, ReasonKind
from graph_schema.model.item import Interaction

_NAMED = {
    ReasonKind.VIEWED: "because you viewed {name}",
    ReasonKind.CARTED: "because you put {name} in the cart",
    ReasonKind.BOUGHT: "because you bought {name}",
    ReasonKind.SIMILAR_ATTRIBUTES: "because it resembles {name}",
    ReasonKind.CONTEXT: "because it goes with {name}, which you are looking at",
    ReasonKind.POPULAR: "because it is popular",
}
_REST = {
    ReasonKind.VIEWED: "because of {count} more that you viewed",
    ReasonKind.CARTED: "because of {count} more that you put in the cart",
    ReasonKind.BOUGHT: "because of {count} more that you bought",
    ReasonKind.SIMILAR_ATTRIBUTES: "because it resembles {count} more",
    ReasonKind.CONTEXT: "because of {count} more that you are looking at",
    ReasonKind.POPULAR: "because it is popular",
}


class Part(NamedTuple):
    """One term of a score: which touched item, how it was touched, how much it adds."""

    item_id: str
    name: str | None
    kind: ReasonKind
    amount: float


def kind_of(touch: Interaction) -> ReasonKind:
    """The strongest way in which an item was touched."""
    if touch.purchases:
        return ReasonKind.BOUGHT
    return ReasonKind.CARTED if touch.carts else ReasonKind.VIEWED


def text(kind: ReasonKind, name: str | None) -> str:
    """A reason in words, `name` being the touched item's name or id."""
    return _NAMED[kind].format(name=name)


def popular() -> tuple[Reason, ...]:
    """The one reason of an item that nothing personal speaks for."""
    kind = ReasonKind.POPULAR
    return (Reason(kind=kind, item_id=None, share=1.0, text=text(kind, None)),)


def reasons(parts: Sequence[Part], most: int | None = None) -> tuple[Reason, ...]:
    """Reasons from the terms of a score, the largest first; the shares add up to 1.

    Of more than `most` terms the smaller ones are added up in one reason without an item, of the
    kind that adds the most of them.
    """
    ordered = sorted(parts, key=lambda part: (-part.amount, part.item_id))
    total = sum(part.amount for part in ordered)
    if total <= 0:
        return ()
    if most is None or len(ordered) <= most:
        return tuple(_named(part, total) for part in ordered)
    rest = ordered[most:]
    return (*(_named(part, total) for part in ordered[:most]), _remainder(rest, total))


def _named(part: Part, total: float) -> Reason:
    return Reason(
        kind=part.kind,
        item_id=part.item_id,
        share=part.amount / total,
        text=text(part.kind, part.name or part.item_id),
    )


def _remainder(rest: Sequence[Part], total: float) -> Reason:
    by_kind: dict[ReasonKind, float] = {}
    for part in rest:
        by_kind[part.kind] = by_kind.get(part.kind, 0.0) + part.amount
    kind = max(by_kind, key=lambda key: by_kind[key])
    return Reason(
        kind=kind,
        item_id=None,
        share=sum(by_kind.values()) / total,
        text=_REST[kind].format(count=len(rest)),
    )
