-- name: log_id
SELECT value FROM meta WHERE name = 'log_id'

-- name: set_log_id
INSERT INTO meta (name, value) VALUES ('log_id', ?)

-- name: tail
-- The last record, without its body.
SELECT position, at, bytes_upto FROM record ORDER BY position DESC LIMIT 1

-- name: bytes_upto
SELECT bytes_upto FROM record WHERE position = ?

-- name: add_record
INSERT INTO record (position, at, kind, v, key_id, nonce, bytes_upto, body)
VALUES (?, ?, ?, 1, '', x'', ?, ?)

-- name: records_after
SELECT position, at, kind, body, key_id, nonce, v FROM record
WHERE position > ? ORDER BY position LIMIT ?

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
