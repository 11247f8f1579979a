"""Several processes that train one model: started by `torchrun`, found by its environment.

Each process holds the graph and the parameters, takes its part of every batch, and the gradients
are added up over all of them; so the parameters stay the same in all, and equal to those of one
process that took the whole batch.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor


class Processes(NamedTuple):
    """This process's number, from 0, and how many there are."""

    rank: int
    world: int

    def part(self, batch: Tensor) -> Tensor:
        """This process's part of a batch (n,): every world-th element."""
        return batch[self.rank :: self.world]

    def add_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Makes each parameter's gradient the sum over all processes."""
        if self.world > 1:
            for parameter in parameters:
                if parameter.grad is not None:
                    dist.all_reduce(parameter.grad)

    def agreed(self, value: float) -> float:
        """The first process's value, so that all decide alike."""
        if self.world == 1:
            return value
        told = torch.tensor([value], dtype=torch.float64)
        dist.broadcast(told, src=0)
        return float(told)

    def added(self, value: float) -> float:
        """The sum over all processes."""
        if self.world == 1:
            return value
        told = torch.tensor([value], dtype=torch.float64)
        dist.all_reduce(told)
        return float(told)


@contextmanager
def joined() -> Iterator[Processes]:
    """The processes of this fit: one, or all that `torchrun` started, which then wait for each
    other. Numbers of the host are exchanged by gloo, so that one way serves CPU and GPU."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Processes(0, 1)
        return
    already = dist.is_initialized()
    if not already:
        dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Processes(dist.get_rank(), dist.get_world_size())
    finally:
        if not already:
            dist.destroy_process_group()
