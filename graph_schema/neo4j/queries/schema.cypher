// name: found_schema
// What the database says of itself, and whether there is anything at all.
OPTIONAL MATCH (g:GraphSchema {name: 'graph-cdp'})
RETURN g.version, g.hashKey, EXISTS { (n) } AS anything

// name: record_schema
MERGE (g:GraphSchema {name: 'graph-cdp'})
SET g:GraphSchema, g.version = $version, g.hashKey = $hash_key
WITH g
UNWIND range($before + 1, $version) AS version
MERGE (m:Migration {version: version})
ON CREATE SET m.appliedAt = $at

// name: begin_past
// A graph whose former states of segments were not kept begins to know its past now.
MATCH (g:GraphSchema {name: 'graph-cdp'})
CALL () {
  MATCH (c:Checkpoint)
  RETURN coalesce(max(c.rec), 0) AS rec
}
SET g.knownSince = coalesce(g.knownSince, rec)
WITH g
MATCH (s:Segment)
WHERE s.name IS NOT NULL
MERGE (state:SegmentState {key: s.key, recordedAt: g.knownSince})
ON CREATE SET state += properties(s)

// name: know_always
MATCH (g:GraphSchema {name: 'graph-cdp'})
REMOVE g.knownSince

// name: take_away
// On purpose without a label: of everything that is there, some.
MATCH (n)
WHERE NOT n:GraphSchema AND NOT n:Migration
WITH n LIMIT $limit
DETACH DELETE n
RETURN count(*)

// name: await_indexes
CALL db.awaitIndexes($seconds)

// name: property_names
CALL db.propertyKeys() YIELD propertyKey
RETURN propertyKey
