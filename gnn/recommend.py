"""The one way in which every model answers: item lists, a history, NumPy.

`ServingModel` is what an artifact holds and what `fit` leaves behind. It keeps no user.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from gnn import explain as explanation
from gnn.arrays import Bools, Float32s, Float64s, Int32s, Int64s
from gnn.errors import BadRequest
from gnn.explain import Part
from gnn.item_lists import ItemLists
from gnn.order import best, capped, likeness, marginal_relevance, pool_size
from gnn.recommender import (
    Fallback,
    Policy,
    Ranking,
    Reason,
    ReasonKind,
    Recommendation,
    Request,
)
from gnn.segments import SegmentPopularity, nothing
from gnn.terms import Seeds, Terms, terms
from gnn.weights import BehaviourWeights
from graph_schema.model.item import Interaction

LONGEST_HISTORY = 200
"""Only so many of the touches that weigh most are scored: bounds the time of one answer."""
NEAR_ITEMS = 3
"""SIMILAR stays near this many of the last touched items."""


class Catalogue(NamedTuple):
    """What serving knows of the items, all in one order. `categories`: a number for each, or -1."""

    ids: tuple[str, ...]
    names: tuple[str | None, ...]
    categories: Int32s
    popularity: Float32s


class ServingModel:
    """A fitted model that answers; see the protocol `Serving`. Immutable, so threads may share it.

    `by_attributes` are lists made from what the items are, for those whose `lists` are empty.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        lists: ItemLists,
        by_attributes: ItemLists,
        weights: BehaviourWeights,
        segments: SegmentPopularity | None = None,
    ) -> None:
        self.catalogue = catalogue
        self.lists = lists
        self.by_attributes = by_attributes
        self.weights = weights
        self.segments = nothing() if segments is None else segments
        self._position = {key: number for number, key in enumerate(catalogue.ids)}

    @property
    def item_ids(self) -> tuple[str, ...]:
        return self.catalogue.ids

    def position(self, item_id: str) -> int | None:
        """Where an item stands in `item_ids`, None for an unknown one."""
        return self._position.get(item_id)

    def knows_any(self, item_ids: Iterable[str]) -> bool:
        """Whether one of those items is known here, so that an answer can be personal."""
        return any(item_id in self._position for item_id in item_ids)

    def with_segments(self, segments: SegmentPopularity) -> ServingModel:
        """The same, which also knows what is popular in segments."""
        return ServingModel(self.catalogue, self.lists, self.by_attributes, self.weights, segments)

    def popularity_in(self, segments: Sequence[str]) -> Float32s | None:
        """`Request.popularity` for a member of those segments; None where none is known here."""
        return self.segments.of(segments, self.catalogue.popularity)

    def recommend(self, request: Request) -> Ranking:
        self._check(request)
        seeds = self._seeds(request.history, request.context, request.policy)
        seeds, found = terms(seeds, self.lists, self.by_attributes)
        scores = found.scores(len(self.item_ids))
        if request.policy is Policy.CONTINUE:
            scores = self._in_front(scores, seeds, request)
        shown = self._shown(request)
        scores = np.where(shown, scores, 0.0)
        chosen = self._chosen(scores, request)
        items = self._recommendations(chosen, scores, seeds, found, request)
        if len(items) < request.first:
            shown[chosen] = False
            items += self._popular(shown, request, items)
        fallback = None if chosen.size else self._why_not_personal()
        return Ranking(items=tuple(items), fallback=fallback)

    def similar_items(self, item_id: str, *, first: int, allowed: Bools | None = None) -> Ranking:
        return self.recommend(
            Request(
                history=(),
                context=(item_id,),
                first=first,
                policy=Policy.SIMILAR,
                allowed=allowed,
            )
        )

    def explain(
        self, history: Sequence[Interaction], item_id: str, context: Sequence[str] = ()
    ) -> tuple[Reason, ...]:
        item = self.position(item_id)
        if item is None:
            return ()
        seeds = self._seeds(history, context, Policy.DISCOVER)
        seeds, found = terms(seeds, self.lists, self.by_attributes)
        (parts,) = found.of(np.array([item]), len(self.item_ids))
        return explanation.reasons(self._named(parts, seeds))

    def _check(self, request: Request) -> None:
        size = len(self.item_ids)
        if request.first < 0:
            raise BadRequest(reason="first is 0 or more")
        if not 0.0 <= request.diversity <= 1.0:
            raise BadRequest(reason="diversity lies between 0 and 1")
        if request.max_reasons < 1:
            raise BadRequest(reason="max_reasons is 1 or more")
        if request.max_per_category is not None and request.max_per_category < 1:
            raise BadRequest(reason="max_per_category is 1 or more")
        allowed, popularity = request.allowed, request.popularity
        if allowed is not None and (allowed.dtype != np.bool_ or allowed.shape != (size,)):
            raise BadRequest(reason=f"allowed holds {size} booleans, one an item")
        if popularity is not None and popularity.shape != (size,):
            raise BadRequest(reason=f"popularity holds {size} numbers, one an item")

    def _seeds(
        self, history: Sequence[Interaction], context: Sequence[str], policy: Policy
    ) -> Seeds:
        """The known items of history and context. An item in both is context, and counts as both."""
        touches = [touch for touch in history if touch.item_id in self._position]
        if policy is Policy.SIMILAR:
            touches = sorted(touches, key=lambda t: (-t.last_at, t.item_id))[:NEAR_ITEMS]
            if context:
                touches = []
        items = [self._position[touch.item_id] for touch in touches]
        amounts = self._amounts(touches).tolist()
        kinds = [explanation.kind_of(touch) for touch in touches]
        place = {item: number for number, item in enumerate(items)}
        for key in dict.fromkeys(context):
            item = self._position.get(key)
            if item is None:
                continue
            if item in place:
                amounts[place[item]] += self.weights.cart
                kinds[place[item]] = ReasonKind.CONTEXT
            else:
                items.append(item)
                amounts.append(self.weights.cart)
                kinds.append(ReasonKind.CONTEXT)
        seeds = Seeds(np.array(items, np.int64), np.array(amounts, np.float64), kinds)
        return seeds.heaviest(LONGEST_HISTORY)

    def _amounts(self, touches: Sequence[Interaction]) -> Float32s:
        """What each touch counts (h,): behaviour weight times the decay since the newest one."""
        columns = np.array(
            [(t.views, t.carts, t.purchases, t.last_at) for t in touches], np.int64
        ).reshape(-1, 4)
        views, carts, purchases, last_at = columns.T
        strength = self.weights.strength(
            views.astype(np.int32), carts.astype(np.int32), purchases.astype(np.int32)
        )
        return strength * self.weights.decay(last_at, int(last_at.max(initial=0)))

    def _shown(self, request: Request) -> Bools:
        """Which items may be shown (items,)."""
        allowed = request.allowed
        shown = np.ones(len(self.item_ids), np.bool_) if allowed is None else allowed.copy()
        for touch in request.history:
            item = self._position.get(touch.item_id)
            if item is not None and (touch.purchases or request.policy is Policy.SIMILAR):
                shown[item] = False
        for key in request.context:
            if key in self._position:
                shown[self._position[key]] = False
        return shown

    def _in_front(self, scores: Float64s, seeds: Seeds, request: Request) -> Float64s:
        """Adds to what was viewed or carted, and not bought, more than any other item can have."""
        unfinished = {t.item_id for t in request.history if not t.purchases}
        step = float(scores.max(initial=0.0)) or 1.0
        for item, amount, _kind in zip(*seeds, strict=True):
            if self.item_ids[item] in unfinished and amount > 0:
                scores[item] += step * (1.0 + amount)
        return scores

    def _chosen(self, scores: Float64s, request: Request) -> Int64s:
        """Up to `first` items with a score, in the order in which they are shown."""
        pool = best(scores, pool_size(request.first, request.diversity, request.max_per_category))
        if request.max_per_category is not None:
            pool = capped(pool, self.catalogue.categories, request.max_per_category)
        if request.diversity > 0 and pool.size > 1:
            pool = pool[: pool_size(request.first, request.diversity, None)]
            alike = likeness(self.lists, pool)
            order = marginal_relevance(
                scores[pool].astype(np.float32), alike, request.diversity, request.first
            )
            pool = pool[order]
        return pool[: request.first]

    def _recommendations(
        self, chosen: Int64s, scores: Float64s, seeds: Seeds, found: Terms, request: Request
    ) -> list[Recommendation]:
        recommended = []
        for item, terms_of in zip(chosen.tolist(), found.of(chosen, scores.size), strict=True):
            parts = self._named(terms_of, seeds)
            if request.policy is Policy.CONTINUE:
                parts = self._with_itself(item, scores[item], seeds, parts)
            recommended.append(
                Recommendation(
                    item_id=self.item_ids[item],
                    score=float(scores[item]),
                    reasons=explanation.reasons(parts, request.max_reasons),
                )
            )
        return recommended

    def _named(self, terms_of: Sequence[tuple[int, float]], seeds: Seeds) -> list[Part]:
        return [
            self._part(int(seeds.items[seed]), seeds.kinds[seed], amount)
            for seed, amount in terms_of
        ]

    def _with_itself(self, item: int, score: float, seeds: Seeds, parts: list[Part]) -> list[Part]:
        """What CONTINUE added for the item's own sake, as a term."""
        own = np.flatnonzero(seeds.items == item)
        added = score - sum(part.amount for part in parts)
        if own.size and added > 1e-9 * score:
            parts.append(self._part(item, seeds.kinds[int(own[0])], added))
        return parts

    def _part(self, seed: int, kind: ReasonKind, amount: float) -> Part:
        return Part(self.item_ids[seed], self.catalogue.names[seed], kind, amount)

    def _popular(
        self, shown: Bools, request: Request, before: Sequence[Recommendation]
    ) -> list[Recommendation]:
        """What is popular, below everything that came before it, for the places that are left."""
        popularity = request.popularity
        if popularity is None:
            popularity = self.catalogue.popularity
        scores = np.where(shown, popularity.astype(np.float64), 0.0)
        most = float(scores.max(initial=0.0))
        if before and most > 0:
            scores *= 0.5 * min(item.score for item in before) / most
        first = request.first - len(before)
        if request.max_per_category is None:
            order = best(scores, first)
        else:
            order = self._capped_after(before, scores, first, request.max_per_category)
        return [
            Recommendation(
                item_id=self.item_ids[item],
                score=float(scores[item]),
                reasons=explanation.popular(),
            )
            for item in order
        ]

    def _capped_after(
        self, before: Sequence[Recommendation], scores: Float64s, first: int, most: int
    ) -> Int64s:
        shown = np.array([self._position[item.item_id] for item in before], np.int64)
        pool = best(scores, pool_size(first, 0.0, most))
        both = capped(np.concatenate((shown, pool)), self.catalogue.categories, most)
        return both[shown.size :][:first]

    def _why_not_personal(self) -> Fallback:
        return Fallback.NO_KNOWN_ITEM if self.lists.items.size else Fallback.NO_MODEL
