-- name: make_table
-- What either side says of one thing; NULL where it has it not.
CREATE TABLE thing (
    kind TEXT NOT NULL, id TEXT NOT NULL, source BLOB, target BLOB, PRIMARY KEY (kind, id)
) WITHOUT ROWID

-- name: put_source
INSERT INTO thing (kind, id, source) VALUES (?, ?, ?)
ON CONFLICT (kind, id) DO UPDATE SET source = min(coalesce(source, excluded.source), excluded.source)

-- name: put_target
INSERT INTO thing (kind, id, target) VALUES (?, ?, ?)
ON CONFLICT (kind, id) DO UPDATE SET target = min(coalesce(target, excluded.target), excluded.target)

-- name: counts
SELECT kind, count(source), count(target), sum(source IS NOT target) FROM thing GROUP BY kind

-- name: examples
SELECT id, source IS NULL, target IS NULL FROM thing
WHERE kind = ? AND source IS NOT target ORDER BY id LIMIT ?
