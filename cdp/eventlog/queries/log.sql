-- name: log_id
SELECT value FROM meta WHERE name = 'log_id'

-- name: set_log_id
INSERT INTO meta (name, value) VALUES ('log_id', ?)

-- name: any_record
SELECT at FROM record LIMIT 1

-- name: event_partitions
SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'event_partitions'

-- name: add_partitions
UPDATE meta SET value = CAST(:wanted AS TEXT)
WHERE name = 'event_partitions' AND CAST(value AS INTEGER) < :wanted

-- name: tails
-- The last record of each partition, without its body; NULLs where it has none.
WITH RECURSIVE part (number) AS (
    SELECT 0
    UNION ALL
    SELECT number + 1 FROM part
    WHERE number < (SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'event_partitions')
)
SELECT part.number, last.id & ((1 << 40) - 1), last.at, last.bytes_upto
FROM part LEFT JOIN record AS last ON last.id = (
    SELECT r.id FROM record AS r
    WHERE r.id > part.number << 40 AND r.id < (part.number + 1) << 40
    ORDER BY r.id DESC LIMIT 1
)

-- name: bytes_upto
-- Of those records that are there.
SELECT r.bytes_upto FROM json_each(:ids) AS w JOIN record AS r ON r.id = w.value

-- name: oldest
SELECT min(r.at) FROM json_each(:ids) AS w JOIN record AS r ON r.id = w.value

-- name: add_record
INSERT INTO record (id, at, kind, v, key_id, nonce, bytes_upto, body)
VALUES (?, ?, ?, 1, '', x'', ?, ?)

-- name: records_after
SELECT id & ((1 << 40) - 1), at, kind, body, key_id, nonce, v FROM record
WHERE id > (:partition << 40) + :after AND id < (:partition + 1) << 40 ORDER BY id LIMIT :limit

-- name: add_dead_letter
INSERT INTO dead_letter (reason, message, source, received_at, origin, body)
VALUES (?, ?, ?, ?, ?, ?)

-- name: dead_letters_after
SELECT id, reason, message, source, received_at, origin, body FROM dead_letter
WHERE id > ? ORDER BY id LIMIT ?

-- name: dead_letter_count
SELECT count(*) FROM dead_letter

-- name: forget
DELETE FROM dead_letter WHERE id = ?
