-- The graph, as tables. Facts (event, seen, decision, rules, segment_version) are append-only and
-- carry `rec`, when they were recorded; the rest is derived from them and may be computed anew.

CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE checkpoint (
    partition INTEGER PRIMARY KEY,
    log       TEXT    NOT NULL,
    position  INTEGER NOT NULL,
    rec       INTEGER NOT NULL,
    seq       INTEGER NOT NULL
);

-- ── facts ──────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE event (
    id       INTEGER PRIMARY KEY,
    mid      TEXT    NOT NULL UNIQUE,
    log_pos  INTEGER NOT NULL,
    source   TEXT    NOT NULL,
    type     TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    rec      INTEGER NOT NULL,
    device   TEXT,
    user     TEXT,
    session  TEXT    NOT NULL,  -- a cache: the session that holds the event now
    digest   BLOB    NOT NULL,
    body     BLOB    NOT NULL
);
CREATE INDEX event_session ON event (session, at, mid);

CREATE TABLE seen (
    a         TEXT    NOT NULL,
    b         TEXT    NOT NULL,
    kind      TEXT    NOT NULL,
    half_hour INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    mid       TEXT    NOT NULL,
    rec       INTEGER NOT NULL,
    PRIMARY KEY (a, b, kind, half_hour, at, mid)
) WITHOUT ROWID;

CREATE TABLE decision (
    id     TEXT PRIMARY KEY,
    kind   TEXT    NOT NULL,
    lefts  TEXT    NOT NULL,
    rights TEXT    NOT NULL,
    undoes TEXT,
    actor  TEXT    NOT NULL,
    note   TEXT,
    at     INTEGER NOT NULL,
    rec    INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE rules (version INTEGER PRIMARY KEY, body TEXT NOT NULL, rec INTEGER NOT NULL);

CREATE TABLE segment_version (
    key     TEXT    NOT NULL,
    version INTEGER NOT NULL,
    rule    TEXT    NOT NULL,
    rec     INTEGER NOT NULL,
    by      TEXT,
    PRIMARY KEY (key, version)
) WITHOUT ROWID;

-- ── identity, derived ──────────────────────────────────────────────────────────────────────────

CREATE TABLE identifier (
    key        TEXT    PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,  -- of the profile that it anchors, or would anchor
    namespace  TEXT    NOT NULL,
    value      TEXT    NOT NULL,
    rank       INTEGER NOT NULL,
    first_at   INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    status     TEXT    NOT NULL,
    profile    TEXT
) WITHOUT ROWID;
CREATE INDEX identifier_profile ON identifier (profile, rank, first_at, key);

CREATE TABLE edge (
    a          TEXT    NOT NULL,
    b          TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    count      INTEGER NOT NULL,
    first_at   INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    status     TEXT    NOT NULL,
    refused_by TEXT,
    PRIMARY KEY (a, b, kind)
) WITHOUT ROWID;
CREATE INDEX edge_b ON edge (b);

CREATE TABLE profile (
    id       TEXT    PRIMARY KEY,
    anchor   TEXT    NOT NULL,
    first_at INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    deadline INTEGER,
    tally    BLOB    NOT NULL
);
CREATE INDEX profile_last ON profile (last_at, id);
CREATE INDEX profile_first ON profile (first_at, id);
CREATE INDEX profile_deadline ON profile (deadline) WHERE deadline IS NOT NULL;

-- ── sessions and items ─────────────────────────────────────────────────────────────────────────

CREATE TABLE session (
    id         TEXT    PRIMARY KEY,
    device     TEXT    NOT NULL,
    user       TEXT,
    owner      TEXT,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL,
    last_mid   TEXT    NOT NULL,
    facts      BLOB    NOT NULL,
    tally      BLOB    NOT NULL
);
CREATE INDEX session_device ON session (device, ended_at);
CREATE INDEX session_owner ON session (owner, ended_at);

CREATE TABLE interaction (
    session   TEXT    NOT NULL,
    item      TEXT    NOT NULL,
    views     INTEGER NOT NULL,
    carts     INTEGER NOT NULL,
    purchases INTEGER NOT NULL,
    first_at  INTEGER NOT NULL,
    last_at   INTEGER NOT NULL,
    PRIMARY KEY (session, item)
) WITHOUT ROWID;

CREATE TABLE item (
    id         TEXT    PRIMARY KEY,
    updated_at INTEGER NOT NULL,
    body       BLOB    NOT NULL
) WITHOUT ROWID;

-- ── segments ───────────────────────────────────────────────────────────────────────────────────

CREATE TABLE segment (
    key         TEXT    PRIMARY KEY,
    name        TEXT    NOT NULL,
    description TEXT,
    status      TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    rule        TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    created_by  TEXT,
    walked      TEXT
) WITHOUT ROWID;

CREATE TABLE member (
    id       INTEGER PRIMARY KEY,
    profile  TEXT    NOT NULL,
    segment  TEXT    NOT NULL,
    version  INTEGER NOT NULL,
    from_rec INTEGER NOT NULL,
    to_rec   INTEGER,
    cause    TEXT    NOT NULL,
    event    TEXT
);
CREATE UNIQUE INDEX member_open ON member (profile, segment) WHERE to_rec IS NULL;
CREATE INDEX member_segment ON member (segment, from_rec, profile) WHERE to_rec IS NULL;
CREATE INDEX member_walk ON member (segment, profile) WHERE to_rec IS NULL;

-- ── what happened to records ───────────────────────────────────────────────────────────────────

CREATE TABLE outcome (
    command TEXT    PRIMARY KEY,
    at      INTEGER NOT NULL,
    problem TEXT    NOT NULL,
    message TEXT    NOT NULL,
    path    TEXT    NOT NULL
) WITHOUT ROWID;

CREATE TABLE dead_record (
    partition INTEGER NOT NULL,
    position  INTEGER NOT NULL,
    rec       INTEGER NOT NULL,
    reason    TEXT    NOT NULL,
    message   TEXT    NOT NULL,
    PRIMARY KEY (partition, position)
) WITHOUT ROWID;

CREATE TABLE change (
    partition INTEGER NOT NULL,
    seq       INTEGER NOT NULL,
    rec       INTEGER NOT NULL,
    kind      TEXT    NOT NULL,
    id        TEXT,
    body      BLOB    NOT NULL,
    PRIMARY KEY (partition, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX change_id ON change (id) WHERE id IS NOT NULL;
CREATE INDEX change_rec ON change (rec, id) WHERE id IS NOT NULL;
