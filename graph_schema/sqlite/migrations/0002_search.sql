-- What a search for profiles looks at, folded (graph_schema/search.py). The identifiers that are here
-- already are folded as far as SQL can; a profile's traits are when it is written next, or by a rebuild.

ALTER TABLE identifier ADD COLUMN folded TEXT NOT NULL DEFAULT '';
UPDATE identifier SET folded = lower(value);
ALTER TABLE profile ADD COLUMN folded TEXT NOT NULL DEFAULT '';
