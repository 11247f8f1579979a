"""No room on the disk under a running `cdp serve`: nothing is acknowledged that is not kept, asking
goes on, and taking goes on as soon as there is room again."""

from __future__ import annotations

import json
import resource
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asking import person
from serving import Server, cdp, served

USER = "full-disk-user"
EVENTS_A_BATCH = 4
ROOM = 96 * 1024
NO_LIMIT = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]
    retry_after: str | None


def batch(number: int) -> list[dict[str, Any]]:
    """Some 20 KB in a few events."""
    return [
        {
            "type": "track", "event": "Filled", "userId": USER, "messageId": f"{number}-{place}",
            "properties": {"filling": "x" * 5_000},
        }
        for place in range(EVENTS_A_BATCH)
    ]  # fmt: skip


def post(server: Server, number: int) -> Answer:
    body = json.dumps({"batch": batch(number), "writeKey": server.write_key}).encode()
    request = urllib.request.Request(
        f"{server.address}/v1/batch", body, {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return Answer(reply.status, json.load(reply), None)
    except urllib.error.HTTPError as refused:
        with refused:
            return Answer(refused.code, json.load(refused), refused.headers["Retry-After"])


def post_all(server: Server, numbers: list[int]) -> dict[int, Answer]:
    """From several clients at once, so that a commit holds more than one request."""
    with ThreadPoolExecutor(4) as clients:
        return dict(zip(numbers, clients.map(lambda n: post(server, n), numbers), strict=True))


def largest_file(data: Path) -> int:
    return max(path.stat().st_size for path in data.iterdir() if path.is_file())


def test_a_full_disk_is_got_over(tmp_path: Path) -> None:
    with served(tmp_path / "data") as server:
        before = post_all(server, [0, 1])
        assert {answer.status for answer in before.values()} == {200}
        person(server, USER, 2 * EVENTS_A_BATCH)

        # What the kernel refuses here fails the same calls as a disk without room: of the worker, too.
        limit = largest_file(server.data) + ROOM
        processes = [server.process.pid, *server.workers()]
        for pid in processes:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        during = post_all(server, list(range(2, 26)))
        refused = [number for number, answer in during.items() if answer.status != 200]
        assert refused
        for number in refused:
            answer = during[number]
            assert (answer.status, answer.body["success"]) == (503, False)
            assert answer.body["code"] == "LOG_FULL"
            assert "room" in answer.body["message"]
            assert int(answer.retry_after or 0) > 0
        # Who asks is answered meanwhile, and the process lives.
        assert server.ask("{ stats { profiles } }")["stats"]["profiles"] == 1
        with urllib.request.urlopen(f"{server.address}/healthz", timeout=20) as alive:
            assert alive.status == 200

        for pid in {*processes, *server.workers()}:
            try:
                resource.prlimit(pid, resource.RLIMIT_FSIZE, NO_LIMIT)
            except ProcessLookupError:
                continue
        # What was acknowledged is there, and nothing of what was refused.
        kept = (26 - len(refused)) * EVENTS_A_BATCH
        assert person(server, USER, kept).counters["events"] == kept
        after = post_all(server, refused)
        assert {answer.status for answer in after.values()} == {200}
        assert person(server, USER, 26 * EVENTS_A_BATCH).counters["events"] == 26 * EVENTS_A_BATCH
        assert server.ask("{ stats { deadLetters } }")["stats"]["deadLetters"] == 0
    assert "is what the log says" in cdp("check", server.data)
