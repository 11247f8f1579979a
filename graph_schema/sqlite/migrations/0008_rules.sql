-- By which version of the rules each identifier's profile was resolved. A version's body is its JSON.

ALTER TABLE identifier ADD COLUMN resolved_by INTEGER NOT NULL DEFAULT 1;
