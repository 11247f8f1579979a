"""Wrong use of the command: exit code 2 and a sentence, never a traceback; nothing is made."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from cdp.cli.main import run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("serve --port 99999", "'99999' is no whole number from 0 to 65535"),
        ("serve --port http", "'http' is no whole number from 0 to 65535"),
        ("demo --people 0", "'0' is no whole number from 1 on"),
        ("simulate --out x --people -5", "'-5' is no whole number from 1 on"),
        ("simulate --out x --days 0", "'0' is no whole number from 1 on"),
        ("simulate --out x --until tomorrow", "'tomorrow' is no time in ISO 8601"),
        ("import x.csv --map user", "'user' is not of the form COLUMN=FIELD"),
        ("import x.csv --map =userId", "'=userId' is not of the form COLUMN=FIELD"),
        ("train --budget soon", "'soon' is no span of time such as 90s, 10m or 1h"),
        ("train --budget 0m", "'0m' is no span of time such as 90s, 10m or 1h"),
        ("nothing", "invalid choice: 'nothing'"),
    ],
)
def test_a_wrong_argument_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: str,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        run(arguments.split())
    assert left.value.code == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_is_taken_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        data = str(tmp_path / "data")
        assert run(["serve", "--data", data, "--port", str(port), "--no-worker"]) == 2
    said = capsys.readouterr().err.strip()
    assert said == (f"BAD_INPUT: 127.0.0.1:{port} cannot be listened on (Address already in use).")


def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    out = str(tmp_path / "file" / "shop")
    data = str(tmp_path / "data")
    assert run(["simulate", "--out", out, "--people", "2", "--days", "1", "--data", data]) == 2
    assert f"{out} cannot be written: Not a directory." in capsys.readouterr().err
