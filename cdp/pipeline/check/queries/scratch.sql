-- name: make_sight
-- What the events say of each identifier; then what all the evidence makes of it (anchor, status); then
-- what the graph has (id, profile).
CREATE TABLE sight (
    number   INTEGER PRIMARY KEY,
    key      TEXT    NOT NULL UNIQUE,
    blocked  INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    part     INTEGER,
    anchor   TEXT,
    status   TEXT,
    id       TEXT,
    profile  TEXT
)

-- name: make_seen
-- The earliest sighting of each (a, b, kind, half-hour).
CREATE TABLE seen (
    a         TEXT    NOT NULL,
    b         TEXT    NOT NULL,
    kind      TEXT    NOT NULL,
    half_hour INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    mid       TEXT    NOT NULL,
    rec       INTEGER NOT NULL,
    met       INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (a, b, kind, half_hour)
) WITHOUT ROWID

-- name: make_edge
CREATE TABLE edge (
    a          TEXT    NOT NULL,
    b          TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    count      INTEGER NOT NULL,
    first_at   INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    status     TEXT    NOT NULL,
    refused_by TEXT,
    met        INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (a, b, kind)
) WITHOUT ROWID

-- name: make_profile
CREATE TABLE profile (
    id       TEXT    PRIMARY KEY,
    anchor   TEXT    NOT NULL,
    first_at INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    met      INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID

-- name: put_sight
INSERT INTO sight (key, blocked, first_at, last_at) VALUES (?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET first_at = min(first_at, excluded.first_at),
    last_at = max(last_at, excluded.last_at)

-- name: put_seen
INSERT INTO seen (a, b, kind, half_hour, at, mid, rec) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (a, b, kind, half_hour)
DO UPDATE SET at = excluded.at, mid = excluded.mid, rec = excluded.rec
WHERE (excluded.at, excluded.mid) < (at, mid)

-- name: earliest
-- The earliest sighting of the wanted (a, b, kind, half-hour).
SELECT s.a, s.b, s.kind, s.half_hour, s.at, s.mid, s.rec
FROM json_each(:pairs) AS w
JOIN seen AS s ON s.a = w.value ->> 0 AND s.b = w.value ->> 1 AND s.kind = w.value ->> 2
    AND s.half_hour = w.value ->> 3

-- name: meet_seen
UPDATE seen SET met = 1 WHERE a = ? AND b = ? AND kind = ? AND half_hour = ?

-- name: unmet_seen
SELECT a, b, mid FROM seen WHERE met = 0

-- name: sight_count
SELECT coalesce(max(number), 0) FROM sight

-- name: pairs
SELECT DISTINCT one.number, two.number FROM seen AS s
JOIN sight AS one ON one.key = s.a JOIN sight AS two ON two.key = s.b

-- name: numbers
SELECT number FROM sight WHERE key IN (SELECT value FROM json_each(:keys))

-- name: put_part
UPDATE sight SET part = ?2 WHERE number = ?1

-- name: unblocked
SELECT number FROM sight WHERE NOT blocked ORDER BY number

-- name: index_parts
CREATE INDEX sight_part ON sight (part)

-- name: sights_of_part
SELECT key, first_at FROM sight WHERE part = ?

-- name: facts_of_part
SELECT s.a, s.b, s.kind, s.half_hour, s.at, s.mid
FROM sight AS i JOIN seen AS s ON s.a = i.key WHERE i.part = ?

-- name: put_resolved
UPDATE sight SET anchor = ?2, status = ?3 WHERE key = ?1

-- name: put_edge
INSERT INTO edge (a, b, kind, count, first_at, last_at, status, refused_by)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)

-- name: edges
SELECT e.a, e.b, e.kind, e.count, e.first_at, e.last_at, e.status, e.refused_by
FROM json_each(:keys) AS w
JOIN edge AS e ON e.a = w.value ->> 0 AND e.b = w.value ->> 1 AND e.kind = w.value ->> 2

-- name: meet_edge
UPDATE edge SET met = 1 WHERE a = ? AND b = ? AND kind = ?

-- name: unmet_edges
SELECT a, b, kind FROM edge WHERE met = 0

-- name: sights
SELECT key, blocked, first_at, last_at, status FROM sight
WHERE key IN (SELECT value FROM json_each(:keys))

-- name: put_known
UPDATE sight SET id = ?2, profile = ?3 WHERE key = ?1

-- name: unknown_sights
SELECT key FROM sight WHERE id IS NULL

-- name: strayed
-- Identifiers that are in another profile than their anchor's.
SELECT s.key, a.key FROM sight AS s LEFT JOIN sight AS a ON a.key = s.anchor
WHERE s.id IS NOT NULL AND s.profile IS NOT a.id

-- name: derive_profiles
-- A canonical form counts only where there is nothing else.
INSERT INTO profile (id, anchor, first_at, last_at)
SELECT a.id, a.key,
    coalesce(min(CASE WHEN instr(substr(s.key, 1, instr(s.key, ':')), '~canonical') THEN NULL ELSE s.first_at END),
        min(s.first_at)),
    coalesce(max(CASE WHEN instr(substr(s.key, 1, instr(s.key, ':')), '~canonical') THEN NULL ELSE s.last_at END),
        max(s.last_at))
FROM sight AS s JOIN sight AS a ON a.key = s.anchor
WHERE a.id IS NOT NULL GROUP BY a.key

-- name: profiles
SELECT id, anchor, first_at, last_at FROM profile
WHERE id IN (SELECT value FROM json_each(:ids))

-- name: meet_profile
UPDATE profile SET met = 1 WHERE id = ?

-- name: unmet_profiles
SELECT id FROM profile WHERE met = 0
