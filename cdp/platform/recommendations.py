"""Items and recommendations: the model in service, asked with what the profile touched by now."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from typing import Any, NamedTuple

from api.platform import (
    Clicked,
    ItemWhere,
    MetricValue,
    Reason,
    Recommendations,
    Recommended,
    Recommender,
    Watched,
)
from cdp.platform.catalogue import Catalogue
from cdp.platform.in_service import VersionsInService
from cdp.platform.items import item_filter
from gnn.arrays import Float32s
from gnn.artifacts import ArtifactStore, RecommenderVersion
from gnn.canary import InService
from gnn.recommend import ServingModel
from gnn.recommender import Policy, Ranking, Request
from gnn.watch import request_id
from graph_schema.errors import BadInput
from graph_schema.model.item import Interaction, Item
from graph_schema.store import GraphReading, Page, Span

CHUNK = 1_000
SPARE = 10
"""So many more than were asked for are ranked, for those that turn out to be gone."""
MOST_SEGMENTS = 100
MOST_CONTEXT = 100


class ModelRecommending:
    """Implements `api.platform.Recommending` on the artifacts and a graph store."""

    def __init__(self, store: GraphReading, artifacts: ArtifactStore) -> None:
        self._store = store
        self._artifacts = artifacts
        self._catalogue = Catalogue(store)
        self._versions = VersionsInService(artifacts, self._catalogue)

    async def prepare(self) -> None:
        await self._catalogue.fresh()
        await self._versions.of(None)

    # ── items ──────────────────────────────────────────────────────────────────────────────────

    async def items(self, ids: Sequence[str]) -> list[Item | None]:
        return await self._store.items_by_ids(ids)

    async def item_page(
        self, search: str | None, where: ItemWhere | None, span: Span
    ) -> Page[Item]:
        passes = item_filter(where)
        (after,) = span.after or ("",)
        found: list[Item] = []
        while len(found) <= span.first:
            chunk = await self._store.items_after(after, CHUNK)
            found += [item for item in chunk if _found(item, search) and passes(item)]
            if len(chunk) < CHUNK:
                break
            after = chunk[-1].id
        return Page(found[: span.first], len(found) > span.first)

    async def item_count(self, search: str | None, where: ItemWhere | None) -> int:
        passes = item_filter(where)
        await self._catalogue.fresh()
        items = self._catalogue.items.values()
        return sum(_found(item, search) and passes(item) for item in items)

    # ── recommendations ────────────────────────────────────────────────────────────────────────

    async def recommend(
        self,
        *,
        profile_id: str | None,
        item_ids: Sequence[str],
        context: dict[str, Any] | None,
        where: ItemWhere | None,
        policy: str,
        diversity: float,
        first: int,
    ) -> Recommendations:
        seen = _seen(context)
        loaded = await self._versions.of(profile_id)
        if loaded is None:
            return Recommendations(_request_id(), (), None, "NO_MODEL")
        model, now = loaded.model, (*item_ids, *seen.items)
        history, current = await asyncio.gather(self._history(profile_id), self._catalogue.fresh())
        known = model.knows_any((*now, *(touch.item_id for touch in history)))
        popularity = None if known else await self._popularity(model, profile_id)
        request = Request(
            history=history,
            first=first + SPARE,
            policy=Policy(policy),
            context=now,
            allowed=loaded.shelf.allowed(where),
            diversity=diversity,
            max_per_category=seen.max_per_category,
            popularity=popularity,
        )
        ranking = model.recommend(request)
        if not current:
            ranking = await self._still(ranking, where)
        unknown = profile_id is None and not now
        fallback = "UNKNOWN_PROFILE" if unknown else ranking.fallback and str(ranking.fallback)
        return self._answer(loaded.version, ranking, first, fallback)

    async def similar(
        self, item_id: str, where: ItemWhere | None, first: int
    ) -> Recommendations | None:
        (item,) = await self._store.items_by_ids([item_id])
        if item is None:
            return None
        loaded = await self._versions.of(None)
        if loaded is None:
            return Recommendations(_request_id(), (), None, "NO_MODEL")
        current = await self._catalogue.fresh()
        allowed = loaded.shelf.allowed(where)
        ranking = loaded.model.similar_items(item_id, first=first + SPARE, allowed=allowed)
        if not current:
            ranking = await self._still(ranking, where)
        fallback = ranking.fallback and str(ranking.fallback)
        return self._answer(loaded.version, ranking, first, fallback)

    async def recommenders(self) -> list[Recommender]:
        service = self._artifacts.in_service()
        versions = await asyncio.to_thread(self._artifacts.versions)
        return [_recommender(version, service) for version in versions]

    async def watched(self) -> Watched | None:
        found = self._artifacts.watched()
        if found is None:
            return None
        names = {one.id: one.name for one in await asyncio.to_thread(self._artifacts.versions)}
        return Watched(
            recommender=names.get(found.version, found.version),
            at=found.at,
            profiles=found.profiles,
            without_known_item=found.without_known_item,
            interactions=found.interactions,
            item_shift=found.item_shift,
            event_shift=found.event_shift,
            drift=found.drift(),
            clicks=tuple(
                Clicked(names[one.version], one.personal, one.shown, one.clicked)
                for one in found.clicks
                if one.version in names
            ),
        )

    # ── underneath ─────────────────────────────────────────────────────────────────────────────

    async def _history(self, profile_id: str | None) -> list[Interaction]:
        if profile_id is None:
            return []
        (history,) = await self._store.interactions_of([profile_id])
        return history

    async def _popularity(self, model: ServingModel, profile_id: str | None) -> Float32s | None:
        """What is popular in the profile's segments; None: what is popular in none of its own."""
        if profile_id is None or not model.segments.keys:
            return None
        (page,) = await self._store.membership_pages([profile_id], Span(MOST_SEGMENTS))
        return model.popularity_in([membership.segment for membership in page.items])

    async def _still(self, ranking: Ranking, where: ItemWhere | None) -> Ranking:
        """Those of a ranking that pass the filter as the store has them now: the columns are behind."""
        passes = item_filter(where)
        now = await self._store.items_by_ids([found.item_id for found in ranking.items])
        kept = [
            found
            for found, item in zip(ranking.items, now, strict=True)
            if item is not None and passes(item)
        ]
        return Ranking(items=tuple(kept), fallback=ranking.fallback)

    def _answer(
        self, version: RecommenderVersion, ranking: Ranking, first: int, fallback: str | None
    ) -> Recommendations:
        items = tuple(
            Recommended(
                found.item_id,
                found.score,
                tuple(Reason(str(r.kind), r.item_id, r.share, r.text) for r in found.reasons),
            )
            for found in ranking.items[:first]
        )
        told = _recommender(version, self._artifacts.in_service())
        drawn = secrets.token_hex(10)
        id_ = request_id(version.id, personal=fallback is None, drawn=drawn)
        return Recommendations(id_, items, told, fallback)


