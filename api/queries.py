"""The root of all questions."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import strawberry

from api import personal_rules
from api.auth import Scope
from api.context import Context, Info
from api.errors import ApiError, ArgumentError
from api.platform import Refused
from api.types import change as change_types
from api.types import evidence as evidence_types
from api.types import item as item_types
from api.types import preview as preview_types
from api.types import profile as profile_types
from api.types import segment as segment_types
from api.types import trial as trial_types
from api.types.common import After, First, Since, Until, described, page_info, resolved
from api.types.enums import ChangeKind, ProfileOrder, RecommendationPolicy, SegmentStatus
from api.types.inputs import IdentifierInput, SegmentRule, plain, where_of
from api.types.scalars import JSON, DateTime, Long
from graph_schema.model.change import ChangeKind as StoredKind
from graph_schema.model.rules import is_canonical

_SAMPLE = 100
_DEFAULT_SAMPLE = 5
_DEFAULT_EXAMPLES = 20
_LINT_EXAMPLES = 5
_LONGEST_SEARCH = 200


class RuleRefused(ApiError):
    """The rule cannot be used: {reason}"""

    code = "BAD_RULE"


class IdentityRulesRefused(ApiError):
    """The identity rules cannot be used: {reason}"""

    code = "BAD_IDENTITY_RULES"


@strawberry.type(description="What is stored, and how far it is behind.")
class Stats:
    profiles: Long = described("How many profiles.")
    identifiers: Long = described("How many identifiers.")
    sessions: Long = described("How many sessions.")
    events: Long = described("How many events.")
    items: Long = described("How many items of the catalogue.")
    dead_letters: Long = described("How many events could not be taken or applied.")
    lag: float = described(
        "Seconds between the newest event in the log and the newest one applied."
    )
    as_of: DateTime = described("When these were counted.")


@strawberry.type(description="What can be asked.")
class Query:
    @resolved(
        "Exactly one of id and identifier (else BAD_INPUT). A retired id answers its profile of "
        "today, marked by redirectedFrom."
    )
    async def profile(
        self,
        info: Info,
        id: Annotated[  # noqa: A002 - the contract's name
            strawberry.ID | None, strawberry.argument(description="A profile's id.")
        ] = None,
        identifier: Annotated[
            IdentifierInput | None,
            strawberry.argument(description="Any identifier of the profile."),
        ] = None,
        as_of: Annotated[
            DateTime | None,
            strawberry.argument(
                description="As it was known then, with everything below it; the whole of the "
                "millisecond counts. Null: now."
            ),
        ] = None,
    ) -> profile_types.Profile | None:
        ctx = info.context
        ctx.need(Scope.PROFILE_READ)
        if (id is None) == (identifier is None):
            raise ArgumentError(reason="Give exactly one of id and identifier.")
        if as_of is not None:
            ctx = await ctx.at(as_of)
        if identifier is not None:
            return await profile_types.profile_by_id(ctx, await _profile_id(ctx, identifier))
        return await profile_types.profile_by_id(ctx, id)

    @resolved("All profiles, or those of a segment.")
    async def profiles(
        self,
        info: Info,
        first: First,
        after: After = None,
        segment: Annotated[
            str | None, strawberry.argument(description="Only members of this segment.")
        ] = None,
        search: Annotated[
            str | None,
            strawberry.argument(
                description="A part of an identifier or of a trait's text. Needs pii:read."
            ),
        ] = None,
        order_by: Annotated[
            ProfileOrder | None, strawberry.argument(description="In which order.")
        ] = ProfileOrder.LAST_SEEN_DESC,
    ) -> profile_types.ProfileConnection | None:
        ctx = info.context
        ctx.need(Scope.PROFILE_READ)
        if segment is not None:
            ctx.need(Scope.SEGMENT_READ)
        if search is not None:
            ctx.need(Scope.PII_READ)
            _check_search(search)
        order = order_by or ProfileOrder.LAST_SEEN_DESC
        cursors = ctx.cursors("profiles", order.name, segment, search)
        profiles = ctx.platform.profiles
        page = await profiles.page(
            order.name, cursors.span(first, after), segment=segment, search=search
        )
        edges = [
            profile_types.ProfileEdge(
                place=partial(_place, cursors, _PROFILE_KEYSETS[order], one),
                node=profile_types.Profile(value=one, ctx=ctx),
            )
            for one in page.items
        ]
        for one in page.items:
            ctx.loaders.profiles.know(one.id, one)
        return profile_types.ProfileConnection(
            edges=edges,
            page_info=page_info(edges, page.has_next, after),
            counting=partial(profiles.count, segment=segment, search=search),
        )

    @resolved("A segment, as it is or as it was in an older version.")
    async def segment(
        self,
        info: Info,
        key: Annotated[str, strawberry.argument(description="The segment's key.")],
        version: Annotated[
            int | None, strawberry.argument(description="An older version; null: the newest.")
        ] = None,
    ) -> segment_types.Segment | None:
        ctx = info.context
        ctx.need(Scope.SEGMENT_READ)
        if version is None:
            return await segment_types.segment_by_key(ctx, key)
        detail = await ctx.platform.segments.at_version(key, version)
        return None if detail is None else segment_types.Segment(detail=detail, ctx=ctx)

    @resolved("All segments, by key.")
    async def segments(
        self,
        info: Info,
        first: First,
        after: After = None,
        status: Annotated[
            SegmentStatus | None, strawberry.argument(description="Only segments that stand so.")
        ] = None,
    ) -> segment_types.SegmentConnection | None:
        ctx = info.context
        ctx.need(Scope.SEGMENT_READ)
        wanted = None if status is None else status.name
        cursors = ctx.cursors("segments", wanted)
        page = await ctx.platform.segments.page(wanted, cursors.span(first, after))
        edges = [
            segment_types.SegmentEdge(
                place=partial(cursors.of, (one.segment.key,)),
                node=segment_types.Segment(detail=one, ctx=ctx),
            )
            for one in page.items
        ]
        return segment_types.SegmentConnection(
            edges=edges,
            page_info=page_info(edges, page.has_next, after),
            counting=partial(ctx.platform.segments.count, wanted),
        )

    @resolved("What a rule would take, without making a segment of it.")
    async def preview_segment(
        self,
        info: Info,
        rule: Annotated[SegmentRule, strawberry.argument(description="The rule.")],
        sample: Annotated[
            int | None, strawberry.argument(description="How many profiles to show, 0 to 100.")
        ] = _DEFAULT_SAMPLE,
    ) -> preview_types.SegmentPreview | None:
        ctx = info.context
        ctx.need(Scope.SEGMENT_READ)
        shown = _DEFAULT_SAMPLE if sample is None else sample
        if not 0 <= shown <= _SAMPLE:
            raise ArgumentError(reason=f"sample must be between 0 and {_SAMPLE}.")
        asked = plain(rule)
        personal_rules.need_for(ctx, asked)
        found = await ctx.platform.segments.preview(asked, shown)
        if isinstance(found, Refused):
            reasons = (f"{'.'.join(one.path)}: {one.message}" for one in found.problems)
            raise RuleRefused(reason=" ".join(reasons))
        return preview_types.SegmentPreview(preview=found, ctx=ctx)

    @resolved("An item of the catalogue.")
    async def item(
        self,
        info: Info,
        id: Annotated[  # noqa: A002 - the contract's name
            strawberry.ID, strawberry.argument(description="The merchant's id.")
        ],
    ) -> item_types.Item | None:
        info.context.need(Scope.RECOMMEND_READ)
        return await item_types.item_by_id(info.context, id)

    @resolved("The catalogue, by id.")
    async def items(
        self,
        info: Info,
        first: First,
        after: After = None,
        search: Annotated[
            str | None, strawberry.argument(description="A part of the name or the id.")
        ] = None,
        where: item_types.Where = None,
    ) -> item_types.ItemConnection | None:
        ctx = info.context
        ctx.need(Scope.RECOMMEND_READ)
        cursors = ctx.cursors("items", search, plain(where))
        if search is not None:
            _check_search(search)
        filter_ = where_of(where)
        recommending = ctx.platform.recommending
        page = await recommending.item_page(search, filter_, cursors.span(first, after))
        edges = [
            item_types.ItemEdge(
                place=partial(cursors.of, (one.id,)), node=item_types.Item(value=one, ctx=ctx)
            )
            for one in page.items
        ]
        return item_types.ItemConnection(
            edges=edges,
            page_info=page_info(edges, page.has_next, after),
            counting=partial(recommending.item_count, search, filter_),
        )

    @resolved(
        "At most one of identifier and profileId; itemIds (for instance the cart) add to what the "
        "profile touched. An unknown person gets what is popular: see fallback."
    )
    async def recommend(
        self,
        info: Info,
        first: First,
        identifier: Annotated[
            IdentifierInput | None,
            strawberry.argument(description="Any identifier of the person."),
        ] = None,
        profile_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="The profile's id.")
        ] = None,
        item_ids: Annotated[
            list[strawberry.ID] | None,
            strawberry.argument(description="Items that count as touched, such as the cart."),
        ] = None,
        context: Annotated[
            JSON | None, strawberry.argument(description="Where they will be shown: an object.")
        ] = None,
        where: item_types.Where = None,
        policy: item_types.Policy = RecommendationPolicy.DISCOVER,
        diversity: item_types.Diversity = 0.0,
    ) -> item_types.RecommendationConnection | None:
        ctx = info.context
        ctx.need(Scope.RECOMMEND_READ)
        if identifier is not None and profile_id is not None:
            raise ArgumentError(reason="Give at most one of identifier and profileId.")
        if context is not None and not isinstance(context, dict):
            raise ArgumentError(reason="context must be an object.")
        if item_ids is not None and len(item_ids) > _SAMPLE:
            raise ArgumentError(reason=f"itemIds may be {_SAMPLE} at most.")
        wanted = str(profile_id) if profile_id is not None else None
        if identifier is not None:
            wanted = await _profile_id(ctx, identifier)
        return await item_types.recommended(
            ctx,
            profile_id=wanted,
            item_ids=tuple(item_ids or ()),
            context=context,
            where=where_of(where),
            policy=policy,
            diversity=diversity,
            first=first,
        )

    @resolved("Items that are met by the same people, or are alike. Null for an unknown item.")
    async def similar_items(
        self,
        info: Info,
        item_id: Annotated[strawberry.ID, strawberry.argument(description="Like which item.")],
        first: First,
        where: item_types.Where = None,
    ) -> item_types.RecommendationConnection | None:
        info.context.need(Scope.RECOMMEND_READ)
        return await item_types.similar_items(info.context, item_id, where_of(where), first)

    @resolved("A change by its id, also while it is still pending.")
    async def change(
        self,
        info: Info,
        id: Annotated[  # noqa: A002 - the contract's name
            strawberry.ID, strawberry.argument(description="The change's id.")
        ],
    ) -> change_types.Change | None:
        info.context.need(Scope.PROFILE_READ)
        return await change_types.change_by_id(info.context, str(id))

    @resolved("All identity changes, newest first: the audit trail.")
    async def changes(
        self,
        info: Info,
        first: First,
        after: After = None,
        kind: Annotated[
            list[ChangeKind] | None, strawberry.argument(description="Only changes of these kinds.")
        ] = None,
        since: Since = None,
        until: Until = None,
    ) -> change_types.ChangeConnection | None:
        ctx = info.context
        ctx.need(Scope.PROFILE_READ)
        kinds = None if kind is None else tuple(StoredKind[one.name].value for one in kind)
        cursors = ctx.cursors("Query.changes", kinds, since, until)
        page = await ctx.platform.changes.page(kinds, cursors.span(first, after, since, until))
        counting = partial(ctx.platform.changes.count, kinds, since, until)
        return change_types.change_connection(ctx, cursors, page, after, counting)

    @resolved("Why two identifiers are not one person; null where they are.")
    async def why_separate(
        self,
        info: Info,
        a: Annotated[IdentifierInput, strawberry.argument(description="One identifier.")],
        b: Annotated[IdentifierInput, strawberry.argument(description="The other.")],
    ) -> evidence_types.Separation | None:
        ctx = info.context
        ctx.need(Scope.PROFILE_READ)
        apart = await ctx.platform.reasons.separation(
            (a.namespace, a.value), (b.namespace, b.value)
        )
        return evidence_types.separation(ctx, apart)

    @resolved(
        "What other rules (TOML) would merge and split over the stored evidence. Needs identity:write."
    )
    async def identity_dry_run(
        self,
        info: Info,
        rules: Annotated[
            str, strawberry.argument(description="What differs from the defaults, as TOML.")
        ],
        examples: Annotated[
            int | None, strawberry.argument(description="How many changes to show, 0 to 100.")
        ] = _DEFAULT_EXAMPLES,
    ) -> trial_types.IdentityDryRun | None:
        ctx = info.context
        ctx.need(Scope.IDENTITY_WRITE)
        shown = _DEFAULT_EXAMPLES if examples is None else examples
        if not 0 <= shown <= _SAMPLE:
            raise ArgumentError(reason=f"examples must be between 0 and {_SAMPLE}.")
        if personal_rules.names_values(rules):
            ctx.need(Scope.PII_READ)
        found = await ctx.platform.trials.rehearse(rules, shown)
        if isinstance(found, Refused):
            reasons = (f"{'.'.join(one.path)}: {one.message}" for one in found.problems)
            raise IdentityRulesRefused(reason=" ".join(reasons))
        return trial_types.dry_run(ctx, found)

    @resolved(
        "What stands in the way of knowing who is who, the gravest first. Needs identity:write."
    )
    async def identity_lint(self, info: Info) -> list[trial_types.IdentityFinding] | None:
        ctx = info.context
        ctx.need(Scope.IDENTITY_WRITE)
        found = await ctx.platform.trials.lint(_LINT_EXAMPLES)
        return [trial_types.IdentityFinding(finding=one, ctx=ctx) for one in found]

    @resolved("The stored models, the newest first.")
    async def recommenders(self, info: Info) -> list[item_types.RecommenderVersion] | None:
        info.context.need(Scope.RECOMMEND_READ)
        versions = await info.context.platform.recommending.recommenders()
        return [item_types.RecommenderVersion(version=one) for one in versions]

    @resolved("What became of the recommender in service; null where nothing was measured yet.")
    async def recommender_watch(self, info: Info) -> item_types.RecommenderWatch | None:
        info.context.need(Scope.RECOMMEND_READ)
        found = await info.context.platform.recommending.watched()
        return None if found is None else item_types.recommender_watch(found)

    @resolved("What is stored, and how far it is behind.")
    async def stats(self, info: Info) -> Stats | None:
        found = await info.context.platform.stats()
        return Stats(
            profiles=found.profiles,
            identifiers=found.identifiers,
            sessions=found.sessions,
            events=found.events,
            items=found.items,
            dead_letters=found.dead_letters,
            lag=found.lag,
            as_of=found.as_of,
        )


_PROFILE_KEYSETS: dict[ProfileOrder, Any] = {
    ProfileOrder.LAST_SEEN_DESC: lambda one: (one.last_at, one.id),
    ProfileOrder.FIRST_SEEN_DESC: lambda one: (one.first_at, one.id),
    ProfileOrder.ID: lambda one: (one.id,),
}


def _check_search(search: str) -> None:
    if not 1 <= len(search) <= _LONGEST_SEARCH:
        raise ArgumentError(reason=f"search must have 1 to {_LONGEST_SEARCH} characters.")


def _place(cursors: Any, keyset: Any, one: Any) -> str:
    text: str = cursors.of(keyset(one))
    return text


async def _profile_id(ctx: Context, identifier: IdentifierInput) -> str | None:
    if is_canonical(identifier.namespace):
        # All spellings of a number have one form: they could be counted through.
        ctx.need(Scope.PII_READ)
    found = await ctx.moment.profiles.by_identifiers([(identifier.namespace, identifier.value)])
    return None if found[0] is None else found[0].profile
