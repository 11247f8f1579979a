// What the API reads. Many rows are answered in one record, as `rows`.

// name: retired_ids
// The profiles that hold, today, the identifiers of those ids.
UNWIND $ids AS id
MATCH (:Identifier {id: id})-[:IDENTIFIES]->(p:Profile)
WHERE p.anchor IS NOT NULL
RETURN collect([id, p.id, p.anchor, p.firstSeenAt, p.lastSeenAt, p.tally, p.deadline]) AS rows

// name: identifiers_by_ids
UNWIND $ids AS id
MATCH (i:Identifier {id: id})
OPTIONAL MATCH (i)-[:IDENTIFIES]->(p)
RETURN collect([i.key, i.id, i.namespace, i.value, i.rank, i.firstSeenAt, i.lastSeenAt, p.id, i.status,
  i.generation, coalesce(i.resolvedBy, 1)]) AS rows

// name: profiles_last_seen
MATCH (p:Profile)
WHERE p.lastSeenAt <= $at AND p.id IS NOT NULL AND (p.lastSeenAt < $at OR p.id < $id)
WITH * ORDER BY p.lastSeenAt DESC, p.id DESC LIMIT $limit
RETURN collect([p.id, p.anchor, p.firstSeenAt, p.lastSeenAt, p.tally, p.deadline]) AS rows

// name: profiles_first_seen
MATCH (p:Profile)
WHERE p.firstSeenAt <= $at AND p.id IS NOT NULL AND (p.firstSeenAt < $at OR p.id < $id)
WITH * ORDER BY p.firstSeenAt DESC, p.id DESC LIMIT $limit
RETURN collect([p.id, p.anchor, p.firstSeenAt, p.lastSeenAt, p.tally, p.deadline]) AS rows

// name: profiles_by_id
MATCH (p:Profile)
WHERE p.id > $id AND p.anchor IS NOT NULL
WITH * ORDER BY p.id LIMIT $limit
RETURN collect([p.id, p.anchor, p.firstSeenAt, p.lastSeenAt, p.tally, p.deadline]) AS rows

// name: members_by_time
// The profiles in a segment, by when they were seen last, or first.
MATCH (:Segment {key: $segment})<-[:MEMBER_OF]-(p:Profile)
WITH p, CASE WHEN $last THEN p.lastSeenAt ELSE p.firstSeenAt END AS at
WHERE at < $at OR (at = $at AND p.id < $id)
WITH p, at ORDER BY at DESC, p.id DESC LIMIT $limit
WITH * ORDER BY at DESC, p.id DESC
RETURN collect([p.id, p.anchor, p.firstSeenAt, p.lastSeenAt, p.tally, p.deadline]) AS rows

// name: members_in_order
MATCH (:Segment {key: $segment})<-[:MEMBER_OF]-(p:Profile)
WHERE p.id > $id AND p.anchor IS NOT NULL
WITH * ORDER BY p.id LIMIT $limit
RETURN collect([p.id, p.anchor, p.firstSeenAt, p.lastSeenAt, p.tally, p.deadline]) AS rows

// name: found_by_time
// The profiles with an identifier or a trait that holds the text, by when they were seen last, or first.
CALL () {
  MATCH (i:Identifier)
  WHERE i.search CONTAINS $search
  MATCH (i)-[:IDENTIFIES]->(p:Profile)
  RETURN p
  UNION
  MATCH (p:Profile)
  WHERE p.search CONTAINS $search
  RETURN p
  UNION
  MATCH (p:Profile)
  WHERE p.wordy = true AND p.longSearch CONTAINS $search
  RETURN p
}
WITH DISTINCT p
WHERE $segment IS NULL OR EXISTS { (p)-[:MEMBER_OF]->(:Segment {key: $segment}) }
WITH p, CASE WHEN $last THEN p.lastSeenAt ELSE p.firstSeenAt END AS at
WHERE at < $at OR (at = $at AND p.id < $id)
WITH p, at ORDER BY at DESC, p.id DESC LIMIT $limit
WITH * ORDER BY at DESC, p.id DESC
RETURN collect([p.id, p.anchor, p.firstSeenAt, p.lastSeenAt, p.tally, p.deadline]) AS rows

// name: found_in_order
CALL () {
  MATCH (i:Identifier)
  WHERE i.search CONTAINS $search
  MATCH (i)-[:IDENTIFIES]->(p:Profile)
  RETURN p
  UNION
  MATCH (p:Profile)
  WHERE p.search CONTAINS $search
  RETURN p
  UNION
  MATCH (p:Profile)
  WHERE p.wordy = true AND p.longSearch CONTAINS $search
  RETURN p
}
WITH DISTINCT p
WHERE p.id > $id AND p.anchor IS NOT NULL
  AND ($segment IS NULL OR EXISTS { (p)-[:MEMBER_OF]->(:Segment {key: $segment}) })
