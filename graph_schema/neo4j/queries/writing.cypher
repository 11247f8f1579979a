// What a worker's transaction writes. Rows come with their keys once only, in the order of the keys.

// name: make_profiles
UNWIND $ids AS id
MERGE (:Profile {id: id})

// name: revive_profiles
// A profile that was part of another one and is one of its own again.
UNWIND $ids AS id
MATCH (p:FormerProfile {id: id})
REMOVE p:FormerProfile
SET p:Profile
WITH p
OPTIONAL MATCH (p)-[m:MERGED_INTO]->()
DELETE m

// name: make_identifiers
UNWIND $ids AS id
MERGE (:Identifier {key: id})

// name: make_sessions
UNWIND $ids AS id
MERGE (:Session {id: id})

// name: make_items
UNWIND $ids AS id
MERGE (:Item {id: id})

// name: make_segments
UNWIND $ids AS id
MERGE (:Segment {key: id})

// name: new_identifiers
// Not MERGE: where another worker was first, this one must fail and begin again.
UNWIND $rows AS row
CREATE (i:Identifier)
SET i = row[1]
WITH i, row
WHERE row[0] IS NOT NULL
MATCH (p:Profile {id: row[0]})
CREATE (i)-[:IDENTIFIES]->(p)

// name: set_identifiers
UNWIND $rows AS row
MATCH (i:Identifier {key: row[1].key})
SET i = row[1]

// name: put_identifiers
UNWIND $rows AS row
MERGE (i:Identifier {key: row[1].key})
SET i = row[1]
WITH i, row
OPTIONAL MATCH (i)-[known:IDENTIFIES]->()
DELETE known
WITH i, row
WHERE row[0] IS NOT NULL
MATCH (p:Profile {id: row[0]})
CREATE (i)-[:IDENTIFIES]->(p)

// name: set_sessions
UNWIND $nodes AS node
MATCH (s:Session {id: node.id})
SET s = node{.*, started: datetime({epochMillis: node.startedAt / 1000})}

// name: put_sessions
UNWIND $nodes AS node
MERGE (s:Session {id: node.id})
SET s = node{.*, started: datetime({epochMillis: node.startedAt / 1000})}
WITH s, node
OPTIONAL MATCH (s)-[known:OWNED_BY]->()
DELETE known
WITH s, node
WHERE node.owner IS NOT NULL
MATCH (i:Identifier {key: node.owner})
CREATE (s)-[:OWNED_BY]->(i)

// name: drop_interactions
UNWIND $ids AS id
MATCH (:Session {id: id})-[n:INTERACTED]->()
DELETE n

// name: drop_sessions
UNWIND $ids AS id
MATCH (s:Session {id: id})
DETACH DELETE s

// name: put_events
UNWIND $rows AS row
WITH row[0] AS session, row[1] AS node
MATCH (s:Session {id: session})
CREATE (s)-[:CONTAINS]->(e:Event)
SET e = node{.*, time: datetime({epochMillis: node.at / 1000})}

// name: put_about
UNWIND $rows AS row
MATCH (e:Event {id: row[0]})
MATCH (i:Item {id: row[1]})
CREATE (e)-[:ABOUT {quantity: row[2], price: row[3], currency: row[4]}]->(i)

// name: move_events
UNWIND $rows AS row
MATCH (e:Event {id: row[0]})
OPTIONAL MATCH (e)<-[known:CONTAINS]-()
DELETE known
WITH e, row
SET e.session = row[1]
WITH e, row
MATCH (s:Session {id: row[1]})
CREATE (s)-[:CONTAINS]->(e)

// name: add_interactions
UNWIND $rows AS row
MATCH (s:Session {id: row[0]})
MATCH (i:Item {id: row[1]})
MERGE (s)-[n:INTERACTED]->(i)
ON CREATE SET n.views = row[2], n.carts = row[3], n.purchases = row[4], n.firstAt = row[5],
  n.lastAt = row[6]
