"""The rules of identity as a TOML file: reading, with every mistake and its place, and writing.

What the file leaves out keeps its default; a namespace that it names but that is not one of the
defaults is a new one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from graph_schema.errors import CdpError
from graph_schema.model.rules import Equivalent, Form, IdentityRules, Namespace, Role
from identity.decisions import USER
from identity.equivalent import known_region

_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_LONGEST = 65_536
_MOST_VALUES = 10_000
_LONGEST_DOMAIN = 253

_NUMBERS = ("size_cap", "burned_above", "other_rank", "other_limit")
_SHARES = {"from": "dominant_from", "until": "dominant_until"}
_LISTS = {"values": "blocked", "patterns": "blocked_patterns"}


def _is_domain(text: object) -> bool:
    return (
        isinstance(text, str) and text == text.strip().lower() and 0 < len(text) <= _LONGEST_DOMAIN
    )


class Mistake(msgspec.Struct, frozen=True):
    """What is wrong at `path`: ("namespaces", "email", "limit")."""

    path: tuple[str, ...]
    message: str


class RulesRefused(CdpError):
    """The identity rules have {count} mistake(s). {first}"""

    code = "BAD_IDENTITY_RULES"

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        self.mistakes = mistakes
        first = mistakes[0]
        where = ".".join(first.path)
        super().__init__(
            count=len(mistakes), first=f"{where}: {first.message}" if where else first.message
        )


def read_rules(text: str, defaults: IdentityRules | None = None) -> IdentityRules:
    """Raises RulesRefused with every mistake in the file."""
    reading = _Reading()
    rules = reading.rules(text, defaults or IdentityRules())
    if reading.mistakes:
        raise RulesRefused(tuple(reading.mistakes))
    return rules


def write_rules(rules: IdentityRules) -> str:
    """A file that reads as these rules."""
    lines = [f"{name} = {getattr(rules, name)}" for name in _NUMBERS]
    lines += ["", "[dominance]"]
    lines += [f"{key} = {getattr(rules, name)}" for key, name in _SHARES.items()]
    lines += ["", "[blocked]"]
    for key, name in _LISTS.items():
        lines.append(f"{key} = [{', '.join(_quoted(value) for value in getattr(rules, name))}]")
    for space in rules.namespaces:
        lines += ["", f"[namespaces.{_quoted(space.name)}]"]
        lines += [f"rank = {space.rank}", f"limit = {space.limit}", f'role = "{space.role}"']
        lines += [f"{flag} = true" for flag in _FLAGS if getattr(space, flag)]
        if space.equivalent is not None:
            lines += [
                "",
                f"[namespaces.{_quoted(space.name)}.equivalent]",
                *_written(space.equivalent),
            ]
    return "\n".join(lines) + "\n"


_FLAGS = ("scoped", "pii", "case_insensitive")


_OPTIONS = {
    Form.EMAIL: ("form", "plus_tags", "dotless", "domains"),
    Form.PHONE: ("form", "region"),
    Form.CASE: ("form",),
}


def _written(rule: Equivalent) -> list[str]:
    lines = [f'form = "{rule.form}"']
    if rule.form is Form.EMAIL:
        dotless = ", ".join(map(_quoted, rule.dotless))
        domains = ", ".join(f"{_quoted(one)} = {_quoted(other)}" for one, other in rule.domains)
        lines += [
            f"plus_tags = {'true' if rule.plus_tags else 'false'}",
            f"dotless = [{dotless}]",
            f"domains = {{{domains}}}",
        ]
    if rule.form is Form.PHONE and rule.region:
        lines.append(f"region = {_quoted(rule.region)}")
    return lines


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes are a part of TOML's, which takes DEL only escaped."""
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007f")


