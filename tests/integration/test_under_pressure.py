"""A running `cdp serve` whose worker falls behind, and one that is told to stop under load."""

from __future__ import annotations

import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from asking import person
from serving import Server, served

CLIENTS = 6
BATCH = 20


class Client:
    """One connection that sends batches."""

    def __init__(self, server: Server) -> None:
        self._server = server
        host, _, port = server.address.removeprefix("http://").partition(":")
        self._connection = http.client.HTTPConnection(host, int(port), timeout=30)

    def send(
        self, ids: list[str], user: str, filling: str = ""
    ) -> tuple[int, dict[str, Any], str | None]:
        """(status, body, Retry-After). Raises OSError where the connection is refused."""
        batch = [
            {"type": "track", "event": "Sent", "userId": user, "messageId": id_,
             "properties": {"filling": filling}}
            for id_ in ids
        ]  # fmt: skip
        body = json.dumps({"batch": batch, "writeKey": self._server.write_key})
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", "/v1/batch", body, headers)
        reply = self._connection.getresponse()
        return reply.status, json.loads(reply.read()), reply.headers["Retry-After"]

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        self._connection.request("GET", path)
        reply = self._connection.getresponse()
        return reply.status, json.loads(reply.read())

    def close(self) -> None:
        self._connection.close()


def test_back_pressure_while_the_worker_stands_still(tmp_path: Path) -> None:
    tight = {"CDP_BACKLOG_BYTES": "20000", "CDP_LAG_LIMIT": "0.5"}
    with served(tmp_path / "data", **tight) as server, closing(Client(server)) as client:
        (worker,) = wait_for(server.workers)
        assert client.send(["first"], "pressed")[0] == 200
        person(server, "pressed", 1)

        taken = ["first"]
        os.kill(worker, signal.SIGSTOP)
        try:
            for number in range(100):
                status, body, retry_after = client.send([f"m{number}"], "pressed", "x" * 4_000)
                if status != 200:
                    break
                taken.append(f"m{number}")
                # What is said of the backlog may be a fifth of a second old.
                time.sleep(0.05)
            assert (status, body["success"], body["code"]) == (429, False, "BACKLOGGED")
            assert 1 <= int(retry_after or 0) <= 60
            wait_for(lambda: client.get("/readyz")[0] == 503)
            assert "behind the log" in client.get("/readyz")[1]["reason"]
            assert client.get("/healthz")[0] == 200
        finally:
            os.kill(worker, signal.SIGCONT)

        found = person(server, "pressed", len(taken))
        assert sorted(found.all("messageId")) == sorted(taken)
        wait_for(lambda: client.send(["again"], "pressed")[0] == 200)
        wait_for(lambda: client.get("/readyz")[0] == 200)


def test_sigterm_finishes_what_is_in_hand_and_loses_nothing(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    answers: Counter[tuple[int, str | None]] = Counter()

    def load(server: Server, number: int) -> None:
        with closing(Client(server)) as client:
            status, count = 200, 0
            while status == 200:
                ids = [f"{number}-{count}-{place}" for place in range(BATCH)]
                count += 1
                try:
                    status, body, _ = client.send(ids, f"user-{number}")
                except (OSError, http.client.HTTPException):
                    return  # refused, or closed between two requests: nothing was acknowledged
                answers[status, body.get("code")] += 1
                if status == 200:
                    acknowledged.extend(ids)

    with served(tmp_path / "data") as server:
        clients = [threading.Thread(target=load, args=(server, n)) for n in range(CLIENTS)]
        for client in clients:
            client.start()
        wait_for(lambda: len(acknowledged) > 20 * BATCH)
    for client in clients:
        client.join(30)

    assert set(answers) <= {(200, None), (503, "SHUTTING_DOWN")}
    command = [sys.executable, "-m", "cdp", "worker", "--until-idle", "--data", str(server.data)]
    subprocess.run(command, check=True, timeout=120, stderr=subprocess.DEVNULL)
    connection = sqlite3.connect(f"file:{server.data / 'graph.db'}?mode=ro", uri=True)
    stored = {row[0] for row in connection.execute("SELECT mid FROM event")}
    connection.close()
    assert set(acknowledged) == stored


def wait_for(what: Any) -> Any:
    """What it answers, once that is true."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        found = what()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come about")
