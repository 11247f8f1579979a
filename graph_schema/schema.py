"""What the graph is, as data: labels, relationships, properties, constraints and indexes.

The DDL of Neo4j, `cdp schema graph` and the page about the graph come from here; the tables of the
embedded store mirror it. Times named `…At` are microseconds since 1970 (UTC), as everywhere in the
product; `time`, `started`, `firstSeen` and `lastSeen` are the same as datetimes, for people.

`since` is the number of the migration that brought a thing: to add one, give it the next number.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """Types of properties. `JSON` is text; `PACKED` is MessagePack, as bytes."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    TEXTS = "list of text"
    JSON = "JSON"
    PACKED = "packed"
    FLAT = "any"


class Property(msgspec.Struct, frozen=True):
    """`FLAT` stands for many: `trait_…` is a property for each trait that Neo4j can hold."""

    name: str
    kind: Kind = Kind.TEXT
    meaning: str = ""


class Label(msgspec.Struct, frozen=True):
    name: str
    meaning: str
    properties: tuple[Property, ...]


class Relationship(msgspec.Struct, frozen=True):
    name: str
    source: str
    target: str
    meaning: str
    properties: tuple[Property, ...] = ()


class Unique(msgspec.Struct, frozen=True):
    """No two nodes of a label have the same values; the same index finds them."""

    name: str
    label: str
    properties: tuple[str, ...]
    since: int = 1


class Index(msgspec.Struct, frozen=True):
    """`on` is a label, or a relationship where `relationship` says so. `text`: finds parts of it."""

    name: str
    on: str
    properties: tuple[str, ...]
    relationship: bool = False
    text: bool = False
    since: int = 1


_T, _I, _N, _B = Kind.TEXT, Kind.INTEGER, Kind.NUMBER, Kind.BOOLEAN
_SPAN = (Property("firstAt", _I), Property("lastAt", _I))

