// What a worker's transaction reads. Locks are taken by writing: `SET p:Profile` changes nothing and
// holds the node until the end. Whatever is read before a lock is read again after it. A profile that
// another worker has retired while the lock was waited for would be made one again: that is undone.
// Many rows are answered in one record, as `rows`.

// name: make_checkpoint
MERGE (c:Checkpoint {partition: $partition})
ON CREATE SET c.log = $log, c.position = 0, c.rec = 0, c.seq = 0, c.owner = '', c.until = 0,
  c.pruned = 0
RETURN c.partition, c.log, c.position, c.rec, c.seq, c.owner, c.until,
  coalesce(c.pruned, 0)

// name: lock_checkpoint
// First the lock, then the comparison: the other way round lets a worker through that lost its partition.
MATCH (c:Checkpoint {partition: $partition})
SET c.lock = $token
WITH c
WHERE c.log = $log AND c.position = $position AND c.rec = $rec AND c.seq = $seq AND c.owner = $owner
  AND coalesce(c.pruned, 0) = $pruned
RETURN c.partition, c.log, c.position, c.rec, c.seq, c.owner, c.until,
  coalesce(c.pruned, 0)

// name: hold
MATCH (c:Checkpoint {partition: $partition})
SET c.lock = $token
WITH c
WHERE c.log = $log AND c.owner = $expected
SET c.owner = $owner, c.until = $until
RETURN c.partition, c.log, c.position, c.rec, c.seq, c.owner, c.until,
  coalesce(c.pruned, 0)

// name: lock_profiles
UNWIND $ids AS id
MATCH (p:Profile {id: id})
SET p:Profile
FOREACH (_ IN CASE WHEN p:FormerProfile THEN [1] ELSE [] END | REMOVE p:Profile)

// name: load
// The neighbourhood of a batch. First the profiles of the keys are locked, those of the devices among
// them; then come, of each [device, since, until], the sessions that end at `since` or later and begin at
// `until` or earlier, and the last one in any case; then the profiles of their owners are locked, and the
// identifiers that no profile holds; and then comes the rest.
CALL () {
  UNWIND $all.keys AS key
  MATCH (:Identifier {key: key})-[:IDENTIFIES]->(p:Profile)
  WITH DISTINCT p ORDER BY p.id
  SET p:Profile
  FOREACH (_ IN CASE WHEN p:FormerProfile THEN [1] ELSE [] END | REMOVE p:Profile)
  RETURN count(*) AS first
}
CALL () {
  UNWIND $all.devices AS wanted
  CALL (wanted) {
    MATCH (s:Session {device: wanted[0]})
    WHERE s.endedAt >= wanted[1] AND s.lastMid IS NOT NULL AND s.startedAt <= wanted[2]
    RETURN s
    UNION
    MATCH (l:Session {device: wanted[0]})
    WHERE l.endedAt IS NOT NULL AND l.lastMid IS NOT NULL
    RETURN l AS s ORDER BY l.device DESC, l.endedAt DESC, l.lastMid DESC LIMIT 1
  }
  RETURN collect([s.id, s.device, s.user, s.owner, s.startedAt, s.endedAt, s.lastMid, s.tally,
    s.kind, s.userAgentFamily, s.os, s.locale, s.timezone, s.screen, s.country, s.ipPrefix,
    s.recordedAt]) AS sessions, collect(DISTINCT s.owner) AS owners
}
CALL (owners) {
  UNWIND $all.keys + owners AS key
  RETURN collect(DISTINCT key) AS keys
}
CALL (keys) {
  UNWIND keys AS key
  MATCH (:Identifier {key: key})-[:IDENTIFIES]->(p:Profile)
  WITH DISTINCT p ORDER BY p.id
  SET p:Profile
  FOREACH (_ IN CASE WHEN p:FormerProfile THEN [1] ELSE [] END | REMOVE p:Profile)
  RETURN collect(p.id) AS locked
}
CALL (keys) {
  UNWIND keys AS key
  MATCH (i:Identifier {key: key})
  WHERE NOT EXISTS { (i)-[:IDENTIFIES]->(:Profile) }
  WITH DISTINCT i ORDER BY i.key
  SET i:Identifier
  RETURN collect(i.key) AS loose
}
CALL (keys) {
  UNWIND keys AS key
  MATCH (i:Identifier {key: key})
  WHERE i.id IS NOT NULL
  WITH DISTINCT i
  OPTIONAL MATCH (i)-[:IDENTIFIES]->(p)
  RETURN collect([i.key, i.id, i.namespace, i.value, i.rank, i.firstSeenAt, i.lastSeenAt, p.id, i.status,
    i.generation, coalesce(i.resolvedBy, 1), p.anchor]) AS identifiers
}
CALL (keys) {
  UNWIND keys AS key
  MATCH (:Identifier {key: key})-[:IDENTIFIES]->(p:Profile)
  WITH DISTINCT p
  WHERE p.anchor IS NOT NULL
  RETURN collect([p.id, p.anchor, p.firstSeenAt, p.lastSeenAt, p.tally, p.deadline]) AS profiles
}
CALL () {
  UNWIND $all.mids AS mid
  MATCH (e:Event {id: mid})
  RETURN collect([e.id, e.digest]) AS digests
}
CALL () {
  // The sightings of each wanted [digest of the pair, half-hour].
  UNWIND $all.pairs AS pair
  MATCH (s:Seen {pair: pair[0], halfHour: pair[1]})
  RETURN collect([s.a, s.b, s.kind, s.halfHour, s.at, s.mid, s.recordedAt]) AS seen
}
RETURN sessions, locked, loose, identifiers, profiles, digests, seen

