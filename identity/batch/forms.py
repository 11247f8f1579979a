"""The canonical forms that rules give to the identifiers of a table, whatever it was recorded by."""

from __future__ import annotations

import msgspec
import numpy as np

from graph_schema.model.evidence import EvidenceKind
from graph_schema.model.identifier import Key, parse_key
from graph_schema.model.rules import IdentityRules
from graph_schema.model.time import HALF_HOUR, Micros
from identity.batch.table import EvidenceTable
from identity.normalise import Normaliser
from identity.region import STRENGTH


def with_forms(table: EvidenceTable, rules: IdentityRules) -> EvidenceTable:
    """The table with the forms of these rules and no others. Of an identifier and its form there is one
    fact, at the first sighting: when evidence of this kind was seen again makes no difference to what
    becomes of it."""
    if table.canonical.any():
        table = table.without(table.canonical)
    if all(rules.namespace(name).equivalent is None for name in table.namespaces):
        return table
    forms = _forms(table, rules)
    if not forms:
        return table
    first_at: dict[Key, Micros] = {}
    for code, form in forms:
        first = int(table.first_at[code])
        first_at[form] = min(first_at.get(form, first), first)
    keys = sorted([*table.keys, *first_at])
    place = {key: code for code, key in enumerate(keys)}
    moved = np.array([place[key] for key in table.keys], np.int64)
    new = np.array([place[key] for key in first_at], np.int64)
    spelled = np.array([code for code, _ in forms], np.int64)
    one, two = moved[spelled], np.array([place[form] for _, form in forms], np.int64)
    names = list(dict.fromkeys((*table.namespaces, *(parse_key(form)[0] for form in first_at))))
    namespace, seen = np.empty(len(keys), np.int64), np.empty(len(keys), np.int64)
    namespace[moved], seen[moved] = table.namespace, table.first_at
    namespace[new] = [names.index(parse_key(form)[0]) for form in first_at]
    seen[new] = list(first_at.values())
    at = table.first_at[spelled]
    kind = np.full(len(forms), STRENGTH[EvidenceKind.EQUIVALENT])
    return msgspec.structs.replace(
        table,
        keys=keys,
        namespaces=tuple(names),
        namespace=namespace,
        first_at=seen,
        a=np.concatenate((moved[table.a], np.minimum(one, two))),
        b=np.concatenate((moved[table.b], np.maximum(one, two))),
        kind=np.concatenate((table.kind, kind)),
        half_hour=np.concatenate((table.half_hour, at // HALF_HOUR)),
        at=np.concatenate((table.at, at)),
        mids=[*table.mids, *([""] * len(forms))],
    )


def _forms(table: EvidenceTable, rules: IdentityRules) -> list[tuple[int, Key]]:
    """The identifiers that have a form, by their codes."""
    normaliser = Normaliser(rules)
    ruled = [rules.namespace(name).equivalent is not None for name in table.namespaces]
    found = []
    for code in np.flatnonzero(np.array(ruled)[table.namespace]).tolist():
        form = normaliser.form_of(table.keys[code])
        if form is not None:
            found.append((code, form))
    return found
