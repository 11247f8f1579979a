-- How far each partition's change feed is pruned; and the evidence that waits for the background resolver.

ALTER TABLE checkpoint ADD COLUMN pruned INTEGER NOT NULL DEFAULT 0;

CREATE TABLE waiting (
    a   TEXT    NOT NULL,
    b   TEXT    NOT NULL,
    mid TEXT    NOT NULL,
    rec INTEGER NOT NULL,
    PRIMARY KEY (a, b)
) WITHOUT ROWID;
CREATE INDEX waiting_rec ON waiting (rec, a, b);
