-- name: checkpoint
SELECT partition, log, position, rec, seq, owner, until, pruned FROM checkpoint WHERE partition = :partition

-- name: checkpoints
SELECT partition, log, position, rec, seq, owner, until, pruned FROM checkpoint ORDER BY partition

-- name: make_checkpoint
INSERT INTO checkpoint (partition, log, position, rec, seq) VALUES (:partition, :log, 0, 0, 0)
ON CONFLICT (partition) DO NOTHING

-- name: advance
UPDATE checkpoint SET position = :position, rec = :rec, seq = :seq, pruned = :pruned
WHERE partition = :partition

-- name: hold
UPDATE checkpoint SET owner = :owner, until = :until WHERE partition = :partition

-- name: digests
SELECT mid, digest FROM event WHERE mid IN (SELECT value FROM json_each(:mids))

-- name: seen
-- The earliest sighting of each wanted (a, b, kind, half-hour).
SELECT s.a, s.b, s.kind, s.half_hour, s.at, s.mid
FROM json_each(:pairs) AS w
JOIN seen AS s ON s.a = w.value ->> 0 AND s.b = w.value ->> 1 AND s.kind = w.value ->> 2
    AND s.half_hour = w.value ->> 3
ORDER BY s.at DESC, s.mid DESC

-- name: identifiers
SELECT key, id, namespace, value, rank, first_at, last_at, profile, status, generation, resolved_by
FROM identifier WHERE key IN (SELECT value FROM json_each(:keys))

-- name: recent_sessions
-- Of each device the sessions that end at `since` or later and begin at `until` or earlier. No two overlap:
-- of those that end after `until`, only the first can begin before it. So the index is read no further.
SELECT s.id, s.device, s.user, s.owner, s.started_at, s.ended_at, s.last_mid, s.facts, s.tally, s.rec
FROM json_each(:devices) AS w
JOIN session AS s ON s.device = w.value ->> 0 AND s.ended_at >= w.value ->> 1
    AND s.ended_at <= coalesce((
        SELECT min(l.ended_at) FROM session AS l
        WHERE l.device = w.value ->> 0 AND l.ended_at > w.value ->> 2
    ), w.value ->> 2)
ORDER BY s.started_at, s.id

-- name: last_sessions
-- Of each device the session that ends last.
SELECT s.id, s.device, s.user, s.owner, s.started_at, s.ended_at, s.last_mid, s.facts, s.tally, s.rec
FROM json_each(:devices) AS w
JOIN session AS s ON s.rowid = (
    SELECT l.rowid FROM session AS l WHERE l.device = w.value
    ORDER BY l.ended_at DESC, l.last_mid DESC LIMIT 1
)

-- name: profiles
SELECT id, anchor, first_at, last_at, tally, deadline
FROM profile WHERE id IN (SELECT value FROM json_each(:ids))

-- name: edges_by_key
SELECT e.a, e.b, e.kind, e.count, e.first_at, e.last_at, e.status, e.refused_by
FROM (SELECT DISTINCT value FROM json_each(:edges)) AS w
JOIN edge AS e ON e.a = w.value ->> 0 AND e.b = w.value ->> 1 AND e.kind = w.value ->> 2

-- name: visits
-- As recent_sessions, of one device.
SELECT id, device, user, owner, started_at, ended_at, last_mid, facts, tally, rec
FROM session
WHERE device = :device AND ended_at >= :since AND started_at <= :until
    AND ended_at <= coalesce((
        SELECT min(l.ended_at) FROM session AS l WHERE l.device = :device AND l.ended_at > :until
    ), :until)
ORDER BY started_at, id

-- name: events_of
SELECT e.body, e.rec, e.session, i.profile
FROM event AS e JOIN session AS s ON s.id = e.session LEFT JOIN identifier AS i ON i.key = s.owner
WHERE e.session IN (SELECT value FROM json_each(:sessions))

