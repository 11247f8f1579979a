"""Commands of people: each is a record in the log, and answers what became of it."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias, TypeVar

import strawberry

from api import personal_rules
from api.auth import Scope
from api.context import Context, Info
from api.errors import NotFound
from api.identity_mutations import IdentityMutation
from api.platform import CommandResult, Done
from api.types.common import Pending, UserError, described, resolved
from api.types.inputs import SegmentRule, plain
from api.types.problems import not_done
from api.types.segment import Segment, segment_by_key


@strawberry.input(description="A new segment.")
class CreateSegmentInput:
    key: str = described("Lower case, digits, _ and -; at most 64.")
    name: str = described("Its name for people.")
    description: str | None = described("What it is for.", default=None)
    rule: SegmentRule = described("Who is in it.")


@strawberry.input(
    description="What is left out stays. expectedVersion: refused with VERSION_CONFLICT where "
    "another is current."
)
class UpdateSegmentInput:
    key: str = described("Which segment.")
    expected_version: int | None = described("The version that was read.", default=None)
    name: str | None = described("Its new name.", default=None)
    description: str | None = described("Its new description.", default=None)
    rule: SegmentRule | None = described("Its new rule.", default=None)


@strawberry.type(description="The segment was made.")
class CreateSegmentSuccess:
    segment: Segment = described("The segment, as it is now.")


@strawberry.type(description="The segment was changed.")
class UpdateSegmentSuccess:
    segment: Segment = described("The segment, as it is now.")


@strawberry.type(description="The segment was archived.")
class ArchiveSegmentSuccess:
    segment: Segment = described("The segment, as it is now.")


CreateSegmentResult: TypeAlias = Annotated[
    CreateSegmentSuccess | UserError | Pending,
    strawberry.union("CreateSegmentResult", description="What became of it."),
]
UpdateSegmentResult: TypeAlias = Annotated[
    UpdateSegmentSuccess | UserError | Pending,
    strawberry.union("UpdateSegmentResult", description="What became of it."),
]
ArchiveSegmentResult: TypeAlias = Annotated[
    ArchiveSegmentSuccess | UserError | Pending,
    strawberry.union("ArchiveSegmentResult", description="What became of it."),
]


@strawberry.type(description="What can be commanded.")
class Mutation(IdentityMutation):
    @resolved("Makes a segment. It is filled in the background: see status and progress.")
    async def create_segment(
        self,
        info: Info,
        input: Annotated[  # noqa: A002 - the contract's name
            CreateSegmentInput, strawberry.argument(description="The new segment.")
        ],
    ) -> CreateSegmentResult:
        ctx = info.context
        ctx.need(Scope.SEGMENT_WRITE)
        rule = plain(input.rule)
        refused = personal_rules.refusal_for(ctx, rule)
        if refused is not None:
            return not_done(refused)
        result = await ctx.platform.segments.create(
            actor=ctx.principal.actor,
            key=input.key,
            name=input.name,
            description=input.description,
            rule=rule,
        )
        return await _outcome(ctx, result, CreateSegmentSuccess)

    @resolved("Changes a segment. Another rule makes a new version, which is filled again.")
    async def update_segment(
        self,
        info: Info,
        input: Annotated[  # noqa: A002 - the contract's name
            UpdateSegmentInput, strawberry.argument(description="What is to change.")
        ],
    ) -> UpdateSegmentResult:
        ctx = info.context
        ctx.need(Scope.SEGMENT_WRITE)
        rule = None if input.rule is None else plain(input.rule)
        refused = None if rule is None else personal_rules.refusal_for(ctx, rule)
        if refused is not None:
            return not_done(refused)
        result = await ctx.platform.segments.update(
            actor=ctx.principal.actor,
            key=input.key,
            expected_version=input.expected_version,
            name=input.name,
            description=input.description,
            rule=rule,
        )
        return await _outcome(ctx, result, UpdateSegmentSuccess)

    @resolved("Ends a segment; its history stays. Refused while another segment uses it.")
    async def archive_segment(
        self,
        info: Info,
        key: Annotated[str, strawberry.argument(description="The segment's key.")],
    ) -> ArchiveSegmentResult:
        ctx = info.context
        ctx.need(Scope.SEGMENT_WRITE)
        result = await ctx.platform.segments.archive(actor=ctx.principal.actor, key=key)
        return await _outcome(ctx, result, ArchiveSegmentSuccess)


S = TypeVar("S")


async def _outcome(
    ctx: Context, result: CommandResult, success: type[S]
) -> S | UserError | Pending:
    ctx.loaders.renew()
    if isinstance(result, Done):
        segment = await segment_by_key(ctx, result.key)
        if segment is None:
            raise NotFound
        made: Any = success
        done: S = made(segment=segment)
        return done
    return not_done(result)
