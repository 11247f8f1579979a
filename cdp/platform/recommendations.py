"""Items and recommendations: the model in service, asked with what the profile touched by now."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from api.platform import (
    ItemWhere,
    MetricValue,
    Reason,
    Recommendations,
    Recommended,
    Recommender,
)
from cdp.platform.items import item_filter
from cdp.platform.shelf import Shelf
from gnn.artifacts import ArtifactStore, RecommenderVersion
from gnn.errors import RecommenderError
from gnn.recommend import ServingModel
from gnn.recommender import Policy, Ranking, Request
from graph_schema.model.item import Interaction, Item
from graph_schema.store import GraphReading, Page, Span

CHUNK = 1_000
CATALOGUE_S = 5.0
"""So old the columns of the catalogue may be that a ranking is filtered by. What is shown is read anew
for each answer, so that what is out of stock is obeyed at once."""
SPARE = 10
"""So many more than were asked for are ranked, for those that turn out to be gone."""


class ModelRecommending:
    """Implements `api.platform.Recommending` on the artifacts and a graph store."""

    def __init__(self, store: GraphReading, artifacts: ArtifactStore) -> None:
        self._store = store
        self._artifacts = artifacts
        self._active: tuple[RecommenderVersion, ServingModel] | None = None
        self._items: dict[str, Item] = {}
        self._items_at = float("-inf")
        self._shelf: tuple[str, float, Shelf] | None = None
        self._loading = asyncio.Lock()

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
        items = (await self._catalogue()).values()
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
        active = await self._model()
        if active is None:
            return Recommendations(_request_id(), (), None, "NO_MODEL")
        version, model = active
        history: list[Interaction] = []
        if profile_id is not None:
            (history,) = await self._store.interactions_of([profile_id])
        request = Request(
            history=history,
            first=first + SPARE,
            policy=Policy(policy),
            context=tuple(item_ids),
            allowed=await self._allowed(version, model, where),
            diversity=diversity,
        )
        ranking = await self._still(model.recommend(request), where, first)
        unknown = profile_id is None and not item_ids
        fallback = "UNKNOWN_PROFILE" if unknown else ranking.fallback and str(ranking.fallback)
        return self._answer(version, ranking, fallback)

    async def similar(
        self, item_id: str, where: ItemWhere | None, first: int
    ) -> Recommendations | None:
        (item,) = await self._store.items_by_ids([item_id])
        if item is None:
            return None
        active = await self._model()
        if active is None:
            return Recommendations(_request_id(), (), None, "NO_MODEL")
        version, model = active
        allowed = await self._allowed(version, model, where)
        similar = model.similar_items(item_id, first=first + SPARE, allowed=allowed)
        ranking = await self._still(similar, where, first)
        return self._answer(version, ranking, ranking.fallback and str(ranking.fallback))

    async def recommenders(self) -> list[Recommender]:
        active = self._artifacts.active_id()
        return [_recommender(v, active=v.id == active) for v in self._artifacts.versions()]

    # ── underneath ─────────────────────────────────────────────────────────────────────────────

    async def _model(self) -> tuple[RecommenderVersion, ServingModel] | None:
        """The version in service. A damaged one is not taken: the one before serves on."""
        async with self._loading:
            wanted = self._artifacts.active_id()
            known = self._active[0].id if self._active is not None else None
            if wanted is not None and wanted != known:
                try:
                    self._active = await asyncio.to_thread(self._artifacts.active)
                except RecommenderError:
                    return self._active
            return self._active

    async def _allowed(
        self, version: RecommenderVersion, model: ServingModel, where: ItemWhere | None
    ) -> npt.NDArray[np.bool_]:
        catalogue = await self._catalogue()
        made_for = (version.id, self._items_at)
        if self._shelf is None or self._shelf[:2] != made_for:
            self._shelf = (*made_for, Shelf(model.item_ids, catalogue))
        return self._shelf[2].allowed(where)

    async def _still(self, ranking: Ranking, where: ItemWhere | None, first: int) -> Ranking:
        """The first of a ranking that pass the filter as the store has them now."""
        passes = item_filter(where)
        now = await self._store.items_by_ids([found.item_id for found in ranking.items])
        kept = [
            found
            for found, item in zip(ranking.items, now, strict=True)
            if item is not None and passes(item)
        ]
        return Ranking(items=tuple(kept[:first]), fallback=ranking.fallback)

    async def _catalogue(self) -> dict[str, Item]:
        if time.monotonic() - self._items_at > CATALOGUE_S:
            items: dict[str, Item] = {}
            after = ""
            while chunk := await self._store.items_after(after, CHUNK):
                items |= {item.id: item for item in chunk}
                after = chunk[-1].id
            self._items, self._items_at = items, time.monotonic()
        return self._items

    def _answer(
        self, version: RecommenderVersion, ranking: Ranking, fallback: str | None
    ) -> Recommendations:
        items = tuple(
            Recommended(
                found.item_id,
                found.score,
                tuple(Reason(str(r.kind), r.item_id, r.share, r.text) for r in found.reasons),
            )
            for found in ranking.items
        )
        return Recommendations(_request_id(), items, _recommender(version, active=True), fallback)


def _found(item: Item, search: str | None) -> bool:
    if not search:
        return True
    words = (item.id, item.name or "", item.category or "", item.brand or "")
    return any(search.lower() in word.lower() for word in words)


def _recommender(version: RecommenderVersion, *, active: bool) -> Recommender:
    metrics = tuple(MetricValue(m.name, m.value, m.split, m.k, m.baseline) for m in version.metrics)
    fields = {
        name: getattr(version, name)
        for name in Recommender.__struct_fields__
        if name not in ("active", "metrics")
    }
    return Recommender(**fields, active=active, metrics=metrics)


def _request_id() -> str:
    return f"r_{uuid.uuid4().hex}"
