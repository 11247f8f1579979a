-- name: members
-- Every identifier of the profiles that hold the keys.
SELECT key, id, namespace, value, rank, first_at, last_at, profile, status, generation, resolved_by
FROM identifier
WHERE profile IN (
    SELECT i.profile FROM identifier AS i
    WHERE i.key IN (SELECT value FROM json_each(:keys)) AND i.profile IS NOT NULL
)

-- name: edges_of
-- The evidence of those identifiers, from either end: what lies between two of them comes twice.
SELECT e.a, e.b, e.kind, e.count, e.first_at, e.last_at, e.status, e.refused_by
FROM json_each(:keys) AS w JOIN edge AS e ON e.a = w.value
UNION ALL
SELECT e.a, e.b, e.kind, e.count, e.first_at, e.last_at, e.status, e.refused_by
FROM json_each(:keys) AS w JOIN edge AS e ON e.b = w.value
LIMIT :limit

-- name: crowded
-- Those of the identifiers that have more evidence than `most`.
SELECT w.value FROM json_each(:keys) AS w WHERE (
    SELECT count(*) FROM (
        SELECT 1 FROM edge AS e WHERE e.a = w.value
        UNION ALL
        SELECT 1 FROM edge AS e WHERE e.b = w.value
        LIMIT :most + 1
    )
) > :most

-- name: anchors
SELECT id, anchor FROM profile WHERE id IN (SELECT value FROM json_each(:ids))

-- name: halves
-- The earliest sighting in each half-hour of those edges.
SELECT s.a, s.b, s.kind, s.half_hour, s.at, s.mid, s.rec
FROM json_each(:edges) AS w
JOIN seen AS s ON s.a = w.value ->> 0 AND s.b = w.value ->> 1 AND s.kind = w.value ->> 2
ORDER BY s.at DESC, s.mid DESC

-- name: decisions_after
SELECT id, kind, lefts, rights, actor, at, note, undoes, rec, undoes_change
FROM decision WHERE (rec, id) > (:rec, :id) ORDER BY rec, id

-- name: decisions_by_ids
SELECT id, kind, lefts, rights, actor, at, note, undoes, rec, undoes_change
FROM decision WHERE id IN (SELECT value FROM json_each(:ids))

-- name: decisions_about
WITH RECURSIVE about (id) AS (
    SELECT value FROM json_each(:ids)
    UNION
    SELECT d.id FROM about JOIN decision AS d ON d.undoes = about.id OR d.undoes_change = about.id
)
SELECT d.id, d.kind, d.lefts, d.rights, d.actor, d.at, d.note, d.undoes, d.rec, d.undoes_change
FROM about JOIN decision AS d ON d.id = about.id ORDER BY d.rec, d.id

-- name: decisions_naming
WITH RECURSIVE about (id) AS (
    SELECT n.decision FROM json_each(:keys) AS w JOIN decision_key AS n ON n.key = w.value
    UNION
    SELECT d.id FROM about JOIN decision AS d ON d.undoes = about.id
)
SELECT d.id, d.kind, d.lefts, d.rights, d.actor, d.at, d.note, d.undoes, d.rec, d.undoes_change
FROM about JOIN decision AS d ON d.id = about.id ORDER BY d.rec, d.id

-- name: newest_seen
-- The sightings of each half-hour stand together, the earliest last.
SELECT a, b, kind, half_hour, at, mid, rec FROM seen
WHERE a = :a AND b = :b AND kind = :kind ORDER BY half_hour DESC, at DESC, mid DESC

-- name: sessions_between
SELECT s.id, s.device, s.user, s.owner, s.started_at, s.ended_at, s.last_mid, s.facts, s.tally, s.rec
FROM session AS s
WHERE s.user IN (SELECT value FROM json_each(:users))
    AND s.device IN (SELECT value FROM json_each(:devices))

-- name: history_page
SELECT c.partition, c.seq, c.rec, c.body FROM (
    SELECT DISTINCT h.rec AS rec, h.id AS id
    FROM json_each(:lineage) AS w JOIN change_profile AS h ON h.profile = w.value
    WHERE h.rec >= :since AND h.rec < :until AND (:at IS NULL OR (h.rec, h.id) < (:at, :id))
    ORDER BY h.rec DESC, h.id DESC LIMIT :limit
) AS h JOIN change AS c ON c.id = h.id
ORDER BY c.rec DESC, c.id DESC

-- name: history_count
SELECT count(DISTINCT h.id)
FROM json_each(:lineage) AS w JOIN change_profile AS h ON h.profile = w.value
WHERE h.rec < :until

-- name: put_decision
INSERT INTO decision (id, kind, lefts, rights, actor, at, note, undoes, rec, undoes_change)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: put_decision_key
INSERT OR IGNORE INTO decision_key (key, decision) VALUES (?, ?)

-- name: end_assigned
UPDATE assigned SET to_rec = max(from_rec, ?2) WHERE identifier = ?1 AND to_rec IS NULL

-- name: put_assigned
-- Never before the last one known: that one is then replaced.
INSERT INTO assigned (identifier, from_rec, to_rec, profile, status)
VALUES (?1, max(?2, coalesce((SELECT max(from_rec) FROM assigned WHERE identifier = ?1), ?2)), NULL, ?3, ?4)
ON CONFLICT (identifier, from_rec) DO UPDATE SET to_rec = NULL, profile = excluded.profile,
    status = excluded.status

-- name: put_sighting
INSERT INTO sighting (identifier, rec, first_at, last_at)
VALUES (?1, max(?2, coalesce((SELECT max(rec) FROM sighting WHERE identifier = ?1), ?2)), ?3, ?4)
ON CONFLICT (identifier, rec) DO UPDATE SET first_at = excluded.first_at, last_at = excluded.last_at

-- name: put_change_profile
INSERT OR IGNORE INTO change_profile (profile, rec, id) VALUES (?, ?, ?)

-- name: rules_after
SELECT body FROM rules WHERE version > :version ORDER BY version

-- name: outdated_count
SELECT count(*) FROM identifier WHERE resolved_by <> :version AND profile IS NOT NULL
