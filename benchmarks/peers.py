"""Recommenders of the library `implicit` (extra `bench`) as peers, on the same matrix and mask.

`implicit_als`: alternating least squares (Hu et al., ICDM 2008) with 256 factors; `implicit_bm25`:
item neighbours by BM25, 100 for an item; all else as the library has it. They take the strengths of
the behaviours and leave out what each user's mask names, as our models do.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gnn.dataset import Dataset
from gnn.evaluate import Scores, ScoresOf, evaluate_scores
from gnn.files import SplitFile
from gnn.weights import BehaviourWeights

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

NAMES = ("implicit_als", "implicit_bm25")
FACTORS, NEIGHBOURS = 256, 100


class Measured(NamedTuple):
    """What a peer scored, and the seconds of its fit and of its ranking."""

    scores: Scores
    fit_s: float
    evaluate_s: float


def measure(name: str, parts: SplitFile, seed: int, *, mask_seen: bool) -> Measured:
    """Fits a peer on the training part and measures it on the test part."""
    matrix = _matrix(parts.train)
    began = time.perf_counter()
    scores_of = _als(matrix, seed) if name == "implicit_als" else _bm25(matrix)
    fitted = time.perf_counter()
    scores = evaluate_scores(scores_of, parts.train, parts.test, mask_seen=mask_seen)
    return Measured(scores, fitted - began, time.perf_counter() - fitted)


def _matrix(train: Dataset) -> csr_matrix:
    from scipy.sparse import csr_matrix  # the library knows no sparse arrays

    found = csr_matrix(train.matrix(BehaviourWeights()), dtype=np.float32)
    found.indices, found.indptr = found.indices.astype(np.int32), found.indptr.astype(np.int32)
    return found


def _als(matrix: csr_matrix, seed: int) -> ScoresOf:
    from implicit.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(factors=FACTORS, random_state=seed)
    model.fit(matrix, show_progress=False)
    # Factors of any sign: only their order counts, and a ranking takes positive scores alone.
    return lambda users: _positive(model.user_factors[users] @ model.item_factors.T)


def _positive(scores: np.ndarray) -> np.ndarray:
    return scores - scores.min(axis=1, keepdims=True) + np.float32(1e-6)


def _bm25(matrix: csr_matrix) -> ScoresOf:
    from implicit.nearest_neighbours import BM25Recommender

    model = BM25Recommender(K=NEIGHBOURS)
    model.fit(matrix, show_progress=False)
    return lambda users: (matrix[users] @ model.similarity).toarray().astype(np.float32)
