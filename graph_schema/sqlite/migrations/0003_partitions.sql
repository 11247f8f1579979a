-- Partitions of the log: who holds one, and which one an event was taken from.

ALTER TABLE checkpoint ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE checkpoint ADD COLUMN until INTEGER NOT NULL DEFAULT 0;

ALTER TABLE event ADD COLUMN partition INTEGER NOT NULL DEFAULT 0;
