"""Popularity: the baseline that every other model has to beat."""

from __future__ import annotations

from typing import ClassVar

from gnn.dataset import Dataset
from gnn.item_lists import ItemLists
from gnn.models.base import ListModel, no_lists
from gnn.recommender import OnProgress


class Popularity(ListModel):
    """Ranks by an item's share of all weighted touches; the same for everybody."""

    name: ClassVar[str] = "popularity"

    def _lists(self, dataset: Dataset, seed: int, progress: OnProgress) -> ItemLists:
        return no_lists(dataset)
