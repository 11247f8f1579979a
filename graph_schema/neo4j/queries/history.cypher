// What was known at a moment $t of recorded time.

// name: known_since
MATCH (g:GraphSchema {name: 'graph-cdp'})
RETURN coalesce(g.knownSince, 0)

// name: identifiers_at
UNWIND $keys AS key
MATCH (i:Identifier {key: key})
WHERE i.id IS NOT NULL
CALL (key) {
  MATCH (a:Assigned {identifier: key})
  WHERE a.since <= $t
  RETURN a ORDER BY a.identifier DESC, a.since DESC LIMIT 1
}
CALL (key) {
  MATCH (s:Sighting {identifier: key})
  WHERE s.recordedAt <= $t
  RETURN s ORDER BY s.identifier DESC, s.recordedAt DESC LIMIT 1
}
RETURN collect([i.key, i.id, i.namespace, i.value, i.rank, s.firstAt, s.lastAt, a.profile, a.status,
  i.generation, coalesce(i.resolvedBy, 1)]) AS rows

// name: members_at
UNWIND $profiles AS profile
MATCH (a:Assigned {profile: profile})
WHERE a.since <= $t AND (a.until IS NULL OR a.until > $t)
MATCH (i:Identifier {key: a.identifier})
WHERE i.id IS NOT NULL
CALL (i) {
  MATCH (s:Sighting {identifier: i.key})
  WHERE s.recordedAt <= $t
  RETURN s ORDER BY s.identifier DESC, s.recordedAt DESC LIMIT 1
}
WITH * ORDER BY a.profile, i.rank, s.firstAt, i.key
RETURN collect([i.key, i.id, i.namespace, i.value, i.rank, s.firstAt, s.lastAt, a.profile, a.status,
  i.generation, coalesce(i.resolvedBy, 1)]) AS rows

// name: evidence_of
// Which pairs have evidence that names one of the keys: by their digests the facts are found.
UNWIND $keys AS key
MATCH (:Identifier {key: key})-[e:EVIDENCE]-()
WITH DISTINCT e
RETURN collect([startNode(e).key, endNode(e).key, e.kind]) AS rows

// name: seen_at
UNWIND $pairs AS pair
MATCH (s:Seen {pair: pair})
WHERE s.halfHour IS NOT NULL AND s.recordedAt <= $t
RETURN collect([s.a, s.b, s.kind, s.halfHour, s.at, s.mid, s.recordedAt]) AS rows

// name: sessions_about
UNWIND $keys AS key
CALL (key) {
  MATCH (s:Session {device: key})
  WHERE s.endedAt IS NOT NULL AND s.lastMid IS NOT NULL AND (s.user IS NULL OR s.recordedAt > $t)
  RETURN s
  UNION
  MATCH (s:Session {user: key})
  WHERE s.device IS NOT NULL
  RETURN s
}
WITH DISTINCT s
RETURN collect([s.id, s.device, s.user, s.owner, s.startedAt, s.endedAt, s.lastMid, s.tally,
  s.kind, s.userAgentFamily, s.os, s.locale, s.timezone, s.screen, s.country, s.ipPrefix,
  s.recordedAt]) AS rows

// name: sessions_within
// Of each [device, since, until].
UNWIND $reaches AS reach
MATCH (s:Session {device: reach[0]})
WHERE s.endedAt >= reach[1] AND s.lastMid IS NOT NULL AND s.startedAt <= reach[2]
WITH DISTINCT s
RETURN collect([s.id, s.device, s.user, s.owner, s.startedAt, s.endedAt, s.lastMid, s.tally,
  s.kind, s.userAgentFamily, s.os, s.locale, s.timezone, s.screen, s.country, s.ipPrefix,
  s.recordedAt]) AS rows

// name: sessions_holding
UNWIND $mids AS mid
MATCH (:Event {id: mid})<-[:CONTAINS]-(s:Session)
WHERE s.startedAt IS NOT NULL
WITH DISTINCT s
RETURN collect([s.id, s.device, s.user, s.owner, s.startedAt, s.endedAt, s.lastMid, s.tally,
  s.kind, s.userAgentFamily, s.os, s.locale, s.timezone, s.screen, s.country, s.ipPrefix,
  s.recordedAt]) AS rows

// name: events_at
UNWIND $sessions AS id
MATCH (s:Session {id: id})-[:CONTAINS]->(e:Event)
WHERE s.startedAt IS NOT NULL AND e.recordedAt <= $t
OPTIONAL MATCH (s)-[:OWNED_BY]->(:Identifier)-[:IDENTIFIES]->(p)
RETURN collect([e.body, e.recordedAt, s.id, p.id]) AS rows