LABELS: tuple[Label, ...] = (
    Label("Profile", "a person, as far as evidence reaches: a cluster of identifiers", (
        Property("id", _T, "derived from the anchor; any id ever given leads here"),
        Property("anchor", _T, "key of the identifier from which the id is derived"),
        Property("firstSeenAt", _I), Property("lastSeenAt", _I),
        Property("firstSeen", Kind.DATETIME), Property("lastSeen", Kind.DATETIME),
        Property("deadline", _I, "when a membership turns over if nothing more happens"),
        Property("events", _I, "how many"), Property("activeDays", _I),
        Property("trait_…", Kind.FLAT, "the newest value of each trait"),
        Property("traitsJson", Kind.JSON, "the traits that no property can hold"),
        Property("tally", Kind.PACKED, "what its sessions add up to"),
        Property("search", _T, "its traits, folded for searching"),
        Property("wordy", _B, "where that is too long for an index"), Property("longSearch"),
    )),
    Label("FormerProfile", "a profile that became part of another one", (
        Property("id"), Property("anchor"),
    )),
    Label("Identifier", "a name under which a person, or a device, was seen", (
        Property("key", _T, "namespace:value"), Property("namespace"), Property("value"),
        Property("id", _T, "of the profile that it anchors, or would anchor"),
        Property("rank", _I, "lower is stronger"), Property("generation", _I),
        Property("status", _T, "active, shared, blocked or burned"),
        Property("firstSeenAt", _I), Property("lastSeenAt", _I),
        Property("search", _T, "the value, folded for searching"),
        Property("resolvedBy", _I, "the version of the rules that resolved its profile"),
    )),
    Label("Session", "events of one device without a long pause, and by one user", (
        Property("id", _T, "the message id of its first event"),
        Property("device"), Property("user"), Property("owner"),
        Property("startedAt", _I), Property("endedAt", _I), Property("started", Kind.DATETIME),
        Property("recordedAt", _I, "when the last of its events was recorded"),
        Property("lastMid", _T, "the message id of its last event"), Property("events", _I),
        Property("kind"), Property("userAgentFamily"), Property("os"), Property("locale"),
        Property("timezone"), Property("screen"), Property("country"), Property("ipPrefix"),
        Property("tally", Kind.PACKED, "what its events add up to"),
    )),
    Label("Event", "one call of a client", (
        Property("id", _T, "its message id"), Property("type"), Property("name"),
        Property("at", _I), Property("time", Kind.DATETIME), Property("recordedAt", _I),
        Property("source"), Property("device"), Property("user"),
        Property("session"), Property("partition", _I), Property("position", _I),
        Property("property_…", Kind.FLAT, "its properties"),
        Property("propertiesJson", Kind.JSON, "the properties that no property can hold"),
        Property("body", Kind.JSON, "all of it"),
        Property("digest", Kind.PACKED, "tells one content from another"),
    )),
    Label("Item", "an item of the catalogue", (
        Property("id"), Property("name"), Property("category"), Property("brand"),
        Property("price", _N), Property("currency"), Property("url"), Property("imageUrl"),
        Property("available", _B), Property("updatedAt", _I),
        Property("attribute_…", Kind.FLAT), Property("attributesJson", Kind.JSON),
        Property("body", Kind.JSON, "all of it"),
    )),
    Label("Segment", "a rule, and who fits it", (
        Property("key"), Property("name"), Property("description"),
        Property("status", _T, "building, active or archived"), Property("version", _I),
        Property("rule", Kind.JSON), Property("createdAt", _I), Property("updatedAt", _I),
        Property("createdBy"), Property("walked", _T, "how far it is filled"),
    )),
    Label("SegmentVersion", "a rule as it was from some moment on", (
        Property("segment"), Property("version", _I), Property("rule", Kind.JSON),
        Property("recordedAt", _I), Property("by"),
    )),
    Label("SegmentState", "a segment as it stood from some moment on", (
        Property("key"), Property("name"), Property("description"), Property("status"),
        Property("version", _I), Property("rule", Kind.JSON), Property("createdAt", _I),
        Property("updatedAt", _I), Property("createdBy"), Property("walked"),
        Property("recordedAt", _I),
    )),
    Label("PastMembership", "a membership that ended", (
        Property("profile"), Property("segment"), Property("version", _I), Property("since", _I),
        Property("until", _I), Property("cause"), Property("event"), Property("recordedAt", _I),
    )),
    Label("Seen", "two identifiers seen together in one half-hour: what evidence is counted from", (
        Property("pair", _T, "digest of the three that follow"),
        Property("a"), Property("b"), Property("kind"), Property("halfHour", _I),
        Property("at", _I), Property("mid", _T, "the event that says so"), Property("recordedAt", _I),
    )),
    Label("Waiting", "evidence that waits for the background resolver", (
        Property("pair", _T, "digest of the two that follow"), Property("a"), Property("b"),
        Property("mid", _T, "the event that said so last"), Property("recordedAt", _I),
    )),
    Label("Decision", "a person's word on two sets of identifiers, or the withdrawal of one", (
        Property("id"), Property("kind", _T, "confirmed or cannot_link"),
        Property("left", Kind.TEXTS), Property("right", Kind.TEXTS),
        Property("actor"), Property("at", _I), Property("note"), Property("recordedAt", _I),
        Property("undoes", _T, "the decision that it withdraws"),
        Property("undoesChange", _T, "the change that it takes back"),
    )),
    Label("Rules", "rules of identity that were put in force", (
        Property("version", _I), Property("body", Kind.JSON, "all of it"), Property("recordedAt", _I),
    )),
    Label("Assigned", "which profile held an identifier, and how it stood, as known for a while", (
        Property("identifier"), Property("profile"), Property("status"),
        Property("since", _I, "recorded time"), Property("until", _I),
    )),
    Label("Sighting", "when an identifier had been seen, as known from some moment on", (
        Property("identifier"), Property("recordedAt", _I), *_SPAN,
    )),
    Label("ChangeOf", "a profile that took part in a change", (
        Property("profile"), Property("recordedAt", _I), Property("id"),
    )),
    Label("Change", "an entry of the change feed", (
        Property("partition", _I), Property("seq", _I, "without gap in its partition"),
        Property("id"), Property("kind"), Property("recordedAt", _I), Property("cause"),
        Property("body", Kind.JSON, "all of it"),
    )),
    Label("Outcome", "what became of a command", (
        Property("command"), Property("at", _I), Property("problem"), Property("message"),
        Property("path", Kind.TEXTS),
    )),
    Label("DeadRecord", "a record of the log that could not be applied", (
        Property("partition", _I), Property("position", _I), Property("recordedAt", _I),
        Property("reason"), Property("message"),
    )),
    Label("Checkpoint", "how far a partition of the log is applied", (
        Property("partition", _I), Property("log"), Property("position", _I), Property("rec", _I),
        Property("seq", _I), Property("owner", _T, "the worker that holds it"),
        Property("until", _I, "when others may take it"),
        Property("pruned", _I, "up to where its change feed is no longer kept"),
        Property("lock", _T, "who wrote here last"),
    )),
    Label("GraphSchema", "whose graph this is", (
        Property("name"), Property("version", _I), Property("hashKey", _T, "its fingerprint"),
        Property("knownSince", _I, "from when on the past was kept; where there is none: always"),
    )),
    Label("Migration", "a step that the schema took", (
        Property("version", _I), Property("appliedAt", _I),
    )),
)  # fmt: skip

RELATIONSHIPS: tuple[Relationship, ...] = (
    Relationship("IDENTIFIES", "Identifier", "Profile", "the profile that holds it now"),
    Relationship("EVIDENCE", "Identifier", "Identifier", "says that two are, or are not, one person's", (
        Property("kind"), Property("count", _I, "distinct half-hours"), *_SPAN,
        Property("status", _T, "joined, redundant, refused or pending"), Property("refusedBy"),
    )),
    Relationship("CONCERNS", "Decision", "Identifier", "whom a person spoke of", (
        Property("side", _T, "left or right"),
    )),
    Relationship("WITHDRAWS", "Decision", "Decision", "takes it back"),
    Relationship("OWNED_BY", "Session", "Identifier", "whose facts these are"),
    Relationship("CONTAINS", "Session", "Event", ""),
    Relationship("ABOUT", "Event", "Item", "a product that it names", (
        Property("quantity", _N), Property("price", _N), Property("currency"),
    )),
    Relationship("INTERACTED", "Session", "Item", "how often; the training graph", (
        Property("views", _I), Property("carts", _I), Property("purchases", _I), *_SPAN,
    )),
    Relationship("MEMBER_OF", "Profile", "Segment", "since when, and by which version of the rule", (
        Property("profile"), Property("segment"), Property("version", _I), Property("since", _I),
        Property("cause"), Property("event"), Property("recordedAt", _I),
    )),
    Relationship("HAS_VERSION", "Segment", "SegmentVersion", ""),
    Relationship("MERGED_INTO", "FormerProfile", "Profile", "for people; derived, and disposable"),
)  # fmt: skip

