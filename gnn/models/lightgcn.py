"""LightGCN: linear propagation on the user-item graph, trained with BPR (He et al., SIGIR 2020).

Layer l + 1 is A x layer l, A the symmetrically normalised adjacency of the bipartite graph; the
final vectors are the mean over the layers. One difference from the paper: only items have
embeddings, users begin at zero. A user's final vector is then exactly the propagation of the items
she touched, in training as in serving, so none is stored and nobody is out of sample:

    u = sum over h of R[u, h] / sqrt(d_u d_h) * z_h,     score(u, i) = u . z_i,

z being the mean over the even layers. So S[h, i] = z_h . z_i / sqrt(d_h): item lists once more.

Full batch: each step propagates the whole graph through a pre-normalised CSR matrix (8 times
quicker than normalising and gathering edge by edge). A is symmetric, so the backward pass is the
same product again and no transposed matrix is built.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from gnn.arrays import Bools, Float32s
from gnn.dataset import Dataset
from gnn.errors import TrainingExtraMissing
from gnn.item_lists import ItemLists, strongest
from gnn.models.base import ListModel
from gnn.recommender import OnProgress, Progress
from gnn.rows import Columns
from gnn.weights import BehaviourWeights

if TYPE_CHECKING:
    import torch

VALIDATION_SHARE = 0.05
VALIDATION_USERS = 2_000
LEAST_HISTORY = 3
MEASURED_AT = 20


class LightGcn(ListModel):
    """`dimensions` of the vectors, `layers` (odd: then the formula above is exact), BPR with
    `batch` pairs a step, L2 `decay` of the embeddings in a batch; stops after `patience` epochs
    without a better recall@20 on held-out last pairs of training users, and takes the best epoch's
    embeddings. `device`: None takes the GPU where there is one."""

    name: ClassVar[str] = "lightgcn"

    def __init__(
        self,
        *,
        dimensions: int = 64,
        layers: int = 3,
        epochs: int = 200,
        batch: int = 8_192,
        learning_rate: float = 0.005,
        decay: float = 3e-3,
        patience: int = 10,
        device: str | None = None,
        weights: BehaviourWeights | None = None,
    ) -> None:
        super().__init__(weights)
        self.dimensions = dimensions
        self.layers = layers
        self.epochs = epochs
        self.batch = batch
        self.learning_rate = learning_rate
        self.decay = decay
        self.patience = patience
        self.device = device

    def settings(self) -> dict[str, object]:
        names = ("dimensions", "layers", "epochs", "batch", "learning_rate", "decay", "patience")
        return {name: getattr(self, name) for name in names}

    def _lists(self, dataset: Dataset, seed: int, progress: OnProgress) -> ItemLists:
        torch = _torch(self.name)
        device = self.device or ("cuda" if torch.cuda.is_available() else "cpu")
        held_out = last_pairs(dataset, VALIDATION_SHARE, seed)
        training = Graph.of(dataset, self.weights, ~held_out, device)
        embeddings = self._train(training, dataset.pairs.where(held_out), seed, progress)
        whole = Graph.of(dataset, self.weights, np.ones(held_out.size, np.bool_), device)
        with torch.no_grad():
            _, items = whole.propagate(embeddings, self.layers)
        vectors: Float32s = items.cpu().numpy()
        roots = np.sqrt(np.maximum(whole.item_degrees, np.float32(1e-6)))
        sources = (vectors / roots[:, None]).astype(np.float32)
        return strongest(
            lambda first, last: sources[first:last] @ vectors.T,
            len(dataset.items),
            progress=lambda done: progress(Progress(stage="item lists", done=0.9 + done / 10)),
        )

    def _train(
        self, graph: Graph, validation: Columns, seed: int, progress: OnProgress
    ) -> torch.Tensor:
        """The embeddings (items, dimensions) of the epoch with the best validation recall."""
        import torch

        generator = torch.Generator().manual_seed(seed)
        start = torch.randn(graph.items, self.dimensions, generator=generator) * 0.1
        embeddings = start.to(graph.device).requires_grad_()
        optimiser = torch.optim.Adam([embeddings], lr=self.learning_rate)
        best, best_recall, waited = embeddings.detach().clone(), -1.0, 0
        for epoch in range(self.epochs):
            loss = self._epoch(graph, embeddings, optimiser, generator)
            recall = graph.recall(embeddings, self.layers, validation)
            waited = 0 if recall > best_recall else waited + 1
            if not waited:
                best, best_recall = embeddings.detach().clone(), recall
            figures = {"epoch": epoch + 1.0, "loss": loss, "recall@20": recall}
            progress(
                Progress(stage="training", done=0.9 * (epoch + 1) / self.epochs, figures=figures)
            )
            if waited >= self.patience:
                break
        return best

    def _epoch(
        self,
        graph: Graph,
        embeddings: torch.Tensor,
        optimiser: torch.optim.Optimizer,
        generator: torch.Generator,
    ) -> float:
        """One pass over all pairs in random order; gives the mean loss."""
        import torch

        order = torch.randperm(graph.pair_users.numel(), generator=generator).to(graph.device)
        total = 0.0
        steps = math.ceil(order.numel() / self.batch)
        for chosen in torch.split(order, self.batch):
            negatives = torch.randint(graph.items, (chosen.numel(),), generator=generator)
            loss = self._loss(
                graph,
                embeddings,
                chosen,
                negatives.to(graph.device),
            )
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += float(loss.detach())
        return total / steps

    def _loss(
        self,
        graph: Graph,
        embeddings: torch.Tensor,
        pairs: torch.Tensor,
        negatives: torch.Tensor,
    ) -> torch.Tensor:
        """Bayesian personalised ranking: a touched item before a random one (Rendle, UAI 2009).

        The touched item's own part is taken out of its user's vector, as it is in serving: or the
        model would learn that an item is like itself, which long vectors say well enough.
        """
        from torch.nn.functional import softplus

        user_vectors, item_vectors = graph.propagate(embeddings, self.layers)
        positives = graph.pair_items[pairs]
        of_users, touched = user_vectors[graph.pair_users[pairs]], item_vectors[positives]
        without = of_users - graph.pair_weights[pairs, None] * touched
        margin = (without * touched).sum(1) - (of_users * item_vectors[negatives]).sum(1)
        length = embeddings[positives].square().sum(1) + embeddings[negatives].square().sum(1)
        return softplus(-margin).mean() + self.decay * length.mean() / 2


class Graph(NamedTuple):
    """The bipartite graph on a device: A over users then items, and the pairs to learn from with
    their entries in A."""

    adjacency: torch.Tensor
    users: int
    items: int
    pair_users: torch.Tensor
    pair_items: torch.Tensor
    pair_weights: torch.Tensor
    item_degrees: Float32s
    device: str

    @classmethod
    def of(cls, dataset: Dataset, weights: BehaviourWeights, keep: Bools, device: str) -> Graph:
        """The graph of those pairs of the dataset that `keep` (pairs,) marks."""
        import torch
        from torch_geometric.nn.conv.gcn_conv import gcn_norm

        pairs = dataset.pairs.where(keep)
        users, items = len(dataset.users), len(dataset.items)
        strengths = torch.from_numpy(dataset.strengths(weights)[keep])
        pair_users = torch.from_numpy(pairs.user.astype(np.int64))
        pair_items = torch.from_numpy(pairs.item.astype(np.int64))
        one_way = torch.stack((pair_users, pair_items + users))
        edges, norm = gcn_norm(
            torch.cat((one_way, one_way.flip(0)), dim=1),
            torch.cat((strengths, strengths)),
            num_nodes=users + items,
            add_self_loops=False,
        )
        degrees = np.bincount(pairs.item, weights=strengths.numpy(), minlength=items)
        return cls(
            _csr(edges, norm, users + items).to(device),
            users,
            items,
            pair_users.to(device),
            pair_items.to(device),
            norm[: pair_items.numel()].to(device),
            degrees.astype(np.float32),
            device,
        )

    def propagate(self, embeddings: torch.Tensor, layers: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Final vectors of users (users, d) and items (items, d) from item embeddings (items, d)."""
        import torch

        zeros = embeddings.new_zeros(self.users, embeddings.shape[1])
        layer = torch.cat((zeros, embeddings))
        total = layer
        for _ in range(layers):
            layer = symmetric_product(self.adjacency, layer)
            total = total + layer
        mean = total / (layers + 1)
        return mean[: self.users], mean[self.users :]

    def recall(self, embeddings: torch.Tensor, layers: int, validation: Columns) -> float:
        """Recall@20 on held-out pairs, over all items that the user's training pairs leave."""
        import torch

        asked = np.unique(validation.user)[:VALIDATION_USERS]
        if not asked.size:
            return 0.0
        with torch.no_grad():
            user_vectors, item_vectors = self.propagate(embeddings, layers)
            scores = user_vectors[torch.from_numpy(asked).long().to(self.device)] @ item_vectors.T
            row_of = torch.full((self.users,), -1)
            row_of[torch.from_numpy(asked).long()] = torch.arange(asked.size)
            rows = row_of[self.pair_users.cpu()].to(self.device)
            scores[rows[rows >= 0], self.pair_items[rows >= 0]] = -torch.inf
            top = scores.topk(min(MEASURED_AT, self.items), dim=1).indices.cpu().numpy()
        shown = asked.repeat(top.shape[1]).astype(np.int64) * self.items + top.ravel()
        inside = np.isin(validation.user, asked)
        wanted = validation.user[inside].astype(np.int64) * self.items + validation.item[inside]
        return float(np.isin(wanted, shown).mean())