WITH * ORDER BY p.id LIMIT $limit
RETURN collect([p.id, p.anchor, p.firstSeenAt, p.lastSeenAt, p.tally, p.deadline]) AS rows

// name: profile_count
MATCH (p:Profile)
RETURN count(p)

// name: member_count
MATCH (:Segment {key: $segment})<-[:MEMBER_OF]-(p:Profile)
RETURN count(p)

// name: found_count
CALL () {
  MATCH (i:Identifier)
  WHERE i.search CONTAINS $search
  MATCH (i)-[:IDENTIFIES]->(p:Profile)
  RETURN p
  UNION
  MATCH (p:Profile)
  WHERE p.search CONTAINS $search
  RETURN p
  UNION
  MATCH (p:Profile)
  WHERE p.wordy = true AND p.longSearch CONTAINS $search
  RETURN p
}
WITH DISTINCT p
WHERE $segment IS NULL OR EXISTS { (p)-[:MEMBER_OF]->(:Segment {key: $segment}) }
RETURN count(p)

// name: identifier_pages
UNWIND $ids AS id
CALL (id) {
  MATCH (:Profile {id: id})<-[:IDENTIFIES]-(i:Identifier)
  WHERE i.id IS NOT NULL AND ($namespaces IS NULL OR i.namespace IN $namespaces)
    AND (i.rank > $rank OR (i.rank = $rank AND (i.firstSeenAt > $at
      OR (i.firstSeenAt = $at AND i.key > $key))))
  RETURN i ORDER BY i.rank, i.firstSeenAt, i.key LIMIT $limit
}
WITH * ORDER BY id, i.rank, i.firstSeenAt, i.key
RETURN collect([id, i.key, i.id, i.namespace, i.value, i.rank, i.firstSeenAt, i.lastSeenAt, id, i.status,
  i.generation, coalesce(i.resolvedBy, 1)]) AS rows

// name: identifier_counts
UNWIND $ids AS id
MATCH (:Profile {id: id})<-[:IDENTIFIES]-(i:Identifier)
WHERE i.id IS NOT NULL AND ($namespaces IS NULL OR i.namespace IN $namespaces)
WITH id, count(i) AS counted
RETURN collect([id, counted]) AS rows

// name: session_pages
UNWIND $ids AS id
CALL (id) {
  MATCH (:Profile {id: id})<-[:IDENTIFIES]-(:Identifier)<-[:OWNED_BY]-(s:Session)
  WHERE s.startedAt >= $since AND s.startedAt < $until
    AND ($at IS NULL OR s.startedAt < $at OR (s.startedAt = $at AND s.id < $id))
  RETURN s ORDER BY s.startedAt DESC, s.id DESC LIMIT $limit
}
WITH * ORDER BY id, s.startedAt DESC, s.id DESC
RETURN collect([id, s.id, s.device, s.user, s.owner, s.startedAt, s.endedAt, s.lastMid, s.tally,
  s.kind, s.userAgentFamily, s.os, s.locale, s.timezone, s.screen, s.country, s.ipPrefix,
  s.recordedAt]) AS rows

// name: session_counts
UNWIND $ids AS id
MATCH (:Profile {id: id})<-[:IDENTIFIES]-(:Identifier)<-[:OWNED_BY]-(s:Session)
WITH id, count(s) AS counted
RETURN collect([id, counted]) AS rows

// name: sessions_by_ids
// A session's id is a message id: the session that holds that event now.
UNWIND $ids AS id
MATCH (:Event {id: id})<-[:CONTAINS]-(s:Session)
WHERE s.startedAt IS NOT NULL
OPTIONAL MATCH (s)-[:OWNED_BY]->(:Identifier)-[:IDENTIFIES]->(p)
RETURN collect([id, p.id, s.id, s.device, s.user, s.owner, s.startedAt, s.endedAt, s.lastMid, s.tally,
  s.kind, s.userAgentFamily, s.os, s.locale, s.timezone, s.screen, s.country, s.ipPrefix,
  s.recordedAt]) AS rows

