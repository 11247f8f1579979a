"""`cdp check` finds every invariant that is broken, and nothing where none is."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from graphs import Installation, broken, event, installation

from cdp.cli.main import run
from cdp.pipeline.check import findings, parts
from graph_schema.model.command import ArchiveSegment, CreateSegment, MergeProfiles, SplitProfile
from graph_schema.model.event import Event, EventType
from graph_schema.model.record import NewRecord, RecordKind
from graph_schema.model.time import DAY

DAYS = 24 * 60
"""Minutes of a day."""


def shop() -> list[Event]:
    """People on their devices, a kiosk of two, an e-mail of two, a blocked user; orders, a refund, a
    late event, and one that came twice."""
    product = {"product_id": "p1", "price": 5}
    order = {"order_id": "o1", "total": 20, "products": [product]}
    mail = {"email": "e@x.y", "plan": "pro"}
    return [
        event("m1", 0, anonymous="a1", name="Product Viewed", properties=product),
        event("m2", 2, anonymous="a1", user="u1", kind=EventType.IDENTIFY, traits=mail),
        event("m3", 4, anonymous="a1", user="u1", name="Order Completed", properties=order),
        event("m4", 100, anonymous="a1", name="Product Viewed", properties=product),
        event("m5", 300, anonymous="a2", user="u1"),
        event("m6", 500, anonymous="kiosk", user="u1"),
        event("m7", 600, anonymous="kiosk", user="u2"),
        event("m8", 700, anonymous="kiosk"),
        event("m9", 800, user="u2", kind=EventType.IDENTIFY, traits={"email": "e@x.y"}),
        event("m10", 810, user="guest", name="Product Added", properties=product),
        event("m11", 900, user="u1", name="Order Refunded", properties={"order_id": "o1"}),
        event("m12", 1, anonymous="a1", name="Product Added", properties={"product_id": "p2"}),
        event("m13", 58 * DAYS, anonymous="a3", user="u3", name="Product Viewed"),
        event("m5", 300, anonymous="a2", user="u1"),
    ]


def segments() -> list[CreateSegment]:
    rules = {
        "buyers": {"event": {"name": "Order Completed"}},
        "lookers": {"event": {"name": "Product Viewed", "within": "P7D"}},
        "both": {"all": [{"segment": "buyers"}, {"not": {"segment": "lookers"}}]},
        "pros": {"all": [{"trait": {"name": "plan", "value": "pro"}},
                         {"identifiers": {"namespace": "email", "gte": 1}}]},
        "gone": {"event": {"name": "Page Viewed"}},
    }  # fmt: skip
    return [
        CreateSegment(id=f"c-{key}", actor="ann", at=0, key=key, name=key, rule=rule)
        for key, rule in rules.items()
    ]


def decisions() -> list[MergeProfiles | SplitProfile]:
    """a2 is taken out of u1's profile, and given to u3."""
    rest = ("user_id:u1", "anonymous_id:a1", "email:e@x.y")
    theirs = ("user_id:u3", "anonymous_id:a3")
    return [
        SplitProfile(id="c_1", actor="ann", at=0, taken=("anonymous_id:a2",), rest=rest),
        MergeProfiles(id="c_2", actor="ann", at=0, parts=(theirs, ("anonymous_id:a2",))),
    ]


@pytest.fixture
async def graph(tmp_path: Path) -> AsyncIterator[Installation]:
    """A graph in which every invariant has something to hold."""
    async with installation(tmp_path / "graph.db", batch_size=4) as found:
        await found.take(*shop())
        await found.ask(*segments(), ArchiveSegment(id="c-end", actor="ann", at=0, key="gone"))
        await found.ask(*decisions())
        await found.take(event("m1", 0, anonymous="other"))
        await found.log.append([NewRecord(RecordKind.EVENT, b"no event")])
        await found.work()
        yield found


def by_hand(graph: Installation, *statements: str) -> None:
    connection = sqlite3.connect(graph.path, isolation_level=None)
    for statement in statements:
        assert connection.execute(statement).rowcount > 0, statement
    connection.close()


