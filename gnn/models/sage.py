"""A heterogeneous GraphSAGE over users, items and what items are (Hamilton et al., NeurIPS 2017).

Three kinds of nodes: users, items, tokens (category, brand, words of the name, attributes). An item
is made of its own embedding, of the mean of its tokens and of the mean of the people who touched it:

    layer 1    user = mean of items            item = own embedding + tokens
    layer 2                                    item = users + tokens + layer 1

So an item that nobody has touched is made of its tokens alone. That it must stand beside the others
then is learnt: in every step a random share of the items is treated as if nobody had touched them
(DropoutNet: Volkovs et al., NeurIPS 2017).

Users are propagated from item vectors, in training as in serving, and an item should be found by them
among those of the batch (softmax over cosines).
"""

from __future__ import annotations

import warnings
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize
from torch_geometric.data import HeteroData
from torch_geometric.nn import HeteroConv, SAGEConv
from torch_geometric.typing import EdgeType

from gnn.dataset import Dataset
from gnn.learning.checkpoint import Parameters
from gnn.learning.graph import Graph
from gnn.models.trained import TrainedModel
from gnn.tokens import token_matrix
from gnn.weights import BehaviourWeights

TOUCHED = ("user", "touched", "item")
TOUCHED_BY = ("item", "touched_by", "user")
SAID_OF = ("token", "said_of", "item")


class Sage(TrainedModel):
    """See TrainedModel for the other settings. `cold_share` of the items are treated as new in a
    step; `temperature` of the softmax."""

    name: ClassVar[str] = "sage"
    knows_attributes: ClassVar[bool] = True
    SETTINGS: ClassVar[tuple[str, ...]] = (
        *(name for name in TrainedModel.SETTINGS if name != "layers"), "cold_share", "temperature",
    )  # fmt: skip

    def __init__(
        self,
        *,
        dimensions: int = 64,
        epochs: int = 60,
        batch: int = 4_096,
        learning_rate: float = 0.005,
        decay: float = 1e-4,
        patience: int = 8,
        minutes: float | None = None,
        cold_share: float = 0.5,
        temperature: float = 0.1,
        device: str | None = None,
        weights: BehaviourWeights | None = None,
    ) -> None:
        super().__init__(
            dimensions=dimensions,
            layers=2,
            epochs=epochs,
            batch=batch,
            learning_rate=learning_rate,
            decay=decay,
            patience=patience,
            minutes=minutes,
            device=device,
            weights=weights,
        )
        self.cold_share = cold_share
        self.temperature = temperature

    def learning(self, dataset: Dataset, graph: Graph, seed: int) -> SageLearning:
        return SageLearning(self, dataset, graph, seed)


class Encoder(torch.nn.Module):
    """Item vectors (items, d) of a heterogeneous graph; see the head of this module."""

    def __init__(self, data: HeteroData, dimensions: int) -> None:
        super().__init__()
        self.items = torch.nn.Embedding(data["item"].num_nodes, dimensions)
        self.tokens = torch.nn.Embedding(data["token"].num_nodes, dimensions)
        for table in (self.items, self.tokens):
            torch.nn.init.normal_(table.weight, std=0.1)
        self.first = _layer(TOUCHED_BY, dimensions)
        self.second = _layer(TOUCHED, dimensions)

    def forward(self, data: HeteroData, known: Tensor) -> Tensor:
        """`known` (items,): 1 where an item's own embedding and its users may be used, else 0."""
        edges = dict(data.edge_index_dict)
        edges[TOUCHED] = edges[TOUCHED][:, known[edges[TOUCHED][1]] > 0]
        edges[TOUCHED_BY] = edges[TOUCHED].flip(0)
        own = self.items.weight * known[:, None]
        users = own.new_zeros(data["user"].num_nodes, own.shape[1])
        start = {"item": own, "token": self.tokens.weight, "user": users}
        first = {name: layer.relu() for name, layer in self.first(start, edges).items()}
        second = self.second({**start, **first}, edges)
        return normalize(second["item"])


def _layer(between: EdgeType, dimensions: int) -> HeteroConv:
    """One layer: messages between users and items one way, and what is said of the items."""
    size = (dimensions, dimensions)
    with warnings.catch_warnings():
        # Tokens stay what they are: nothing is ever said of a token.
        warnings.filterwarnings("ignore", message="There exist node types")
        return HeteroConv(
            {
                between: SAGEConv(size, dimensions, root_weight=False),
                SAID_OF: SAGEConv(size, dimensions),
            }
        )


class SageLearning:
    """The encoder on a dataset's graph, and how it is trained."""

    def __init__(self, model: Sage, dataset: Dataset, graph: Graph, seed: int) -> None:
        self.model = model
        self.graph = graph
        self.data = _hetero(dataset, graph)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.encoder = Encoder(self.data, model.dimensions).to(graph.device)
        self.parameters: Parameters = dict(self.encoder.named_parameters())
        self.draws = {"cold": torch.Generator().manual_seed(seed)}

    def item_vectors(self, graph: Graph) -> Tensor:
        data = self.data if graph is self.graph else _with_pairs(self.data, graph)
        found: Tensor = self.encoder(data, self._touched(graph))
        return found

    def loss(self, pairs: Tensor, negatives: Tensor) -> Tensor:
        """The items of the batch are each other's negatives; the random ones are not needed."""
        graph, model = self.graph, self.model
        cold = torch.rand(graph.items, generator=self.draws["cold"]) < model.cold_share
        known = self._touched(graph) * (~cold).float().to(graph.device)
        vectors = self.encoder(self.data, known)
        positives = graph.pair_items[pairs]
        touched = vectors[positives]
        users = graph.to_users(vectors)[graph.pair_users[pairs]]
        users = normalize(users - graph.pair_weights[pairs, None] * touched)
        items, place = torch.unique(positives, return_inverse=True)
        found = cross_entropy(users @ vectors[items].T / model.temperature, place)
        length = self.encoder.items.weight[positives].square().sum(1).mean() / 2
        return found + model.decay * length

    def _touched(self, graph: Graph) -> Tensor:
        return (torch.bincount(graph.pair_items, minlength=graph.items) > 0).float()


def _hetero(dataset: Dataset, graph: Graph) -> HeteroData:
    data = HeteroData()
    data["user"].num_nodes = graph.users
    data["item"].num_nodes = graph.items
    tokens = token_matrix(dataset.items)
    if tokens is None:
        data["token"].num_nodes = 1
        said = torch.empty(2, 0, dtype=torch.long)
    else:
        data["token"].num_nodes = tokens.shape[1]
        items, words = tokens.nonzero()
        said = torch.stack((torch.from_numpy(words).long(), torch.from_numpy(items).long()))
    data[SAID_OF].edge_index = said.to(graph.device)
    return _with_pairs(data, graph)


def _with_pairs(data: HeteroData, graph: Graph) -> HeteroData:
    changed = data.clone()
    changed[TOUCHED].edge_index = torch.stack((graph.pair_users, graph.pair_items))
    return changed