// name: clusters
// Every identifier of the profiles that hold the keys, with how much evidence it has (the node knows the
// number); the evidence of those that are not burned and have at most $most of it (there is no bound on what
// a burned one has); and the identifiers at the ends of that.
CALL () {
  UNWIND $keys AS key
  MATCH (:Identifier {key: key})-[:IDENTIFIES]->(p:Profile)
  WITH DISTINCT p
  MATCH (p)<-[:IDENTIFIES]-(i:Identifier)
  WITH p, i, COUNT { (i)-[:EVIDENCE]-() } AS evidence
  RETURN collect([i.key, i.id, i.namespace, i.value, i.rank, i.firstSeenAt, i.lastSeenAt, p.id, i.status,
    i.generation, coalesce(i.resolvedBy, 1), p.anchor, evidence]) AS members
}
CALL () {
  UNWIND $keys AS key
  MATCH (:Identifier {key: key})-[:IDENTIFIES]->(p:Profile)
  WITH DISTINCT p
  MATCH (p)<-[:IDENTIFIES]-(m:Identifier)
  WHERE m.status <> 'burned' AND COUNT { (m)-[:EVIDENCE]-() } <= $most
  MATCH (m)-[e:EVIDENCE]-(:Identifier)
  WITH DISTINCT e
  RETURN collect([startNode(e).key, endNode(e).key, e.kind, e.count, e.firstAt, e.lastAt, e.status,
    e.refusedBy]) AS edges
}
CALL () {
  UNWIND $keys AS key
  MATCH (:Identifier {key: key})-[:IDENTIFIES]->(held:Profile)
  WITH DISTINCT held
  MATCH (held)<-[:IDENTIFIES]-(m:Identifier)
  WHERE m.status <> 'burned' AND COUNT { (m)-[:EVIDENCE]-() } <= $most
  MATCH (m)-[:EVIDENCE]-(i:Identifier)
  WHERE i.id IS NOT NULL
  WITH DISTINCT i
  OPTIONAL MATCH (i)-[:IDENTIFIES]->(p)
  RETURN collect([i.key, i.id, i.namespace, i.value, i.rank, i.firstSeenAt, i.lastSeenAt, p.id, i.status,
    i.generation, coalesce(i.resolvedBy, 1), p.anchor]) AS ends
}
RETURN members, edges, ends

