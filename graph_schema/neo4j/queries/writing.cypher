// What a worker's transaction writes, in one round trip: a part for each list, in the order in which
// they depend on each other. Rows come with their keys once only, in the order of the keys. The lists
// come in one map: the server plans a statement anew for every mixture of lengths of its parameters.

// name: write
// ── what is referred to and not known to be there ──
CALL () {
  // A profile that was part of another one and is one of its own again.
  UNWIND $all.profiles_made AS id
  MATCH (p:FormerProfile {id: id})
  REMOVE p:FormerProfile
  SET p:Profile
  WITH p
  OPTIONAL MATCH (p)-[m:MERGED_INTO]->()
  DELETE m
}
CALL () {
  UNWIND $all.profiles_made AS id
  MERGE (:Profile {id: id})
}
CALL () {
  UNWIND $all.identifiers_made AS id
  MERGE (:Identifier {key: id})
}
CALL () {
  UNWIND $all.sessions_made AS id
  MERGE (:Session {id: id})
}
CALL () {
  UNWIND $all.items_made AS id
  MERGE (:Item {id: id})
}
CALL () {
  UNWIND $all.segments_made AS id
  MERGE (:Segment {key: id})
}
// ── identifiers ──
CALL () {
  // Not MERGE: where another worker was first, this one must fail and begin again.
  UNWIND $all.identifiers_new AS row
  CREATE (i:Identifier)
  SET i = row[1]
  WITH i, row
  WHERE row[0] IS NOT NULL
  MATCH (p:Profile {id: row[0]})
  CREATE (i)-[:IDENTIFIES]->(p)
}
CALL () {
  UNWIND $all.identifiers_kept AS row
  MATCH (i:Identifier {key: row[1].key})
  SET i = row[1]
}
CALL () {
  UNWIND $all.identifiers_put AS row
  MERGE (i:Identifier {key: row[1].key})
  SET i = row[1]
  WITH i, row
  OPTIONAL MATCH (i)-[known:IDENTIFIES]->()
  DELETE known
  WITH i, row
  WHERE row[0] IS NOT NULL
  MATCH (p:Profile {id: row[0]})
  CREATE (i)-[:IDENTIFIES]->(p)
}
CALL () {
  UNWIND $all.assigned_new AS row
  UNWIND row[1] AS link
  CREATE (:Assigned {identifier: row[0], since: link[0], profile: link[1], status: link[2],
    until: link[3]})
}
CALL () {
  // Links of a chain, [since, profile, status, until]. What is recorded no later than what is known takes
  // its place.
  UNWIND $all.assigned_put AS row
  CALL (row) {
    OPTIONAL MATCH (a:Assigned {identifier: row[0]})
    WHERE a.since IS NOT NULL
    RETURN a ORDER BY a.identifier DESC, a.since DESC LIMIT 1
  }
  WITH row[0] AS key, a, [link IN row[1] WHERE link[0] <= a.since] AS instead,
    [link IN row[1] WHERE a IS NULL OR link[0] > a.since] AS behind
  FOREACH (link IN instead[-1..] | SET a.profile = link[1], a.status = link[2], a.until = null)
  FOREACH (link IN behind[..1] | SET a.until = link[0])
  FOREACH (link IN behind |
    CREATE (:Assigned {identifier: key, since: link[0], profile: link[1], status: link[2],
      until: link[3]}))
}
CALL () {
  UNWIND $all.sightings_new AS row
  UNWIND row[1] AS link
  CREATE (:Sighting {identifier: row[0], recordedAt: link[0], firstAt: link[1], lastAt: link[2]})
}
CALL () {
  UNWIND $all.sightings_put AS row
  CALL (row) {
    OPTIONAL MATCH (s:Sighting {identifier: row[0]})
    WHERE s.recordedAt IS NOT NULL
    RETURN s ORDER BY s.identifier DESC, s.recordedAt DESC LIMIT 1
  }
  WITH row[0] AS key, s, [link IN row[1] WHERE link[0] <= s.recordedAt] AS instead,
    [link IN row[1] WHERE s IS NULL OR link[0] > s.recordedAt] AS behind
  FOREACH (link IN instead[-1..] | SET s.firstAt = link[1], s.lastAt = link[2])
  FOREACH (link IN behind |
    CREATE (:Sighting {identifier: key, recordedAt: link[0], firstAt: link[1], lastAt: link[2]}))
}
// ── sessions and their events ──
CALL () {
  UNWIND $all.sessions_kept AS node
  MATCH (s:Session {id: node.id})
  SET s = node{.*, started: datetime({epochMillis: node.startedAt / 1000})}
}
CALL () {
  UNWIND $all.sessions_put AS node
  MERGE (s:Session {id: node.id})
  SET s = node{.*, started: datetime({epochMillis: node.startedAt / 1000})}
  WITH s, node
  OPTIONAL MATCH (s)-[known:OWNED_BY]->()
  DELETE known
  WITH s, node
  WHERE node.owner IS NOT NULL
  MATCH (i:Identifier {key: node.owner})
  CREATE (s)-[:OWNED_BY]->(i)
}
CALL () {
  UNWIND $all.events AS row
  WITH row[0] AS session, row[1] AS node
  MATCH (s:Session {id: session})
  CREATE (s)-[:CONTAINS]->(e:Event)
  SET e = node{.*, time: datetime({epochMillis: node.at / 1000})}
}
CALL () {
  UNWIND $all.events_moved AS row
  MATCH (e:Event {id: row[0]})
  SET e.session = row[1]
  WITH e, row
  OPTIONAL MATCH (e)<-[known:CONTAINS]-()
  DELETE known
  WITH e, row
  MATCH (s:Session {id: row[1]})
  CREATE (s)-[:CONTAINS]->(e)
}
CALL () {
  UNWIND $all.interactions_gone AS id
  MATCH (:Session {id: id})-[n:INTERACTED]->()
  DELETE n
}
CALL () {
  UNWIND $all.sessions_gone AS id
  MATCH (s:Session {id: id})
  DETACH DELETE s
}
// ── items ──
CALL () {
  UNWIND $all.items_new AS row
  CREATE (i:Item)
  SET i = row[1]
}
CALL () {
  UNWIND $all.items_put AS row
  MATCH (i:Item {id: row[0]})
  SET i = row[1]
}
CALL () {
  UNWIND $all.interactions AS row
  MATCH (s:Session {id: row[0]})
  MATCH (i:Item {id: row[1]})
  MERGE (s)-[n:INTERACTED]->(i)
  ON CREATE SET n.views = row[2], n.carts = row[3], n.purchases = row[4], n.firstAt = row[5],
    n.lastAt = row[6]
  ON MATCH SET n.views = n.views + row[2], n.carts = n.carts + row[3],
    n.purchases = n.purchases + row[4],
    n.firstAt = CASE WHEN row[5] < n.firstAt THEN row[5] ELSE n.firstAt END,
    n.lastAt = CASE WHEN row[6] > n.lastAt THEN row[6] ELSE n.lastAt END
}
CALL () {
  UNWIND $all.about AS row
  MATCH (e:Event {id: row[0]})
  MATCH (i:Item {id: row[1]})
  CREATE (e)-[:ABOUT {quantity: row[2], price: row[3], currency: row[4]}]->(i)
}
// ── evidence and decisions ──
CALL () {
  UNWIND $all.seen AS row
  CREATE (:Seen {pair: row[0], a: row[1], b: row[2], kind: row[3], halfHour: row[4], at: row[5],
    mid: row[6], recordedAt: row[7]})
}
CALL () {
  UNWIND $all.decisions AS node
  CREATE (d:Decision)
  SET d = node
  WITH d, node
  UNWIND [key IN node.left | ['left', key]] + [key IN node.right | ['right', key]] AS named
  MATCH (i:Identifier {key: named[1]})
  CREATE (d)-[:CONCERNS {side: named[0]}]->(i)
}
CALL () {
  UNWIND $all.decisions_withdrawn AS row
  MATCH (d:Decision {id: row[0]})
  MATCH (known:Decision {id: row[1]})
  CREATE (d)-[:WITHDRAWS]->(known)
}
CALL () {
  UNWIND $all.edges AS row
  MATCH (a:Identifier {key: row[0]})
  MATCH (b:Identifier {key: row[1]})
  MERGE (a)-[e:EVIDENCE {kind: row[2]}]->(b)
  SET e.count = row[3], e.firstAt = row[4], e.lastAt = row[5], e.status = row[6],
    e.refusedBy = row[7]
}
CALL () {
  UNWIND $all.edges_gone AS row
  MATCH (a:Identifier {key: row[0]})
  MATCH (b:Identifier {key: row[1]})
  MATCH (a)-[e:EVIDENCE {kind: row[2]}]->(b)
  DELETE e
}
CALL () {
  UNWIND $all.waiting AS row
  MERGE (w:Waiting {pair: row[0]})
  SET w.a = row[1], w.b = row[2], w.mid = row[3], w.recordedAt = row[4]
}
CALL () {
  UNWIND $all.resolved AS pair
  MATCH (w:Waiting {pair: pair})
  DELETE w
}
// ── profiles ──
CALL () {
  // What was part of a person's history stays visible, and its memberships until they are closed.
  UNWIND $all.profiles_gone AS id
  MATCH (p:Profile {id: id})
  REMOVE p:Profile
  SET p:FormerProfile, p = {id: id, anchor: p.anchor}
  WITH p, id
  MATCH (:Identifier {id: id})-[:IDENTIFIES]->(now:Profile)
  CREATE (p)-[:MERGED_INTO]->(now)
}
CALL () {
  UNWIND $all.profiles AS row
  WITH row[0] AS id, row[1] AS node
  MATCH (p:Profile {id: id})
  SET p = node{.*, firstSeen: datetime({epochMillis: node.firstSeenAt / 1000}),
    lastSeen: datetime({epochMillis: node.lastSeenAt / 1000})}
}
// ── segments ──
CALL () {
  UNWIND $all.segments AS row
  MERGE (s:Segment {key: row[0]})
  SET s = row[1]
  MERGE (state:SegmentState {key: row[0], recordedAt: row[2]})
  SET state += row[1]
}
CALL () {
  UNWIND $all.segment_versions AS row
  MATCH (s:Segment {key: row[0]})
  CREATE (s)-[:HAS_VERSION]->(:SegmentVersion {segment: row[0], version: row[1], rule: row[2],
    recordedAt: row[3], by: row[4]})
}
CALL () {
  UNWIND $all.members_closed AS row
  MATCH ()-[m:MEMBER_OF]->()
  WHERE m.segment = row[1] AND m.profile = row[0]
  CREATE (:PastMembership {profile: row[0], segment: row[1], version: m.version, since: m.since,
    until: row[2], cause: m.cause, event: m.event, recordedAt: m.recordedAt})
  DELETE m
}
CALL () {
  UNWIND $all.members_opened AS row
  MATCH (p:Profile {id: row[0]})
  MATCH (s:Segment {key: row[1]})
  MERGE (p)-[m:MEMBER_OF]->(s)
  SET m = {profile: row[0], segment: row[1], version: row[2], since: row[3], cause: row[4],
    event: row[5], recordedAt: row[6]}
}
CALL () {
  UNWIND $all.deadlines AS row
  MATCH (p:Profile {id: row[0]})
  SET p.deadline = row[1]
}
// ── what happened to records ──
CALL () {
  UNWIND $all.outcomes AS row
  CREATE (:Outcome {command: row[0], at: row[1], problem: row[2], message: row[3], path: row[4]})
}
CALL () {
  UNWIND $all.dead_revived AS row
  MATCH (d:DeadRecord {partition: row[0], position: row[1]})
  DELETE d
}
CALL () {
  UNWIND $all.dead_records AS row
  CREATE (:DeadRecord {partition: row[0], position: row[1], recordedAt: row[2], reason: row[3],
    message: row[4]})
}
CALL () {
  UNWIND $all.changes AS node
  CREATE (c:Change)
  SET c = node
}
CALL () {
  UNWIND $all.change_profiles AS row
  CREATE (:ChangeOf {profile: row[0], recordedAt: row[1], id: row[2]})
}
CALL () {
  UNWIND $all.checkpoints AS row
  MATCH (c:Checkpoint {partition: row[0]})
  SET c.position = row[1], c.rec = row[2], c.seq = row[3], c.pruned = row[4]
}

// name: oldest_changes
MATCH (c:Change {partition: $partition})
WHERE c.seq > $after
RETURN c.seq, c.recordedAt ORDER BY c.seq LIMIT $limit

// name: drop_changes
// Identity changes stay: they are the audit trail.
MATCH (c:Change {partition: $partition})
WHERE c.seq > $after AND c.seq <= $until AND c.id IS NULL
DELETE c
