"""EASE: a linear item-item model in closed form (Steck, WWW 2019).

B = I - P / diag(P) with P = (R'R + lambda I)^-1, the diagonal 0. Exact and strong on small dense
catalogues; it inverts a dense items x items matrix, so its size is limited.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from gnn.dataset import Dataset
from gnn.errors import ModelTooLarge
from gnn.item_lists import ItemLists, strongest
from gnn.models.base import ListModel
from gnn.recommender import OnProgress, Progress
from gnn.weights import BehaviourWeights


class Ease(ListModel):
    """`regularisation` is lambda for strengths of 1, and counts in their mean square, so that it does
    not depend on what a purchase weighs; `limit` is the largest catalogue (4 bytes x limit^2, thrice).

    Only the positive weights are kept: what an item speaks *against* is not served, so that the
    reasons of a score are parts of it.
    """

    name: ClassVar[str] = "ease"

    def __init__(
        self,
        *,
        regularisation: float = 400.0,
        limit: int = 20_000,
        weights: BehaviourWeights | None = None,
    ) -> None:
        super().__init__(weights)
        self.regularisation = regularisation
        self.limit = limit

    def settings(self) -> dict[str, object]:
        return {"regularisation": self.regularisation, "limit": self.limit}

    def _lists(self, dataset: Dataset, seed: int, progress: OnProgress) -> ItemLists:
        from scipy.linalg import lapack

        size = len(dataset.items)
        if size > self.limit:
            raise ModelTooLarge(name=self.name, items=size, limit=self.limit)
        matrix = dataset.matrix(self.weights)
        gram = (matrix.T @ matrix).toarray()
        gram[np.diag_indices(size)] += self.regularisation * np.square(matrix.data).mean()
        progress(Progress(stage="inverse", done=0.2))
        # Cholesky in place: half the time of a general inverse, and the matrix is symmetric.
        factor, _ = lapack.spotrf(gram.T, lower=1, overwrite_a=1)
        inverse, _ = lapack.spotri(factor, lower=1, overwrite_c=1)
        inverse = np.tril(inverse) + np.tril(inverse, -1).T
        diagonal = np.diag(inverse).copy()

        def rows_of(first: int, last: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
            rows: np.ndarray[tuple[int, int], np.dtype[np.float32]] = (
                -inverse[first:last] / diagonal
            )
            return rows

        return strongest(
            rows_of, size, progress=lambda done: progress(Progress(stage="item lists", done=done))
        )
