"""Losses that several models share."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize, softplus


def bpr(positive: Tensor, negative: Tensor) -> Tensor:
    """Bayesian personalised ranking: a touched item (b,) before a random one (b,) (Rendle, UAI 2009)."""
    return softplus(negative - positive).mean()


def squared_length(*vectors: Tensor) -> Tensor:
    """Half the mean squared length of the rows, added up over the blocks: L2 regularisation of what
    a batch uses."""
    return torch.stack([block.square().sum(1).mean() for block in vectors]).sum() / 2


def info_nce(one: Tensor, other: Tensor, temperature: float) -> Tensor:
    """How hard it is to find each row's (n, d) other view among all n (van den Oord et al., 2018)."""
    likeness = normalize(one) @ normalize(other).T / temperature
    return cross_entropy(likeness, torch.arange(one.shape[0], device=one.device))
