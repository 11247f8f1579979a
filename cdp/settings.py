"""Every setting: its name, what it means, its default, and where its value came from.

The command line wins, then the environment, then `cdp.toml` (the same names in lower case), then
what was made at the first start (`credentials.toml` in the data folder), then the default.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from cdp.credentials import FILE, MADE_AT_FIRST_START, credentials
from cdp.settings_file import read_settings
from graph_schema.errors import SettingError
from graph_schema.model.rules import IdentityRules
from identity.rules_file import RulesRefused, read_rules

GRAPH_FILE = "graph.db"
SCOPES = (
    "profile:read", "pii:read", "segment:read", "segment:write", "identity:write",
    "recommend:read", "admin",
)  # fmt: skip


MOST_PARTITIONS = 256


class Setting(msgspec.Struct, frozen=True):
    """`parse` turns the text into the value and raises ValueError with a reason."""

    name: str
    default: str
    meaning: str
    parse: Callable[[str], Any]
    secret: bool = False


class Settings(msgspec.Struct, frozen=True):
    """The values, parsed. `tokens` maps a bearer token to its scopes. Bytes and seconds as named."""

    data: Path
    graph: str
    log: str
    write_keys: tuple[str, ...]
    tokens: dict[str, frozenset[str]]
    hash_key: bytes
    backlog_bytes: int
    lag_limit_s: float
    partitions: int
    lease_s: float
    feed_days: float
    batch_size: int
    operation_timeout_s: float
    introspection: bool
    identity_rules: IdentityRules
    identity_rules_file: str
    sources: dict[str, str]

    @property
    def models(self) -> Path:
        return self.data / "models"

    @property
    def graph_file(self) -> Path:
        """Where the embedded graph lies."""
        return self.data / GRAPH_FILE


def _choice(*schemes: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text == "sqlite" or _scheme(text).partition("+")[0] in schemes:
            return text
        raise ValueError(f"it must be sqlite or an address that begins with {schemes[0]}://")

    return parse


def _scheme(text: str) -> str:
    try:
        return urlsplit(text).scheme
    except ValueError:
        return ""


def _keys(text: str) -> tuple[str, ...]:
    keys = tuple(key.strip() for key in text.split(",") if key.strip())
    if not keys:
        raise ValueError("it must name at least one write key, separated by commas")
    return keys


def _tokens(text: str) -> dict[str, frozenset[str]]:
    tokens = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        token, separator, scopes = entry.rpartition("=")
        wanted = frozenset(scopes.split("+"))
        if not separator or not token or not wanted <= set(SCOPES):
            raise ValueError(
                f"each entry must be token=scope+scope, with scopes of: {', '.join(SCOPES)}"
            )
        tokens[token] = wanted
    return tokens


def _hash_key(text: str) -> bytes:
    if len(text) < 16:
        raise ValueError("it must have at least 16 characters")
    return text.encode()


def _number(
    kind: Callable[[str], Any], least: float, most: float = float("inf")
) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            raise ValueError(f"it must be a {'whole ' * (kind is int)}number") from None
        if not value >= least:
            raise ValueError(f"it must be at least {least:g}")
        if value > most:
            raise ValueError(f"it must be at most {most:g}")
        return value

    return parse


def _switch(text: str) -> bool:
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off"):
        return False
    raise ValueError("it must be true or false")


def _rules(text: str) -> IdentityRules:
    """Of the file that the text names."""
    if not text:
        return IdentityRules()
    try:
        return read_rules(Path(text).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the file cannot be read: {error}") from error
    except RulesRefused as error:
        raise ValueError(error.message) from error


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "CDP_DATA", "./cdp-data", "folder of the embedded stores, models and credentials", Path
    ),
    Setting("CDP_GRAPH", "sqlite", "where the graph is kept", _choice("neo4j", "bolt")),
    Setting("CDP_LOG", "sqlite", "where the event log is kept", _choice("kafka")),
    Setting("CDP_WRITE_KEYS", "", "write keys of the collector, separated by commas", _keys, True),
    Setting("CDP_TOKENS", "", "bearer tokens of the API: token=scope+scope,…", _tokens, True),
    Setting("CDP_HASH_KEY", "", "key of the profile ids and of the PII hashes", _hash_key, True),
    Setting(
        "CDP_BACKLOG_BYTES", "268435456",
        "collecting answers 429 while the log is this many bytes ahead of the graph",
        _number(int, 1),
    ),
    Setting(
        "CDP_LAG_LIMIT", "60", "/readyz answers 503 while the graph is this many seconds behind",
        _number(float, 0.1),
    ),
    Setting(
        "CDP_PARTITIONS", "1",
        "into how many partitions of the log the events go, by device; it may grow, never shrink",
        _number(int, 1, MOST_PARTITIONS),
    ),
    Setting(
        "CDP_LEASE", "10",
        "seconds after which the partitions of a worker that is not heard of go to others",
        _number(float, 1),
    ),
    Setting(
        "CDP_FEED_DAYS", "7",
        "days for which the change feed is kept; identity changes are kept for ever",
        _number(float, 0.01),
    ),
    Setting("CDP_BATCH_SIZE", "1000", "most records that the worker applies at once", _number(int, 1)),
    Setting(
        "CDP_OPERATION_TIMEOUT", "10", "seconds after which a GraphQL operation is given up",
        _number(float, 0.1),
    ),
    Setting("CDP_INTROSPECTION", "true", "whether GraphQL answers questions about its schema", _switch),
    Setting(
        "CDP_IDENTITY_RULES", "", "file of the identity rules (TOML) by which a graph is built", _rules
    ),
)  # fmt: skip


def load(arguments: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> Settings:
    """Reads the settings; makes the credentials at the first start. Raises SettingError."""
    texts, sources = _gather(arguments, environment)
    values = {setting.name: _parsed(setting, texts[setting.name]) for setting in SETTINGS[:3]}
    data: Path = values["CDP_DATA"]
    wanted = [name for name in MADE_AT_FIRST_START if not texts[name]]
    for name, text in credentials(data, wanted, data / GRAPH_FILE).items():
        texts[name] = text
        sources[name] = FILE
    values |= {setting.name: _parsed(setting, texts[setting.name]) for setting in SETTINGS[3:]}
    return Settings(
        data=data,
        graph=values["CDP_GRAPH"],
        log=values["CDP_LOG"],
        write_keys=values["CDP_WRITE_KEYS"],
        tokens=values["CDP_TOKENS"],
        hash_key=values["CDP_HASH_KEY"],
        backlog_bytes=values["CDP_BACKLOG_BYTES"],
        lag_limit_s=values["CDP_LAG_LIMIT"],
        partitions=values["CDP_PARTITIONS"],
        lease_s=values["CDP_LEASE"],
        feed_days=values["CDP_FEED_DAYS"],
        batch_size=values["CDP_BATCH_SIZE"],
        operation_timeout_s=values["CDP_OPERATION_TIMEOUT"],
        introspection=values["CDP_INTROSPECTION"],
        identity_rules=values["CDP_IDENTITY_RULES"],
        identity_rules_file=texts["CDP_IDENTITY_RULES"],
        sources=sources,
    )


def shown(settings: Settings) -> list[tuple[str, str, str, str]]:
    """(name, value with secrets masked, where it came from, meaning) of every setting."""
    plain = {
        "CDP_DATA": str(settings.data),
        "CDP_GRAPH": masked_address(settings.graph),
        "CDP_LOG": masked_address(settings.log),
        "CDP_BACKLOG_BYTES": str(settings.backlog_bytes),
        "CDP_LAG_LIMIT": f"{settings.lag_limit_s:g}",
        "CDP_PARTITIONS": str(settings.partitions),
        "CDP_LEASE": f"{settings.lease_s:g}",
        "CDP_FEED_DAYS": f"{settings.feed_days:g}",
        "CDP_BATCH_SIZE": str(settings.batch_size),
        "CDP_OPERATION_TIMEOUT": f"{settings.operation_timeout_s:g}",
        "CDP_INTROSPECTION": str(settings.introspection).lower(),
        "CDP_IDENTITY_RULES": settings.identity_rules_file,
    }
    return [
        (s.name, "••••••" if s.secret else plain[s.name], settings.sources[s.name], s.meaning)
        for s in SETTINGS
    ]


def _gather(
    arguments: Mapping[str, str], environment: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    file = read_settings(Path("cdp.toml"))
    known = {setting.name.lower() for setting in SETTINGS}
    if unknown := set(file) - known:
        raise SettingError(name=sorted(unknown)[0], reason="cdp.toml names no setting like it")
    texts, sources = {}, {}
    for setting in SETTINGS:
        found = (
            ("the command line", arguments.get(setting.name)),
            ("the environment", environment.get(setting.name)),
            ("cdp.toml", file.get(setting.name.lower())),
            ("the default", setting.default),
        )
        sources[setting.name], texts[setting.name] = next(
            (source, text) for source, text in found if text is not None
        )
    return texts, sources


def _parsed(setting: Setting, text: str) -> Any:
    try:
        return setting.parse(text)
    except ValueError as error:
        raise SettingError(name=setting.name, reason=error) from error


def masked_address(text: str) -> str:
    """Whatever stands between the first colon behind the scheme and the last @ is no one's business."""
    scheme, separator, rest = text.partition("://")
    login, at, place = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    return f"{scheme}{separator}{user}:••••••@{place}" if at and colon else text
