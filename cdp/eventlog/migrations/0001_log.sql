CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- The body stands last: what lies before it is read without touching its overflow pages.
-- bytes_upto: bytes of the bodies of all records up to and with this one, as appended.
CREATE TABLE record (
    position INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    v INTEGER NOT NULL,
    key_id TEXT NOT NULL,
    nonce BLOB NOT NULL,
    bytes_upto INTEGER NOT NULL,
    body BLOB
);

-- AUTOINCREMENT: the id of a forgotten letter never comes back.
CREATE TABLE dead_letter (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    source TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    origin TEXT NOT NULL,
    body BLOB NOT NULL
);
