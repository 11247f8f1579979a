"""The catalogue and what is recommended of it: GraphQL Item, Recommendation*, RecommenderVersion."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, TypeAlias

import strawberry

from api.auth import Scope
from api.connections import checked_first
from api.context import Context
from api.errors import ArgumentError
from api.platform import (
    ItemWhere,
    MetricValue,
    Reason,
    Recommendations,
    Recommended,
    Recommender,
    Watched,
)
from api.types.common import (
    Connection,
    Edge,
    First,
    Money,
    PageInfo,
    described,
    page_info,
    resolved,
)
from api.types.enums import Fallback, ReasonKind, RecommendationPolicy
from api.types.inputs import ItemFilter
from api.types.scalars import JSON, DateTime, Long
from graph_schema.model.item import Item as StoredItem

Where: TypeAlias = Annotated[
    ItemFilter | None, strawberry.argument(description="Which items may be among them.")
]
Policy: TypeAlias = Annotated[
    RecommendationPolicy | None,
    strawberry.argument(description="What to leave out, what to prefer."),
]
Diversity: TypeAlias = Annotated[
    float | None,
    strawberry.argument(description="0 (by score alone) to 1 (as unlike each other as can be)."),
]


@strawberry.type(description="An item of the merchant's catalogue.")
class Item:
    value: strawberry.Private[StoredItem]
    ctx: strawberry.Private[Context]

    @resolved("The merchant's own id.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(self.value.id)

    @resolved("Its name.")
    def name(self) -> str | None:
        return self.value.name

    @resolved("Its category.")
    def category(self) -> str | None:
        return self.value.category

    @resolved("Its brand.")
    def brand(self) -> str | None:
        return self.value.brand

    @resolved("Its price.")
    def price(self) -> Money | None:
        if self.value.price is None:
            return None
        return Money(amount=self.value.price, currency=self.value.currency or "XXX")

    @resolved("Its page.")
    def url(self) -> str | None:
        return self.value.url

    @resolved("Its picture.")
    def image_url(self) -> str | None:
        return self.value.image_url

    @resolved("Whether it can be bought.")
    def available(self) -> bool:
        return self.value.available

    @resolved("Whatever else the merchant states about it.")
    def attributes(self) -> JSON:
        return self.value.attributes

    @resolved("Items that are met by the same people, or are alike. Null without recommend:read.")
    async def similar(self, first: First) -> RecommendationConnection | None:
        if not self.ctx.may(Scope.RECOMMEND_READ):
            return None
        return await similar_items(self.ctx, self.value.id, None, first)


@strawberry.type(description="An item in a list.")
class ItemEdge(Edge):
    node: Item = described("The item.")


@strawberry.type(description="A page of items.")
class ItemConnection(Connection):
    edges: list[ItemEdge] = described("The items of this page.")


@strawberry.type(description="Shares of one edge add up to 1.")
class RecommendationReason:
    reason: strawberry.Private[Reason]
    ctx: strawberry.Private[Context]

    @resolved("What kind of reason it is.")
    def kind(self) -> ReasonKind:
        return ReasonKind[self.reason.kind]

    @resolved("The item that led here.")
    async def item(self) -> Item | None:
        if self.reason.item_id is None:
            return None
        found = await self.ctx.loaders.items.load(self.reason.item_id)
        return None if found is None else Item(value=found, ctx=self.ctx)

    @resolved("Its share of the score.")
    def share(self) -> float:
        return self.reason.share

    @resolved("A sentence for a person.")
    def text(self) -> str:
        return self.reason.text


@strawberry.type(description="Score is comparable within one answer only.")
class RecommendationEdge(Edge):
    recommended: strawberry.Private[Recommended]
    ctx: strawberry.Private[Context]
    node: Item = described("The item.")

    @resolved("The higher, the better.")
    def score(self) -> float:
        return self.recommended.score

    @resolved("Why it is here, the weightiest first.")
    def reasons(self) -> list[RecommendationReason]:
        return [
            RecommendationReason(reason=reason, ctx=self.ctx) for reason in self.recommended.reasons
        ]


@strawberry.type(description="The same metric of the baselines stands beside it.")
class Metric:
    name: str = described("recall, ndcg …")
    k: int | None = described("Over the first so many items.")
    value: float = described("The metric's value.")
    baseline: str | None = described("The baseline whose value this is; null: the model's own.")
    split: str = described("How training was told from testing.")


@strawberry.type(description="A trained model, as it was stored.")
class RecommenderVersion:
    version: strawberry.Private[Recommender]

    @resolved("Opaque.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(self.version.id)

    @resolved("The version's name.")
    def name(self) -> str:
        return self.version.name

    @resolved("Which kind of model.")
    def model(self) -> str:
        return self.version.model

    @resolved("Whether it is in service.")
    def active(self) -> bool:
        return self.version.active

    @resolved(
        "Of the profiles, for which it answers: all, or all but a canary's, or a canary's own."
    )
    def share(self) -> float:
        return self.version.share

    @resolved("When it was trained.")
    def trained_at(self) -> DateTime:
        return self.version.trained_at

    @resolved("It knows nothing of what came later.")
    def data_cutoff(self) -> DateTime:
        return self.version.data_cutoff

    @resolved("Over how many items.")
    def items(self) -> Long:
        return self.version.items

    @resolved("Over how many profiles.")
    def users(self) -> Long:
        return self.version.users

    @resolved("From how many interactions.")
    def interactions(self) -> Long:
        return self.version.interactions

    @resolved("How well it did, beside the baselines.")
    def metrics(self) -> list[Metric]:
        return [_metric(metric) for metric in self.version.metrics]

    @resolved("With which parameters.")
    def parameters(self) -> JSON:
        return self.version.parameters

    @resolved("Tells one training graph from another.")
    def graph_hash(self) -> str:
        return self.version.graph_hash

    @resolved("Which code trained it.")
    def code_version(self) -> str:
        return self.version.code_version


@strawberry.type(description="Of a recommender's answers, how many were clicked.")
class ClickThrough:
    recommender: str = described("The name of the version that answered.")
    personal: bool = described(
        "Whether the answers were personal; false: what is popular, because nothing was known."
    )
    shown: Long = described("Answers that were shown.")
    clicked: Long = described("Answers of which something was clicked.")
    rate: float | None = described("Clicked of shown; null where none was shown.")


@strawberry.type(description="What became of the recommender in service, as measured last.")
class RecommenderWatch:
    at: DateTime = described("When it was measured.")
    recommender: str = described("The name of the version.")
    profiles: Long = described("All profiles.")
    without_known_item: Long = described("Profiles of which the version knows no item.")
    interactions: Long = described("With items, since its data ended.")
    item_shift: float | None = described(
        "How far the items that are met have moved since training (PSI); null: too little to tell."
    )
    event_shift: float | None = described("The same of the names of events.")
    drift: str | None = described("Why it should be trained again; null where nothing says so.")
    click_through: list[ClickThrough] = described("By version, personal answers and others apart.")


def recommender_watch(found: Watched) -> RecommenderWatch:
    return RecommenderWatch(
        at=found.at,
        recommender=found.recommender,
        profiles=found.profiles,
        without_known_item=found.without_known_item,
        interactions=found.interactions,
        item_shift=found.item_shift,
        event_shift=found.event_shift,
        drift=found.drift,
        click_through=[
            ClickThrough(
                recommender=one.recommender,
                personal=one.personal,
                shown=one.shown,
                clicked=one.clicked,
                rate=one.clicked / one.shown if one.shown else None,
            )
            for one in found.clicks
        ],
    )


def _metric(metric: MetricValue) -> Metric:
    return Metric(
        name=metric.name,
        k=metric.k,
        value=metric.value,
        baseline=metric.baseline,
        split=metric.split,
    )


@strawberry.type(description="Recommended items, the best first.")
class RecommendationConnection:
    found: strawberry.Private[Recommendations]
    edges: list[RecommendationEdge] = described("The recommended items.")
    page_info: PageInfo = described("There is one page only.")

    @resolved(
        "Send it back as properties.recommendation_id of the click: online metrics count by it."
    )
    def request_id(self) -> strawberry.ID:
        return strawberry.ID(self.found.request_id)

    @resolved("What answered.")
    def recommender(self) -> RecommenderVersion | None:
        version = self.found.recommender
        return None if version is None else RecommenderVersion(version=version)

    @resolved("Why these are not personal; null where they are.")
    def fallback(self) -> Fallback | None:
        return None if self.found.fallback is None else Fallback[self.found.fallback]


async def item_by_id(ctx: Context, id_: str) -> Item | None:
    found = await ctx.loaders.items.load(id_)
    return None if found is None else Item(value=found, ctx=ctx)


async def recommended(
    ctx: Context,
    *,
    profile_id: str | None,
    item_ids: Sequence[str],
    context: dict[str, Any] | None,
    where: ItemWhere | None,
    policy: RecommendationPolicy | None,
    diversity: float | None,
    first: int,
) -> RecommendationConnection:
    """What the recommender answers. Raises ArgumentError."""
    checked_first(first)
    spread = diversity or 0.0
    if not 0.0 <= spread <= 1.0:
        raise ArgumentError(reason="diversity must be between 0 and 1.")
    found = await ctx.platform.recommending.recommend(
        profile_id=profile_id,
        item_ids=item_ids,
        context=context,
        where=where,
        policy=(policy or RecommendationPolicy.DISCOVER).name,
        diversity=spread,
        first=first,
    )
    return await _connection(ctx, found)


async def similar_items(
    ctx: Context, item_id: str, where: ItemWhere | None, first: int
) -> RecommendationConnection | None:
    """Null for an unknown item. Raises ArgumentError."""
    found = await ctx.platform.recommending.similar(item_id, where, checked_first(first))
    return None if found is None else await _connection(ctx, found)


async def _connection(ctx: Context, found: Recommendations) -> RecommendationConnection:
    cursors = ctx.cursors("recommendations", found.request_id)
    waiting = [ctx.loaders.items.load(one.item_id) for one in found.items]
    edges = [
        RecommendationEdge(
            place=partial(cursors.of, (place,)),
            node=Item(value=await item or _unknown(one.item_id), ctx=ctx),
            recommended=one,
            ctx=ctx,
        )
        for place, (one, item) in enumerate(zip(found.items, waiting, strict=True))
    ]
    return RecommendationConnection(
        found=found, edges=edges, page_info=page_info(edges, has_next=False, after=None)
    )


def _unknown(item_id: str) -> StoredItem:
    """An item that the model knows and the catalogue does not."""
    return StoredItem(id=item_id, updated_at=0)
