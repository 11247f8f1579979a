"""Why identifiers are one person's, or are not: read off the evidence and what became of it."""

from __future__ import annotations

import msgspec

from graph_schema.model.evidence import Edge, RefusalRule
from graph_schema.model.identifier import Key


class LinkPath(msgspec.Struct, frozen=True):
    """The evidence that joined, from one identifier to the other; without `weakest` the two would be
    apart, but for what is redundant today."""

    steps: tuple[Edge, ...]
    weakest: Edge


class Separation(msgspec.Struct, frozen=True):
    """The refused evidence nearest to the two, from one to the other, and the rule that refused the
    first of it; empty and None where no evidence leads from one to the other."""

    refused: tuple[Edge, ...] = ()
    rule: RefusalRule | None = None


class EvidenceGraph(msgspec.Struct, frozen=True):
    """A profile's identifiers, the strongest first, then those at the other ends of its evidence; the
    evidence among them, what joined first. `truncated`: there are more of them."""

    nodes: tuple[Key, ...]
    edges: tuple[Edge, ...]
    truncated: bool
