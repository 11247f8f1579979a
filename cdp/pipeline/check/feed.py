"""The change feed, and references."""

from __future__ import annotations

from cdp.pipeline.check.findings import EXAMPLES, FEED, REFERENCES, Findings
from graph_schema.store import Checkpoint, GraphStore

CHUNK = 2_000


async def feed(store: GraphStore, checkpoints: list[Checkpoint], findings: Findings) -> None:
    """Every partition's entries go on without a gap from where its feed is pruned (0 at first) up to
    where its checkpoint says."""
    reached = [checkpoint.pruned for checkpoint in checkpoints]
    while entries := await store.changes(tuple(reached), CHUNK):
        findings.walked(FEED, len(entries))
        for entry in entries:
            if entry.seq != reached[entry.partition] + 1:
                missing = reached[entry.partition] + 1
                findings.broken(FEED, f"entry {entry.partition}/{missing} is missing")
            reached[entry.partition] = entry.seq
    for checkpoint, seq in zip(checkpoints, reached, strict=True):
        if checkpoint.seq != seq:
            findings.broken(
                FEED,
                f"partition {checkpoint.partition} ends at entry {seq}, its checkpoint says "
                f"{checkpoint.seq}",
            )


async def references(store: GraphStore, total: int, findings: Findings) -> None:
    findings.walked(REFERENCES, total)
    for found in await store.dangling(EXAMPLES):
        findings.broken(REFERENCES, f"{found.kind} {found.id} refers to what is not there")
