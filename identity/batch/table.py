"""The `seen` facts as columns."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from graph_schema.model.evidence import Seen
from graph_schema.model.identifier import Key, parse_key
from graph_schema.model.rules import is_canonical
from graph_schema.model.time import Micros
from identity.region import STRENGTH

Ints: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]


class EvidenceTable(msgspec.Struct, frozen=True):
    """n identifiers and m facts.

    `keys`: n, sorted, so that codes (places in it) compare as keys do. `namespaces`: the names in
    use, and `namespace` (n,) the place of each identifier's in them. `first_at` (n,): when each was
    first seen, in microseconds. Of each fact: `a` and `b` (m,) the codes of its ends, a < b; `kind`
    (m,) its strength, 0 the strongest; `half_hour` and `at` (m,), and its message id in `mids`.
    """

    keys: Sequence[Key]
    namespaces: tuple[str, ...]
    namespace: Ints
    first_at: Ints
    a: Ints
    b: Ints
    kind: Ints
    half_hour: Ints
    at: Ints
    mids: Sequence[str]

    @classmethod
    def of(cls, facts: Iterable[Seen], first_seen: Mapping[Key, Micros]) -> EvidenceTable:
        """`first_seen`: every identifier, those without evidence too. Raises KeyError where a fact
        names one that is not there."""
        filling = TableFilling()
        for key, at in first_seen.items():
            filling.identifier(key, at)
        for fact in facts:
            filling.fact(fact)
        return filling.table()

    @property
    def canonical(self) -> Flags:
        """(n,): which identifiers are canonical forms."""
        names = np.array([is_canonical(name) for name in self.namespaces], np.bool_)
        return names[self.namespace] if len(names) else np.zeros(0, np.bool_)

    def without(self, gone: Flags) -> EvidenceTable:
        """Without the identifiers flagged (n,) and their evidence."""
        code = np.cumsum(~gone) - 1
        left = np.flatnonzero(~gone)
        kept = np.flatnonzero(~(gone[self.a] | gone[self.b]))
        return msgspec.structs.replace(
            self,
            keys=[self.keys[place] for place in left.tolist()],
            namespace=self.namespace[left],
            first_at=self.first_at[left],
            a=code[self.a[kept]],
            b=code[self.b[kept]],
            kind=self.kind[kept],
            half_hour=self.half_hour[kept],
            at=self.at[kept],
            mids=[self.mids[place] for place in kept.tolist()],
        )


class TableFilling:
    """Fills a table from streams, in machine integers: identifiers first, then facts."""

    def __init__(self) -> None:
        self._code: dict[Key, int] = {}
        self._first_at = array("q")
        self._columns = [array("q") for _ in range(5)]
        self._mids: list[str] = []

    def identifier(self, key: Key, first_at: Micros) -> None:
        self._code[key] = len(self._code)
        self._first_at.append(first_at)

    def knows(self, fact: Seen) -> bool:
        return fact.a in self._code and fact.b in self._code

    def fact(self, fact: Seen) -> None:
        """Raises KeyError where it names an identifier that was not given."""
        row = (
            self._code[fact.a], self._code[fact.b], STRENGTH[fact.kind], fact.half_hour, fact.at,
        )  # fmt: skip
        for column, value in zip(self._columns, row, strict=True):
            column.append(value)
        self._mids.append(fact.mid)

    def table(self) -> EvidenceTable:
        keys = sorted(self._code)
        order = np.array([self._code[key] for key in keys], np.int64)
        code = np.empty(len(keys), np.int64)
        code[order] = np.arange(len(keys))
        names = [parse_key(key)[0] for key in keys]
        namespaces = tuple(dict.fromkeys(names))
        place = {name: i for i, name in enumerate(namespaces)}
        a, b, kind, half_hour, at = (np.array(column, np.int64) for column in self._columns)
        return EvidenceTable(
            keys,
            namespaces,
            np.array([place[name] for name in names], np.int64),
            np.array(self._first_at, np.int64)[order],
            code[a],
            code[b],
            kind,
            half_hour,
            at,
            self._mids,
        )
