"""The versions that answer now, loaded: the one in service, and a canary beside it.

Who asks never waits long for a version: while one is loaded the one before serves on. A damaged one is
not taken, and not read again with every question.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import NamedTuple

from cdp.platform.catalogue import Catalogue, retrieved
from cdp.platform.shelf import Shelf
from gnn.artifacts import ArtifactStore, RecommenderVersion
from gnn.canary import InService
from gnn.errors import RecommenderError
from gnn.recommend import ServingModel

PATIENCE_S = 0.25
"""So long a question waits for a version that is just being loaded, where another one can answer."""
RETRY_S = 30.0
"""So long a version that could not be loaded is left alone, unless another one is asked for."""

_log = logging.getLogger(__name__)


class Loaded(NamedTuple):
    """A version ready to answer, with the catalogue in the order of its items."""

    version: RecommenderVersion
    model: ServingModel
    shelf: Shelf


class VersionsInService:
    """Belongs to one event loop."""

    def __init__(self, artifacts: ArtifactStore, catalogue: Catalogue) -> None:
        self._artifacts = artifacts
        self._catalogue = catalogue
        self._wanted: InService | None = None
        self._active: Loaded | None = None
        self._canary: Loaded | None = None
        self._loading: dict[str, tuple[asyncio.Task[Loaded | None], float]] = {}
        self._failed: dict[str, float] = {}

    async def of(self, profile_id: str | None) -> Loaded | None:
        """What answers for a profile; None where nothing can."""
        wanted = self._artifacts.in_service()
        if wanted != self._wanted:
            self._wanted = wanted
            self._failed.clear()
        if wanted.active is not None:
            self._active = await self._taken(wanted.active, self._active) or self._active
        canary = wanted.canary
        if canary is None:
            self._canary = None
        elif profile_id is not None and canary.takes(profile_id):
            self._canary = await self._taken(canary.version, self._canary)
            return self._canary or self._active
        return self._active

    async def _taken(self, wanted: str, serving: Loaded | None) -> Loaded | None:
        """The wanted version, None where it is not there yet or cannot be."""
        for known in (self._active, self._canary):
            if known is not None and known.version.id == wanted:
                return known
        if time.monotonic() - self._failed.get(wanted, float("-inf")) < RETRY_S:
            return None
        loading, began = self._loading.get(wanted, (None, 0.0))
        if loading is None:
            loading, began = asyncio.create_task(self._load(wanted)), time.monotonic()
            loading.add_done_callback(retrieved)
            self._loading[wanted] = loading, began
        can_wait = None if serving is None else max(0.0, began + PATIENCE_S - time.monotonic())
        done, _ = await asyncio.wait({loading}, timeout=can_wait)
        return loading.result() if done else None

    async def _load(self, wanted: str) -> Loaded | None:
        try:
            version, model = await asyncio.to_thread(self._read, wanted)
            return Loaded(version, model, await self._catalogue.shelf(model.item_ids))
        except RecommenderError as error:
            self._failed[wanted] = time.monotonic()
            _log.warning("%s: %s", error.code, error.message)
            return None
        finally:
            del self._loading[wanted]

    def _read(self, wanted: str) -> tuple[RecommenderVersion, ServingModel]:
        return self._artifacts.find(wanted), self._artifacts.load(wanted)
