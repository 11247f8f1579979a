"""What the tests need of the system beside Python: looked for, and installed where that can be done.

`make system`, a part of `make test`, runs this file; it is quick when everything is there. What is
missing it installs with apt-get where it runs as root on Debian or Ubuntu, else it stops with one
sentence that names it. Tests ask `path_of` and `client_packages`: they fail with that sentence, and
never skip.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

CLIENTS = Path(__file__).resolve().parents[1] / "clients"
ATTEMPTS = 3
PAUSE_S = 5.0


class Missing(Exception):
    """Something that the tests need is not there; the text is one sentence that names it."""


@dataclass(frozen=True)
class Tool:
    """A program and how it is found: `variable` (a path in the environment) goes before `commands`.

    `major`: the least major version, asked of the program itself; 0 where any will do. `packages`:
    Debian's and Ubuntu's names, the first that the system knows is installed.
    """

    name: str
    commands: tuple[str, ...]
    packages: tuple[str, ...]
    variable: str = ""
    major: int = 0

    def find(self) -> str | None:
        return next((path for path in self._candidates() if self._answers(path)), None)

    def _candidates(self) -> Iterator[str]:
        for command in (os.environ.get(self.variable, ""), *self.commands):
            path = shutil.which(command) if command else None
            if path is not None:
                yield path

    def _answers(self, path: str) -> bool:
        """Whether it runs and is new enough: Ubuntu's chromium may be a script without a browser."""
        if not self.major:
            return True
        try:
            done = subprocess.run(
                [path, "--version"], capture_output=True, text=True, timeout=60, check=False
            )
        except OSError:
            return False
        version = re.search(r"(\d+)\.", done.stdout)
        return done.returncode == 0 and version is not None and int(version[1]) >= self.major


_JAVA = "java"
if "JAVA_HOME" in os.environ:
    _JAVA = str(Path(os.environ["JAVA_HOME"]) / "bin" / "java")

TOOLS = {
    "java": Tool(
        "Java 17 or later",
        (_JAVA, "java"),
        ("openjdk-17-jre-headless", "openjdk-21-jre-headless", "default-jre-headless"),
        major=17,
    ),
    "mvn": Tool("Maven", ("mvn",), ("maven",)),
    "node": Tool("Node 18 or later", ("node", "nodejs"), ("nodejs",), major=18),
    "npm": Tool("npm", ("npm",), ("npm",)),
    "chromium": Tool(
        "Chromium (or its path in CHROME_BIN)",
        (
            "chromium",
            "chromium-browser",
            "google-chrome",
            "google-chrome-stable",
            "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
            "/Applications/Chromium.app/Contents/MacOS/Chromium",
        ),
        ("chromium",),
        variable="CHROME_BIN",
        major=90,
    ),
    "curl": Tool("curl", ("curl",), ("curl",)),
}


def path_of(tool: str) -> str:
    """The program's path. Raises Missing."""
    found = TOOLS[tool].find()
    if found is None:
        raise Missing(f"The tests need {TOOLS[tool].name}: `make system` looks for it.")
    return found


def client_packages() -> Path:
    """Where the public JavaScript clients lie, as npm installed them. Raises Missing."""
    if not _clients_are_there():
        raise Missing("The tests need the JavaScript clients: `make system` fetches them.")
    return CLIENTS / "node_modules"


def make_ready() -> None:
    """Everything is there afterwards. Raises Missing."""
    missing = [tool for tool in TOOLS.values() if tool.find() is None]
    if missing:
        _install(missing)
    if not _clients_are_there():
        _fetch_clients()


def _install(missing: Sequence[Tool]) -> None:
    names = ", ".join(tool.name for tool in missing)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Missing(f"The tests need what is not installed here: {names}.")
    print(f"Installing with apt-get: {names}.", flush=True)
    # Where another source of packages is out of order, what is needed may still be had.
    _patiently(["apt-get", "update", "-qq"])
    packages = [_known(tool) for tool in missing]
    done = _patiently(
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
        {**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    )
    still = ", ".join(tool.name for tool in missing if tool.find() is None)
    if still:
        said = "" if done else " and apt-get could not install it (it says above why)"
        raise Missing(f"The tests need what is not installed here{said}: {still}.")


def _known(tool: Tool) -> str:
    """The first of its packages that this system can install; else the last."""
    for package in tool.packages[:-1]:
        said = subprocess.run(
            ["apt-cache", "policy", package], capture_output=True, text=True, check=False
        )
        if "Candidate: " in said.stdout and "Candidate: (none)" not in said.stdout:
            return package
    return tool.packages[-1]


def _clients_are_there() -> bool:
    """Whether what is installed is what the lock says today."""
    installed = CLIENTS / "node_modules" / ".installed-lock.json"
    wanted = CLIENTS / "package-lock.json"
    return installed.exists() and installed.read_bytes() == wanted.read_bytes()


def _fetch_clients() -> None:
    npm = path_of("npm")
    print("Fetching the public JavaScript clients with npm.", flush=True)
    # The clients run unmodified; scripts of packages have no business here.
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(CLIENTS)]
    if not _patiently(command):
        raise Missing(
            "The tests need the JavaScript clients of tests/clients/package-lock.json,"
            " and npm could not fetch them (it says above why)."
        )
    shutil.copy(CLIENTS / "package-lock.json", CLIENTS / "node_modules" / ".installed-lock.json")


def _patiently(command: Sequence[str], environment: dict[str, str] | None = None) -> bool:
    """Runs what needs the network, again where it fails; whether it came through."""
    for attempt in range(1, ATTEMPTS + 1):
        if subprocess.run(command, env=environment, check=False).returncode == 0:
            return True
        again = attempt < ATTEMPTS
        print(
            f"`{' '.join(command[:2])}` failed ({attempt} of {ATTEMPTS})"
            + (f"; again in {PAUSE_S:.0f} seconds." if again else "."),
            file=sys.stderr,
            flush=True,
        )
        if again:
            time.sleep(PAUSE_S)
    return False


if __name__ == "__main__":
    try:
        make_ready()
    except Missing as problem:
        sys.exit(str(problem))
