"""What all models share: they fit item lists, and answer through the one serving path."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import msgspec
import numpy as np

from gnn import item_lists
from gnn.arrays import Bools, Int32s
from gnn.content import lists_by_attributes, with_cold
from gnn.dataset import Dataset
from gnn.errors import NotFitted
from gnn.item_lists import ItemLists
from gnn.recommend import Catalogue, ServingModel
from gnn.recommender import OnProgress, Ranking, Reason, Request, silent
from gnn.weights import BehaviourWeights
from graph_schema.model.item import Interaction


class ListModel(abc.ABC):
    """A recommender whose `_lists` says how strongly each item speaks for each other."""

    name: ClassVar[str]
    knows_attributes: ClassVar[bool] = False
    """Whether its lists reach items that nobody touched; else they are put in by their attributes."""
    checkpoints: Path | None = None
    """Where a long fit keeps how far it is. Models that are fitted within minutes keep nothing."""

    def __init__(self, weights: BehaviourWeights | None = None) -> None:
        self.weights = weights or BehaviourWeights()
        self._serving: ServingModel | None = None

    @abc.abstractmethod
    def _lists(self, dataset: Dataset, seed: int, progress: OnProgress) -> ItemLists:
        """Learns from a dataset that holds at least one interaction."""

    def settings(self) -> dict[str, object]:
        """The model's own parameters, beside the behaviour weights."""
        return {}

    @property
    def parameters(self) -> dict[str, object]:
        return {**self.settings(), "weights": msgspec.to_builtins(self.weights)}

    @property
    def serving(self) -> ServingModel:
        """What answers, and what an artifact keeps. Errors: NotFitted."""
        if self._serving is None:
            raise NotFitted(name=self.name)
        return self._serving

    def fit(self, dataset: Dataset, *, seed: int = 0, progress: OnProgress = silent) -> Self:
        dataset.require_interactions()
        by_attributes = lists_by_attributes(dataset)
        lists = self._lists(dataset, seed, progress)
        if not self.knows_attributes:
            # What nobody touched has no place in the graph: its vector would be rounding noise.
            lists = item_lists.between(lists, dataset.touched)
            lists = with_cold(lists, by_attributes, item_lists.DEFAULT_WIDTH)
        self._serving = ServingModel(
            catalogue_of(dataset, self.weights), lists, by_attributes, self.weights
        )
        return self

    @property
    def item_ids(self) -> tuple[str, ...]:
        return self.serving.item_ids

    def recommend(self, request: Request) -> Ranking:
        return self.serving.recommend(request)

    def similar_items(self, item_id: str, *, first: int, allowed: Bools | None = None) -> Ranking:
        return self.serving.similar_items(item_id, first=first, allowed=allowed)

    def explain(
        self, history: Sequence[Interaction], item_id: str, context: Sequence[str] = ()
    ) -> tuple[Reason, ...]:
        return self.serving.explain(history, item_id, context)


def catalogue_of(dataset: Dataset, weights: BehaviourWeights) -> Catalogue:
    """What serving has to know of the dataset's items."""
    return Catalogue(
        ids=dataset.item_ids,
        names=tuple(item.name for item in dataset.items),
        categories=_category_codes([item.category for item in dataset.items]),
        popularity=dataset.popularity(weights),
    )


def no_lists(dataset: Dataset) -> ItemLists:
    """The lists of a model that is not personal."""
    return item_lists.empty(len(dataset.items))


def _category_codes(categories: Sequence[str | None]) -> Int32s:
    codes = {name: code for code, name in enumerate(sorted({c for c in categories if c}))}
    return np.array([codes.get(name or "", -1) for name in categories], np.int32)
