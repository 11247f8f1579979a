"""What a rule would take: GraphQL SegmentPreview."""

from __future__ import annotations

import strawberry

from api.auth import Scope
from api.context import Context
from api.platform import Preview
from api.types import profile as profile_types
from api.types.common import described, resolved
from api.types.scalars import Long


@strawberry.type(description="How many profiles one condition alone would take.")
class ConditionCount:
    path: list[str] = described("Where in the rule.")
    count: Long = described("How many profiles.")


@strawberry.type(description="What a rule would take.")
class SegmentPreview:
    preview: strawberry.Private[Preview]
    ctx: strawberry.Private[Context]

    @resolved("How many profiles.")
    def count(self) -> Long:
        return self.preview.count

    @resolved("False where the count was estimated from a sample of profiles.")
    def exact(self) -> bool:
        return self.preview.exact

    @resolved("Some of them. Empty without profile:read.")
    async def sample(self) -> list[profile_types.Profile]:
        if not self.ctx.may(Scope.PROFILE_READ):
            return []
        waiting = [self.ctx.loaders.profiles.load(one) for one in self.preview.sample]
        found = [await one for one in waiting]
        return [
            profile_types.profile_as(self.ctx, one, asked=one.id)
            for one in found
            if one is not None
        ]

    @resolved("How many each condition alone would take.")
    def conditions(self) -> list[ConditionCount]:
        return [
            ConditionCount(path=list(path), count=count) for path, count in self.preview.conditions
        ]