// name: event_pages
// Takes sessions by their ends, so that a profile's newest events need not all be read.
UNWIND $ids AS id
CALL (id) {
  MATCH (:Profile {id: id})<-[:IDENTIFIES]-(:Identifier)<-[:OWNED_BY]-(s:Session)
  WHERE s.endedAt >= $since AND s.startedAt < $until
  RETURN s ORDER BY s.endedAt DESC, s.id DESC SKIP $offset LIMIT $sessions
}
WITH id, collect(s) AS sessions
CALL (sessions) {
  UNWIND sessions AS s
  MATCH (s)-[:CONTAINS]->(e:Event)
  WHERE e.at >= $since AND e.at < $until
    AND ($at IS NULL OR e.at < $at OR (e.at = $at AND e.id < $mid))
    AND ($names IS NULL OR e.name IN $names)
  WITH s, e ORDER BY e.at DESC, e.id DESC LIMIT $limit
  RETURN collect([e.body, e.recordedAt, s.id, e.at, e.id]) AS events
}
RETURN collect([id, size(sessions), sessions[size(sessions) - 1].endedAt, events]) AS rows

// name: event_counts
UNWIND $ids AS id
MATCH (:Profile {id: id})<-[:IDENTIFIES]-(:Identifier)<-[:OWNED_BY]-(s:Session)
MATCH (s)-[:CONTAINS]->(e:Event)
WHERE e.at >= $since AND e.at < $until AND ($names IS NULL OR e.name IN $names)
WITH id, count(e) AS counted
RETURN collect([id, counted]) AS rows

// name: session_event_pages
UNWIND $ids AS id
MATCH (s:Session {id: id})
WHERE s.startedAt IS NOT NULL
OPTIONAL MATCH (s)-[:OWNED_BY]->(:Identifier)-[:IDENTIFIES]->(p)
CALL (s) {
  MATCH (s)-[:CONTAINS]->(e:Event)
  WHERE e.at >= $since AND e.at < $until
    AND ($at IS NULL OR e.at > $at OR (e.at = $at AND e.id > $mid))
  RETURN e ORDER BY e.at, e.id LIMIT $limit
}
WITH * ORDER BY id, e.at, e.id
RETURN collect([id, e.body, e.recordedAt, s.id, p.id]) AS rows

// name: events_by_ids
UNWIND $mids AS mid
MATCH (e:Event {id: mid})<-[:CONTAINS]-(s:Session)
WHERE s.startedAt IS NOT NULL
OPTIONAL MATCH (s)-[:OWNED_BY]->(:Identifier)-[:IDENTIFIES]->(p)
RETURN collect([mid, e.body, e.recordedAt, s.id, p.id]) AS rows

// name: places
UNWIND $mids AS mid
MATCH (e:Event {id: mid})
RETURN collect([mid, e.partition, e.position]) AS rows

// name: segments_by_keys
UNWIND $keys AS key
MATCH (s:Segment {key: key})
WHERE s.name IS NOT NULL
RETURN collect([s.key, s.name, s.status, s.version, s.rule, s.createdAt, s.updatedAt, s.description,
  s.createdBy, s.walked]) AS rows

// name: segment_versions
UNWIND $keys AS key
MATCH (:Segment {key: key})-[:HAS_VERSION]->(v:SegmentVersion)
WITH * ORDER BY key, v.version DESC
RETURN collect([key, v.version, v.rule, v.recordedAt, v.by]) AS rows

// name: segment_sizes
UNWIND $keys AS key
MATCH (s:Segment {key: key})
WITH key, COUNT { (s)<-[:MEMBER_OF]-() } AS counted
RETURN collect([key, counted]) AS rows

// name: members_by_since
MATCH ()-[m:MEMBER_OF]->()
USING INDEX m:MEMBER_OF(segment, since, profile)
WHERE m.segment = $segment AND m.since <= $at AND m.profile IS NOT NULL
  AND (m.since < $at OR m.profile < $id)
WITH * ORDER BY m.since DESC, m.profile DESC LIMIT $limit
RETURN collect([m.profile, m.segment, m.version, m.since, m.cause]) AS rows

// name: members_by_id
MATCH ()-[m:MEMBER_OF]->()
WHERE m.segment = $segment AND m.profile > $id
WITH * ORDER BY m.profile LIMIT $limit
RETURN collect([m.profile, m.segment, m.version, m.since, m.cause]) AS rows

// name: membership_pages
UNWIND $ids AS id
CALL (id) {
  MATCH (:Profile {id: id})-[m:MEMBER_OF]->(:Segment)
  WHERE m.segment > $key
  RETURN m ORDER BY m.segment LIMIT $limit
}
WITH * ORDER BY id, m.segment
RETURN collect([id, id, m.segment, m.version, m.since, m.cause]) AS rows

