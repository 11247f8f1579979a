-- name: retired_ids
-- The profile that holds, today, the identifier of each id.
SELECT id, profile FROM identifier WHERE id IN (SELECT value FROM json_each(:ids))

-- name: identifiers_by_ids
SELECT key, id, namespace, value, rank, first_at, last_at, profile, status, generation, resolved_by
FROM identifier WHERE id IN (SELECT value FROM json_each(:ids))

-- name: profiles_last_seen
SELECT p.id, p.anchor, p.first_at, p.last_at, p.tally, p.deadline FROM profile AS p
WHERE (:at IS NULL OR (p.last_at, p.id) < (:at, :id))
    AND (:segment IS NULL OR EXISTS (SELECT 1 FROM member AS m
        WHERE m.profile = p.id AND m.segment = :segment AND m.to_rec IS NULL))
    AND (:search = '' OR instr(p.folded, :search) OR EXISTS (SELECT 1 FROM identifier AS i
        WHERE i.profile = p.id AND instr(i.folded, :search)))
ORDER BY p.last_at DESC, p.id DESC LIMIT :limit

-- name: profiles_first_seen
SELECT p.id, p.anchor, p.first_at, p.last_at, p.tally, p.deadline FROM profile AS p
WHERE (:at IS NULL OR (p.first_at, p.id) < (:at, :id))
    AND (:segment IS NULL OR EXISTS (SELECT 1 FROM member AS m
        WHERE m.profile = p.id AND m.segment = :segment AND m.to_rec IS NULL))
    AND (:search = '' OR instr(p.folded, :search) OR EXISTS (SELECT 1 FROM identifier AS i
        WHERE i.profile = p.id AND instr(i.folded, :search)))
ORDER BY p.first_at DESC, p.id DESC LIMIT :limit

-- name: profiles_by_id
SELECT p.id, p.anchor, p.first_at, p.last_at, p.tally, p.deadline FROM profile AS p
WHERE p.id > :id
    AND (:segment IS NULL OR EXISTS (SELECT 1 FROM member AS m
        WHERE m.profile = p.id AND m.segment = :segment AND m.to_rec IS NULL))
    AND (:search = '' OR instr(p.folded, :search) OR EXISTS (SELECT 1 FROM identifier AS i
        WHERE i.profile = p.id AND instr(i.folded, :search)))
ORDER BY p.id LIMIT :limit

-- name: profile_count
SELECT count(*) FROM profile AS p
WHERE (:segment IS NULL OR EXISTS (SELECT 1 FROM member AS m
        WHERE m.profile = p.id AND m.segment = :segment AND m.to_rec IS NULL))
    AND (:search = '' OR instr(p.folded, :search) OR EXISTS (SELECT 1 FROM identifier AS i
        WHERE i.profile = p.id AND instr(i.folded, :search)))

-- name: identifier_page
SELECT key, id, namespace, value, rank, first_at, last_at, profile, status, generation, resolved_by
FROM identifier
WHERE profile = :profile AND (rank, first_at, key) > (:rank, :first_at, :key)
    AND (:namespaces IS NULL OR namespace IN (SELECT value FROM json_each(:namespaces)))
ORDER BY rank, first_at, key LIMIT :limit

-- name: identifier_count
SELECT count(*) FROM identifier
WHERE profile = :profile
    AND (:namespaces IS NULL OR namespace IN (SELECT value FROM json_each(:namespaces)))

-- name: session_page
SELECT s.id, s.device, s.user, s.owner, s.started_at, s.ended_at, s.last_mid, s.facts, s.tally, s.rec
FROM identifier AS i JOIN session AS s ON s.owner = i.key
WHERE i.profile = :profile AND (:at IS NULL OR (s.started_at, s.id) < (:at, :id))
    AND s.started_at >= :since AND s.started_at < :until
ORDER BY s.started_at DESC, s.id DESC LIMIT :limit

-- name: session_counts
SELECT i.profile, count(*) FROM identifier AS i JOIN session AS s ON s.owner = i.key
WHERE i.profile IN (SELECT value FROM json_each(:ids)) GROUP BY i.profile

-- name: sessions_by_ids
-- A session's id is a message id: the session that holds that event now.
SELECT e.mid, i.profile, s.id, s.device, s.user, s.owner, s.started_at, s.ended_at, s.last_mid, s.facts, s.tally, s.rec
FROM event AS e JOIN session AS s ON s.id = e.session LEFT JOIN identifier AS i ON i.key = s.owner
WHERE e.mid IN (SELECT value FROM json_each(:ids))

-- name: sessions_by_end
-- The sessions of a profile by their ends, so that its newest events need not all be read.
SELECT s.id, s.ended_at FROM identifier AS i JOIN session AS s ON s.owner = i.key
WHERE i.profile = :profile AND s.ended_at >= :since AND s.started_at < :until
ORDER BY s.ended_at DESC, s.id DESC LIMIT :limit OFFSET :offset

