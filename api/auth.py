"""Bearer tokens and what they may do."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from api.errors import Forbidden, Unauthenticated


class Scope(StrEnum):
    PROFILE_READ = "profile:read"
    PII_READ = "pii:read"
    SEGMENT_READ = "segment:read"
    SEGMENT_WRITE = "segment:write"
    IDENTITY_WRITE = "identity:write"
    RECOMMEND_READ = "recommend:read"
    ADMIN = "admin"


class Principal(msgspec.Struct, frozen=True):
    """Who asks. `actor` names the token without giving it away; it stands in commands."""

    actor: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes

    def need(self, scope: Scope) -> None:
        """Raises Forbidden without that scope."""
        if scope not in self.scopes:
            raise Forbidden


class Tokens:
    """The tokens of the API, kept as digests; an empty one stands for nobody."""

    def __init__(self, tokens: Mapping[str, frozenset[Scope]]) -> None:
        self._known = [
            (_digest(token), Principal(_actor(token), _implied(scopes)))
            for token, scopes in tokens.items()
            if token
        ]

    def principal(self, authorization: str) -> Principal:
        """Who the header `Bearer <token>` stands for. Raises Unauthenticated.

        Every known token is compared, each in constant time, so that the time of the answer tells
        nothing about any of them.
        """
        scheme, _, token = authorization.partition(" ")
        asked = _digest(token.strip())
        found: Principal | None = None
        for digest, principal in self._known:
            if hmac.compare_digest(digest, asked):
                found = principal
        if found is None or scheme.lower() != "bearer":
            raise Unauthenticated
        return found


def _implied(scopes: frozenset[Scope]) -> frozenset[Scope]:
    return frozenset(Scope) if Scope.ADMIN in scopes else scopes


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _actor(token: str) -> str:
    return f"token:{_digest(token).hex()[:12]}"
