"""Resolving a whole table of evidence at once: for rehearsals, changes of rules and imports.

    table = EvidenceTable.of(facts, first_seen)
    resolved = resolve_table(table, rules, decisions)

The answer is that of `identity.whole.resolve_all`, and so of the local way; a property test holds it.
"""

from identity.batch.rehearsing import rehearse
from identity.batch.resolving import Resolved, resolve_table
from identity.batch.table import EvidenceTable, TableFilling

__all__ = ["EvidenceTable", "Resolved", "TableFilling", "rehearse", "resolve_table"]
