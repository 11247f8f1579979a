-- What was known when: who held which identifier, when it had been seen, which sessions were recorded
-- whole. And of decisions: what they take back, and whose history a change is.

ALTER TABLE decision ADD COLUMN undoes_change TEXT;
CREATE INDEX decision_rec ON decision (rec, id);
CREATE INDEX decision_undoes ON decision (undoes) WHERE undoes IS NOT NULL;
CREATE INDEX decision_undoes_change ON decision (undoes_change) WHERE undoes_change IS NOT NULL;

CREATE TABLE assigned (
    identifier TEXT    NOT NULL,
    from_rec   INTEGER NOT NULL,
    to_rec     INTEGER,
    profile    TEXT,
    status     TEXT    NOT NULL,
    PRIMARY KEY (identifier, from_rec)
) WITHOUT ROWID;
CREATE INDEX assigned_profile ON assigned (profile, from_rec);

CREATE TABLE sighting (
    identifier TEXT    NOT NULL,
    rec        INTEGER NOT NULL,
    first_at   INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    PRIMARY KEY (identifier, rec)
) WITHOUT ROWID;

-- A graph that was there before knows nothing of its past: it begins now.
INSERT INTO assigned (identifier, from_rec, to_rec, profile, status)
SELECT key, (SELECT coalesce(max(rec), 0) FROM checkpoint), NULL, profile, status FROM identifier;
INSERT INTO sighting (identifier, rec, first_at, last_at)
SELECT key, (SELECT coalesce(max(rec), 0) FROM checkpoint), first_at, last_at FROM identifier;
INSERT INTO meta (name, value)
SELECT 'known_since', CAST((SELECT coalesce(max(rec), 0) FROM checkpoint) AS TEXT);

ALTER TABLE session ADD COLUMN rec INTEGER NOT NULL DEFAULT 0;
UPDATE session SET rec = (SELECT coalesce(max(e.rec), 0) FROM event AS e WHERE e.session = session.id);
CREATE INDEX session_user ON session (user, device) WHERE user IS NOT NULL;

-- from_rec is since when: where an earlier profile was a member already, its since. rec: since when here.
ALTER TABLE member ADD COLUMN rec INTEGER NOT NULL DEFAULT 0;
UPDATE member SET rec = from_rec;
CREATE INDEX member_past ON member (profile, rec);

CREATE TABLE change_profile (
    profile TEXT    NOT NULL,
    rec     INTEGER NOT NULL,
    id      TEXT    NOT NULL,
    PRIMARY KEY (profile, rec, id)
) WITHOUT ROWID;
INSERT OR IGNORE INTO change_profile (profile, rec, id)
SELECT p.value ->> 'profile_id', c.rec, c.id
FROM change AS c, json_each(json_array(
    json_extract(CAST(c.body AS TEXT), '$.before'), json_extract(CAST(c.body AS TEXT), '$.after')
)) AS side, json_each(side.value) AS p
WHERE c.id IS NOT NULL;