-- name: event_page
SELECT e.body, e.rec, e.session, :profile, e.at, e.mid FROM event AS e
WHERE e.session IN (SELECT value FROM json_each(:sessions))
    AND e.at >= :since AND e.at < :until
    AND (:at IS NULL OR (e.at, e.mid) < (:at, :id))
    AND (:names IS NULL OR e.name IN (SELECT value FROM json_each(:names)))
ORDER BY e.at DESC, e.mid DESC LIMIT :limit

-- name: event_count
SELECT count(*) FROM identifier AS i JOIN session AS s ON s.owner = i.key
JOIN event AS e ON e.session = s.id
WHERE i.profile = :profile AND e.at >= :since AND e.at < :until
    AND (:names IS NULL OR e.name IN (SELECT value FROM json_each(:names)))

-- name: session_event_page
SELECT e.body, e.rec, e.session, i.profile
FROM session AS s JOIN event AS e ON e.session = s.id LEFT JOIN identifier AS i ON i.key = s.owner
WHERE s.id = :session AND (:at IS NULL OR (e.at, e.mid) > (:at, :id))
    AND e.at >= :since AND e.at < :until
ORDER BY e.at, e.mid LIMIT :limit

-- name: events_by_ids
SELECT e.body, e.rec, e.session, i.profile, e.mid
FROM event AS e JOIN session AS s ON s.id = e.session LEFT JOIN identifier AS i ON i.key = s.owner
WHERE e.mid IN (SELECT value FROM json_each(:ids))

-- name: places
SELECT mid, partition, log_pos FROM event WHERE mid IN (SELECT value FROM json_each(:mids))

-- name: segment_versions
SELECT key, version, rule, rec, by FROM segment_version
WHERE key IN (SELECT value FROM json_each(:keys)) ORDER BY key, version DESC

-- name: segment_sizes
SELECT segment, count(*) FROM member
WHERE to_rec IS NULL AND segment IN (SELECT value FROM json_each(:keys)) GROUP BY segment

-- name: members_by_since
SELECT profile, segment, version, from_rec, cause FROM member
WHERE segment = :segment AND to_rec IS NULL
    AND (:at IS NULL OR (from_rec, profile) < (:at, :id))
ORDER BY from_rec DESC, profile DESC LIMIT :limit

-- name: members_by_id
SELECT profile, segment, version, from_rec, cause FROM member
WHERE segment = :segment AND to_rec IS NULL AND profile > :id ORDER BY profile LIMIT :limit

-- name: membership_page
SELECT profile, segment, version, from_rec, cause FROM member
WHERE profile = :profile AND to_rec IS NULL AND segment > :key ORDER BY segment LIMIT :limit

-- name: membership_counts
SELECT profile, count(*) FROM member
WHERE to_rec IS NULL AND profile IN (SELECT value FROM json_each(:ids)) GROUP BY profile

-- name: items_after
SELECT body FROM item WHERE id > :after ORDER BY id LIMIT :limit

-- name: interactions
SELECT f.profile, n.item, sum(n.views), sum(n.carts), sum(n.purchases), min(n.first_at), max(n.last_at)
FROM identifier AS f JOIN session AS s ON s.owner = f.key JOIN interaction AS n ON n.session = s.id
WHERE f.profile IN (SELECT value FROM json_each(:ids))
GROUP BY f.profile, n.item ORDER BY f.profile, n.item

-- name: training_graph
-- A row for each session and item, so that history can be cut at any moment.
SELECT f.profile, n.item, n.views, n.carts, n.purchases, n.first_at, n.last_at
FROM identifier AS f JOIN session AS s ON s.owner = f.key JOIN interaction AS n ON n.session = s.id
ORDER BY f.profile, n.item, n.first_at

-- name: changes_by_ids
SELECT id, body FROM change WHERE id IN (SELECT value FROM json_each(:ids))

-- name: change_page
SELECT partition, seq, rec, body FROM change
WHERE id IS NOT NULL AND rec >= :since AND rec < :until
    AND (:at IS NULL OR (rec, id) < (:at, :id))
    AND (:kinds IS NULL OR kind IN (SELECT value FROM json_each(:kinds)))
ORDER BY rec DESC, id DESC LIMIT :limit

-- name: change_count
SELECT count(*) FROM change
WHERE id IS NOT NULL AND rec >= :since AND rec < :until
    AND (:kinds IS NULL OR kind IN (SELECT value FROM json_each(:kinds)))

-- name: feed
SELECT partition, seq, rec, body FROM change
WHERE partition = :partition AND seq > :after ORDER BY seq LIMIT :limit

-- name: dead_records
SELECT partition, position, rec, reason, message FROM dead_record
WHERE (partition, position) > (:partition, :position) ORDER BY partition, position LIMIT :limit

-- name: totals
SELECT (SELECT count(*) FROM profile), (SELECT count(*) FROM identifier),
    (SELECT count(*) FROM session), (SELECT count(*) FROM event),
    (SELECT count(*) FROM item), (SELECT count(*) FROM dead_record)