def last_pairs(dataset: Dataset, share: float, seed: int) -> Bools:
    """Marks the last pair of some users who have three or more, up to `share` of all pairs (pairs,).

    Which users is drawn by the seed. The newest pairs of *all* would be too few that can be
    foretold, for most of a shop's traffic is strangers.
    """
    pairs = dataset.pairs
    rng = np.random.default_rng(seed)
    order = np.lexsort((rng.permutation(pairs.user.size), pairs.last_at, pairs.user))
    ends = np.flatnonzero(np.append(np.diff(pairs.user), 1))
    rich = ends[np.bincount(pairs.user)[pairs.user[ends]] >= LEAST_HISTORY]
    chosen = rng.permutation(rich)[: int(share * pairs.user.size)]
    marked = np.zeros(pairs.user.size, np.bool_)
    marked[order[chosen]] = True
    return marked


def symmetric_product(matrix: torch.Tensor, dense: torch.Tensor) -> torch.Tensor:
    """matrix @ dense for a *symmetric* sparse matrix that needs no gradient."""
    import torch

    class SymmetricProduct(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, dense: torch.Tensor) -> torch.Tensor:
            return matrix @ dense

        @staticmethod
        def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
            return matrix @ gradient

    product: torch.Tensor = SymmetricProduct.apply(dense)
    return product


def _csr(edges: torch.Tensor, values: torch.Tensor, nodes: int) -> torch.Tensor:
    """32-bit indices: 1.6 times quicker to multiply with than 64-bit ones."""
    import torch
    from scipy.sparse import csr_array

    matrix = csr_array((values.numpy(), edges.numpy()), shape=(nodes, nodes))
    with warnings.catch_warnings():
        # torch says at every construction that sparse CSR is in beta.
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr.astype(np.int32)),
            torch.from_numpy(matrix.indices.astype(np.int32)),
            torch.from_numpy(matrix.data),
            size=(nodes, nodes),
            check_invariants=True,
        )


def _torch(model: str) -> Any:
    try:
        with warnings.catch_warnings():
            # PyG compiles a few functions while it is imported, in a way that torch deprecates.
            warnings.filterwarnings("ignore", category=FutureWarning, module="torch")
            warnings.filterwarnings("ignore", category=DeprecationWarning, module="torch")
            import torch
            import torch_geometric.nn.conv.gcn_conv  # noqa: F401
    except ImportError as error:
        raise TrainingExtraMissing(name=model) from error
    return torch
