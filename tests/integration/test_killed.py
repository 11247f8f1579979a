"""kill -9 of collector and worker under load: nothing acknowledged is lost, nothing is there twice."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from pathlib import Path

from serving import Server, cdp

ROUNDS = int(os.environ.get("CDP_KILL_ROUNDS", "3"))
BATCH = 20


class Load(threading.Thread):
    """Sends batches until told to stop; remembers what was acknowledged."""

    def __init__(self, server: Server, seed: int) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._rng = random.Random(seed)
        self.acknowledged: list[str] = []
        self.stopping = False

    def run(self) -> None:
        while not self.stopping:
            batch = [self._call() for _ in range(BATCH)]
            body = json.dumps({"batch": batch, "writeKey": self._server.write_key}).encode()
            request = urllib.request.Request(
                f"{self._server.address}/v1/batch", body, {"Content-Type": "application/json"}
            )
            try:
                with urllib.request.urlopen(request, timeout=10) as reply:
                    if reply.status == 200:
                        self.acknowledged += [call["messageId"] for call in batch]
            except OSError:
                return

    def _call(self) -> dict[str, str]:
        person = self._rng.randrange(30)
        call = {
            "type": "track", "event": "Seen", "messageId": str(uuid.uuid4()),
            "anonymousId": f"device-{person}-{self._rng.randrange(3)}",
        }  # fmt: skip
        if self._rng.random() < 0.3:
            call["userId"] = f"user-{person}"
        return call


def test_nothing_acknowledged_is_lost_and_nothing_is_there_twice(tmp_path: Path) -> None:
    data = tmp_path / "data"
    acknowledged: list[str] = []
    for number in range(ROUNDS):
        server = Server(data)
        load = Load(server, number)
        load.start()
        time.sleep(random.Random(number).uniform(0.8, 2.0))
        if number % 3 == 1:
            # The worker alone: it is started again, and the load goes on.
            for pid in server.workers():
                os.kill(pid, signal.SIGKILL)
            time.sleep(1.5)
        server.kill()
        load.stopping = True
        load.join(20)
        acknowledged += load.acknowledged
    command = [sys.executable, "-m", "cdp", "worker", "--until-idle", "--data", str(data)]
    subprocess.run(command, check=True, timeout=120)
    connection = sqlite3.connect(f"file:{data / 'graph.db'}?mode=ro", uri=True)
    stored = [row[0] for row in connection.execute("SELECT mid FROM event")]
    connection.close()
    assert len(acknowledged) > ROUNDS * BATCH
    assert set(acknowledged) <= set(stored)
    assert len(stored) == len(set(stored))
    assert "is what the log says" in cdp("check", data)
    assert "equals the old one" in cdp("rebuild", data)