// name: clusters_under_lock
// The same, all profiles in it locked first, in the order of their ids.
CALL () {
  UNWIND $keys AS key
  MATCH (:Identifier {key: key})-[:IDENTIFIES]->(held:Profile)
  WITH DISTINCT held
  MATCH (held)<-[:IDENTIFIES]-(m:Identifier)
  CALL (m) {
    WITH m
    WHERE m.status <> 'burned' AND COUNT { (m)-[:EVIDENCE]-() } <= $most
    MATCH (m)-[:EVIDENCE]-(:Identifier)-[:IDENTIFIES]->(other:Profile)
    RETURN collect(DISTINCT other) AS others
  }
  UNWIND [held] + others AS p
  WITH DISTINCT p ORDER BY p.id
  SET p:Profile
  FOREACH (_ IN CASE WHEN p:FormerProfile THEN [1] ELSE [] END | REMOVE p:Profile)
  RETURN collect(p.id) AS locked
}
CALL () {
  UNWIND $keys AS key
  MATCH (:Identifier {key: key})-[:IDENTIFIES]->(p:Profile)
  WITH DISTINCT p
  MATCH (p)<-[:IDENTIFIES]-(i:Identifier)
  WITH p, i, COUNT { (i)-[:EVIDENCE]-() } AS evidence
  RETURN collect([i.key, i.id, i.namespace, i.value, i.rank, i.firstSeenAt, i.lastSeenAt, p.id, i.status,
    i.generation, coalesce(i.resolvedBy, 1), p.anchor, evidence]) AS members
}
CALL () {
  UNWIND $keys AS key
  MATCH (:Identifier {key: key})-[:IDENTIFIES]->(p:Profile)
  WITH DISTINCT p
  MATCH (p)<-[:IDENTIFIES]-(m:Identifier)
  WHERE m.status <> 'burned' AND COUNT { (m)-[:EVIDENCE]-() } <= $most
  MATCH (m)-[e:EVIDENCE]-(:Identifier)
  WITH DISTINCT e
  RETURN collect([startNode(e).key, endNode(e).key, e.kind, e.count, e.firstAt, e.lastAt, e.status,
    e.refusedBy]) AS edges
}
CALL () {
  UNWIND $keys AS key
  MATCH (:Identifier {key: key})-[:IDENTIFIES]->(held:Profile)
  WITH DISTINCT held
  MATCH (held)<-[:IDENTIFIES]-(m:Identifier)
  WHERE m.status <> 'burned' AND COUNT { (m)-[:EVIDENCE]-() } <= $most
  MATCH (m)-[:EVIDENCE]-(i:Identifier)
  WHERE i.id IS NOT NULL
  WITH DISTINCT i
  OPTIONAL MATCH (i)-[:IDENTIFIES]->(p)
  RETURN collect([i.key, i.id, i.namespace, i.value, i.rank, i.firstSeenAt, i.lastSeenAt, p.id, i.status,
    i.generation, coalesce(i.resolvedBy, 1), p.anchor]) AS ends
}
RETURN members, edges, ends, locked

// name: items_under_lock
// In the order of the ids.
UNWIND $ids AS id
MATCH (i:Item {id: id})
SET i:Item
WITH collect(i) AS found
UNWIND found AS i
WITH i
WHERE i.body IS NOT NULL
RETURN collect([i.body, i.id]) AS rows

// name: items
UNWIND $ids AS id
MATCH (i:Item {id: id})
WHERE i.body IS NOT NULL
RETURN collect([i.body, i.id]) AS rows

// name: identifiers
UNWIND $keys AS key
MATCH (i:Identifier {key: key})
WHERE i.id IS NOT NULL
OPTIONAL MATCH (i)-[:IDENTIFIES]->(p)
RETURN collect([i.key, i.id, i.namespace, i.value, i.rank, i.firstSeenAt, i.lastSeenAt, p.id, i.status,
  i.generation, coalesce(i.resolvedBy, 1), p.anchor]) AS rows

// name: profiles
UNWIND $ids AS id
MATCH (p:Profile {id: id})
WHERE p.anchor IS NOT NULL
RETURN collect([p.id, p.anchor, p.firstSeenAt, p.lastSeenAt, p.tally, p.deadline]) AS rows

// name: halves
UNWIND $pairs AS pair
MATCH (s:Seen {pair: pair})
WHERE s.halfHour IS NOT NULL
RETURN collect([s.a, s.b, s.kind, s.halfHour, s.at, s.mid, s.recordedAt]) AS rows

// name: edges_by_key
UNWIND $edges AS edge
MATCH (a:Identifier {key: edge[0]})
MATCH (b:Identifier {key: edge[1]})
MATCH (a)-[e:EVIDENCE {kind: edge[2]}]->(b)
RETURN collect([a.key, b.key, e.kind, e.count, e.firstAt, e.lastAt, e.status, e.refusedBy]) AS rows

// name: visits
MATCH (s:Session {device: $device})
WHERE s.endedAt >= $since AND s.lastMid IS NOT NULL AND s.startedAt <= $until
WITH s ORDER BY s.startedAt, s.id
RETURN collect([s.id, s.device, s.user, s.owner, s.startedAt, s.endedAt, s.lastMid, s.tally,
  s.kind, s.userAgentFamily, s.os, s.locale, s.timezone, s.screen, s.country, s.ipPrefix,
  s.recordedAt]) AS rows

// name: events_of
UNWIND $sessions AS id
MATCH (s:Session {id: id})-[:CONTAINS]->(e:Event)
WHERE s.startedAt IS NOT NULL
OPTIONAL MATCH (s)-[:OWNED_BY]->(:Identifier)-[:IDENTIFIES]->(p)
RETURN collect([e.body, e.recordedAt, s.id, p.id]) AS rows

