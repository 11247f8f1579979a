"""The `seen` facts as columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from graph_schema.model.evidence import Seen
from graph_schema.model.identifier import Key, parse_key
from graph_schema.model.time import Micros
from identity.region import STRENGTH

Ints: TypeAlias = npt.NDArray[np.int64]


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
        keys = sorted(first_seen)
        code = {key: place for place, key in enumerate(keys)}
        names = [parse_key(key)[0] for key in keys]
        namespaces = tuple(dict.fromkeys(names))
        place = {name: i for i, name in enumerate(namespaces)}
        rows = [(code[f.a], code[f.b], STRENGTH[f.kind], f.half_hour, f.at, f.mid) for f in facts]
        a, b, kind, half_hour, at, mids = zip(*rows, strict=True) if rows else ((),) * 6
        return cls(
            keys,
            namespaces,
            _ints([place[name] for name in names]),
            _ints([first_seen[key] for key in keys]),
            _ints(a),
            _ints(b),
            _ints(kind),
            _ints(half_hour),
            _ints(at),
            mids,
        )


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int64)
