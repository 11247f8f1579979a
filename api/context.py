"""What belongs to one request: who asks, under which id, and the loaders."""

from __future__ import annotations

from typing import Any, TypeAlias

import strawberry

from api.auth import Principal, Scope
from api.connections import Cursors, Seal
from api.loaders import Loaders
from api.platform import Platform, Summary
from graph_schema.model.profile import Profile


class Context:
    """`request` is the request's id; it stands in every error and in the log."""

    __slots__ = ("_summaries", "loaders", "pii", "platform", "principal", "request", "seal")

    def __init__(self, platform: Platform, principal: Principal, request: str, seal: Seal) -> None:
        self.platform = platform
        self.principal = principal
        self.request = request
        self.seal = seal
        self.pii = principal.may(Scope.PII_READ)
        self.loaders = Loaders(platform)
        self._summaries: dict[str, Summary] = {}

    def cursors(self, *made_for: Any) -> Cursors:
        """The cursors of a list that is told from others by these words."""
        return Cursors(self.seal, *made_for)

    def summary(self, profile: Profile) -> Summary:
        """The profile's summary, folded once for each answer."""
        found = self._summaries.get(profile.id)
        if found is None:
            found = self._summaries[profile.id] = self.platform.profiles.summary(profile)
        return found

    def may(self, scope: Scope) -> bool:
        return self.principal.may(scope)

    def need(self, scope: Scope) -> None:
        """Raises Forbidden without that scope."""
        self.principal.need(scope)


Info: TypeAlias = strawberry.Info[Context, None]