// name: membership_counts
UNWIND $ids AS id
MATCH (:Profile {id: id})-[m:MEMBER_OF]->(:Segment)
WITH id, count(m) AS counted
RETURN collect([id, counted]) AS rows

// name: items_after
MATCH (i:Item)
WHERE i.id > $after AND i.body IS NOT NULL
WITH * ORDER BY i.id LIMIT $limit
RETURN collect([i.body]) AS rows

// name: interactions
UNWIND $ids AS id
MATCH (:Profile {id: id})<-[:IDENTIFIES]-(:Identifier)<-[:OWNED_BY]-(s:Session)
MATCH (s)-[n:INTERACTED]->(i:Item)
WITH id, i.id AS item, sum(n.views) AS views, sum(n.carts) AS carts, sum(n.purchases) AS purchases,
  min(n.firstAt) AS firstAt, max(n.lastAt) AS lastAt
ORDER BY id, item
RETURN collect([id, item, views, carts, purchases, firstAt, lastAt]) AS rows

// name: training_graph
// A row for each session and item, so that history can be cut at any moment. The whole graph:
// everything is read before it is sorted, and thus before the first row comes.
MATCH (p:Profile)<-[:IDENTIFIES]-(:Identifier)<-[:OWNED_BY]-(:Session)-[n:INTERACTED]->(i:Item)
WITH p.id AS profile, i.id AS item, n.views AS views, n.carts AS carts, n.purchases AS purchases,
  n.firstAt AS firstAt, n.lastAt AS lastAt
RETURN profile, item, views, carts, purchases, firstAt, lastAt
ORDER BY profile, item, firstAt

// name: changes_by_ids
UNWIND $ids AS id
MATCH (c:Change {id: id})
RETURN collect([id, c.body]) AS rows

// name: change_page
MATCH (c:Change)
WHERE c.recordedAt >= $since AND c.recordedAt < $until AND c.id IS NOT NULL
  AND ($at IS NULL OR c.recordedAt < $at OR (c.recordedAt = $at AND c.id < $id))
  AND ($kinds IS NULL OR c.kind IN $kinds)
WITH * ORDER BY c.recordedAt DESC, c.id DESC LIMIT $limit
RETURN collect([c.partition, c.seq, c.recordedAt, c.body]) AS rows

// name: change_count
MATCH (c:Change)
WHERE c.recordedAt >= $since AND c.recordedAt < $until AND c.id IS NOT NULL
  AND ($kinds IS NULL OR c.kind IN $kinds)
RETURN count(c)

// name: feed
// Behind each [partition, seq], and all of the partitions that these do not reach.
CALL () {
  UNWIND $after AS place
  RETURN place
  UNION
  MATCH (c:Checkpoint)
  WHERE c.partition >= $reached
  RETURN [c.partition, 0] AS place
}
CALL (place) {
  MATCH (c:Change {partition: place[0]})
  WHERE c.seq > place[1]
  RETURN c ORDER BY c.seq LIMIT $limit
}
WITH * ORDER BY c.partition, c.seq
RETURN collect([c.partition, c.seq, c.recordedAt, c.body]) AS rows

// name: dead_records
MATCH (d:DeadRecord)
WHERE d.partition >= $partition AND d.position IS NOT NULL
  AND (d.partition > $partition OR d.position > $position)
WITH * ORDER BY d.partition, d.position LIMIT $limit
RETURN collect([d.partition, d.position, d.recordedAt, d.reason, d.message]) AS rows

// name: totals
// A key that a decision names before anybody was seen under it has a node, and no id yet; an item that
// sessions met and nobody described, a node and no body.
RETURN COUNT { (:Profile) }, COUNT { MATCH (i:Identifier) WHERE i.id IS NOT NULL }, COUNT { (:Session) }, COUNT { (:Event) },
  COUNT { MATCH (i:Item) WHERE i.body IS NOT NULL }, COUNT { (:DeadRecord) }

// name: checkpoints
MATCH (c:Checkpoint)
WHERE c.partition IS NOT NULL
WITH * ORDER BY c.partition
RETURN collect([c.partition, c.log, c.position, c.rec, c.seq, c.owner, c.until, coalesce(c.pruned, 0)]) AS rows

// name: waiting
MATCH (w:Waiting)
WHERE w.recordedAt IS NOT NULL
WITH * ORDER BY w.recordedAt, w.a, w.b LIMIT $limit
RETURN collect([w.a, w.b, w.mid, w.recordedAt]) AS rows
