"""E-mails, phones and names that go through the product appear in nothing that it writes but its
stores: not in what server and worker print, not in metrics, not in errors, not in what those are shown
who may not see them."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from serving import Server, cdp

EMAIL, PHONE, NAME = "ann.secret@example.org", "+4917055512345", "Annabelle Geheim"
PERSONAL = ("ann.secret", "55512345", "Geheim")
COUNTING = "{ stats { events deadLetters } }"


def post(server: Server, path: str, body: bytes, **headers: str) -> tuple[int, str]:
    """The status and the text of the answer, whatever it is."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(server.address + path, body, names)
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def batch(server: Server) -> list[dict[str, object]]:
    """What is taken, what is dead at once, and what the worker cannot take: the same id twice."""
    traits = {"email": EMAIL, "phone": PHONE, "name": NAME}
    common = {"userId": EMAIL, "anonymousId": "a1"}
    stated = {"email": EMAIL, "phone": PHONE}  # a name of a property is seldom a person's
    return [
        {"type": "identify", "messageId": "m1", "traits": traits, **common},
        {"type": "track", "event": NAME, "messageId": "m2", "properties": stated, **common},
        {
            "type": "track",
            "event": "Page Viewed",
            "messageId": "m2",
            "properties": traits,
            **common,
        },
        {"type": EMAIL, "messageId": "m3", **common},
        {"type": "track", "messageId": PHONE, "traits": NAME, **common},
        {"type": "identify", "messageId": EMAIL * 10, "traits": traits},
    ]


