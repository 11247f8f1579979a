-- name: compare_event
SELECT mid, partition, log_pos, source, type, name, at, rec, device, user, session, digest, body FROM event ORDER BY mid

-- name: compare_identifier
SELECT key, id, namespace, value, rank, first_at, last_at, generation, status, profile FROM identifier ORDER BY key

-- name: compare_edge
SELECT a, b, kind, count, first_at, last_at, status, refused_by FROM edge ORDER BY a, b, kind

-- name: compare_session
SELECT id, device, user, owner, started_at, ended_at, last_mid, facts, tally FROM session ORDER BY id

-- name: compare_profile
SELECT id, anchor, first_at, last_at, tally FROM profile ORDER BY id

-- name: compare_interaction
SELECT session, item, views, carts, purchases, first_at, last_at FROM interaction ORDER BY session, item

-- name: compare_member
-- Who is in which segment; since when depends on when time was looked at.
SELECT profile, segment, version FROM member WHERE to_rec IS NULL ORDER BY profile, segment

-- name: compare_segment
SELECT key, name, description, status, version, rule FROM segment ORDER BY key

-- name: compare_dead_record
SELECT partition, position, reason FROM dead_record ORDER BY partition, position