// name: sessions_of_profiles
UNWIND $ids AS id
MATCH (:Profile {id: id})<-[:IDENTIFIES]-(:Identifier)<-[:OWNED_BY]-(s:Session)
WITH id, s ORDER BY s.startedAt DESC, s.id DESC
RETURN collect([id, s.id, s.device, s.user, s.owner, s.startedAt, s.endedAt, s.lastMid, s.tally,
  s.kind, s.userAgentFamily, s.os, s.locale, s.timezone, s.screen, s.country, s.ipPrefix,
  s.recordedAt]) AS rows

// name: identifiers_of_profiles
UNWIND $ids AS id
MATCH (p:Profile {id: id})<-[:IDENTIFIES]-(i:Identifier)
WHERE i.id IS NOT NULL
WITH i, p ORDER BY p.id, i.rank, i.firstSeenAt, i.key
RETURN collect([i.key, i.id, i.namespace, i.value, i.rank, i.firstSeenAt, i.lastSeenAt, p.id, i.status,
  i.generation, coalesce(i.resolvedBy, 1)]) AS rows

// name: open_memberships
// Also of profiles that became part of others in this batch.
UNWIND $ids AS id
CALL (id) {
  MATCH (:Profile {id: id})-[m:MEMBER_OF]->(:Segment)
  RETURN m
  UNION
  MATCH (:FormerProfile {id: id})-[m:MEMBER_OF]->(:Segment)
  RETURN m
}
WITH id, m ORDER BY id, m.segment
RETURN collect([id, m.segment, m.version, m.since, m.cause]) AS rows

// name: profile_events
// One reading for all rules of all touched profiles.
UNWIND $ids AS id
MATCH (:Profile {id: id})<-[:IDENTIFIES]-(:Identifier)<-[:OWNED_BY]-(s:Session)
WHERE s.endedAt >= $since
MATCH (s)-[:CONTAINS]->(e:Event)
WHERE e.at >= $since AND e.name IN $names
WITH id, e ORDER BY id, e.at, e.id
RETURN collect([id, e.at, e.id, e.name, e.body]) AS rows

// name: segments
MATCH (s:Segment)
WHERE s.key IS NOT NULL AND s.name IS NOT NULL
WITH s ORDER BY s.key
RETURN collect([s.key, s.name, s.status, s.version, s.rule, s.createdAt, s.updatedAt, s.description,
  s.createdBy, s.walked]) AS rows

// name: outcomes
UNWIND $ids AS id
MATCH (o:Outcome {command: id})
RETURN o.command, o.at, o.problem, o.message, o.path

// name: due
MATCH (p:Profile)
WHERE p.deadline <= $now AND p.id IS NOT NULL
WITH p ORDER BY p.deadline, p.id LIMIT $limit
RETURN collect([p.id]) AS rows

// name: next_deadline
MATCH (p:Profile)
WHERE p.deadline IS NOT NULL AND p.id IS NOT NULL
RETURN p.deadline ORDER BY p.deadline LIMIT 1

// name: profile_ids_after
MATCH (p:Profile)
WHERE p.id > $after AND p.anchor IS NOT NULL
WITH p ORDER BY p.id LIMIT $limit
RETURN collect([p.id]) AS rows

// name: put_rules
// Every partition's checkpoint is locked with it: the batches that other workers have in hand end before
// these rules are committed, and those that begin after see them.
CALL () {
  MATCH (c:Checkpoint)
  WITH c ORDER BY c.partition
  SET c:Checkpoint
  RETURN count(*) AS locked
}
UNWIND $versions AS row
MERGE (r:Rules {version: row[0]})
SET r.body = row[1], r.recordedAt = row[2]

// name: outdated
MATCH (i:Identifier)
WHERE i.key > $after AND i.status <> 'blocked' AND coalesce(i.resolvedBy, 1) <> $version
WITH i ORDER BY i.key LIMIT $limit
RETURN collect([i.key]) AS rows

// name: burned_by
MATCH (i:Identifier)
WHERE i.status = 'burned'
OPTIONAL MATCH (i)-[e:EVIDENCE]-(u:Identifier)
WHERE e.kind IN ['login', 'alias', 'equivalent']
  AND (u.namespace = 'user_id' OR i.namespace ENDS WITH $canonical)
WITH i, count(DISTINCT u) AS users
WHERE users <= $users
WITH i ORDER BY i.key
RETURN collect([i.key]) AS rows
