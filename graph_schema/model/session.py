"""Sessions: what facts hang on. Nothing but a session ever changes its owner."""

from __future__ import annotations

import msgspec

from graph_schema.model.identifier import Key
from graph_schema.model.tally import Tally
from graph_schema.model.time import Micros


class DeviceFacts(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of the session's first event that states each. `ip_prefix`: /24 of IPv4, /48 of IPv6."""

    kind: str | None = None
    user_agent_family: str | None = None
    os: str | None = None
    locale: str | None = None
    timezone: str | None = None
    screen: str | None = None
    country: str | None = None
    ip_prefix: str | None = None


class Session(msgspec.Struct):
    """`id` is the message id of its first event. `device` is the key it was folded under, `user` the
    user who logged in within it, `owner` the identifier its facts belong to (None: nobody). `rec` is
    when the last of its events was recorded."""

    id: str
    device: Key
    user: Key | None
    owner: Key | None
    started_at: Micros
    ended_at: Micros
    last_mid: str
    facts: DeviceFacts
    tally: Tally
    rec: Micros = 0
