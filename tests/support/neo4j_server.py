"""A real Neo4j for tests: the one that NEO4J_URI names, else one started from the Maven artifacts.

It runs on free ports, in a temporary folder, with a small heap, and is ended by its pid.
"""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import neo4j
from maven_artifacts import CannotStart, java, libraries
from neo4j.exceptions import Neo4jError, ServiceUnavailable

PASSWORD = "only-for-tests"
HEAP = "-Xmx1g"
PAGE_CACHE = "192m"
START_S = 240.0
_OPENS = (
    "java.base/java.nio", "java.base/java.io", "java.base/sun.nio.ch",
    "java.base/java.util.concurrent",
)  # fmt: skip


class Neo4jServer:
    """`address` is what CDP_GRAPH takes. Only a server that was started here has a process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self._http = _free_ports(2)
        self.read_only = False
        self._new = True
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"bolt://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        return f"bolt://neo4j:{PASSWORD}@127.0.0.1:{self.port}/neo4j"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Starts it on what lies in the folder, and waits until it answers. Raises CannotStart."""
        self._configure()
        with (self.folder / "out.txt").open("ab") as out:
            self._process = subprocess.Popen(self._command(), stdout=out, stderr=out)
        self._await()

    def stop(self) -> None:
        """SIGTERM, and waits for the end."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)
            self._process = None

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(60)
            self._process = None

    def _command(self) -> list[str]:
        return [
            java(), HEAP, "-XX:+UseSerialGC", "-XX:ActiveProcessorCount=2", "-XX:TieredStopAtLevel=4",
            *(f"--add-opens={package}=ALL-UNNAMED" for package in _OPENS),
            "-Dio.netty.tryReflectionSetAccessible=true",
            "-cp", f"{libraries('neo4j')}/*", "org.neo4j.server.CommunityEntryPoint",
            f"--home-dir={self.folder}", f"--config-dir={self.folder / 'conf'}",
        ]  # fmt: skip

    def _configure(self) -> None:
        conf = self.folder / "conf"
        conf.mkdir(parents=True, exist_ok=True)
        settings = {
            "server.bolt.listen_address": f"127.0.0.1:{self.port}",
            "server.bolt.advertised_address": f"127.0.0.1:{self.port}",
            "server.http.listen_address": f"127.0.0.1:{self._http}",
            "dbms.security.auth_enabled": "true",
            "dbms.security.auth_max_failed_attempts": "0",
            "server.memory.pagecache.size": PAGE_CACHE,
            "dbms.usage_report.enabled": "false",
            # Every test empties the database: the plans are good all the same.
            "dbms.cypher.min_replan_interval": "1d",
            "db.tx_log.preallocate": "false",
            "server.databases.default_to_read_only": str(self.read_only).lower(),
        }
        text = "".join(f"{name}={value}\n" for name, value in settings.items())
        (conf / "neo4j.conf").write_text(text, encoding="utf-8")

    def _await(self) -> None:
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            if self._process is not None and self._process.poll() is not None:
                break
            if _answers(self.port) and self._takes_questions():
                return
            time.sleep(0.1)
        told = (self.folder / "out.txt").read_text(encoding="utf-8", errors="replace")
        self.kill()
        raise CannotStart(f"Neo4j does not start: {told.strip()[-600:]}")

    def _takes_questions(self) -> bool:
        """A new server has the password neo4j, and asks for another one. Bolt answers before the
        database does, and neither answers at once."""
        try:
            if self._new:
                with neo4j.GraphDatabase.driver(self.uri, auth=("neo4j", "neo4j")) as driver:
                    driver.execute_query(
                        "ALTER CURRENT USER SET PASSWORD FROM 'neo4j' TO $new",
                        new=PASSWORD, database_="system",
                    )  # fmt: skip
                self._new = False
            with neo4j.GraphDatabase.driver(self.uri, auth=("neo4j", PASSWORD)) as driver:
                driver.execute_query("RETURN 1", database_="neo4j")
        except (ServiceUnavailable, Neo4jError):
            return False
        return True


class GivenServer:
    """The server that the environment names."""

    def __init__(self, address: str) -> None:
        self.address = address
        parts = urlsplit(address)
        host = parts.netloc.rpartition("@")[2]
        self.uri = f"{parts.scheme}://{host}"


@contextmanager
def started() -> Iterator[Neo4jServer]:
    """A server of one's own, gone at the end with all that it kept."""
    memory = Path("/dev/shm")
    quick = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="cdp-neo4j-", dir=quick))
    server = Neo4jServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


@cache
def the_server() -> Neo4jServer | GivenServer:
    """The server of the test session, started when it is first asked for and ended with the session.
    NEO4J_URI is an address as CDP_GRAPH takes it; everything in that database is deleted by the
    tests. Raises CannotStart."""
    given = os.environ.get("NEO4J_URI")
    if given:
        return GivenServer(given)
    running = ExitStack()
    atexit.register(running.close)
    return running.enter_context(started())


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
