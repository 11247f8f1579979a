-- How segments stood earlier, and who was in them.

CREATE TABLE segment_state (
    key  TEXT    NOT NULL,
    rec  INTEGER NOT NULL,
    body BLOB    NOT NULL,
    PRIMARY KEY (key, rec)
) WITHOUT ROWID;
INSERT INTO segment_state (key, rec, body)
SELECT key, (SELECT coalesce(max(rec), 0) FROM checkpoint), CAST(json_object(
    'key', key, 'name', name, 'status', status, 'version', version, 'rule', json(rule),
    'created_at', created_at, 'updated_at', updated_at, 'description', description,
    'created_by', created_by, 'walked', walked
) AS BLOB) FROM segment;

CREATE INDEX member_of_past ON member (segment, rec);
