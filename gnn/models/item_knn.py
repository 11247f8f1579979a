"""Item-kNN: items that the same people touched (Sarwar et al., WWW 2001), with shrinkage."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from gnn.dataset import Dataset
from gnn.item_lists import ItemLists, strongest
from gnn.models.base import ListModel
from gnn.recommender import OnProgress, Progress
from gnn.weights import BehaviourWeights

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class ItemKnn(ListModel):
    """Cosine of the items' columns of R, divided by (common strength + shrink) / common strength:
    a likeness that rests on one person counts little. Keeps `neighbours` for each item.
    """

    name: ClassVar[str] = "item_knn"

    def __init__(
        self,
        *,
        neighbours: int = 200,
        shrink: float = 5.0,
        weights: BehaviourWeights | None = None,
    ) -> None:
        super().__init__(weights)
        self.neighbours = neighbours
        self.shrink = shrink

    def settings(self) -> dict[str, object]:
        return {"neighbours": self.neighbours, "shrink": self.shrink}

    def _lists(self, dataset: Dataset, seed: int, progress: OnProgress) -> ItemLists:
        matrix = dataset.matrix(self.weights)
        by_item = matrix.T.tocsr()
        length = np.sqrt(np.bincount(matrix.indices, matrix.data**2, matrix.shape[1]))
        length = np.maximum(length, 1e-12).astype(np.float32)

        def rows_of(first: int, last: int) -> csr_array:
            common: csr_array = (by_item[first:last] @ matrix).tocsr()
            rows = np.repeat(np.arange(first, last), np.diff(common.indptr))
            cosine = common.data / (length[rows] * length[common.indices])
            common.data = cosine * common.data / (common.data + np.float32(self.shrink))
            return common

        return strongest(
            rows_of,
            len(dataset.items),
            width=self.neighbours,
            progress=lambda done: progress(Progress(stage="item lists", done=done)),
        )
