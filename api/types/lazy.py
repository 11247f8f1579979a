"""Names of types that refer to each other across modules, for annotations: profile, facts,
identifier, event, evidence, change and segment know one another, and Python imports one first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import strawberry

if TYPE_CHECKING:
    from api.types.change import Change, ChangeConnection
    from api.types.event import Event, EventConnection, SessionConnection
    from api.types.evidence import IdentityGraph, LinkPath
    from api.types.facts import Consent, Counters, Trait
    from api.types.identifier import Identifier, IdentifierConnection
    from api.types.profile import Profile
    from api.types.segment import MembershipConnection, SegmentTrace

_CHANGES = strawberry.lazy("api.types.change")
_EVIDENCE = strawberry.lazy("api.types.evidence")
_EVENTS = strawberry.lazy("api.types.event")
_FACTS = strawberry.lazy("api.types.facts")
_IDENTIFIERS = strawberry.lazy("api.types.identifier")
_PROFILES = strawberry.lazy("api.types.profile")
_SEGMENTS = strawberry.lazy("api.types.segment")

LazyChange: TypeAlias = Annotated["Change", _CHANGES]
LazyChangeConnection: TypeAlias = Annotated["ChangeConnection", _CHANGES]
LazyIdentityGraph: TypeAlias = Annotated["IdentityGraph", _EVIDENCE]
LazyLinkPath: TypeAlias = Annotated["LinkPath", _EVIDENCE]
LazyEvent: TypeAlias = Annotated["Event", _EVENTS]
LazyEventConnection: TypeAlias = Annotated["EventConnection", _EVENTS]
LazySessionConnection: TypeAlias = Annotated["SessionConnection", _EVENTS]
LazyConsent: TypeAlias = Annotated["Consent", _FACTS]
LazyCounters: TypeAlias = Annotated["Counters", _FACTS]
LazyTrait: TypeAlias = Annotated["Trait", _FACTS]
LazyIdentifier: TypeAlias = Annotated["Identifier", _IDENTIFIERS]
LazyIdentifierConnection: TypeAlias = Annotated["IdentifierConnection", _IDENTIFIERS]
LazyProfile: TypeAlias = Annotated["Profile", _PROFILES]
LazyMembershipConnection: TypeAlias = Annotated["MembershipConnection", _SEGMENTS]
LazySegmentTrace: TypeAlias = Annotated["SegmentTrace", _SEGMENTS]