class _Reading:
    """Collects mistakes and reads on."""

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []

    def rules(self, text: str, defaults: IdentityRules) -> IdentityRules:
        if len(text) > _LONGEST:
            self._wrong((), f"The file is longer than {_LONGEST} characters.")
            return defaults
        try:
            file = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            self._wrong((), f"This is no TOML: {error}.")
            return defaults
        self._known((), file, (*_NUMBERS, "dominance", "blocked", "namespaces"))
        found: dict[str, Any] = {}
        for name in _NUMBERS:
            found[name] = self._number((), file, name, getattr(defaults, name), least=0)
        dominance = self._table(file, "dominance", _SHARES)
        for key, name in _SHARES.items():
            found[name] = self._share(dominance, key, getattr(defaults, name))
        if found["dominant_until"] >= found["dominant_from"]:
            self._wrong(("dominance",), "until must be less than from: the band between them.")
        blocked = self._table(file, "blocked", _LISTS)
        found["blocked"] = self._texts(blocked, "values", defaults.blocked, len)
        found["blocked_patterns"] = self._texts(
            blocked, "patterns", defaults.blocked_patterns, re.compile
        )
        found["namespaces"] = self._namespaces(file, defaults)
        return msgspec.structs.replace(defaults, **found)

    def _namespaces(self, file: Mapping[str, Any], defaults: IdentityRules) -> Any:
        stated = self._table(file, "namespaces", None)
        spaces = {space.name: space for space in defaults.namespaces}
        for name, body in stated.items():
            path = ("namespaces", name)
            if not _NAME.fullmatch(name):
                self._wrong(path, "A name has 1 to 64 letters, digits, dots, dashes, underscores.")
            elif not isinstance(body, dict):
                self._wrong(path, "It must be a table.")
            else:
                spaces[name] = self._namespace(path, body, defaults.namespace(name))
        return tuple(sorted(spaces.values(), key=lambda space: space.rank))

    def _namespace(
        self, path: tuple[str, ...], body: dict[str, Any], known: Namespace
    ) -> Namespace:
        self._known(path, body, ("rank", "limit", "role", *_FLAGS, "equivalent"))
        found: dict[str, Any] = {
            "rank": self._number(path, body, "rank", known.rank, least=0),
            "limit": self._number(path, body, "limit", known.limit, least=1),
        }
        role = body.get("role", known.role.value)
        if role in [r.value for r in Role]:
            found["role"] = Role(role)
        else:
            self._wrong((*path, "role"), f"It must be one of {', '.join(Role)}.")
        for flag in _FLAGS:
            found[flag] = body.get(flag, getattr(known, flag))
            if not isinstance(found[flag], bool):
                self._wrong((*path, flag), "It must be true or false.")
        if "equivalent" in body:
            found["equivalent"] = self._equivalent(path, body["equivalent"], found["role"])
        return msgspec.structs.replace(known, **found)

    def _equivalent(self, space: tuple[str, ...], body: Any, role: Role) -> Equivalent | None:
        path = (*space, "equivalent")
        if not isinstance(body, dict) or body.get("form") not in [f.value for f in Form]:
            self._wrong(path, f"It must be a table whose form is one of {', '.join(Form)}.")
            return None
        if space[-1] == USER or role is Role.DEVICE:
            self._wrong(path, "Neither user ids nor devices have several spellings.")
        form = Form(body["form"])
        self._known(path, body, _OPTIONS[form])
        rule = Equivalent(form)
        tags = body.get("plus_tags", rule.plus_tags)
        if not isinstance(tags, bool):
            self._wrong((*path, "plus_tags"), "It must be true or false.")
        dotless = body.get("dotless", [])
        if not isinstance(dotless, list) or not all(map(_is_domain, dotless)):
            self._wrong((*path, "dotless"), "It must be a list of domains in lower case.")
            dotless = []
        domains = body.get("domains", {})
        if not isinstance(domains, dict) or not all(map(_is_domain, (*domains, *domains.values()))):
            self._wrong((*path, "domains"), "It must be a table of domains in lower case.")
            domains = {}
        region = body.get("region", "")
        if region != "" and not (isinstance(region, str) and known_region(region)):
            self._wrong((*path, "region"), 'It must be a country such as "DE" (ISO 3166).')
            region = ""
        return Equivalent(form, bool(tags), tuple(dotless), tuple(domains.items()), region)

    # ── values ─────────────────────────────────────────────────────────────────────────────────

    def _table(
        self, file: Mapping[str, Any], name: str, keys: Mapping[str, str] | None
    ) -> Mapping[str, Any]:
        body = file.get(name, {})
        if not isinstance(body, dict):
            self._wrong((name,), "It must be a table.")
            return {}
        if keys is not None:
            self._known((name,), body, tuple(keys))
        return body

    def _known(
        self, path: tuple[str, ...], body: Mapping[str, Any], names: tuple[str, ...]
    ) -> None:
        for name in sorted(body.keys() - set(names)):
            self._wrong((*path, name), f"Unknown; known are {', '.join(names)}.")

    def _number(
        self, path: tuple[str, ...], body: Mapping[str, Any], name: str, default: int, least: int
    ) -> int:
        value = body.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= 1_000_000:
            self._wrong((*path, name), f"It must be a whole number from {least} to 1000000.")
            return default
        return value

    def _share(self, body: Mapping[str, Any], name: str, default: float) -> float:
        value = body.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
            self._wrong(("dominance", name), "It must be a share above 0 and up to 1.")
            return default
        return float(value)

    def _texts(
        self,
        body: Mapping[str, Any],
        name: str,
        default: tuple[str, ...],
        try_: Callable[[str], object],
    ) -> tuple[str, ...]:
        values = body.get(name, list(default))
        if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
            self._wrong(("blocked", name), "It must be a list of texts.")
            return default
        if len(values) > _MOST_VALUES:
            self._wrong(("blocked", name), f"It must have at most {_MOST_VALUES} entries.")
            return default
        for place, value in enumerate(values):
            try:
                try_(value)
            except re.error as error:
                self._wrong(("blocked", name, str(place)), f"This is no pattern: {error}.")
        return tuple(values)

    def _wrong(self, path: tuple[str, ...], message: str) -> None:
        self.mistakes.append(Mistake(path, message))
