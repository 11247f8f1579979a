"""What can be set about the API. The product reads it from its own settings and hands it over."""

from __future__ import annotations

import msgspec

from api.auth import Scope


class Limits(msgspec.Struct, frozen=True):
    """What one GraphQL request may be; each has a code of its own when it is passed.

    `body` in bytes, `text` in characters of the query. `fields` and `cost` count fragments wherever
    they are spread. `timeout` in seconds.
    """

    body: int = 100_000
    text: int = 30_000
    tokens: int = 1_500
    depth: int = 16
    fields: int = 500
    aliases: int = 50
    directives: int = 50
    cost: int = 10_000
    timeout: float = 10.0


class ApiSettings(msgspec.Struct, frozen=True):
    """`tokens` maps a bearer token to its scopes. `cursor_key` seals
    cursors: give all processes the same, or one refuses the cursors of another; empty: one is made.
    `collect_body`: the most bytes of a body of the
    collector as they come over the wire. `body_seconds`: how long a body may take to come.
    `stopping` and the WebSocket's times are in seconds."""

    tokens: dict[str, frozenset[Scope]]
    cursor_key: bytes = b""
    limits: Limits = Limits()
    introspection: bool = True
    suggestions: bool = True
    collect_body: int = 600_000
    body_seconds: float = 30.0
    stopping: float = 10.0
    socket_init: float = 5.0
    socket_send: float = 30.0
    socket_message: int = 100_000
    socket_operations: int = 50
