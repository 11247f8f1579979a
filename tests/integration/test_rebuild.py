"""A graph goes with its log: another one, or an older copy, is refused; `cdp rebuild` mends it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from cdp.cli.console import err, out
from cdp.cli.main import run


def told(arguments: Sequence[str], data: Path) -> tuple[int, str]:
    """The exit code of a command, and what it printed."""
    with out.capture() as printed, err.capture() as complained:
        code = run([*arguments, "--data", str(data)])
    return code, printed.get() + complained.get()


def take(data: Path, *users: str) -> None:
    """Events of these users, into the log alone."""
    file = data.parent / f"{'-'.join(users)}.ndjson"
    calls = [{"type": "track", "userId": user, "event": "Seen"} for user in users]
    file.write_text("".join(json.dumps(call) + "\n" for call in calls), encoding="utf-8")
    assert told(["import", str(file)], data)[0] == 0


def work(data: Path) -> None:
    assert told(["worker", "--until-idle"], data)[0] == 0


def copy_log(data: Path, to: Path) -> None:
    to.mkdir(exist_ok=True)
    for file in data.glob("log.db*"):
        shutil.copy(file, to)


def bring_back_log(data: Path, kept: Path) -> None:
    for file in data.glob("log.db*"):
        file.unlink()
    for file in kept.iterdir():
        shutil.copy(file, data)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.mark.parametrize("grown", [0, 2, 3])
def test_a_log_from_an_older_copy_is_refused_until_the_graph_is_rebuilt(
    data: Path, tmp_path: Path, grown: int
) -> None:
    """Had the worker gone on where the graph stands, what came since would have been passed over."""
    take(data, "u1", "u2")
    copy_log(data, tmp_path / "kept")
    take(data, "u3", "u4")
    work(data)
    bring_back_log(data, tmp_path / "kept")
    # `grown` records reach the old copy by another way than a command, which refuses.
    if grown:
        other = tmp_path / "other"
        other.mkdir()
        shutil.copy(data / "credentials.toml", other)
        copy_log(data, other)
        take(other, *(f"late{number}" for number in range(grown)))
        shutil.rmtree(tmp_path / "kept")
        copy_log(other, tmp_path / "kept")
        bring_back_log(data, tmp_path / "kept")
    code = "POSITION_OUTSIDE_LOG" if grown < 2 else "LOG_REPLACED"
    before = (data / "graph.db").read_bytes()
    for verb in (["worker", "--until-idle"], ["check"], ["dead-letters", "list"]):
        refused, text = told(verb, data)
        assert (refused, code in text) == (2, True), text
    assert (data / "graph.db").read_bytes() == before

    rebuilt, text = told(["rebuild"], data)
    assert rebuilt == 0 and "graph.old" in text
    assert told(["check"], data)[0] == 0
    assert (data / "graph.old").read_bytes() == before


def test_a_graph_of_another_log_is_rebuilt_from_this_one(data: Path, tmp_path: Path) -> None:
    take(data, "u1", "u2")
    work(data)
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(data / "credentials.toml", other)
    take(other, "u3")
    copy_log(other, tmp_path / "kept")
    bring_back_log(data, tmp_path / "kept")
    refused, text = told(["worker", "--until-idle"], data)
    assert refused == 2 and "WRONG_LOG" in text
    assert told(["rebuild"], data)[0] == 0
    assert told(["check"], data)[0] == 0


def test_no_graph_is_lost_to_an_empty_log(data: Path) -> None:
    take(data, "u1")
    work(data)
    for file in data.glob("log.db*"):
        file.unlink()
    before = (data / "graph.db").read_bytes()
    code, text = told(["rebuild"], data)
    assert code == 2 and "The log is empty" in text
    assert (data / "graph.db").read_bytes() == before


def test_rebuild_leaves_the_graph_and_the_old_one_and_nothing_else(data: Path) -> None:
    take(data, "u1")
    work(data)
    (data / "graph.db").unlink()
    assert "there was none before" in told(["rebuild"], data)[1]
    assert not (data / "graph.old").exists()
    code, text = told(["rebuild"], data)
    assert code == 0 and "equals the old one" in text
    assert sorted(file.name for file in data.glob("graph*")) == ["graph.db", "graph.old"]
