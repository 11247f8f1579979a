-- name: known_since
SELECT value FROM meta WHERE name = 'known_since'

-- name: identifiers_at
SELECT i.key, i.id, i.namespace, i.value, i.rank, s.first_at, s.last_at, a.profile, a.status, i.generation, i.resolved_by
FROM json_each(:keys) AS w
JOIN identifier AS i ON i.key = w.value
JOIN assigned AS a ON a.identifier = i.key
    AND a.from_rec = (SELECT max(from_rec) FROM assigned WHERE identifier = i.key AND from_rec <= :t)
JOIN sighting AS s ON s.identifier = i.key
    AND s.rec = (SELECT max(rec) FROM sighting WHERE identifier = i.key AND rec <= :t)

-- name: members_at
SELECT i.key, i.id, i.namespace, i.value, i.rank, s.first_at, s.last_at, a.profile, a.status, i.generation, i.resolved_by
FROM json_each(:profiles) AS w
JOIN assigned AS a ON a.profile = w.value AND a.from_rec <= :t AND (a.to_rec IS NULL OR a.to_rec > :t)
JOIN identifier AS i ON i.key = a.identifier
JOIN sighting AS s ON s.identifier = i.key
    AND s.rec = (SELECT max(rec) FROM sighting WHERE identifier = i.key AND rec <= :t)
ORDER BY a.profile, i.rank, s.first_at, i.key

-- name: seen_at
SELECT s.a, s.b, s.kind, s.half_hour, s.at, s.mid, s.rec
FROM json_each(:keys) AS w JOIN seen AS s ON s.a = w.value WHERE s.rec <= :t
UNION
SELECT s.a, s.b, s.kind, s.half_hour, s.at, s.mid, s.rec
FROM json_each(:keys) AS w JOIN edge AS e ON e.b = w.value
JOIN seen AS s ON s.a = e.a AND s.b = e.b AND s.kind = e.kind WHERE s.rec <= :t

-- name: sessions_about
SELECT s.id, s.device, s.user, s.owner, s.started_at, s.ended_at, s.last_mid, s.facts, s.tally, s.rec
FROM json_each(:keys) AS w JOIN session AS s ON s.device = w.value
WHERE s.user IS NULL OR s.rec > :t
UNION
SELECT s.id, s.device, s.user, s.owner, s.started_at, s.ended_at, s.last_mid, s.facts, s.tally, s.rec
FROM json_each(:keys) AS w JOIN session AS s ON s.user = w.value

-- name: sessions_within
SELECT DISTINCT s.id, s.device, s.user, s.owner, s.started_at, s.ended_at, s.last_mid, s.facts, s.tally, s.rec
FROM json_each(:reaches) AS w
JOIN session AS s ON s.device = w.value ->> 0 AND s.ended_at >= w.value ->> 1 AND s.started_at <= w.value ->> 2

-- name: sessions_holding
SELECT DISTINCT s.id, s.device, s.user, s.owner, s.started_at, s.ended_at, s.last_mid, s.facts, s.tally, s.rec
FROM event AS e JOIN session AS s ON s.id = e.session
WHERE e.mid IN (SELECT value FROM json_each(:mids))

-- name: events_at
SELECT e.body, e.rec, e.session, i.profile
FROM event AS e JOIN session AS s ON s.id = e.session LEFT JOIN identifier AS i ON i.key = s.owner
WHERE e.session IN (SELECT value FROM json_each(:sessions)) AND e.rec <= :t

-- name: event_page_at
SELECT e.body, e.rec, e.session, i.profile
FROM event AS e JOIN session AS s ON s.id = e.session LEFT JOIN identifier AS i ON i.key = s.owner
WHERE e.session IN (SELECT value FROM json_each(:sessions)) AND e.rec <= :t
    AND e.at >= :since AND e.at < :until
    AND (:at IS NULL OR (e.at, e.mid) < (:at, :id))
    AND (:names IS NULL OR e.name IN (SELECT value FROM json_each(:names)))
ORDER BY e.at DESC, e.mid DESC LIMIT :limit

-- name: memberships_at
SELECT m.profile, m.segment, m.version, m.from_rec, m.cause
FROM json_each(:profiles) AS w JOIN member AS m ON m.profile = w.value
WHERE m.rec <= :t AND (m.to_rec IS NULL OR m.to_rec > :t)
ORDER BY m.profile, m.segment

-- name: members_by_since_at
SELECT profile, segment, version, from_rec, cause FROM member
WHERE segment = :segment AND rec <= :t AND (to_rec IS NULL OR to_rec > :t)
    AND (:at IS NULL OR (from_rec, profile) < (:at, :id))
ORDER BY from_rec DESC, profile DESC LIMIT :limit

-- name: members_by_id_at
SELECT profile, segment, version, from_rec, cause FROM member
WHERE segment = :segment AND rec <= :t AND (to_rec IS NULL OR to_rec > :t) AND profile > :id
ORDER BY profile LIMIT :limit

-- name: segment_sizes_at
SELECT segment, count(*) FROM member
WHERE segment IN (SELECT value FROM json_each(:keys))
    AND rec <= :t AND (to_rec IS NULL OR to_rec > :t)
GROUP BY segment

-- name: segments_at
SELECT s.body FROM segment_state AS s
WHERE s.rec = (SELECT max(rec) FROM segment_state WHERE key = s.key AND rec <= :t)
ORDER BY s.key

-- name: put_segment_state
INSERT INTO segment_state (key, rec, body) VALUES (?, ?, ?)
ON CONFLICT (key, rec) DO UPDATE SET body = excluded.body
