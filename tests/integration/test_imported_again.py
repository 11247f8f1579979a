"""A file that is imported again changes nothing, its bad rows included; and nothing of a row is lost."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from pathlib import Path
from typing import Any

from cdp.bootstrap import build, opened
from cdp.cli.console import err, out
from cdp.cli.main import run
from cdp.collector.limits import Limits
from cdp.collector.replay import replay
from cdp.eventlog.dead_letter import DeadLetter
from cdp.settings import load

LINES = (
    '{"type": "track", "userId": "u1", "event": "Seen"}',
    '{"type": "track", "userId": "u1", "event": "Seen"}',
    "no JSON, but é",
    '{"type": "item"}',
    '{"type": "item", "id": "i1", "available": "false"}',
    '{"type": "track", "event": "Seen", "timestamp": "2026-01-01T00:00:00Z"}',
)


def imported(file: Path, data: Path) -> dict[str, Any]:
    with out.capture() as printed:
        assert run(["import", str(file), "--data", str(data), "--json"]) == 0
    summary: dict[str, Any] = json.loads(printed.get())
    assert run(["worker", "--until-idle", "--data", str(data)]) == 0
    return summary


def letters(data: Path) -> list[DeadLetter]:
    async def read() -> list[DeadLetter]:
        async with opened(build(load({"CDP_DATA": str(data)}))) as parts:
            return [letter for _, letter in await parts.log.dead_letters(0, 100)]

    return asyncio.run(read())


def test_the_same_file_again_changes_nothing(tmp_path: Path) -> None:
    file, data = tmp_path / "a.ndjson", tmp_path / "data"
    file.write_text("\n".join(LINES), encoding="utf-8")
    assert imported(file, data) == {"taken": 2, "duplicate": 0, "items": 1, "dead": 3}
    first = letters(data)
    assert imported(file, data) == {"taken": 0, "duplicate": 2, "items": 1, "dead": 3}
    assert letters(data) == first


def test_a_bad_row_is_kept_as_it_was(tmp_path: Path) -> None:
    file, table, data = tmp_path / "a.ndjson", tmp_path / "b.csv", tmp_path / "data"
    file.write_text("\n".join(LINES), encoding="utf-8")
    table.write_text("type,userId,event\ntrack,u1\n", encoding="utf-8")
    imported(file, data)
    imported(table, data)
    kept = {letter.origin: letter.body.decode() for letter in letters(data)}
    assert (kept["a.ndjson:3"], kept["a.ndjson:4"]) == (LINES[2], LINES[3])
    assert json.loads(kept["b.csv:2"]) == ["track", "u1"]


def test_a_row_that_is_taken_later_has_the_id_that_its_file_gives_it(tmp_path: Path) -> None:
    """Else it would be there twice once the file is imported again."""
    file, data = tmp_path / "a.ndjson", tmp_path / "data"
    call = {"type": "track", "userId": "u1", "event": "Seen", "properties": {"x": "y" * 40_000}}
    file.write_text(json.dumps(call), encoding="utf-8")
    imported(file, data)
    (letter,) = letters(data)
    (event,) = replay(letter, Limits(event_bytes=100_000)).events
    assert event.message_id.startswith("import-")


def test_of_a_file_that_breaks_off_all_before_that_is_taken(tmp_path: Path) -> None:
    lines = "".join(
        f'{{"type": "track", "userId": "u{number}", "event": "Seen", "messageId": "m{number}",'
        f' "timestamp": "2026-01-01T00:00:00Z"}}\n'
        for number in range(1_500)
    )
    whole = gzip.compress(lines.encode())
    cut = tmp_path / "a.ndjson.gz"
    cut.write_bytes(whole[: len(whole) * 9 // 10])
    with err.capture() as said:
        assert run(["import", str(cut), "--data", str(tmp_path / "data")]) == 2
    beyond = int(re.search(r"beyond line (\d+)", " ".join(said.get().split())).group(1))
    assert 1_000 < beyond < 1_500
    assert run(["worker", "--until-idle", "--data", str(tmp_path / "data")]) == 0
    cut.write_bytes(whole)
    summary = imported(cut, tmp_path / "data")
    assert (summary["duplicate"], summary["taken"]) == (beyond, 1_500 - beyond)