-- name: sessions_of_profiles
SELECT i.profile, s.id, s.device, s.user, s.owner, s.started_at, s.ended_at, s.last_mid, s.facts, s.tally, s.rec
FROM identifier AS i JOIN session AS s ON s.owner = i.key
WHERE i.profile IN (SELECT value FROM json_each(:ids))
ORDER BY s.started_at DESC, s.id DESC

-- name: identifiers_of_profiles
SELECT key, id, namespace, value, rank, first_at, last_at, profile, status, generation, resolved_by
FROM identifier WHERE profile IN (SELECT value FROM json_each(:ids))
ORDER BY profile, rank, first_at, key

-- name: open_memberships
SELECT profile, segment, version, from_rec, cause
FROM member WHERE to_rec IS NULL AND profile IN (SELECT value FROM json_each(:ids))
ORDER BY profile, segment

-- name: profile_events
-- One range read for all rules of all touched profiles.
SELECT i.profile, e.at, e.mid, e.name, e.body
FROM (SELECT DISTINCT value FROM json_each(:ids)) AS w
JOIN identifier AS i ON i.profile = w.value
JOIN session AS s ON s.owner = i.key AND s.ended_at >= :since
JOIN event AS e ON e.session = s.id AND e.at >= :since
WHERE e.name IN (SELECT value FROM json_each(:names))
ORDER BY i.profile, e.at, e.mid

-- name: items
SELECT body FROM item WHERE id IN (SELECT value FROM json_each(:ids))

-- name: segments
SELECT key, name, status, version, rule, created_at, updated_at, description, created_by, walked
FROM segment ORDER BY key

-- name: outcomes
SELECT command, at, problem, message, path
FROM outcome WHERE command IN (SELECT value FROM json_each(:ids))

-- name: due
SELECT id FROM profile WHERE deadline <= :now ORDER BY deadline, id LIMIT :limit

-- name: next_deadline
SELECT min(deadline) FROM profile WHERE deadline IS NOT NULL

-- name: profile_ids_after
SELECT id FROM profile WHERE id > :after ORDER BY id LIMIT :limit

-- name: put_event
INSERT INTO event
    (mid, log_pos, source, type, name, at, rec, device, user, session, digest, body, partition)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: move_event
UPDATE event SET session = ?2 WHERE mid = ?1

-- name: drop_interactions
DELETE FROM interaction WHERE session = ?1

-- name: drop_session
DELETE FROM session WHERE id = ?1

-- name: put_session
INSERT INTO session (id, device, user, owner, started_at, ended_at, last_mid, facts, tally, rec)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET device = excluded.device, user = excluded.user,
    owner = excluded.owner, started_at = excluded.started_at, ended_at = excluded.ended_at, last_mid = excluded.last_mid,
    facts = excluded.facts, tally = excluded.tally, rec = excluded.rec

-- name: add_interaction
INSERT INTO interaction (session, item, views, carts, purchases, first_at, last_at)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (session, item) DO UPDATE SET views = views + excluded.views,
    carts = carts + excluded.carts, purchases = purchases + excluded.purchases,
    first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)

-- name: put_seen
INSERT INTO seen (a, b, kind, half_hour, at, mid, rec) VALUES (?, ?, ?, ?, ?, ?, ?)

-- name: put_identifier
INSERT INTO identifier
    (key, id, namespace, value, rank, first_at, last_at, profile, status, generation, folded,
    resolved_by)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET id = excluded.id, rank = excluded.rank,
    first_at = excluded.first_at, last_at = excluded.last_at, profile = excluded.profile,
    status = excluded.status, generation = excluded.generation, resolved_by = excluded.resolved_by

-- name: put_edge
INSERT INTO edge (a, b, kind, count, first_at, last_at, status, refused_by)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (a, b, kind) DO UPDATE SET count = excluded.count, first_at = excluded.first_at,
    last_at = excluded.last_at, status = excluded.status, refused_by = excluded.refused_by

