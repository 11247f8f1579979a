"""All evidence at once: GraphQL IdentityDryRun, DryRunExample, IdentityFinding."""

from __future__ import annotations

import strawberry

from api.context import Context
from api.types import profile as profile_types
from api.types.change import ChangePart
from api.types.common import described, resolved
from api.types.enums import ChangeKind, IdentityFindingKind, RefusalRule
from api.types.profile import Profile
from api.types.scalars import Long
from graph_schema.model.lint import LintFinding
from graph_schema.model.rehearsal import Rehearsal, RehearsedChange


@strawberry.type(description="Profiles that would become other profiles.")
class DryRunExample:
    change: strawberry.Private[RehearsedChange]
    ctx: strawberry.Private[Context]

    @resolved("How it would come out.")
    def kind(self) -> ChangeKind:
        return ChangeKind[self.change.kind.name]

    @resolved("The profiles as they are.")
    def before(self) -> list[ChangePart]:
        return [ChangePart(part=part, ctx=self.ctx) for part in self.change.before]

    @resolved("The profiles as they would be.")
    def after(self) -> list[ChangePart]:
        return [ChangePart(part=part, ctx=self.ctx) for part in self.change.after]

    @resolved("What would keep apart what is together now.")
    def rule(self) -> RefusalRule | None:
        rule = self.change.rule
        return None if rule is None else RefusalRule[rule.name]


@strawberry.type(description="What other rules would make of the stored evidence.")
class IdentityDryRun:
    profiles_before: Long = described("How many profiles there are.")
    profiles_after: Long = described("How many there would be.")
    merges: Long = described("How often profiles would become one.")
    splits: Long = described("How often one would become several.")
    moves: Long = described("How often identifiers would go from one to another.")
    examples: list[DryRunExample] = described("The largest of these changes.")


def dry_run(ctx: Context, found: Rehearsal) -> IdentityDryRun:
    return IdentityDryRun(
        profiles_before=found.profiles_before,
        profiles_after=found.profiles_after,
        merges=found.merges,
        splits=found.splits,
        moves=found.moves,
        examples=[DryRunExample(change=change, ctx=ctx) for change in found.examples],
    )


@strawberry.type(description="What stands in the way of knowing who is who, and what to change.")
class IdentityFinding:
    finding: strawberry.Private[LintFinding]
    ctx: strawberry.Private[Context]

    @resolved("What it is.")
    def kind(self) -> IdentityFindingKind:
        return IdentityFindingKind[self.finding.kind.name]

    @resolved("Of which kind of identifier; empty where it is about whole profiles.")
    def namespace(self) -> str:
        return self.finding.namespace

    @resolved("How many identifiers, profiles or pieces of evidence it concerns.")
    def count(self) -> Long:
        return self.finding.count

    @resolved("A sentence for a person.")
    def message(self) -> str:
        return self.finding.message

    @resolved("What to change.")
    def advice(self) -> str:
        return self.finding.advice

    @resolved("Some of the profiles. Empty without profile:read.")
    async def profiles(self) -> list[Profile]:
        for id_ in self.finding.examples:
            self.ctx.loaders.profiles.load(id_)
        found = [await profile_types.profile_by_id(self.ctx, id_) for id_ in self.finding.examples]
        return [profile for profile in found if profile is not None]
