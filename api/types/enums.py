"""The enums of the schema. Each is open: a client treats a value that it does not know as OTHER."""

from __future__ import annotations

from enum import Enum

import strawberry
from strawberry import enum_value

_OPEN = " Treat an unknown value as OTHER."


@strawberry.enum(description="In which order profiles come." + _OPEN)
class ProfileOrder(Enum):
    LAST_SEEN_DESC = enum_value(
        "LAST_SEEN_DESC",
        description="A profile seen while you page moves to the front and may be missed: for a "
        "complete walk use ID.",
    )
    FIRST_SEEN_DESC = enum_value("FIRST_SEEN_DESC", description="The newest profiles first.")
    ID = enum_value("ID", description="Complete under concurrent change.")


@strawberry.enum(description="What a person agreed to." + _OPEN)
class ConsentValue(Enum):
    GRANTED = enum_value("GRANTED", description="Agreed.")
    DENIED = enum_value("DENIED", description="Refused.")
    CONFLICT = enum_value("CONFLICT", description="Identifiers disagree; counts as denied.")


@strawberry.enum(description="What identity resolution makes of an identifier." + _OPEN)
class IdentifierStatus(Enum):
    ACTIVE = enum_value("ACTIVE", description="It stands for its profile.")
    SHARED = enum_value("SHARED", description="Used by several people: joins nobody.")
    BLOCKED = enum_value("BLOCKED", description="A value that names nobody, such as 'null'.")
    BURNED = enum_value("BURNED", description="Seen with too many others.")


@strawberry.enum(description="Which call a client made." + _OPEN)
class EventType(Enum):
    IDENTIFY = enum_value("IDENTIFY", description="Who the person is.")
    TRACK = enum_value("TRACK", description="What the person did.")
    PAGE = enum_value("PAGE", description="A page was seen.")
    SCREEN = enum_value("SCREEN", description="A screen of an app was seen.")
    GROUP = enum_value("GROUP", description="The person belongs to a group.")
    ALIAS = enum_value("ALIAS", description="Two ids of one person.")


@strawberry.enum(
    description="What says that two identifiers are, or are not, one person's." + _OPEN
)
class EvidenceKind(Enum):
    CONFIRMED = enum_value("CONFIRMED", description="A person decided that they are.")
    LOGIN = enum_value("LOGIN", description="One event named both.")
    ALIAS = enum_value("ALIAS", description="An alias call named both.")
    EQUIVALENT = enum_value(
        "EQUIVALENT", description="Two spellings of one address or number, by a rule."
    )
    SUGGESTED = enum_value("SUGGESTED", description="Alike; joins nobody by itself.")
    CANNOT_LINK = enum_value("CANNOT_LINK", description="A person decided that they are not.")


@strawberry.enum(description="What identity resolution made of a piece of evidence." + _OPEN)
class EvidenceStatus(Enum):
    JOINED = enum_value(
        "JOINED", description="In the spanning forest: it holds the profile together."
    )
    REDUNDANT = enum_value("REDUNDANT", description="Agrees, but was not needed.")
    REFUSED = enum_value("REFUSED", description="It joins nothing: see refusedBy.")
    PENDING = enum_value("PENDING", description="Waits for the background resolver.")


@strawberry.enum(description="The rule that refuses evidence." + _OPEN)
class RefusalRule(Enum):
    BLOCKED = enum_value("BLOCKED", description="A value that names nobody.")
    BURNED = enum_value("BURNED", description="An identifier seen with too many others.")
    SHARED = enum_value("SHARED", description="A device used by several people.")
    DOMINANCE = enum_value("DOMINANCE", description="The device belongs to another user.")
    LIMIT = enum_value("LIMIT", description="More of one kind than a profile may hold.")
    SIZE = enum_value("SIZE", description="More identifiers than a profile may hold.")
    CANNOT_LINK = enum_value("CANNOT_LINK", description="A person decided so.")


@strawberry.enum(description="How an identity change came out." + _OPEN)
class ChangeKind(Enum):
    MERGE = enum_value("MERGE", description="Profiles became one.")
    SPLIT = enum_value("SPLIT", description="A profile became several.")
    MOVE = enum_value("MOVE", description="Identifiers went from one profile to another.")
    UNDO = enum_value("UNDO", description="A decision was withdrawn.")
    RULES = enum_value("RULES", description="The rules of identity changed.")
    ERASURE = enum_value("ERASURE", description="A person was erased.")


@strawberry.enum(description="How far a change has come." + _OPEN)
class ChangeStatus(Enum):
    PENDING = enum_value("PENDING", description="Recorded, not applied yet.")
    APPLIED = enum_value("APPLIED", description="It took effect.")
    WITHOUT_EFFECT = enum_value(
        "WITHOUT_EFFECT", description="The decision was recorded and changed no profile."
    )
    REFUSED = enum_value("REFUSED", description="It was not taken.")


