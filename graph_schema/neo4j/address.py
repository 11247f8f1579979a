"""The address of a database: neo4j://user:password@host:7687/database (also bolt://, and +s, +ssc)."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import msgspec

SCHEMES = ("neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc")
DEFAULT_DATABASE = "neo4j"


class Address(msgspec.Struct, frozen=True):
    """`uri` has neither user nor password. `named`: where a person gave it, for messages."""

    uri: str
    user: str
    password: str
    database: str
    named: str = "CDP_GRAPH"

    @property
    def shown(self) -> str:
        """For messages: without the password."""
        return f"{self.uri}/{self.database}"


def parse(text: str) -> Address:
    """Reads an address. User and password may be percent-encoded. Raises ValueError with a reason
    that holds no password."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("it is no address like neo4j://user:password@host:7687/database") from None
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ValueError("it must look like neo4j://user:password@host:7687/database")
    if parts.query or parts.fragment:
        raise ValueError("user and password must be percent-encoded, and nothing may follow `?`")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Address(
        f"{parts.scheme}://{host}:{port or 7687}",
        unquote(parts.username or "neo4j"),
        unquote(parts.password or ""),
        unquote(parts.path.strip("/")) or DEFAULT_DATABASE,
    )
