"""Which partitions of the log a worker applies.

A store with one writer has one worker, which applies all of them. On a store that several workers may
write to they share the partitions: each holds some for a while, and holds them again before the while
is over. A partition that nobody holds any longer is taken by whoever comes first; a worker that holds
too few takes one from the worker that holds the most. Who loses a partition is told by the store's
fence the next time it writes (Fenced), so that at no moment two write to one. Nobody keeps a list of
workers: they may be started and ended anywhere.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from cdp.eventlog.protocol import Tail
from graph_schema.errors import (
    Fenced,
    PositionOutsideLog,
    StoreConflict,
    StoreUnavailable,
    WrongLog,
)
from graph_schema.model.time import SECOND, Micros
from graph_schema.store import Checkpoint, GraphStore

_logger = logging.getLogger("cdp.worker")

LOOK = SECOND // 2
"""So often a worker looks at how the partitions are shared."""


class Holding(Protocol):
    """The partitions that a worker has to itself."""

    async def held(self, tails: Mapping[int, Tail]) -> dict[int, Checkpoint]:
        """The partitions held now, by number, and where they stand; taken and left as the moment
        demands. `tails`: how far the log goes. Raises StoreError, PositionOutsideLog among them."""
        ...

    def stands(self, checkpoint: Checkpoint) -> None:
        """Where a held partition stands after a batch."""
        ...

    def lost(self, partition: int) -> None:
        """Another worker has taken it."""
        ...

    def forget(self) -> None:
        """Nothing is certain any longer: what is held is asked for anew."""
        ...

    async def give_back(self) -> None:
        """Leaves everything to others at once."""
        ...


class EveryPartition:
    """All of them, without asking: for a store with one writer."""

    def __init__(self, store: GraphStore, log_id: Callable[[], str]) -> None:
        self._store = store
        self._log_id = log_id
        self._held: dict[int, Checkpoint] = {}

    async def held(self, tails: Mapping[int, Tail]) -> dict[int, Checkpoint]:
        for partition in sorted(tails.keys() - self._held.keys()):
            checkpoint = await self._store.checkpoint(partition, self._log_id())
            _check(checkpoint, tails)
            self._held[partition] = checkpoint
        return dict(sorted(self._held.items()))

    def stands(self, checkpoint: Checkpoint) -> None:
        self._held[checkpoint.partition] = checkpoint

    def lost(self, partition: int) -> None:
        self._held.pop(partition, None)

    def forget(self) -> None:
        self._held.clear()

    async def give_back(self) -> None:
        self._held.clear()


class SharedPartitions:
    """Some of them, each for `lease` at a time. `owner` names this worker and no other. `only`: these
    and no others, however many that are."""

    def __init__(
        self,
        store: GraphStore,
        log_id: Callable[[], str],
        now: Callable[[], Micros],
        owner: str,
        lease: Micros,
        only: Collection[int] = (),
    ) -> None:
        self._store = store
        self._log_id = log_id
        self._now = now
        self._owner = owner
        self._lease = lease
        self._only = only
        self._held: dict[int, Checkpoint] = {}
        self._look_at: Micros | None = None

    async def held(self, tails: Mapping[int, Tail]) -> dict[int, Checkpoint]:
        now = self._now()
        if self._look_at is None or now >= self._look_at:
            self._look_at = now + LOOK
            await self._look(tails, now)
        for checkpoint in tuple(self._held.values()):
            if checkpoint.until - now < self._lease // 2:
                await self._hold(checkpoint, now)
        return dict(sorted(self._held.items()))

    def stands(self, checkpoint: Checkpoint) -> None:
        self._held[checkpoint.partition] = checkpoint

    def lost(self, partition: int) -> None:
        self._held.pop(partition, None)

    def forget(self) -> None:
        self._held.clear()
        self._look_at = None

    async def give_back(self) -> None:
        held, self._held = self._held, {}
        for checkpoint in held.values():
            try:
                await self._store.hold(checkpoint, "", 0)
            except (Fenced, StoreConflict, StoreUnavailable) as error:
                # It goes to another when its time is over.
                _logger.info("partition %d is not given back: %s", checkpoint.partition, error)

    async def _look(self, tails: Mapping[int, Tail], now: Micros) -> None:
        stand = {c.partition: c for c in await self._store.checkpoints()}
        for partition in tails.keys() - stand.keys():
            stand[partition] = await self._store.checkpoint(partition, self._log_id())
        for checkpoint in stand.values():
            if checkpoint.log != self._log_id():
                raise WrongLog(expected=checkpoint.log, found=self._log_id())
            _check(checkpoint, tails)
        for partition in tuple(self._held):
            if stand[partition].owner != self._owner:
                self.lost(partition)
        share = not self._only
        wanted = [stand[number] for number in sorted(tails) if share or number in self._only]
        for checkpoint in to_take(wanted, self._held.keys(), self._owner, now, share=share):
            await self._hold(checkpoint, now)

    async def _hold(self, known: Checkpoint, now: Micros) -> None:
        try:
            held = await self._store.hold(known, self._owner, now + self._lease)
        except Fenced:
            self.lost(known.partition)
        else:
            self._held[held.partition] = held


def to_take(
    stand: Sequence[Checkpoint], held: Collection[int], me: str, now: Micros, *, share: bool
) -> list[Checkpoint]:
    """What a worker that holds `held` takes next: what is its own without its knowing, what nobody
    holds, and where it shares, one partition of the worker that holds at least two more. Where it
    shares it takes one at a time, so that those who begin together get theirs."""
    others = sorted((c for c in stand if c.partition not in held), key=lambda c: c.partition)
    own = [c for c in others if c.owner == me]
    free = [c for c in others if c.owner != me and (not c.owner or c.until <= now)]
    if not share:
        return own + free
    if own or free:
        return own + free[:1]
    holders = Counter(c.owner for c in others)
    richest, most = max(holders.items(), key=lambda held: (held[1], held[0]), default=(me, 0))
    if most < len(held) + 2:
        return []
    return [next(c for c in reversed(others) if c.owner == richest)]


def _check(checkpoint: Checkpoint, tails: Mapping[int, Tail]) -> None:
    end = tails.get(checkpoint.partition, Tail()).position
    if checkpoint.position > end:
        raise PositionOutsideLog(position=checkpoint.position, end=end)