@strawberry.enum(description="How a test compares." + _OPEN)
class RuleOp(Enum):
    EQ = enum_value("EQ", description="Equal.")
    NE = enum_value("NE", description="There, and not equal.")
    GT = enum_value("GT", description="Greater.")
    GTE = enum_value("GTE", description="Greater or equal.")
    LT = enum_value("LT", description="Less.")
    LTE = enum_value("LTE", description="Less or equal.")
    IN = enum_value("IN", description="One of a list.")
    CONTAINS = enum_value("CONTAINS", description="Has that part.")
    STARTS_WITH = enum_value("STARTS_WITH", description="Begins so.")
    EXISTS = enum_value("EXISTS", description="Is there at all.")


@strawberry.enum(
    description="How both sides are read. Without it: as the JSON type of value; a value of another "
    'type never matches (true is not 1, "1" is not 1). Text compares by code point.' + _OPEN
)
class ValueType(Enum):
    TEXT = enum_value("TEXT", description="As text.")
    NUMBER = enum_value("NUMBER", description="As a number.")
    BOOLEAN = enum_value("BOOLEAN", description="As true or false.")
    DATETIME = enum_value("DATETIME", description="As a moment.")


@strawberry.enum(description="Where a segment stands." + _OPEN)
class SegmentStatus(Enum):
    BUILDING = enum_value("BUILDING", description="It is being filled.")
    ACTIVE = enum_value("ACTIVE", description="It is complete and follows every event.")
    ARCHIVED = enum_value("ARCHIVED", description="It is kept, and has no members any more.")


@strawberry.enum(description="In which order members come." + _OPEN)
class MemberOrder(Enum):
    SINCE_DESC = enum_value("SINCE_DESC", description="Who entered last comes first.")
    ID = enum_value("ID", description="Complete under concurrent change.")


@strawberry.enum(description="Which way a membership changed." + _OPEN)
class MembershipChangeKind(Enum):
    ENTERED = enum_value("ENTERED", description="Became a member.")
    EXITED = enum_value("EXITED", description="Is a member no more.")


@strawberry.enum(description="What made a membership change." + _OPEN)
class MembershipCause(Enum):
    EVENT = enum_value("EVENT", description="An event.")
    TIME = enum_value("TIME", description="A window passed.")
    IDENTITY = enum_value("IDENTITY", description="Profiles merged, split or moved.")
    BACKFILL = enum_value("BACKFILL", description="The segment was being filled.")
    RULE = enum_value("RULE", description="The segment's rule changed.")
    ERASURE = enum_value("ERASURE", description="The person was erased.")


@strawberry.enum(
    description="DISCOVER leaves out what was bought; CONTINUE also keeps what was viewed or put in "
    "the cart in front; SIMILAR stays near the last items." + _OPEN
)
class RecommendationPolicy(Enum):
    DISCOVER = enum_value("DISCOVER", description="Leaves out what was bought.")
    CONTINUE = enum_value("CONTINUE", description="Keeps what was viewed or carted in front.")
    SIMILAR = enum_value("SIMILAR", description="Stays near the last items.")


@strawberry.enum(description="Why an item is recommended." + _OPEN)
class ReasonKind(Enum):
    VIEWED = enum_value("VIEWED", description="An item was viewed.")
    CARTED = enum_value("CARTED", description="An item was put in the cart.")
    BOUGHT = enum_value("BOUGHT", description="An item was bought.")
    SIMILAR_ATTRIBUTES = enum_value("SIMILAR_ATTRIBUTES", description="The items are alike.")
    POPULAR = enum_value("POPULAR", description="Many like it.")
    CONTEXT = enum_value("CONTEXT", description="It fits the context that was sent.")


@strawberry.enum(description="Why recommendations are not personal." + _OPEN)
class Fallback(Enum):
    UNKNOWN_PROFILE = enum_value("UNKNOWN_PROFILE", description="Nobody is known by that id.")
    NO_KNOWN_ITEM = enum_value("NO_KNOWN_ITEM", description="Met no item that the model knows.")
    NO_CONSENT = enum_value("NO_CONSENT", description="The person did not agree to it.")
    NO_MODEL = enum_value("NO_MODEL", description="No model is in service.")


@strawberry.enum(description="What stands in the way of knowing who is who." + _OPEN)
class IdentityFindingKind(Enum):
    BURNED = enum_value(
        "BURNED", description="A value seen with so many users that it says nothing."
    )
    NEARLY_BURNED = enum_value(
        "NEARLY_BURNED", description="A value seen with more than half as many."
    )
    NEVER_STITCHES = enum_value("NEVER_STITCHES", description="A namespace that joins nothing.")
    NEAR_LIMIT = enum_value(
        "NEAR_LIMIT", description="Profiles that soon take no more of one kind."
    )
    NEAR_CAP = enum_value("NEAR_CAP", description="Profiles that soon take no more identifiers.")
    OVER_LIMIT = enum_value("OVER_LIMIT", description="Evidence that is refused for a limit.")
    MANY_SHARED = enum_value("MANY_SHARED", description="Many devices that belong to nobody.")