// name: event_page_at
UNWIND $sessions AS id
MATCH (s:Session {id: id})-[:CONTAINS]->(e:Event)
WHERE s.startedAt IS NOT NULL AND e.recordedAt <= $t AND e.at >= $since AND e.at < $until
  AND ($at IS NULL OR e.at < $at OR (e.at = $at AND e.id < $mid))
  AND ($names IS NULL OR e.name IN $names)
WITH s, e ORDER BY e.at DESC, e.id DESC LIMIT $limit
OPTIONAL MATCH (s)-[:OWNED_BY]->(:Identifier)-[:IDENTIFIES]->(p)
WITH * ORDER BY e.at DESC, e.id DESC
RETURN collect([e.body, e.recordedAt, s.id, p.id]) AS rows

// name: memberships_at
// Those that are open still, and those that have ended since.
UNWIND $profiles AS profile
CALL (profile) {
  MATCH (:Profile {id: profile})-[m:MEMBER_OF]->(:Segment)
  WHERE m.recordedAt <= $t
  RETURN m.segment AS segment, m.version AS version, m.since AS since, m.cause AS cause
  UNION ALL
  MATCH (:FormerProfile {id: profile})-[m:MEMBER_OF]->(:Segment)
  WHERE m.recordedAt <= $t
  RETURN m.segment AS segment, m.version AS version, m.since AS since, m.cause AS cause
  UNION ALL
  MATCH (m:PastMembership {profile: profile})
  WHERE m.segment IS NOT NULL AND m.recordedAt <= $t AND m.until > $t
  RETURN m.segment AS segment, m.version AS version, m.since AS since, m.cause AS cause
}
WITH * ORDER BY profile, segment
RETURN collect([profile, segment, version, since, cause]) AS rows

// name: members_by_since_at
CALL () {
  MATCH ()-[m:MEMBER_OF]->()
  USING INDEX m:MEMBER_OF(segment, since, profile)
  WHERE m.segment = $segment AND m.since <= $at AND m.profile IS NOT NULL
    AND (m.since < $at OR m.profile < $id) AND m.recordedAt <= $t
  RETURN m.profile AS profile, m.version AS version, m.since AS since, m.cause AS cause
  ORDER BY m.since DESC, m.profile DESC LIMIT $limit
  UNION ALL
  MATCH (m:PastMembership {segment: $segment})
  WHERE m.since <= $at AND m.profile IS NOT NULL AND (m.since < $at OR m.profile < $id)
    AND m.recordedAt <= $t AND m.until > $t
  RETURN m.profile AS profile, m.version AS version, m.since AS since, m.cause AS cause
  ORDER BY m.since DESC, m.profile DESC LIMIT $limit
}
WITH * ORDER BY since DESC, profile DESC LIMIT $limit
RETURN collect([profile, $segment, version, since, cause]) AS rows

// name: members_by_id_at
CALL () {
  MATCH ()-[m:MEMBER_OF]->()
  WHERE m.segment = $segment AND m.profile > $id AND m.recordedAt <= $t
  RETURN m.profile AS profile, m.version AS version, m.since AS since, m.cause AS cause
  ORDER BY m.profile LIMIT $limit
  UNION ALL
  MATCH (m:PastMembership {segment: $segment})
  WHERE m.since IS NOT NULL AND m.profile > $id AND m.recordedAt <= $t AND m.until > $t
  RETURN m.profile AS profile, m.version AS version, m.since AS since, m.cause AS cause
  ORDER BY m.profile LIMIT $limit
}
WITH * ORDER BY profile LIMIT $limit
RETURN collect([profile, $segment, version, since, cause]) AS rows

// name: segment_sizes_at
UNWIND $keys AS key
CALL (key) {
  MATCH ()-[m:MEMBER_OF]->()
  WHERE m.segment = key AND m.profile IS NOT NULL AND m.recordedAt <= $t
  RETURN count(m) AS open
}
CALL (key) {
  MATCH (m:PastMembership {segment: key})
  WHERE m.since IS NOT NULL AND m.profile IS NOT NULL AND m.recordedAt <= $t AND m.until > $t
  RETURN count(m) AS ended
}
RETURN collect([key, open + ended]) AS rows

// name: segments_at
// Of each segment that there is the last state by then.
MATCH (now:Segment)
WHERE now.key IS NOT NULL
CALL (now) {
  MATCH (s:SegmentState {key: now.key})
  WHERE s.recordedAt <= $t
  RETURN s ORDER BY s.key DESC, s.recordedAt DESC LIMIT 1
}
WITH * ORDER BY s.key
RETURN collect([s.key, s.name, s.status, s.version, s.rule, s.createdAt, s.updatedAt, s.description,
  s.createdBy, s.walked]) AS rows
