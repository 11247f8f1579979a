-- A record's id is partition << 40 | position: each partition lies together and in order. What was
-- written before there were partitions is partition 0, as it lies: commands, and events among them.
ALTER TABLE record RENAME COLUMN position TO id;

-- Events go to the partitions from 1 to this number; it never shrinks.
INSERT INTO meta (name, value) VALUES ('event_partitions', '1');
