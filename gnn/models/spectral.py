"""A graph filter on the user-item graph, without training: the default on a CPU.

What the filter is stands in `gnn.models.graph_filter` (graph filters: Shen et al., "How powerful is
graph convolution for recommendation?", CIKM 2021; the response is the ridge solution of linear
autoencoders, Steck, WWW 2019). Its shape is chosen on pairs held out of the training part
(`gnn.models.filter_choice`), unless it is given.
"""

from __future__ import annotations

from typing import ClassVar

from gnn.dataset import Dataset
from gnn.item_lists import DEFAULT_WIDTH, ItemLists, strongest
from gnn.models.base import ListModel
from gnn.models.filter_choice import chosen_shape
from gnn.models.graph_filter import Shape, Spectrum, random_start
from gnn.recommender import OnProgress, Progress
from gnn.weights import BehaviourWeights


class Spectral(ListModel):
    """`k` singular vectors; `shape` of the filter (exponents of the user and the item degrees, ridge
    `plateau`, share of the `tail`), None: chosen when it is fitted; `passes` of the subspace
    iteration; list `width`."""

    name: ClassVar[str] = "spectral"

    def __init__(
        self,
        *,
        k: int = 512,
        shape: Shape | tuple[float, float, float, float] | None = None,
        passes: int = 4,
        width: int = DEFAULT_WIDTH,
        weights: BehaviourWeights | None = None,
    ) -> None:
        super().__init__(weights)
        self.k = k
        self.shape = None if shape is None else Shape(*shape)
        self.fitted_shape: Shape | None = None
        self.passes = passes
        self.width = width

    def settings(self) -> dict[str, object]:
        shape = self.fitted_shape or self.shape
        return {
            "k": self.k,
            "shape": None if shape is None else list(shape),
            "passes": self.passes,
            "width": self.width,
        }

    def _lists(self, dataset: Dataset, seed: int, progress: OnProgress) -> ItemLists:
        matrix = dataset.matrix(self.weights)
        k = min(self.k, *matrix.shape)
        shape = self.shape or chosen_shape(
            dataset,
            self.weights,
            seed=seed,
            progress=lambda done: progress(Progress(stage="shape", done=0.4 * done)),
        )
        self.fitted_shape = shape
        spectrum = Spectrum.of(
            matrix,
            shape,
            k,
            passes=self.passes,
            start=random_start(len(dataset.items), k, seed),
            progress=lambda done: progress(
                Progress(stage="singular vectors", done=0.4 + 0.2 * done)
            ),
        )
        rows = spectrum.rows(shape)
        return strongest(
            lambda first, last: rows(slice(first, last)),
            len(dataset.items),
            width=self.width,
            progress=lambda done: progress(Progress(stage="item lists", done=0.6 + 0.4 * done)),
        )