UNIQUE: tuple[Unique, ...] = (
    Unique("profile_id", "Profile", ("id",)),
    Unique("former_profile_id", "FormerProfile", ("id",)),
    Unique("identifier_key", "Identifier", ("key",)),
    Unique("identifier_id", "Identifier", ("id",)),
    Unique("session_id", "Session", ("id",)),
    Unique("event_id", "Event", ("id",)),
    Unique("item_id", "Item", ("id",)),
    Unique("segment_key", "Segment", ("key",)),
    Unique("segment_version", "SegmentVersion", ("segment", "version")),
    Unique("decision_id", "Decision", ("id",)),
    Unique("change_seq", "Change", ("partition", "seq")),
    Unique("change_id", "Change", ("id",)),
    Unique("outcome_command", "Outcome", ("command",)),
    Unique("dead_record_position", "DeadRecord", ("partition", "position")),
    Unique("checkpoint_partition", "Checkpoint", ("partition",)),
    Unique("graph_schema_name", "GraphSchema", ("name",)),
    Unique("migration_version", "Migration", ("version",)),
    Unique("waiting_pair", "Waiting", ("pair",), since=2),
    Unique("segment_state", "SegmentState", ("key", "recordedAt"), since=3),
    Unique("rules_version", "Rules", ("version",), since=4),
)

INDEXES: tuple[Index, ...] = (
    Index("profile_last_seen", "Profile", ("lastSeenAt", "id")),
    Index("profile_first_seen", "Profile", ("firstSeenAt", "id")),
    Index("profile_deadline", "Profile", ("deadline", "id")),
    Index("identifier_search", "Identifier", ("search",), text=True),
    Index("profile_search", "Profile", ("search",), text=True),
    Index("profile_wordy", "Profile", ("wordy",)),
    Index("session_device", "Session", ("device", "endedAt", "lastMid")),
    Index("session_user", "Session", ("user", "device")),
    Index("decision_recorded", "Decision", ("recordedAt", "id")),
    Index("decision_undoes", "Decision", ("undoes",)),
    Index("decision_undoes_change", "Decision", ("undoesChange",)),
    Index("assigned_identifier", "Assigned", ("identifier", "since")),
    Index("sighting_identifier", "Sighting", ("identifier", "recordedAt")),
    Index("change_of_profile", "ChangeOf", ("profile", "recordedAt", "id")),
    Index("seen_pair", "Seen", ("pair", "halfHour")),
    Index("change_recorded", "Change", ("recordedAt", "id")),
    Index("past_membership", "PastMembership", ("profile", "segment")),
    Index("member_since", "MEMBER_OF", ("segment", "since", "profile"), relationship=True),
    Index("member_profile", "MEMBER_OF", ("segment", "profile"), relationship=True),
    Index("waiting_recorded", "Waiting", ("recordedAt", "a", "b"), since=2),
    Index("assigned_profile", "Assigned", ("profile", "since"), since=3),
    Index("past_member_since", "PastMembership", ("segment", "since", "profile"), since=3),
)


def newest() -> int:
    """The number of the last migration."""
    return max([unique.since for unique in UNIQUE] + [index.since for index in INDEXES])


def described() -> str:
    """The graph for a person: labels, relationships, constraints and indexes, as Markdown."""
    lines = ["# Labels", ""]
    for label in LABELS:
        lines += [f"**{label.name}**: {label.meaning}", "", *map(_property, label.properties), ""]
    lines += ["# Relationships", ""]
    for kind in RELATIONSHIPS:
        meaning = f": {kind.meaning}" if kind.meaning else ""
        lines += [f"**(:{kind.source})-[:{kind.name}]->(:{kind.target})**{meaning}", ""]
        if kind.properties:
            lines += [*map(_property, kind.properties), ""]
    lines += ["# Constraints and indexes", ""]
    for unique in UNIQUE:
        lines.append(f"- {unique.name}: {unique.label} ({', '.join(unique.properties)}) is unique")
    for index in INDEXES:
        text = ", for parts of it" if index.text else ""
        lines.append(f"- {index.name}: {index.on} ({', '.join(index.properties)}){text}")
    return "\n".join(lines) + "\n"


def _property(known: Property) -> str:
    meaning = f": {known.meaning}" if known.meaning else ""
    return f"- `{known.name}` {known.kind}{meaning}"