async def test_a_graph_that_is_well_is_clean(graph: Installation) -> None:
    report = await graph.check()
    assert broken(report) == {}
    assert report.clean and report.buried == 2 and report.erased == 0
    walked = {result.name: result.walked for result in report.results}
    assert walked["events"] == 16 and walked["commands"] == 8 and walked["dead_letters"] == 2
    assert all(walked.values()), walked


async def test_it_is_clean_when_a_deadline_has_come_and_nobody_looked(graph: Installation) -> None:
    graph.clock += 30 * DAY
    assert broken(await graph.check()) == {}
    await graph.work()
    assert broken(await graph.check()) == {}


async def test_parts_are_resolved_one_by_one(
    graph: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PART", 1)
    assert broken(await graph.check()) == {}
    by_hand(graph, "UPDATE edge SET count = 9 WHERE a = 'anonymous_id:a1' AND b = 'user_id:u1'")
    assert broken(await graph.check()).keys() == {"edges"}


CORRUPTIONS = {
    "an event is gone": (
        "events tallies sessions identifiers interactions",
        ["DELETE FROM event WHERE mid = 'm4'"],
    ),
    "an event that nobody sent": (
        "events sessions tallies",
        [
            "INSERT INTO event (mid, log_pos, source, type, name, at, rec, device, user, session,"
            " digest, body)"
            " SELECT 'fake', 4000, source, type, name, at, rec, device, user, session, digest,"
            " replace(body, '\"m8\"', '\"fake\"') FROM event WHERE mid = 'm8'"
        ],
    ),
    "an event is another": ("events sessions", ["UPDATE event SET rec = rec + 1 WHERE mid = 'm10'"]),
    "an event of another user": ("events", ["UPDATE event SET user = 'user_id:u9' WHERE mid = 'm5'"]),
    "a dead letter is gone": (
        "events",
        ["DELETE FROM dead_record WHERE reason = 'undecodable'"],
    ),
    "a dead letter for another reason": (
        "dead_letters",
        ["UPDATE dead_record SET reason = 'undecodable'"],
    ),
    "a dead letter of nothing": (
        "dead_letters",
        ["INSERT INTO dead_record VALUES (0, 4000, 1, 'undecodable', '')"],
    ),
    "a dead letter that is in the graph": (
        "dead_letters",
        ["INSERT INTO dead_record VALUES (1, 1, 1, 'apply_failed', '')"],
    ),
    "an outcome is gone": ("commands", ["DELETE FROM outcome WHERE command = 'c-pros'"]),
    "an event in another session": (
        "sessions tallies interactions",
        ["UPDATE event SET session = 'm1' WHERE mid = 'm4'"],
    ),
    "a session begins with another event": (
        "sessions events references tallies",
        [
            "UPDATE session SET id = 'x' WHERE id = 'm8'",
            "UPDATE event SET session = 'x' WHERE mid = 'm8'",
        ],
    ),
    "a session of another owner": (
        "sessions counters",
        ["UPDATE session SET owner = 'user_id:u2' WHERE id = 'm1'"],
    ),
    "a session that a decision keeps apart": (
        "sessions counters memberships",
        ["UPDATE session SET owner = user WHERE id = 'm5'"],
    ),
    "a session recorded at another time": ("sessions", ["UPDATE session SET rec = 1 WHERE id = 'm8'"]),
    "a decision that nobody made": (
        "clusters profiles edges",
        ["DELETE FROM decision WHERE kind = 'confirmed'"],
    ),
    "two sessions that are one": (
        "sessions tallies counters interactions",
        [
            "INSERT INTO session SELECT 'm3', device, user, owner, started_at + 240000000, ended_at,"
            " last_mid, facts, tally, rec FROM session WHERE id = 'm1'",
            "UPDATE session SET ended_at = ended_at - 120000000, last_mid = 'm2' WHERE id = 'm1'",
            "UPDATE event SET session = 'm3' WHERE mid = 'm3'",
        ],
    ),
    "a session without events": (
        "sessions counters",
        [
            "INSERT INTO session SELECT 'empty', device, user, owner, started_at, ended_at, last_mid,"
            " facts, tally, rec FROM session WHERE id = 'm8'"
        ],
    ),
    "a session adds up to another's": (
        "tallies counters",
        ["UPDATE session SET tally = (SELECT tally FROM session WHERE id = 'm5') WHERE id = 'm8'"],
    ),
    "a session on another device": (
        "tallies",
        ["UPDATE session SET facts = x'81a26f73a3694f53' WHERE id = 'm8'"],
    ),
    "an interaction more": (
        "interactions",
        ["UPDATE interaction SET views = views + 1 WHERE session = 'm4'"],
    ),
    "an interaction less": ("interactions", ["DELETE FROM interaction WHERE item = 'p2'"]),
    "a fact is gone": ("seen", ["DELETE FROM seen WHERE a = 'anonymous_id:a2'"]),
    "a fact that no event says": (
        "seen",
        ["INSERT INTO seen SELECT a, b, kind, 1, at, mid, rec FROM seen WHERE a = 'anonymous_id:a2'"],
    ),
    "a fact recorded at another time": (
        "seen",
        ["UPDATE seen SET rec = rec + 1 WHERE a = 'anonymous_id:a2'"],
    ),
    "an identifier is gone": (
        "identifiers references memberships",
        [
            "DELETE FROM identifier WHERE namespace = 'email'",
        ],
    ),
    "an identifier that nobody named": (
        "identifiers",
        [
            "INSERT INTO identifier SELECT 'crm:1', 'p_1', 'crm', '1', 5, first_at, last_at, 0, status,"
            " profile, '', 1 FROM identifier WHERE key = 'user_id:u1'"
        ],
    ),
    "an identifier seen earlier than it was": (
        "identifiers",
        ["UPDATE identifier SET first_at = first_at - 1 WHERE key = 'anonymous_id:a3'"],
    ),
    "an identifier of another status": (
        "identifiers",
        ["UPDATE identifier SET status = 'active' WHERE status = 'shared'"],
    ),
    "an identifier in another profile": (
        "clusters counters memberships",
        [
            "UPDATE identifier SET profile = (SELECT profile FROM identifier WHERE key = 'user_id:u2')"
            " WHERE key = 'anonymous_id:a3'"
        ],
    ),
    "an edge is gone": ("edges", ["DELETE FROM edge WHERE a = 'anonymous_id:a2'"]),
    "an edge of a decision is gone": ("edges", ["DELETE FROM edge WHERE kind = 'confirmed'"]),
    "an edge that no event says": (
        "edges",
        ["UPDATE edge SET kind = 'alias' WHERE a = 'anonymous_id:a2'"],
    ),
    "an edge refused by another rule": (
        "edges",
        ["UPDATE edge SET refused_by = 'size' WHERE refused_by = 'limit'"],
    ),
    "an edge of another status": (
        "edges",
        ["UPDATE edge SET status = 'redundant' WHERE a = 'anonymous_id:a2'"],
    ),
    "a profile is gone": (
        "profiles references",
        ["DELETE FROM profile WHERE anchor = 'user_id:u3'"],
    ),
    "a profile of nobody": (
        "profiles references counters",
        [
            "INSERT INTO profile SELECT 'p_1', anchor, first_at, last_at, deadline, tally, '' FROM"
            " profile WHERE anchor = 'user_id:u2'"
        ],
    ),
    "a profile seen later than it was": (
        "profiles",
        ["UPDATE profile SET last_at = last_at + 1 WHERE anchor = 'user_id:u1'"],
    ),
    "a profile adds up to another's": (
        "counters memberships",
        [
            "UPDATE profile SET tally = (SELECT tally FROM profile WHERE anchor = 'user_id:u2')"
            " WHERE anchor = 'user_id:u1'"
        ],
    ),
    "a membership is gone": (
        "memberships",
        ["UPDATE member SET to_rec = 1 WHERE segment = 'buyers'"],
    ),
    "a membership against the rule": (
        "memberships",
        ["UPDATE member SET segment = 'lookers' WHERE segment = 'buyers'"],
    ),
    "a membership of an archived segment": (
        "memberships",
        [
            "INSERT INTO member SELECT NULL, id, 'gone', 1, 1, NULL, 'event', NULL, 1"
            " FROM profile LIMIT 1"
        ],
    ),
    "a membership by no version": (
        "memberships",
        ["UPDATE member SET version = 7 WHERE segment = 'pros'"],
    ),
    "a deadline is gone": ("deadlines", ["UPDATE profile SET deadline = NULL"]),
    "a deadline too late": (
        "deadlines",
        ["UPDATE profile SET deadline = deadline + 1 WHERE deadline IS NOT NULL"],
    ),
    "a membership in no segment": (
        "references",
        [
            "INSERT INTO member SELECT NULL, id, 'never', 1, 1, NULL, 'event', NULL, 1"
            " FROM profile LIMIT 1"
        ],
    ),
    "an interaction with no item": ("references", ["DELETE FROM item WHERE id = 'p2'"]),
    "an interaction of no session": (
        "references",
        ["INSERT INTO interaction VALUES ('nowhere', 'p1', 1, 0, 0, 1, 1)"],
    ),
    "a change is gone": ("feed", ["DELETE FROM change WHERE seq = 2"]),
    "the last change is gone": (
        "feed",
        ["DELETE FROM change WHERE seq = (SELECT max(seq) FROM change)"],
    ),
}  # fmt: skip
"""What was done to the graph: (the invariant that it breaks, and those that may be named beside it)."""


@pytest.mark.parametrize("done", CORRUPTIONS)
async def test_what_is_broken_is_named(graph: Installation, done: str) -> None:
    expected, statements = CORRUPTIONS[done]
    names = expected.split()
    by_hand(graph, *statements)
    found = broken(await graph.check())
    assert names[0] in found, found
    assert found.keys() <= set(names), found
    assert all("e@x.y" not in example for examples in found.values() for example in examples)


def test_every_invariant_is_broken_once() -> None:
    firsts = {expected.split()[0] for expected, _ in CORRUPTIONS.values()}
    assert firsts == {invariant.name for invariant in findings.ALL}


async def test_a_record_that_is_gone_from_the_log(graph: Installation) -> None:
    del graph.log._records[1][3]
    found = broken(await graph.check())
    assert found["events"][0] == "record 1/4 is not in the log"


async def test_a_profile_of_many_sessions_is_folded_in_pages(
    graph: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cdp.pipeline.check.profiles.AT_ONCE", 1)
    monkeypatch.setattr("cdp.pipeline.check.reading.PAGE", 1)
    assert broken(await graph.check()) == {}


def test_the_command_names_what_is_broken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, file = tmp_path / "data", tmp_path / "events.ndjson"
    lines = [
        {"type": "identify", "messageId": f"m{n}", "userId": f"u{n}", "anonymousId": f"a{n}",
         "timestamp": "2026-11-01T00:00:00Z"}
        for n in range(3)
    ]  # fmt: skip
    file.write_text("".join(json.dumps(line) + "\n" for line in lines) + "no json\n")
    assert run(["import", str(file), "--data", str(data)]) == 0
    assert run(["check", "--data", str(data)]) == 0
    shown = capsys.readouterr().out
    assert "1 dead letters of the collector" in " ".join(shown.split())
    assert "The graph is what the log says." in shown
    connection = sqlite3.connect(data / "graph.db", isolation_level=None)
    connection.execute("UPDATE edge SET count = 7")
    connection.close()
    assert run(["check", "--data", str(data)]) == 1
    shown = capsys.readouterr().out
    assert "edges (3)" in shown and "cdp rebuild" in shown and "1 invariants are broken" in shown
    assert run(["check", "--json", "--data", str(data)]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["clean"] is False and report["letters"] == 1
    named = {result["name"]: result for result in report["results"]}
    assert named["edges"]["broken"] == named["edges"]["walked"] == 3
    assert len(named["edges"]["examples"]) == 3
    assert named["events"] == {
        "name": "events", "says": findings.EVENTS.says, "walked": 3, "broken": 0, "examples": [],
        "hint": findings.EVENTS.hint,
    }  # fmt: skip
    assert not [file for file in data.iterdir() if file.is_dir()]  # its own file is gone


async def test_erased_bodies_are_counted(graph: Installation) -> None:
    for partition, position in ((1, 4), (0, 2)):
        record = graph.log._records[partition][position - 1]
        graph.log._records[partition][position - 1] = msgspec.structs.replace(record, body=None)
    report = await graph.check()
    assert report.erased == 1
    assert broken(report).keys() == {"events"}  # the event itself was not erased from the graph
