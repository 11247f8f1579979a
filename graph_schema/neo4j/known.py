"""What a batch knows to be in the graph, or not to be: so that writing need not ask again."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from graph_schema.model.identifier import Identifier, Key
from graph_schema.model.session import Session


class Known:
    """Holds for one transaction: what was read under its locks stays as it was."""

    def __init__(self) -> None:
        self._there: dict[str, set[str]] = {}
        self._missing: dict[str, set[str]] = {}
        self.profile_of: dict[Key, str | None] = {}
        """The profile of each identifier that is known to be there."""
        self.owner_of: dict[str, Key | None] = {}
        """The owner of each session that is known to be there."""

    def there(self, label: str, ids: Iterable[str]) -> None:
        self._there.setdefault(label, set()).update(ids)

    def gone(self, label: str, ids: Iterable[str]) -> None:
        self._there.setdefault(label, set()).difference_update(ids)

    def unseen(self, label: str, ids: Iterable[str]) -> list[str]:
        """Those that are not known to be there, in order."""
        return sorted(set(ids) - self._there.get(label, set()))

    def is_missing(self, label: str, id_: str) -> bool:
        """Whether it was asked for and is not there."""
        return id_ in self._missing.get(label, ()) and id_ not in self._there.get(label, ())

    # ── what was read ──────────────────────────────────────────────────────────────────────────

    def asked_identifiers(self, keys: Iterable[Key], found: Collection[Identifier]) -> None:
        self.read_identifiers(found)
        missing = set(keys) - {identifier.key for identifier in found}
        self._missing.setdefault("Identifier", set()).update(missing)

    def read_identifiers(self, found: Collection[Identifier]) -> None:
        self.there("Identifier", (identifier.key for identifier in found))
        profiles = {i.profile for i in found if i.profile is not None}
        self.there("Profile", profiles)
        self.profile_of.update((i.key, i.profile) for i in found)

    def read_sessions(self, found: list[Session]) -> list[Session]:
        self.there("Session", (session.id for session in found))
        self.owner_of.update((session.id, session.owner) for session in found)
        return found

    def drop_sessions(self, ids: Iterable[str]) -> None:
        self.gone("Session", ids)
        for id_ in ids:
            self.owner_of.pop(id_, None)

    def asked_items(self, ids: Iterable[str], found: Collection[str]) -> None:
        self.there("Item", found)
        self._missing.setdefault("Item", set()).update(set(ids) - set(found))
