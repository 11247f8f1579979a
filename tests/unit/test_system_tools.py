"""Looking for what the tests need of the system, on systems made of small scripts."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import system_tools
from system_tools import TOOLS, Missing, make_ready, path_of


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH of its own, and the clients there already."""
    folder = tmp_path / "bin"
    folder.mkdir()
    clients = tmp_path / "clients"
    (clients / "node_modules").mkdir(parents=True)
    for lock in ("package-lock.json", "node_modules/.installed-lock.json"):
        (clients / lock).write_text("{}")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("CHROME_BIN", raising=False)
    monkeypatch.setattr(system_tools, "CLIENTS", clients)
    monkeypatch.setattr(system_tools, "PAUSE_S", 0.0)
    # A machine may have a browser outside of PATH, or its Java by JAVA_HOME.
    for name, commands in (("chromium", ("chromium",)), ("java", ("java",))):
        monkeypatch.setitem(TOOLS, name, replace(TOOLS[name], commands=commands))
    return folder


def program(folder: Path, name: str, script: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def everything(folder: Path, without: str = "") -> None:
    for name in TOOLS:
        if name != without:
            program(folder, name, 'echo "It 120.1"')


def test_what_is_there_is_found_and_nothing_is_installed(system: Path) -> None:
    everything(system)
    program(system, "apt-get", "exit 9")
    make_ready()
    assert path_of("node") == str(system / "node")


@pytest.mark.parametrize(
    "script",
    ['echo "v16.20.2"', "echo no version", 'echo "v20.1.0"; exit 1'],
    ids=["too old", "no version", "does not run"],
)
def test_what_cannot_be_used_is_not_there(system: Path, script: str) -> None:
    program(system, "node", script)
    with pytest.raises(Missing, match=r"^The tests need Node 18 or later: `make system` "):
        path_of("node")


def test_a_path_in_the_environment_goes_first(
    system: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything(system)
    mine = program(tmp_path, "my-chrome", 'echo "Chrome 140.0"')
    monkeypatch.setenv("CHROME_BIN", str(mine))
    assert path_of("chromium") == str(mine)


@pytest.mark.parametrize(("uid", "apt"), [(1000, True), (0, False)])
def test_where_nothing_can_be_installed_one_sentence_names_it_all(
    system: Path, monkeypatch: pytest.MonkeyPatch, uid: int, apt: bool
) -> None:
    if apt:
        program(system, "apt-get", "exit 9")
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    for name in ("java", "mvn", "npm", "curl"):
        program(system, name, "echo 17.0")
    with pytest.raises(Missing) as refused:
        make_ready()
    assert str(refused.value) == (
        "The tests need what is not installed here: Node 18 or later,"
        " Chromium (or its path in CHROME_BIN)."
    )


def test_what_is_missing_is_installed_and_a_failing_network_is_tried_again(
    system: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    everything(system, without="java")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    # This system knows Java 21 alone; its network fails once.
    program(system, "apt-cache", 'case $2 in *-21-*) echo "Candidate: 21.0.1";; esac')
    program(
        system,
        "apt-get",
        f"""echo "$@" >> {system}/calls
        case "$*" in install*openjdk-21-jre-headless)
          [ "$(wc -l < {system}/calls)" -gt 2 ] || exit 100
          printf '#!/bin/sh\\necho "openjdk 21.0.1"\\n' > {system}/java
          chmod +x {system}/java;;
        esac""",
    )
    for tool in ("wc", "chmod"):
        (system / tool).symlink_to(
            next(Path(d, tool) for d in ("/usr/bin", "/bin") if Path(d, tool).exists())
        )
    make_ready()
    assert path_of("java") == str(system / "java")
    calls = (system / "calls").read_text().splitlines()
    assert [call.split()[0] for call in calls] == ["update", "install", "install"]
    assert "failed (1 of 3); again in" in capfd.readouterr().err


def test_what_cannot_be_fetched_is_said(
    system: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    everything(system)
    program(system, "npm", f'echo "$1" >> {system}/calls; exit 1')
    (system_tools.CLIENTS / "package-lock.json").write_text('{"newer": true}')
    with pytest.raises(Missing, match="npm could not fetch them"):
        make_ready()
    assert (system / "calls").read_text().split() == ["ci"] * system_tools.ATTEMPTS
    assert "failed (3 of 3)." in capfd.readouterr().err
