-- name: walk_sessions
-- Device by device: the order that the index has, so that nothing is sorted at once but what ends together.
SELECT id, device, user, owner, started_at, ended_at, last_mid, facts, tally, rec FROM session
ORDER BY device, ended_at, last_mid

-- name: interactions_of_sessions
SELECT session, item, views, carts, purchases, first_at, last_at FROM interaction
WHERE session IN (SELECT value FROM json_each(:sessions)) ORDER BY session, item

-- name: walk_identifiers
SELECT key, id, namespace, value, rank, first_at, last_at, profile, status, generation, resolved_by FROM identifier

-- name: walk_edges
SELECT a, b, kind, count, first_at, last_at, status, refused_by FROM edge

-- name: walk_seen
SELECT a, b, kind, half_hour, at, mid, rec FROM seen

-- name: recorded
SELECT mid, body, partition, log_pos, rec, device, user, session, digest FROM event
WHERE mid IN (SELECT value FROM json_each(:mids))

-- name: dangling_session
SELECT s.id FROM session AS s LEFT JOIN identifier AS i ON i.key = s.owner
WHERE s.owner IS NOT NULL AND i.key IS NULL

-- name: dangling_event
SELECT e.mid FROM event AS e LEFT JOIN session AS s ON s.id = e.session WHERE s.id IS NULL

-- name: dangling_identifier
SELECT i.id FROM identifier AS i LEFT JOIN profile AS p ON p.id = i.profile
WHERE i.profile IS NOT NULL AND p.id IS NULL

-- name: dangling_profile
SELECT p.id FROM profile AS p LEFT JOIN identifier AS i ON i.profile = p.id WHERE i.key IS NULL

-- name: dangling_member
SELECT m.profile FROM member AS m LEFT JOIN profile AS p ON p.id = m.profile
LEFT JOIN segment AS s ON s.key = m.segment
WHERE m.to_rec IS NULL AND (p.id IS NULL OR s.key IS NULL)

-- name: dangling_interaction
SELECT n.session FROM interaction AS n LEFT JOIN session AS s ON s.id = n.session
LEFT JOIN item AS i ON i.id = n.item WHERE s.id IS NULL OR i.id IS NULL

-- name: dangling_edge
SELECT coalesce(a.id, b.id, 'with neither end') FROM edge AS e
LEFT JOIN identifier AS a ON a.key = e.a LEFT JOIN identifier AS b ON b.key = e.b
WHERE a.key IS NULL OR b.key IS NULL
