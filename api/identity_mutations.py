"""Commands of people about who is who: each is a decision in the log, and resolve alone decides."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import strawberry

from api.auth import Scope
from api.context import Context, Info
from api.errors import ArgumentError
from api.platform import Changed, ChangeResult
from api.types.change import Change
from api.types.common import Pending, UserError, described, resolved
from api.types.inputs import IdentifierInput
from api.types.problems import not_done
from api.types.profile import Profile, profile_by_id

_LONGEST_NOTE = 2_000
_LONGEST_KEY = 200


@strawberry.input(
    description="Two or more profiles, by ids or identifiers. dryRun answers what would happen. "
    "idempotencyKey: the same key again answers the same change."
)
class MergeProfilesInput:
    ids: list[strawberry.ID] | None = described("Ids of profiles; retired ones too.", default=None)
    identifiers: list[IdentifierInput] | None = described(
        "Any identifiers of the profiles.", default=None
    )
    note: str | None = described("Why, for those who come later.", default=None)
    dry_run: bool | None = described("Only answer what would happen.", default=False)
    idempotency_key: strawberry.ID | None = described(
        "Chosen by the client, for this token alone.", default=None
    )


@strawberry.input(description="Identifiers of one profile that are to leave it together.")
class SplitProfileInput:
    identifiers: list[IdentifierInput] = described("Those that leave.")
    note: str | None = described("Why, for those who come later.", default=None)
    dry_run: bool | None = described("Only answer what would happen.", default=False)
    idempotency_key: strawberry.ID | None = described(
        "Chosen by the client, for this token alone.", default=None
    )


@strawberry.type(
    description="profiles: those that the change left behind, as they are now. change.status tells a "
    "decision without effect."
)
class IdentityChangeSuccess:
    change: Change = described("The change.")
    profiles: list[Profile] = described(
        "Those that it left behind, as they are now; of a dry run those that it would touch."
    )
    dry_run: bool = described("Nothing was recorded.")


IdentityChangeResult: TypeAlias = Annotated[
    IdentityChangeSuccess | UserError | Pending,
    strawberry.union("IdentityChangeResult", description="What became of it."),
]


@strawberry.type
class IdentityMutation:
    @resolved("Makes profiles one: a person confirms that they are. Needs identity:write.")
    async def merge_profiles(
        self,
        info: Info,
        input: Annotated[  # noqa: A002 - the contract's name
            MergeProfilesInput, strawberry.argument(description="Which profiles.")
        ],
    ) -> IdentityChangeResult:
        ctx = info.context
        ctx.need(Scope.IDENTITY_WRITE)
        result = await ctx.platform.changes.merge(
            actor=ctx.principal.actor,
            ids=[str(id_) for id_ in input.ids or ()],
            identifiers=_named(input.identifiers or ()),
            note=_note(input.note),
            dry_run=bool(input.dry_run),
            idempotency_key=_key(input.idempotency_key),
        )
        return await _outcome(ctx, result)

    @resolved(
        "Takes identifiers out of their profile. What stays keeps together only as far as its own "
        "evidence reaches. Needs identity:write."
    )
    async def split_profile(
        self,
        info: Info,
        input: Annotated[  # noqa: A002 - the contract's name
            SplitProfileInput, strawberry.argument(description="Which identifiers.")
        ],
    ) -> IdentityChangeResult:
        ctx = info.context
        ctx.need(Scope.IDENTITY_WRITE)
        result = await ctx.platform.changes.split(
            actor=ctx.principal.actor,
            identifiers=_named(input.identifiers),
            note=_note(input.note),
            dry_run=bool(input.dry_run),
            idempotency_key=_key(input.idempotency_key),
        )
        return await _outcome(ctx, result)

    @resolved(
        "Takes a change back: a decision, an earlier undoing, or a merge that evidence made. What "
        "does not depend on what happened since is as if it had never been. Needs identity:write."
    )
    async def undo_change(
        self,
        info: Info,
        change_id: Annotated[strawberry.ID, strawberry.argument(description="Which change.")],
        note: Annotated[
            str | None, strawberry.argument(description="Why, for those who come later.")
        ] = None,
    ) -> IdentityChangeResult:
        ctx = info.context
        ctx.need(Scope.IDENTITY_WRITE)
        result = await ctx.platform.changes.undo(
            actor=ctx.principal.actor, change_id=str(change_id), note=_note(note)
        )
        return await _outcome(ctx, result)


async def _outcome(
    ctx: Context, result: ChangeResult
) -> IdentityChangeSuccess | UserError | Pending:
    ctx.loaders.renew()
    if not isinstance(result, Changed):
        return not_done(result)
    left = result.change.before if result.dry_run else result.change.after
    for part in left:
        ctx.loaders.profiles.load(part.profile_id)
    profiles = {part.profile_id: await profile_by_id(ctx, part.profile_id) for part in left}
    return IdentityChangeSuccess(
        change=Change(change=result.change, ctx=ctx),
        profiles=[profile for profile in profiles.values() if profile is not None],
        dry_run=result.dry_run,
    )


def _named(identifiers: list[IdentifierInput] | tuple[()]) -> list[tuple[str, str]]:
    return [(one.namespace, one.value) for one in identifiers]


def _note(text: str | None) -> str | None:
    return _checked("note", text, _LONGEST_NOTE)


def _key(text: strawberry.ID | None) -> str | None:
    return _checked("idempotencyKey", text, _LONGEST_KEY)


def _checked(name: str, text: str | None, longest: int) -> str | None:
    if text is not None and len(text) > longest:
        raise ArgumentError(reason=f"{name} may have {longest} characters at most.")
    return text or None
