"""`cdp serve` as a user starts it: a process of its own on a free port, ended by its pid."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


class Server:
    """A running server on a folder. `told`: a file that takes what it and its worker write;
    `command`: the arguments before ours; `settings`: more of the environment."""

    def __init__(
        self,
        data: Path,
        told: Path | None = None,
        command: Sequence[str] = ("serve",),
        **settings: str,
    ) -> None:
        self.data = data
        self._told = told.open("ab") if told is not None else None
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cdp", *command, "--data", str(data), "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=self._told or subprocess.DEVNULL,
            text=True,
            env={**os.environ, **settings},
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert "Listening on" in line, line
        self.address = line.split()[-1]
        made = tomllib.loads((data / "credentials.toml").read_text(encoding="utf-8"))
        self.write_key = made["cdp_write_keys"]
        self.token = (made.get("cdp_tokens") or os.environ["CDP_TOKENS"]).partition("=")[0]

    def post(self, *batch: dict[str, Any]) -> None:
        """Sends calls, which must be taken."""
        sent_at = datetime.now(UTC).isoformat()
        request = urllib.request.Request(
            f"{self.address}/v1/batch",
            json.dumps({"batch": batch, "writeKey": self.write_key, "sentAt": sent_at}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as reply:
            assert json.load(reply) == {"success": True}

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a query that must have no errors."""
        answer = self.answer(query, **variables)
        assert "errors" not in answer, answer
        found: dict[str, Any] = answer["data"]
        return found

    def answer(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole answer of a query that is executed."""
        request = urllib.request.Request(
            f"{self.address}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=20) as reply:
            answer: dict[str, Any] = json.load(reply)
        return answer

    def workers(self) -> list[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def kill(self) -> None:
        """kill -9 of the server and of its worker."""
        for pid in self.workers():
            os.kill(pid, signal.SIGKILL)
        self.process.kill()
        self.close()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.close()

    def close(self) -> int:
        code = self.process.wait(60)
        assert self.process.stdout is not None
        rest = self.process.stdout.read()
        self.process.stdout.close()
        if self._told is not None:
            self._told.write(rest.encode())
            self._told.close()
        return code


@contextmanager
def served(data: Path, **settings: str) -> Iterator[Server]:
    """A server while the block runs; stopped as a user stops it, and by force where the block fails."""
    server = Server(data, **settings)
    try:
        yield server
    except BaseException:
        server.kill()
        raise
    assert server.stop() == 0


def cdp(verb: str, data: Path, *more: str) -> str:
    """What a verb of the command prints; it must exit 0."""
    command = [sys.executable, "-m", "cdp", verb, *more, "--data", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
