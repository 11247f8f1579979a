// Decisions, the past, and what became of profiles.

// name: decisions_after
MATCH (d:Decision)
WHERE d.recordedAt >= $rec AND d.id IS NOT NULL AND (d.recordedAt > $rec OR d.id > $id)
RETURN d.id, d.kind, d.left, d.right, d.actor, d.at, d.note, d.undoes, d.recordedAt, d.undoesChange
ORDER BY d.recordedAt, d.id

// name: decisions_by_ids
UNWIND $ids AS id
MATCH (d:Decision {id: id})
RETURN d.id, d.kind, d.left, d.right, d.actor, d.at, d.note, d.undoes, d.recordedAt, d.undoesChange

// name: decisions_about
// Those with the ids, those that take them back, those that take these back, and on.
UNWIND $ids AS id
CALL (id) {
  MATCH (first:Decision {id: id})
  RETURN first
  UNION
  MATCH (first:Decision {undoes: id})
  RETURN first
  UNION
  MATCH (first:Decision {undoesChange: id})
  RETURN first
}
WITH DISTINCT first
MATCH (first)<-[:WITHDRAWS*0..1000]-(d:Decision)
WITH DISTINCT d
RETURN d.id, d.kind, d.left, d.right, d.actor, d.at, d.note, d.undoes, d.recordedAt, d.undoesChange
ORDER BY d.recordedAt, d.id

// name: decisions_naming
UNWIND $keys AS key
MATCH (:Identifier {key: key})<-[:CONCERNS]-(first:Decision)
WITH DISTINCT first
MATCH (first)<-[:WITHDRAWS*0..1000]-(d:Decision)
WITH DISTINCT d
RETURN d.id, d.kind, d.left, d.right, d.actor, d.at, d.note, d.undoes, d.recordedAt, d.undoesChange
ORDER BY d.recordedAt, d.id

// name: newest_seen
// Of each pair the last half-hours, each with its earliest sighting.
UNWIND $pairs AS pair
CALL (pair) {
  MATCH (s:Seen {pair: pair})
  WHERE s.halfHour IS NOT NULL
  WITH s ORDER BY s.at, s.mid
  WITH s.halfHour AS halfHour, head(collect(s)) AS s
  RETURN s ORDER BY halfHour DESC LIMIT $limit
}
RETURN pair, s.a, s.b, s.kind, s.halfHour, s.at, s.mid, s.recordedAt
ORDER BY pair, s.halfHour DESC

// name: sessions_between
UNWIND $users AS user
UNWIND $devices AS device
MATCH (s:Session {user: user, device: device})
RETURN s.id, s.device, s.user, s.owner, s.startedAt, s.endedAt, s.lastMid, s.tally,
  s.kind, s.userAgentFamily, s.os, s.locale, s.timezone, s.screen, s.country, s.ipPrefix,
  s.recordedAt

// name: history_pages
UNWIND range(0, size($lineages) - 1) AS place
CALL (place) {
  UNWIND $lineages[place] AS profile
  MATCH (h:ChangeOf {profile: profile})
  WHERE h.recordedAt >= $since AND h.recordedAt < $until AND h.id IS NOT NULL
    AND ($at IS NULL OR h.recordedAt < $at OR (h.recordedAt = $at AND h.id < $id))
  WITH DISTINCT h.recordedAt AS at, h.id AS id
  ORDER BY at DESC, id DESC LIMIT $limit
  MATCH (c:Change {id: id})
  RETURN c
}
RETURN place, c.partition, c.seq, c.recordedAt, c.body
ORDER BY place, c.recordedAt DESC, c.id DESC

// name: history_counts
UNWIND range(0, size($lineages) - 1) AS place
CALL (place) {
  UNWIND $lineages[place] AS profile
  MATCH (h:ChangeOf {profile: profile})
  WHERE h.recordedAt < $until AND h.id IS NOT NULL
  RETURN count(DISTINCT h.id) AS changes
}
RETURN place, changes

// name: put_decisions
UNWIND $nodes AS node
CREATE (d:Decision)
SET d = node
WITH d, node
UNWIND [key IN node.left | ['left', key]] + [key IN node.right | ['right', key]] AS named
MATCH (i:Identifier {key: named[1]})
CREATE (d)-[:CONCERNS {side: named[0]}]->(i)

// name: link_decisions
UNWIND $rows AS row
MATCH (d:Decision {id: row[0]})
MATCH (known:Decision {id: row[1]})
CREATE (d)-[:WITHDRAWS]->(known)

// name: put_assigned
// Each identifier once. What is recorded no later than what is known takes its place.
UNWIND $rows AS row
CALL (row) {
  OPTIONAL MATCH (a:Assigned {identifier: row[0]})
  WHERE a.since IS NOT NULL
  RETURN a ORDER BY a.since DESC LIMIT 1
}
FOREACH (_ IN CASE WHEN a IS NOT NULL AND a.since >= row[1] THEN [1] ELSE [] END |
  SET a.profile = row[2], a.status = row[3], a.until = null)
FOREACH (_ IN CASE WHEN a IS NULL OR a.since < row[1] THEN [1] ELSE [] END |
  SET a.until = row[1]
  CREATE (:Assigned {identifier: row[0], since: row[1], profile: row[2], status: row[3]}))

// name: new_assigned
UNWIND $rows AS row
CREATE (:Assigned {identifier: row[0], since: row[1], profile: row[2], status: row[3]})

// name: put_sightings
// Likewise.
UNWIND $rows AS row
CALL (row) {
  OPTIONAL MATCH (s:Sighting {identifier: row[0]})
  WHERE s.recordedAt IS NOT NULL
  RETURN s ORDER BY s.recordedAt DESC LIMIT 1
}
FOREACH (_ IN CASE WHEN s IS NOT NULL AND s.recordedAt >= row[1] THEN [1] ELSE [] END |
  SET s.firstAt = row[2], s.lastAt = row[3])
FOREACH (_ IN CASE WHEN s IS NULL OR s.recordedAt < row[1] THEN [1] ELSE [] END |
  CREATE (:Sighting {identifier: row[0], recordedAt: row[1], firstAt: row[2], lastAt: row[3]}))

// name: new_sightings
UNWIND $rows AS row
CREATE (:Sighting {identifier: row[0], recordedAt: row[1], firstAt: row[2], lastAt: row[3]})

// name: put_change_profiles
UNWIND $rows AS row
CREATE (:ChangeOf {profile: row[0], recordedAt: row[1], id: row[2]})
