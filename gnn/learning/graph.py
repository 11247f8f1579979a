"""The user-item graph on a device, and the product that all propagation is made of.

The symmetrically normalised adjacency of a bipartite graph is A = [[0, R], [R', 0]] with
R[u, i] = r_ui / sqrt(d_u d_i). Its two blocks are kept, as CSR matrices with 32-bit indices,
normalised once: a layer of which one side is still zero costs half, and the gradient of a product
with R is a product with R', so that no transposed matrix is built in a step.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor
from torch_geometric.nn.conv.gcn_conv import gcn_norm

from gnn.arrays import Bools, Float32s
from gnn.dataset import Dataset
from gnn.rows import Columns
from gnn.weights import BehaviourWeights

MEASURED_AT = 20
VALIDATION_USERS = 2_000

Sides = tuple[Tensor, Tensor]
"""Vectors of users (users, d) and of items (items, d)."""


class Graph(NamedTuple):
    """The blocks R (users, items) and R' on a device, and the pairs (p,) to learn from with their
    entries in R. `item_degrees` are the sums of the strengths (items,)."""

    of_users: Tensor
    of_items: Tensor
    pair_users: Tensor
    pair_items: Tensor
    pair_weights: Tensor
    item_degrees: Float32s

    @classmethod
    def of(cls, dataset: Dataset, weights: BehaviourWeights, keep: Bools, device: str) -> Graph:
        """The graph of those pairs of the dataset that `keep` (pairs,) marks."""
        pairs = dataset.pairs.where(keep)
        users, items = len(dataset.users), len(dataset.items)
        strengths = torch.from_numpy(dataset.strengths(weights)[keep])
        pair_users = torch.from_numpy(pairs.user.astype(np.int64))
        pair_items = torch.from_numpy(pairs.item.astype(np.int64))
        one_way = torch.stack((pair_users, pair_items + users))
        _, norm = gcn_norm(
            torch.cat((one_way, one_way.flip(0)), dim=1),
            torch.cat((strengths, strengths)),
            num_nodes=users + items,
            add_self_loops=False,
        )
        norm = norm[: pair_items.numel()]
        matrix = csr_array((norm.numpy(), (pairs.user, pairs.item)), shape=(users, items))
        degrees = np.bincount(pairs.item, weights=strengths.numpy(), minlength=items)
        return cls(
            _csr(matrix).to(device),
            _csr(matrix.T.tocsr()).to(device),
            pair_users.to(device),
            pair_items.to(device),
            norm.to(device),
            degrees.astype(np.float32),
        )

    @property
    def users(self) -> int:
        return self.of_users.shape[0]

    @property
    def items(self) -> int:
        return self.of_users.shape[1]

    @property
    def device(self) -> torch.device:
        return self.pair_users.device

    def to_users(self, items: Tensor) -> Tensor:
        """R @ items: what the users are by the items they touched (users, d)."""
        return product(self.of_users, self.of_items, items)

    def to_items(self, users: Tensor) -> Tensor:
        """R' @ users (items, d)."""
        return product(self.of_items, self.of_users, users)

    def layers(
        self, start: Sides, count: int, after: Callable[[Tensor], Tensor] = lambda layer: layer
    ) -> list[Sides]:
        """A @ start, A @ A @ start … `count` times; `after` changes each layer as it comes."""
        found = []
        users, items = start
        for _ in range(count):
            users, items = after(self.to_users(items)), after(self.to_items(users))
            found.append((users, items))
        return found

    def recall(self, items: Tensor, validation: Columns) -> float:
        """Recall@20 on held-out pairs of item vectors (items, d) as they will be served: users are
        propagated from them, and ranked are all items that a user's training pairs leave."""
        asked = np.unique(validation.user)[:VALIDATION_USERS]
        if not asked.size:
            return 0.0
        with torch.no_grad():
            chosen = torch.from_numpy(asked).long()
            scores = self.to_users(items)[chosen.to(self.device)] @ items.T
            row_of = torch.full((self.users,), -1)
            row_of[chosen] = torch.arange(asked.size)
            rows = row_of.to(self.device)[self.pair_users]
            scores[rows[rows >= 0], self.pair_items[rows >= 0]] = -torch.inf
            top = scores.topk(min(MEASURED_AT, self.items), dim=1).indices.cpu().numpy()
        shown = asked.repeat(top.shape[1]).astype(np.int64) * self.items + top.ravel()
        inside = np.isin(validation.user, asked)
        wanted = validation.user[inside].astype(np.int64) * self.items + validation.item[inside]
        return float(np.isin(wanted, shown).mean())


class _Product(torch.autograd.Function):
    """matrix @ dense for a sparse matrix that needs no gradient and whose transpose is at hand."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, transposed: Tensor, dense: Tensor) -> Tensor:
        ctx.transposed = transposed
        return matrix @ dense

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, Tensor]:
        return None, None, ctx.transposed @ gradients[0]


def product(matrix: Tensor, transposed: Tensor, dense: Tensor) -> Tensor:
    """matrix @ dense, with a gradient for the dense factor only."""
    found: Tensor = _Product.apply(matrix, transposed, dense)
    return found


def _csr(matrix: csr_array) -> Tensor:
    """32-bit indices: 1.6 times quicker to multiply with than 64-bit ones."""
    with warnings.catch_warnings():
        # torch says at every construction that sparse CSR is in beta.
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr.astype(np.int32)),
            torch.from_numpy(matrix.indices.astype(np.int32)),
            torch.from_numpy(matrix.data),
            size=matrix.shape,
            check_invariants=True,
        )
