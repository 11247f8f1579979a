"""The worker that `cdp serve` started does not outlive it, also where serve is killed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from serving import Server, cdp


def gone(pid: int, within_s: float = 20.0) -> bool:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        stat = Path(f"/proc/{pid}/stat")
        if stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def test_the_worker_ends_with_a_server_that_is_killed(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    (worker,) = server.workers()
    os.kill(server.process.pid, signal.SIGKILL)
    server.close()
    assert gone(worker)
    # Nobody holds the folder any more: this would wait for ever.
    assert "The graph is what the log says" in cdp("check", server.data)


def test_a_worker_that_waits_for_its_turn_ends_as_well(tmp_path: Path) -> None:
    first = Server(tmp_path / "data")
    second = Server(tmp_path / "data")
    try:
        (waiting,) = second.workers()
        os.kill(second.process.pid, signal.SIGKILL)
        second.close()
        assert gone(waiting)
    finally:
        first.stop()
