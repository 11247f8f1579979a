// Complete walks, for checking and copying: the only statements that read a whole label on purpose.

// name: walk_sessions
// Device by device: the order that the index has.
MATCH (s:Session)
WHERE s.device IS NOT NULL AND s.endedAt IS NOT NULL AND s.lastMid IS NOT NULL
WITH s ORDER BY s.device, s.endedAt, s.lastMid
RETURN s.id, s.device, s.user, s.owner, s.startedAt, s.endedAt, s.lastMid, s.tally,
  s.kind, s.userAgentFamily, s.os, s.locale, s.timezone, s.screen, s.country, s.ipPrefix,
  s.recordedAt,
  COLLECT {
    MATCH (s)-[n:INTERACTED]->(i:Item)
    RETURN [i.id, n.views, n.carts, n.purchases, n.firstAt, n.lastAt] ORDER BY i.id
  }

// name: walk_identifiers
MATCH (i:Identifier)
WHERE i.id IS NOT NULL
OPTIONAL MATCH (i)-[:IDENTIFIES]->(p)
RETURN i.key, i.id, i.namespace, i.value, i.rank, i.firstSeenAt, i.lastSeenAt, p.id, i.status,
  i.generation, coalesce(i.resolvedBy, 1)

// name: walk_edges
MATCH (a:Identifier)-[e:EVIDENCE]->(b:Identifier)
RETURN a.key, b.key, e.kind, e.count, e.firstAt, e.lastAt, e.status, e.refusedBy

// name: walk_seen
MATCH (s:Seen)
RETURN s.a, s.b, s.kind, s.halfHour, s.at, s.mid, s.recordedAt

// name: recorded
UNWIND $mids AS mid
MATCH (e:Event {id: mid})
RETURN mid, e.body, e.partition, e.position, e.recordedAt, e.device, e.user, e.session, e.digest

// name: dangling_session
MATCH (s:Session)
WHERE s.owner IS NOT NULL
  AND NOT EXISTS { (s)-[:OWNED_BY]->(i:Identifier) WHERE i.id IS NOT NULL }
RETURN s.id LIMIT $limit

// name: dangling_event
MATCH (e:Event)
WHERE NOT EXISTS { (e)<-[:CONTAINS]-(s:Session) WHERE s.startedAt IS NOT NULL }
RETURN e.id LIMIT $limit

// name: dangling_identifier
MATCH (i:Identifier)-[:IDENTIFIES]->(p)
WHERE i.id IS NOT NULL AND (NOT p:Profile OR p.anchor IS NULL)
RETURN i.id LIMIT $limit

// name: dangling_profile
MATCH (p:Profile)
WHERE p.anchor IS NOT NULL
  AND NOT EXISTS { (p)<-[:IDENTIFIES]-(i:Identifier) WHERE i.id IS NOT NULL }
RETURN p.id LIMIT $limit

// name: dangling_member
MATCH (p)-[m:MEMBER_OF]->(s:Segment)
WHERE NOT p:Profile OR p.anchor IS NULL OR s.name IS NULL
RETURN m.profile LIMIT $limit

// name: dangling_interaction
MATCH (s:Session)-[n:INTERACTED]->(i:Item)
WHERE s.startedAt IS NULL OR i.body IS NULL
RETURN s.id LIMIT $limit

// name: dangling_edge
MATCH (a:Identifier)-[:EVIDENCE]->(b:Identifier)
WHERE a.id IS NULL OR b.id IS NULL
RETURN coalesce(a.id, b.id, 'with neither end') LIMIT $limit