ON MATCH SET n.views = n.views + row[2], n.carts = n.carts + row[3],
  n.purchases = n.purchases + row[4],
  n.firstAt = CASE WHEN row[5] < n.firstAt THEN row[5] ELSE n.firstAt END,
  n.lastAt = CASE WHEN row[6] > n.lastAt THEN row[6] ELSE n.lastAt END

// name: put_seen
UNWIND $rows AS row
CREATE (:Seen {pair: row[0], a: row[1], b: row[2], kind: row[3], halfHour: row[4], at: row[5],
  mid: row[6], recordedAt: row[7]})

// name: put_edges
UNWIND $rows AS row
MATCH (a:Identifier {key: row[0]})
MATCH (b:Identifier {key: row[1]})
MERGE (a)-[e:EVIDENCE {kind: row[2]}]->(b)
SET e.count = row[3], e.firstAt = row[4], e.lastAt = row[5], e.status = row[6],
  e.refusedBy = row[7]

// name: drop_edges
UNWIND $rows AS row
MATCH (a:Identifier {key: row[0]})
MATCH (b:Identifier {key: row[1]})
MATCH (a)-[e:EVIDENCE {kind: row[2]}]->(b)
DELETE e

// name: put_profiles
UNWIND $rows AS row
WITH row[0] AS id, row[1] AS node
MATCH (p:Profile {id: id})
SET p = node{.*, firstSeen: datetime({epochMillis: node.firstSeenAt / 1000}),
  lastSeen: datetime({epochMillis: node.lastSeenAt / 1000})}

// name: retire_profiles
// What was part of a person's history stays visible, and its memberships until they are closed.
UNWIND $ids AS id
MATCH (p:Profile {id: id})
REMOVE p:Profile
SET p:FormerProfile, p = {id: id, anchor: p.anchor}
WITH p, id
MATCH (:Identifier {id: id})-[:IDENTIFIES]->(now:Profile)
CREATE (p)-[:MERGED_INTO]->(now)

// name: put_items
UNWIND $rows AS row
MATCH (i:Item {id: row[0]})
SET i = row[1]

// name: new_items
UNWIND $rows AS row
CREATE (i:Item)
SET i = row[1]

// name: put_segments
UNWIND $rows AS row
MERGE (s:Segment {key: row[0]})
SET s = row[1]

// name: put_segment_versions
UNWIND $rows AS row
MATCH (s:Segment {key: row[0]})
CREATE (s)-[:HAS_VERSION]->(:SegmentVersion {segment: row[0], version: row[1], rule: row[2],
  recordedAt: row[3], by: row[4]})

// name: close_members
UNWIND $rows AS row
MATCH ()-[m:MEMBER_OF]->()
WHERE m.segment = row[1] AND m.profile = row[0]
CREATE (:PastMembership {profile: row[0], segment: row[1], version: m.version, since: m.since,
  until: row[2], cause: m.cause, event: m.event, recordedAt: m.recordedAt})
DELETE m

// name: open_members
UNWIND $rows AS row
MATCH (p:Profile {id: row[0]})
MATCH (s:Segment {key: row[1]})
MERGE (p)-[m:MEMBER_OF]->(s)
SET m = {profile: row[0], segment: row[1], version: row[2], since: row[3], cause: row[4],
  event: row[5], recordedAt: row[6]}

// name: put_deadlines
UNWIND $rows AS row
MATCH (p:Profile {id: row[0]})
SET p.deadline = row[1]

// name: put_outcomes
UNWIND $rows AS row
CREATE (:Outcome {command: row[0], at: row[1], problem: row[2], message: row[3], path: row[4]})

// name: put_dead_records
UNWIND $rows AS row
CREATE (:DeadRecord {partition: row[0], position: row[1], recordedAt: row[2], reason: row[3],
  message: row[4]})

// name: put_changes
UNWIND $nodes AS node
CREATE (c:Change)
SET c = node

// name: advance
MATCH (c:Checkpoint {partition: $partition})
SET c.position = $position, c.rec = $rec, c.seq = $seq
