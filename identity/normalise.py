"""Which identifiers an event names, and their keys.

A key uses only normalisation that can never be wrong: Unicode NFC, trimmed, e-mail in lower case.
Everything bolder is a rule that adds evidence, so that it can be tried and taken back.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

import msgspec

from graph_schema.model.event import Event, EventType
from graph_schema.model.identifier import Key, key_of, parse_key
from graph_schema.model.rules import IdentityRules, Namespace
from identity.blocked import Blocked
from identity.equivalent import canonical

LONGEST = 512
_REMEMBERED = 50_000
_EXTERNAL = re.compile(r"[A-Za-z0-9_.\-]{1,64}")


class Name(msgspec.Struct, frozen=True):
    """One identifier that an event names. `form`: that of its canonical form, where a rule gives it
    one; forms are never blocked."""

    key: Key
    namespace: Namespace
    value: str
    blocked: bool
    form: Name | None = None


class Names(msgspec.Struct, frozen=True):
    """All identifiers of an event in rank order. `device`: the key its session is folded under, None
    where all are blocked. `user`: its user id. `previous`: an alias' other name."""

    all: tuple[Name, ...]
    device: Key | None
    user: Key | None
    previous: Key | None

    @property
    def with_forms(self) -> tuple[Name, ...]:
        """All identifiers, and behind them their canonical forms, each once."""
        forms = {name.form.key: name.form for name in self.all if name.form is not None}
        return (*self.all, *forms.values()) if forms else self.all


class Normaliser:
    """Reads events by the rules of one version."""

    def __init__(self, rules: IdentityRules) -> None:
        self._rules = rules
        self._blocked = Blocked(rules)
        self._namespaces = {namespace.name: namespace for namespace in rules.namespaces}
        self._known: dict[tuple[str, str, str], Name] = {}

    def names(self, event: Event) -> Names:
        """The identifiers of an event: its userId, anonymousId, context.device.id and
        context.externalIds; of an identify also traits.email and traits.phone; of an alias also the
        previousId, which is always an anonymous_id."""
        found: dict[Key, Name] = {}
        for namespace, value in _stated(event):
            name = self._name(namespace, value, event.source)
            if name is not None:
                found.setdefault(name.key, name)
        previous = self._previous(event, found)
        names = tuple(sorted(found.values(), key=_in_rank))
        if previous is not None:  # among equals, the name of today is the centre of the star
            names = tuple(sorted(names, key=lambda n: (n.namespace.rank, n.key == previous)))
        return Names(names, _device(names, previous), _first(names, "user_id"), previous)

    def key(self, namespace: str, value: str, source: str = "") -> Key:
        """The key of a value as a client would send it."""
        declared = self._namespace(namespace)
        return key_of(namespace, self._clean(declared, value), source if declared.scoped else "")

    def _previous(self, event: Event, found: dict[Key, Name]) -> Key | None:
        """An alias' other name, added to what is found. That of oneself is nothing."""
        if event.type is not EventType.ALIAS:
            return None
        name = self._name("anonymous_id", event.previous_id, event.source)
        user = self._name("user_id", event.user_id, event.source)
        if name is None or name.key in found or (user is not None and user.value == name.value):
            return None
        found[name.key] = name
        return None if name.blocked else name.key

    def _name(self, namespace: str, value: Any, source: str) -> Name | None:
        """Remembered: values come back with every event of a device."""
        if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 64:
            value = str(value)
        if not isinstance(value, str) or len(value) > LONGEST or "\x00" in value:
            return None
        name = self._known.get((namespace, value, source))
        if name is None:
            name = self._new_name(namespace, value, source)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[namespace, value, source] = name
        return name

    def _new_name(self, namespace: str, value: str, source: str) -> Name:
        declared = self._namespace(namespace)
        clean = self._clean(declared, value)
        scope = source if declared.scoped else ""
        blocked = self._blocked(clean)
        form = None if blocked else self._form(declared, clean, scope)
        return Name(key_of(namespace, clean, scope), declared, clean, blocked, form)

    def form_of(self, key: Key) -> Key | None:
        """The key of the canonical form of an identifier that is not blocked."""
        namespace, scope, value = parse_key(key)
        form = self._form(self._namespace(namespace), value, scope)
        return None if form is None else form.key

    def _form(self, declared: Namespace, clean: str, scope: str) -> Name | None:
        if declared.equivalent is None:
            return None
        value = canonical(declared.equivalent, clean)
        if value is None or self._blocked(value):
            return None
        namespace = declared.canonical
        return Name(key_of(namespace.name, value, scope), namespace, value, blocked=False)

    def _namespace(self, name: str) -> Namespace:
        return self._namespaces.get(name) or self._rules.namespace(name)

    def _clean(self, namespace: Namespace, value: str) -> str:
        clean = value.strip()
        if not clean.isascii():
            clean = unicodedata.normalize("NFC", clean).strip()
        return clean.lower() if namespace.case_insensitive else clean


def _stated(event: Event) -> Iterator[tuple[str, Any]]:
    if event.user_id is not None:
        yield "user_id", event.user_id
    if event.anonymous_id is not None:
        yield "anonymous_id", event.anonymous_id
    if event.type is EventType.IDENTIFY:
        yield "email", event.traits.get("email")
        yield "phone", event.traits.get("phone")
    device = event.context.get("device")
    if isinstance(device, dict):
        yield "device_id", device.get("id")
    external = event.context.get("externalIds")
    if isinstance(external, list):
        for entry in external:
            if isinstance(entry, dict):
                yield from _external(entry)


def _external(entry: dict[Any, Any]) -> Iterator[tuple[str, Any]]:
    """A plain id of a user; its type is its namespace, also where that is one of ours."""
    namespace = entry.get("type")
    if (
        isinstance(namespace, str)
        and _EXTERNAL.fullmatch(namespace)
        and entry.get("collection", "users") == "users"
        and entry.get("encoding", "none") in ("none", None)
    ):
        yield namespace, entry.get("id")


def _in_rank(name: Name) -> tuple[int, Key]:
    return name.namespace.rank, name.key


def _device(names: tuple[Name, ...], previous: Key | None) -> Key | None:
    """anonymous_id, else device_id, else the highest-ranked; an alias' previousId only at last."""
    usable = [name for name in names if not name.blocked]
    own = [name for name in usable if name.key != previous] or usable
    return _first(own, "anonymous_id") or _first(own, "device_id") or (own[0].key if own else None)


def _first(names: tuple[Name, ...] | list[Name], namespace: str) -> Key | None:
    return next((n.key for n in names if n.namespace.name == namespace and not n.blocked), None)