def wait_for(server: Server, events: int, dead: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        stats = server.ask(COUNTING)["stats"]
        if int(stats["events"]) >= events and int(stats["deadLetters"]) >= dead:
            return
        time.sleep(0.05)
    raise AssertionError(f"not applied: {stats}")


@pytest.fixture
def told(tmp_path: Path) -> Path:
    return tmp_path / "told"


def test_what_is_printed_and_measured_names_nobody(tmp_path: Path, told: Path) -> None:
    data = tmp_path / "data"
    server = Server(data, told)
    try:
        key = server.write_key
        json_type = "application/json"
        body = json.dumps({"batch": batch(server), "writeKey": key}).encode()
        assert post(server, "/v1/batch", body, Content_Type=json_type)[0] == 200
        wait_for(server, events=2, dead=4)
        broken = f'{{"batch": [{{"email": "{EMAIL}", }}'.encode()
        status, answer = post(server, "/v1/batch", broken, Content_Type=json_type)
        assert status in (400, 401)
        assert not any(word in answer for word in PERSONAL)
        hostile = f'{{ profiles(first: 5, search: "{EMAIL}") {{ {NAME.replace(" ", "")} }} }}'
        for query in (hostile, f'{{ profile(id: "{PHONE}") {{ id }} }}', f"{{ {EMAIL} }}"):
            post(
                server, "/graphql", json.dumps({"query": query}).encode(),
                Content_Type=json_type, Authorization=f"Bearer {server.token}",
            )  # fmt: skip
        post(server, f"/v1/{EMAIL}", body, Content_Type=json_type)
        post(server, f"/graphql?email={EMAIL}", b"{}", Content_Type=json_type)
        with urllib.request.urlopen(f"{server.address}/metrics", timeout=20) as reply:
            metrics = reply.read().decode()
        # A worker that is killed is told of, and started again.
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
        time.sleep(2)
    finally:
        server.stop()
    printed = told.read_text(encoding="utf-8")
    assert "started again" in printed
    assert "cdp_" in metrics
    checked = cdp("check", data)
    for word in PERSONAL:
        assert word not in printed
        assert word not in metrics
        assert word not in checked


def test_who_may_not_see_personal_values_is_shown_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDP_TOKENS", "tk_admin=admin,tk_reader=profile:read")
    server = Server(tmp_path / "data")
    try:
        body = json.dumps({"batch": batch(server), "writeKey": server.write_key}).encode()
        assert post(server, "/v1/batch", body, Content_Type="application/json")[0] == 200
        wait_for(server, events=2, dead=4)
        everything = """{ profiles(first: 5) { edges { node { id traits
          identifiers(first: 9) { edges { node { namespace value } } }
          events(first: 9) { edges { node { name properties context } } }
        } } } }"""
        shown = json.dumps(server.ask(everything))
        assert EMAIL in shown
        server.token = "tk_reader"
        masked = json.dumps(server.ask(everything.replace("name properties", "properties")))
        assert "identifiers" in masked
        assert PHONE not in masked
        assert NAME not in masked
    finally:
        server.stop()


def graphql(server: Server, query: str, **variables: object) -> str:
    body = json.dumps({"query": query, "variables": variables}).encode()
    bearer = f"Bearer {server.token}"
    return post(
        server, "/graphql", body, Content_Type="application/json", Authorization=bearer
    )[1]  # fmt: skip


WRONG_VALUES: tuple[tuple[str, dict[str, object]], ...] = (
    ("query($f: Int!) { profiles(first: $f) { totalCount } }", {"f": EMAIL}),
    ("query($o: ProfileOrder) { profiles(first: 1, orderBy: $o) { totalCount } }", {"o": EMAIL}),
    ("query($i: IdentifierInput!) { profile(identifier: $i) { id } }", {"i": EMAIL}),
    (
        "query($i: IdentifierInput!) { profile(identifier: $i) { id } }",
        {"i": {"namespace": "email", "value": EMAIL, "more": PHONE}},
    ),
    (
        "query($i: IdentifierInput!) { profile(identifier: $i) { id } }",
        {"i": {"namespace": "email", EMAIL: PHONE, "value": "x"}},
    ),
    ("query($i: IdentifierInput!) { profile(identifier: $i) { id } }", {"i": {"value": [EMAIL]}}),
    ("query($t: DateTime) { profile(id: 1, asOf: $t) { id } }", {"t": PHONE}),
    ("query($r: SegmentRule!) { previewSegment(rule: $r) { count } }", {"r": {"segment": {"x": NAME}}}),
    (f'{{ profiles(first: "{EMAIL}") {{ totalCount }} }}', {}),
    (f'{{ profiles(first: 1, after: "{EMAIL}") {{ totalCount }} }}', {}),
    (f'{{ profile(identifier: {{namespace: "email", value: "x", more: "{EMAIL}"}}) {{ id }} }}', {}),
    (f'{{ profile(id: "{PHONE}", id: "{EMAIL}") {{ id }} }}', {}),
)  # fmt: skip


def test_no_error_repeats_what_was_asked_about_whom(tmp_path: Path) -> None:
    """Answers that refuse: the API's, whatever is wrong with a value; the collector's, of each event."""
    server = Server(tmp_path / "data")
    try:
        for query, variables in WRONG_VALUES:
            answer = graphql(server, query, **variables)
            assert '"errors"' in answer, query
            assert not any(word in answer for word in PERSONAL), answer
        events = batch(server)
        body = json.dumps({"batch": events, "writeKey": server.write_key}).encode()
        status, told = post(server, "/v1/batch?verbose=1", body, Content_Type="application/json")
        outcomes = json.loads(told)
        assert status == 200
        reasons = [outcome.get("reason") for outcome in outcomes["outcomes"]]
        assert len(reasons) == len(events)
        assert any(reasons)
        assert not any(word in str(reasons) for word in PERSONAL)
    finally:
        server.stop()


ROWS = (
    {"type": "identify", "messageId": "i1", "userId": EMAIL, "traits": {"email": EMAIL, "phone": PHONE}},
    {"type": "identify", "messageId": "i2", "userId": "u2", "traits": {"email": EMAIL, "name": NAME}},
    {"type": "track", "messageId": "i2", "userId": EMAIL, "event": NAME},
    {"type": EMAIL, "userId": EMAIL},
    {"type": "track", "userId": EMAIL, "event": {"name": NAME}},
    {"type": "track", "userId": EMAIL, "event": "Bought", "timestamp": PHONE},
)  # fmt: skip
RULES = '[namespaces.email.equivalent]\nform = "email"\n[namespaces.user_id]\nlimit = 2\n'
VERBS = (
    ("import", "events.ndjson"),
    ("import", "events.ndjson", "--json"),
    ("worker", "--until-idle"),
    ("dead-letters", "list"),
    ("dead-letters", "list", "--json"),
    ("dead-letters", "replay"),
    ("check",),
    ("check", "--json"),
    ("identity", "lint"),
    ("identity", "lint", "--json"),
    ("dry-run", "rules.toml"),
    ("rebuild",),
    ("rebuild", "CDP_IDENTITY_RULES=rules.toml"),
    ("settings",),
    ("train", "--model", "popularity"),
)


def test_no_verb_of_the_command_names_anybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does a worker that meets what it cannot apply. (`dry-run --json` answers with the identifiers
    that it is asked for.)"""
    monkeypatch.chdir(tmp_path)
    lines = [json.dumps(row) for row in ROWS] + [f"{EMAIL},{PHONE}", f'{{"email": "{EMAIL}"']
    Path("events.ndjson").write_text("\n".join(lines), encoding="utf-8")
    Path("rules.toml").write_text(RULES, encoding="utf-8")
    for verb in VERBS:
        words = [word for word in verb if not word.startswith("CDP_")]
        given = dict(word.split("=", 1) for word in verb if word.startswith("CDP_"))
        command = [sys.executable, "-m", "cdp", *words, "--data", str(tmp_path / "data")]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, check=False,
            env=os.environ | given,
        )  # fmt: skip
        printed = done.stdout + done.stderr
        assert done.returncode in (0, 1, 2), (verb, printed)
        assert "Traceback" not in printed
        assert not any(word in printed for word in PERSONAL), (verb, printed)
    with sqlite3.connect(tmp_path / "data" / "graph.db") as graph:
        kept = graph.execute("SELECT reason, message FROM dead_record").fetchall()
    graph.close()
    assert kept
    assert not any(word in str(kept) for word in PERSONAL)


UNFORESEEN = """
import sys
from cdp import __main__

def fails(arguments):
    try:
        {}[arguments[0]]
    except KeyError as error:
        raise ValueError(f"no {arguments[1]}") from error

__main__.run = fails
sys.argv = ["cdp", *sys.argv[1:]]
__main__.main()
"""


def test_an_error_that_nobody_foresaw_is_told_without_its_text() -> None:
    command = [sys.executable, "-c", UNFORESEEN, EMAIL, PHONE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "in fails" in done.stderr
    assert "ValueError" in done.stderr
    assert "after KeyError" in done.stderr
    assert not any(word in done.stderr for word in PERSONAL)