-- name: drop_edge
DELETE FROM edge WHERE a = ? AND b = ? AND kind = ?

-- name: drop_profile
DELETE FROM profile WHERE id = ?1

-- name: put_profile
INSERT INTO profile (id, anchor, first_at, last_at, tally, deadline, folded)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET anchor = excluded.anchor, first_at = excluded.first_at,
    last_at = excluded.last_at, tally = excluded.tally, deadline = excluded.deadline,
    folded = excluded.folded

-- name: put_item
INSERT INTO item (id, updated_at, body) VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at, body = excluded.body

-- name: put_segment
INSERT INTO segment
    (key, name, status, version, rule, created_at, updated_at, description, created_by, walked)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET name = excluded.name, status = excluded.status,
    version = excluded.version, rule = excluded.rule, created_at = excluded.created_at,
    updated_at = excluded.updated_at, description = excluded.description,
    created_by = excluded.created_by, walked = excluded.walked

-- name: put_segment_version
INSERT INTO segment_version (key, version, rule, rec, by) VALUES (?, ?, ?, ?, ?)

-- name: close_member
UPDATE member SET to_rec = ?3 WHERE profile = ?1 AND segment = ?2 AND to_rec IS NULL

-- name: open_member
INSERT INTO member (profile, segment, version, from_rec, to_rec, cause, event, rec)
VALUES (?, ?, ?, ?, NULL, ?, ?, ?)

-- name: put_deadline
UPDATE profile SET deadline = ?2 WHERE id = ?1

-- name: waiting
SELECT a, b, mid, rec FROM waiting ORDER BY rec, a, b LIMIT :limit

-- name: put_waiting
INSERT INTO waiting (a, b, mid, rec) VALUES (?, ?, ?, ?)
ON CONFLICT (a, b) DO UPDATE SET mid = excluded.mid, rec = excluded.rec

-- name: drop_waiting
DELETE FROM waiting WHERE a = ? AND b = ?

-- name: put_outcome
INSERT INTO outcome (command, at, problem, message, path) VALUES (?, ?, ?, ?, ?)

-- name: drop_dead_record
DELETE FROM dead_record WHERE partition = ? AND position = ?

-- name: put_dead_record
INSERT INTO dead_record (partition, position, rec, reason, message) VALUES (?, ?, ?, ?, ?)

-- name: put_change
INSERT INTO change (partition, seq, rec, kind, id, body) VALUES (?, ?, ?, ?, ?, ?)

-- name: oldest_changes
SELECT seq, rec FROM change WHERE partition = :partition AND seq > :after ORDER BY seq LIMIT :limit

-- name: drop_changes
-- Identity changes stay: they are the audit trail.
DELETE FROM change WHERE partition = :partition AND seq > :after AND seq <= :until AND id IS NULL

-- name: put_rules
INSERT INTO rules (version, body, rec) VALUES (?, ?, ?)
ON CONFLICT (version) DO UPDATE SET body = excluded.body

-- name: outdated
SELECT key FROM identifier
WHERE key > :after AND resolved_by <> :version AND profile IS NOT NULL
ORDER BY key LIMIT :limit

-- name: burned_by
-- What is burned, and was seen with so many user_ids at most; a canonical form, with so many spellings.
SELECT i.key FROM identifier AS i
WHERE i.status = 'burned' AND :users >= (
    SELECT count(*) FROM (
        SELECT e.b AS other FROM edge AS e WHERE e.a = i.key AND e.kind IN ('login', 'alias', 'equivalent')
        UNION
        SELECT e.a FROM edge AS e WHERE e.b = i.key AND e.kind IN ('login', 'alias', 'equivalent')
    ) AS seen JOIN identifier AS u ON u.key = seen.other
    WHERE u.namespace = 'user_id' OR substr(i.namespace, -length(:canonical)) = :canonical
)
ORDER BY i.key
