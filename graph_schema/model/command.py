"""Commands: what people and the product itself ask of the graph, as records in the log.

A command's id is its idempotency key: the same id again answers the first outcome.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from graph_schema.model.identifier import Key
from graph_schema.model.item import Item
from graph_schema.model.rules import IdentityRules
from graph_schema.model.time import Micros


class _Command(msgspec.Struct, frozen=True, tag_field="command", kw_only=True):
    id: str
    actor: str
    at: Micros


class CreateSegment(_Command, frozen=True, tag="create_segment"):
    key: str
    name: str
    rule: dict[str, Any]
    description: str | None = None


class UpdateSegment(_Command, frozen=True, tag="update_segment"):
    """What is None stays."""

    key: str
    expected_version: int | None = None
    name: str | None = None
    description: str | None = None
    rule: dict[str, Any] | None = None


class ArchiveSegment(_Command, frozen=True, tag="archive_segment"):
    key: str


class PutItems(_Command, frozen=True, tag="put_items"):
    """States items of the catalogue; later statements win."""

    items: tuple[Item, ...]


class MergeProfiles(_Command, frozen=True, tag="merge_profiles"):
    """Confirms that sets of identifiers are one person's: each set is what a profile held when the
    person decided, the one whose id is to stay first. The command's id is its change's."""

    parts: tuple[tuple[Key, ...], ...]
    note: str | None = None


class SplitProfile(_Command, frozen=True, tag="split_profile"):
    """Parts the identifiers that are taken out from the rest of what their profile held when the
    person decided. The command's id is its change's."""

    taken: tuple[Key, ...]
    rest: tuple[Key, ...]
    note: str | None = None


class UndoChange(_Command, frozen=True, tag="undo_change"):
    """Takes a change back. The command's id is the new change's."""

    change: str
    note: str | None = None


class ChangeRules(_Command, frozen=True, tag="change_rules"):
    """Puts rules of identity in force; their `version` is given by the worker. The command's id is its
    change's."""

    rules: IdentityRules
    note: str | None = None


class ReplayRecord(_Command, frozen=True, tag="replay_record"):
    """Another try with a record of the log that could not be applied."""

    partition: int
    position: int


IdentityCommand: TypeAlias = MergeProfiles | SplitProfile | UndoChange
CatalogueCommand: TypeAlias = CreateSegment | UpdateSegment | ArchiveSegment | PutItems
Command: TypeAlias = CatalogueCommand | IdentityCommand | ChangeRules | ReplayRecord


class Outcome(msgspec.Struct, frozen=True):
    """What became of a command, stored in the transaction that applied it. `problem` is empty where
    it took effect, else a stable code with a sentence and the path in the input."""

    command_id: str
    at: Micros
    problem: str = ""
    message: str = ""
    path: tuple[str, ...] = ()
