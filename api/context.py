"""What belongs to one request: who asks, under which id, and the loaders."""

from __future__ import annotations

from typing import Any, TypeAlias

import strawberry

from api.auth import Principal, Scope
from api.connections import Cursors, Seal
from api.loaders import Loaders
from api.platform import Moment, Platform, Summary
from graph_schema.model.profile import Profile
from graph_schema.model.time import MILLISECOND, Micros


class Context:
    """`request` is the request's id; it stands in every error and in the log. `moment` is what the
    answer is read from; `as_of` the earlier moment that was asked for, None: now."""

    __slots__ = (
        "_summaries", "as_of", "loaders", "moment", "pii", "platform", "principal", "request", "seal",
    )  # fmt: skip

    def __init__(self, platform: Platform, principal: Principal, request: str, seal: Seal) -> None:
        self.platform = platform
        self.moment: Moment = platform
        self.as_of: Micros | None = None
        self.principal = principal
        self.request = request
        self.seal = seal
        self.pii = principal.may(Scope.PII_READ)
        self.loaders = Loaders(platform, platform)
        self._summaries: dict[str, Summary] = {}

    async def at(self, as_of: Micros) -> Context:
        """The same request, answered from what was known at an earlier moment, with the whole of its
        millisecond. Raises AsOfTooNew, AsOfTooOld."""
        past = Context(self.platform, self.principal, self.request, self.seal)
        past.as_of = as_of
        last = as_of + MILLISECOND - 1 if as_of % MILLISECOND == 0 else as_of
        past.moment = await self.platform.at(last)
        past.loaders = Loaders(self.platform, past.moment, beside=self.loaders)
        return past

    def cursors(self, *made_for: Any) -> Cursors:
        """The cursors of a list that is told from others by these words."""
        return Cursors(self.seal, *made_for)

    def summary(self, profile: Profile) -> Summary:
        """The profile's summary, folded once for each answer."""
        found = self._summaries.get(profile.id)
        if found is None:
            found = self._summaries[profile.id] = self.moment.profiles.summary(profile)
        return found

    def may(self, scope: Scope) -> bool:
        return self.principal.may(scope)

    def need(self, scope: Scope) -> None:
        """Raises Forbidden without that scope."""
        self.principal.need(scope)


Info: TypeAlias = strawberry.Info[Context, None]
