"""What docker-compose.yml starts, as processes: the same commands, settings and health checks."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import compose
import pytest
from serving import Server, cdp, served
from stores import Place

WAIT_S = 60.0
KNOWN = "{ stats { events } }"


class Composed:
    """Server and worker, each a process of its own, started at once on a folder that is empty."""

    def __init__(self, services: dict[str, Any], data: Path, settings: dict[str, str]) -> None:
        self.services = services
        self._environment = services["serve"]["environment"] | settings
        self._data = data
        self.worker = self.start_worker()
        self.server = Server(data, command=services["serve"]["command"], **self._environment)

    def start_worker(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "cdp", *self.services["worker"]["command"]]
        return subprocess.Popen(
            [*command, "--data", str(self._data)], env={**os.environ, **self._environment}
        )

    def healthy(self, service: str) -> bool:
        """Runs the health check as it stands, but for the address: a container has its own."""
        kind, *command = self.services[service]["healthcheck"]["test"]
        assert kind == "CMD" and command[0] == "python"
        here = self.server.address
        changed = [
            word.replace("http://127.0.0.1:8000", here).replace("http://serve:8000", here)
            for word in command[1:]
        ]
        assert changed != command[1:]
        done = subprocess.run([sys.executable, *changed], capture_output=True, check=False)
        return done.returncode == 0

    def take(self, *names: str) -> None:
        batch = [
            {"type": "track", "event": "Seen", "messageId": name, "anonymousId": "device"}
            for name in names
        ]
        request = urllib.request.Request(
            f"{self.server.address}/v1/batch",
            json.dumps({"batch": batch, "writeKey": self.server.write_key}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as reply:
            assert reply.status == 200

    def applied(self) -> int:
        found: int = self.server.ask(KNOWN)["stats"]["events"]
        return found


@pytest.fixture
def services() -> dict[str, Any]:
    return compose.services({"NEO4J_PASSWORD": "afewletters1"})


@contextmanager
def composed(services: dict[str, Any], place: Place, data: Path) -> Iterator[Composed]:
    """The embedded graph takes the place of Neo4j, and the folder that of the volume."""
    chosen = {"CDP_GRAPH": "sqlite", "CDP_LAG_LIMIT": "0.5"} | place.settings
    chosen["CDP_DATA"] = str(data)
    both = Composed(services, data, chosen)
    try:
        yield both
    finally:
        both.worker.kill()
        both.worker.wait(20)
        if both.server.process.poll() is None:
            both.server.kill()
        else:
            both.server.close()


def until(condition: Any) -> None:
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.1)


def test_server_and_worker_are_processes_of_their_own(
    services: dict[str, Any], place: Place, tmp_path: Path
) -> None:
    with composed(services, place, tmp_path / "data") as both:
        assert both.healthy("serve")
        assert both.server.workers() == []
        both.take("a", "b", "c")
        until(lambda: both.applied() == 3)
        assert both.healthy("worker")

        # The worker ends in order, and what comes meanwhile is taken, and told to be behind.
        both.worker.terminate()
        assert both.worker.wait(30) == 0
        both.take("d")
        time.sleep(0.6)
        both.take("e")
        until(lambda: not both.healthy("worker"))
        assert both.healthy("serve")
        assert both.applied() == 3

        both.worker = both.start_worker()
        until(lambda: both.applied() == 5)
        until(lambda: both.healthy("worker"))

        both.server.process.terminate()
        assert both.server.process.wait(30) == 0
        assert not both.healthy("serve")
        both.worker.terminate()
        assert both.worker.wait(30) == 0


def saving() -> list[str]:
    """The command of the page that copies the log while everything runs, as the shell reads it."""
    page = (compose.ROOT / "docs/deploying.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^docker compose exec serve (python -c .*)$", page, re.MULTILINE)
    return shlex.split(line)


def test_the_log_saved_while_all_runs_gives_the_graph_again(
    services: dict[str, Any], place: Place, tmp_path: Path
) -> None:
    data, restored = tmp_path / "data", tmp_path / "restored"
    with composed(services, place, data) as both:
        both.take("a", "b", "c")
        until(lambda: both.applied() == 3)
        words = [word.replace("/data/", f"{data}/") for word in saving()]
        subprocess.run([sys.executable, *words[1:]], check=True, timeout=60)
        both.take("after")
        until(lambda: both.applied() == 4)

    restored.mkdir()
    shutil.copyfile(data / "log.backup", restored / "log.db")
    shutil.copyfile(data / "credentials.toml", restored / "credentials.toml")
    assert "is what the log says" in cdp("check", restored)
    with served(restored) as server:
        assert server.ask(KNOWN)["stats"]["events"] == 3
        assert server.token == both.server.token
