// Decisions, the past, and what became of profiles.

// name: decisions_after
MATCH (d:Decision)
WHERE d.recordedAt >= $rec AND d.id IS NOT NULL AND (d.recordedAt > $rec OR d.id > $id)
WITH * ORDER BY d.recordedAt, d.id
RETURN collect([d.id, d.kind, d.left, d.right, d.actor, d.at, d.note, d.undoes, d.recordedAt, d.undoesChange]) AS rows

// name: decisions_by_ids
UNWIND $ids AS id
MATCH (d:Decision {id: id})
RETURN collect([d.id, d.kind, d.left, d.right, d.actor, d.at, d.note, d.undoes, d.recordedAt, d.undoesChange]) AS rows

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
WITH * ORDER BY d.recordedAt, d.id
RETURN collect([d.id, d.kind, d.left, d.right, d.actor, d.at, d.note, d.undoes, d.recordedAt, d.undoesChange]) AS rows

// name: decisions_naming
UNWIND $keys AS key
MATCH (:Identifier {key: key})<-[:CONCERNS]-(first:Decision)
WITH DISTINCT first
MATCH (first)<-[:WITHDRAWS*0..1000]-(d:Decision)
WITH DISTINCT d
WITH * ORDER BY d.recordedAt, d.id
RETURN collect([d.id, d.kind, d.left, d.right, d.actor, d.at, d.note, d.undoes, d.recordedAt, d.undoesChange]) AS rows

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
WITH * ORDER BY pair, s.halfHour DESC
RETURN collect([pair, s.a, s.b, s.kind, s.halfHour, s.at, s.mid, s.recordedAt]) AS rows

// name: sessions_between
UNWIND $users AS user
UNWIND $devices AS device
MATCH (s:Session {user: user, device: device})
RETURN collect([s.id, s.device, s.user, s.owner, s.startedAt, s.endedAt, s.lastMid, s.tally,
  s.kind, s.userAgentFamily, s.os, s.locale, s.timezone, s.screen, s.country, s.ipPrefix,
  s.recordedAt]) AS rows

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
WITH * ORDER BY place, c.recordedAt DESC, c.id DESC
RETURN collect([place, c.partition, c.seq, c.recordedAt, c.body]) AS rows

// name: history_counts
UNWIND range(0, size($lineages) - 1) AS place
CALL (place) {
  UNWIND $lineages[place] AS profile
  MATCH (h:ChangeOf {profile: profile})
  WHERE h.recordedAt < $until AND h.id IS NOT NULL
  RETURN count(DISTINCT h.id) AS changes
}
RETURN collect([place, changes]) AS rows

// name: rules_after
MATCH (r:Rules)
WHERE r.version > $version
WITH r ORDER BY r.version
RETURN collect([r.body]) AS rows

// name: outdated_count
MATCH (i:Identifier)
WHERE i.status <> 'blocked' AND coalesce(i.resolvedBy, 1) <> $version
RETURN count(*)
