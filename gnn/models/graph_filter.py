"""A filter on the user-item graph: its parts, and the rows of S that they give.

With A = D_u^-a R D_i^-b (D: degrees) and its singular vectors V and values s, an item h speaks for
an item i by

    S = D_i^-b [ V h(s) V' + c (A'A - V s^2 V') ] D_i^b,     h(s) = s^2 / (s^2 + l s_1^2).

The first term is a low-pass filter with a plateau: strong common tastes count alike, weak ones fade.
The second keeps a part of what the k singular vectors leave out, the plain two-step paths: there c is
`tail` times the slope h(s_k) / s_k^2 at which the first ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gnn.arrays import Float32s, Float64s, Int64s

if TYPE_CHECKING:
    from scipy.sparse import csr_array

OVERSAMPLING = 32
LEAST_DEGREE = 0.05
LEAST_LENGTH = 1e-4
"""Of what is left of a column beside the longest one, in single precision."""


class Shape(NamedTuple):
    """The settings of a filter: exponents a and b, the ridge l (`plateau`), the share of the tail."""

    user_exponent: float
    item_exponent: float
    plateau: float
    tail: float


class Spectrum(NamedTuple):
    """A and its transpose, the item degrees to the power b (items,), the leading singular values (k,)
    and right vectors (items, k)."""

    adjacency: csr_array
    by_item: csr_array
    item_scale: Float32s
    values: Float32s
    vectors: Float32s

    @classmethod
    def of(
        cls,
        matrix: csr_array,
        shape: Shape,
        k: int,
        *,
        passes: int,
        start: Float32s,
        progress: Callable[[float], None] = lambda _done: None,
    ) -> Spectrum:
        """Of the strengths R (users, items). `start` (items, columns): where the search for the
        vectors begins, see `leading_singular`."""
        item_scale = _power(_sums(matrix), shape.item_exponent)
        user_scale = _power(_sums(matrix.T.tocsr()), -shape.user_exponent)
        adjacency = _scaled(matrix, user_scale, 1.0 / item_scale)
        by_item = adjacency.T.tocsr()
        values, vectors = leading_singular(
            adjacency, by_item, k, passes=passes, start=start, progress=progress
        )
        return cls(adjacency, by_item, item_scale, values, vectors)

    def rows(self, shape: Shape) -> Callable[[slice | Int64s], Float32s]:
        """What gives some rows of S as (rows, items)."""
        low_pass, tail = self._responses(shape)
        filtered = self.vectors * low_pass

        def rows_of(wanted: slice | Int64s) -> Float32s:
            found = np.asarray(filtered[wanted] @ self.vectors.T, np.float32)
            if tail:
                paths = self.by_item[wanted] @ self.adjacency
                found += np.float32(tail) * paths.toarray()
            found *= self.item_scale
            found /= self.item_scale[wanted, None]
            return found

        return rows_of

    def _responses(self, shape: Shape) -> tuple[Float32s, float]:
        """What each singular vector counts beyond its part in the tail (k,), and the tail's c."""
        energy = self.values.astype(np.float64) ** 2
        response = energy / (energy + shape.plateau * max(energy[0], 1e-30))
        tail = shape.tail * response[-1] / max(energy[-1], 1e-30)
        return (response - tail * energy).astype(np.float32), float(tail)


def random_start(items: int, k: int, seed: int) -> Float32s:
    """Where a search for k vectors begins that knows nothing yet (items, k and some more)."""
    width = min(k + OVERSAMPLING, items)
    return np.random.default_rng(seed).standard_normal((items, width), dtype=np.float32)


def leading_singular(
    matrix: csr_array,
    transposed: csr_array,
    k: int,
    *,
    passes: int,
    start: Float32s,
    progress: Callable[[float], None],
) -> tuple[Float32s, Float32s]:
    """The k largest singular values (k,), falling, and right vectors (columns, k) of a sparse
    matrix, by subspace iteration (Halko, Martinsson, Tropp, SIAM Review 2011)."""
    basis = start
    for number in range(passes):
        basis = orthonormal(transposed @ (matrix @ basis))
        progress((number + 1) / (passes + 1))
    image = matrix @ basis
    energy, rotation = np.linalg.eigh(image.T @ image)
    strongest_first = np.argsort(-energy)[:k]
    values = np.sqrt(np.maximum(energy[strongest_first], 0.0))
    progress(1.0)
    return values.astype(np.float32), (basis @ rotation[:, strongest_first]).astype(np.float32)


def orthonormal(block: Float32s) -> Float32s:
    """An orthonormal basis (n, k) of the columns of a tall block (n, k): Cholesky QR, in double
    precision, is twenty times quicker than Householder's, which is left for columns that nearly
    depend on each other."""
    from scipy.linalg import solve_triangular

    exact = block.astype(np.float64)
    try:
        factor = np.linalg.cholesky(exact.T @ exact)
    except np.linalg.LinAlgError:
        return np.linalg.qr(block)[0]
    lengths = np.diag(factor)
    if lengths.min() < LEAST_LENGTH * lengths.max():
        return np.linalg.qr(block)[0]
    found: Float32s = solve_triangular(factor, exact.T, lower=True).T.astype(np.float32)
    return found


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
