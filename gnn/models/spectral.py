"""A graph filter on the user-item graph, without training: the default on a CPU.

With A = D_u^-a R D_i^-b (D: degrees) and its singular vectors V and values s, an item h speaks for
an item i by

    S = D_i^-b [ V h(s) V' + c (A'A - V s^2 V') ] D_i^b,     h(s) = s^2 / (s^2 + l s_1^2).

The first term is a low-pass filter with a plateau: strong common tastes count alike, weak ones fade
(graph filters: Shen et al., "How powerful is graph convolution for recommendation?", CIKM 2021;
the response is the ridge solution of linear autoencoders, Steck, WWW 2019). The second keeps a part
of what the k singular vectors leave out, the plain two-step paths: there c is `tail` times the slope
h(s_k) / s_k^2 at which the first ends. So a small k costs little, and rare items keep their
neighbours.

a < 1/2 lets active users say more than the symmetric normalisation does, b < 1/2 damps popular
items less. The defaults were chosen on a tenth of Gowalla's *training* pairs (docs/recommenders.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from gnn.arrays import Float32s, Float64s
from gnn.dataset import Dataset
from gnn.item_lists import DEFAULT_WIDTH, ItemLists, strongest
from gnn.models.base import ListModel
from gnn.recommender import OnProgress, Progress
from gnn.weights import BehaviourWeights

if TYPE_CHECKING:
    from scipy.sparse import csr_array

OVERSAMPLING = 32
LEAST_DEGREE = 0.05


class Spectral(ListModel):
    """`k` singular vectors, exponents of the user and item degrees, ridge `plateau` (l above), the
    share of the `tail` that is kept, `passes` of the subspace iteration, list `width`."""

    name: ClassVar[str] = "spectral"

    def __init__(
        self,
        *,
        k: int = 512,
        user_exponent: float = 0.3,
        item_exponent: float = 0.4,
        plateau: float = 0.08,
        tail: float = 0.6,
        passes: int = 4,
        width: int = DEFAULT_WIDTH,
        weights: BehaviourWeights | None = None,
    ) -> None:
        super().__init__(weights)
        self.k = k
        self.user_exponent = user_exponent
        self.item_exponent = item_exponent
        self.plateau = plateau
        self.tail = tail
        self.passes = passes
        self.width = width

    def settings(self) -> dict[str, object]:
        names = ("k", "user_exponent", "item_exponent", "plateau", "tail", "passes", "width")
        return {name: getattr(self, name) for name in names}

    def _lists(self, dataset: Dataset, seed: int, progress: OnProgress) -> ItemLists:
        matrix = dataset.matrix(self.weights)
        item_scale = _power(_sums(matrix), self.item_exponent)
        adjacency = _scaled(
            matrix, _power(_sums(matrix.T.tocsr()), -self.user_exponent), 1.0 / item_scale
        )
        values, vectors = leading_singular(
            adjacency,
            min(self.k, *adjacency.shape),
            passes=self.passes,
            seed=seed,
            progress=lambda done: progress(Progress(stage="singular vectors", done=done / 2)),
        )
        low_pass, tail = self._responses(values)
        filtered = vectors * low_pass
        by_item = adjacency.T.tocsr()

        def rows_of(first: int, last: int) -> Float32s:
            rows = np.asarray(filtered[first:last] @ vectors.T, np.float32)
            paths = by_item[first:last] @ adjacency
            rows += np.float32(tail) * paths.toarray()
            rows *= item_scale
            rows /= item_scale[first:last, None]
            return rows

        return strongest(
            rows_of,
            len(dataset.items),
            width=self.width,
            progress=lambda done: progress(Progress(stage="item lists", done=0.5 + done / 2)),
        )

    def _responses(self, values: Float32s) -> tuple[Float32s, float]:
        """What each singular vector counts beyond its part in the tail (k,), and the tail's c."""
        energy = values.astype(np.float64) ** 2
        response = energy / (energy + self.plateau * max(energy[0], 1e-30))
        tail = self.tail * response[-1] / max(energy[-1], 1e-30)
        return (response - tail * energy).astype(np.float32), float(tail)


def leading_singular(
    matrix: csr_array,
    k: int,
    *,
    passes: int,
    seed: int,
    progress: Callable[[float], None],
) -> tuple[Float32s, Float32s]:
    """The k largest singular values (k,), falling, and right vectors (columns, k) of a sparse
    matrix, by subspace iteration (Halko, Martinsson, Tropp, SIAM Review 2011)."""
    rng = np.random.default_rng(seed)
    width = min(k + OVERSAMPLING, *matrix.shape)
    transposed = matrix.T.tocsr()
    basis = rng.standard_normal((matrix.shape[1], width), dtype=np.float32)
    for number in range(passes):
        basis, _ = np.linalg.qr(transposed @ (matrix @ basis))
        progress((number + 1) / (passes + 1))
    image = matrix @ basis
    energy, rotation = np.linalg.eigh(image.T @ image)
    strongest_first = np.argsort(-energy)[:k]
    values = np.sqrt(np.maximum(energy[strongest_first], 0.0))
    progress(1.0)
    return values.astype(np.float32), (basis @ rotation[:, strongest_first]).astype(np.float32)


def _scaled(matrix: csr_array, rows: Float32s, columns: Float32s) -> csr_array:
    from scipy.sparse import diags_array

    scaled: csr_array = (diags_array(rows) @ matrix @ diags_array(columns)).tocsr()
    return scaled


def _sums(matrix: csr_array) -> Float64s:
    """The sum of each column."""
    sums: Float64s = np.bincount(
        matrix.indices, weights=matrix.data, minlength=matrix.shape[1]
    ).astype(np.float64)
    return sums


def _power(degrees: Float64s, exponent: float) -> Float32s:
    """Degrees (n,) to a power. From below they are bounded: what was touched long ago only has a
    degree near zero, and would blow up."""
    return (np.maximum(degrees, LEAST_DEGREE) ** exponent).astype(np.float32)