def _found(item: Item, search: str | None) -> bool:
    if not search:
        return True
    words = (item.id, item.name or "", item.category or "", item.brand or "")
    return any(search.lower() in word.lower() for word in words)


class _Seen(NamedTuple):
    """What `context` says that is understood here."""

    items: tuple[str, ...] = ()
    max_per_category: int | None = None


def _seen(context: dict[str, Any] | None) -> _Seen:
    """Reads `items` (ids seen in this visit) and `maxPerCategory`; whatever else stands there is the
    client's own. Raises BadInput where one of them is of another kind."""
    given = context or {}
    items, most = given.get("items"), given.get("maxPerCategory")
    if items is not None and (
        not isinstance(items, list)
        or len(items) > MOST_CONTEXT
        or not all(isinstance(item, str) for item in items)
    ):
        raise BadInput(reason=f"context.items is a list of at most {MOST_CONTEXT} item ids.")
    if most is not None and (type(most) is not int or most < 1):
        raise BadInput(reason="context.maxPerCategory is a whole number from 1 up.")
    return _Seen(tuple(items or ()), most)


def _recommender(version: RecommenderVersion, service: InService) -> Recommender:
    metrics = tuple(MetricValue(m.name, m.value, m.split, m.k, m.baseline) for m in version.metrics)
    fields = {
        name: getattr(version, name)
        for name in Recommender.__struct_fields__
        if name not in ("active", "metrics", "share")
    }
    active, share = version.id == service.active, service.share(version.id)
    return Recommender(**fields, active=active, metrics=metrics, share=share)


def _request_id() -> str:
    """Of an answer that no version gave."""
    return f"r_{secrets.token_hex(16)}"
