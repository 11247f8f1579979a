"""Servers for tests come as public Maven artifacts: fetched once, kept in the user's cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

POMS = Path(__file__).parent / "maven"
LEAST_JAVA = 17


class CannotStart(RuntimeError):
    """A server that a test needs cannot be started; the message says what to install."""


def libraries(name: str) -> Path:
    """The folder with the jars of `maven/NAME.xml`, fetched where they are not there yet. Raises
    CannotStart."""
    java()
    pom = POMS / f"{name}.xml"
    version = re.search(r"<version>(.+?)</version>", pom.read_text(encoding="utf-8"))
    assert version is not None
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "graph-cdp-tests" / f"{name}-{version[1]}"
    if not folder.exists():
        _fetch(pom, folder)
    return folder


def java() -> str:
    """The machine's Java. Raises CannotStart where there is none, or too old a one."""
    home = os.environ.get("JAVA_HOME")
    found = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    wanted = f"Install Java {LEAST_JAVA} or later and Maven: the tests start real servers with them"
    if found is None:
        raise CannotStart(f"{wanted} (no java was found).")
    told = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', told)
    if version is None or int(version[1]) < LEAST_JAVA:
        raise CannotStart(f"{wanted} ({found} is another one).")
    return found


def _fetch(pom: Path, folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise CannotStart(f"Install Maven: the tests fetch {pom.stem} with it (no mvn was found).")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        shutil.copy(pom, Path(work) / "pom.xml")
        done = subprocess.run(
            [
                maven, "-q", "-B", "dependency:copy-dependencies",
                "-DincludeScope=runtime", "-DoutputDirectory=lib",
            ],
            cwd=work, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise CannotStart(f"Maven cannot fetch {pom.stem}: {done.stdout.strip()[-400:]}")
        try:
            # At once, so that no other session finds half of it.
            (Path(work) / "lib").rename(folder)
        except OSError:
            if not folder.exists():
                raise
