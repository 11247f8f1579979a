"""The Dockerfile makes an image that has the whole product in it and runs it without rights."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import compose
import pytest

PROJECT = tomllib.loads((compose.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGES = ("cdp", "api", "identity", "gnn", "graph_schema")


def last(name: str) -> str:
    """What an instruction of the image says that stands last; earlier ones it takes back."""
    final = max(instruction.stage for instruction in compose.dockerfile())
    return [i.text for i in compose.dockerfile() if i.name == name and i.stage == final][-1]


def installing() -> list[str]:
    (text,) = [i.text for i in compose.dockerfile() if i.name == "RUN" and "pip install" in i.text]
    return shlex.split(text)


def test_it_is_slim_and_a_version_that_the_product_supports() -> None:
    bases = {i.text.partition(" AS ")[0] for i in compose.dockerfile() if i.name == "FROM"}
    assert bases == {"python:${PYTHON}-slim"}
    (version,) = [i.text for i in compose.dockerfile() if i.text.startswith("PYTHON=")]
    minor = int(version.rpartition(".")[2])
    assert PROJECT["requires-python"] == ">=3.11,<3.14"
    assert 11 <= minor < 14


def test_it_installs_what_the_constraints_name() -> None:
    words = installing()
    assert words[words.index("-c") + 1] == "constraints.txt"
    assert "constraints.txt" in " ".join(i.text for i in compose.dockerfile() if i.name == "COPY")
    assert words[-1] == ".[${EXTRAS}]"
    (extras,) = [i.text for i in compose.dockerfile() if i.text.startswith("EXTRAS=")]
    assert set(extras.removeprefix("EXTRAS=").split(",")) == {"neo4j", "kafka"}
    assert {"neo4j", "kafka"} <= set(PROJECT["optional-dependencies"])


def test_it_runs_the_command_as_nobody_in_particular() -> None:
    user, _, group = last("USER").partition(":")
    assert int(user) > 0 and int(group) > 0
    made = " ".join(i.text for i in compose.dockerfile() if i.name == "RUN")
    assert f"--uid {user}" in made and "--owner=cdp" in made
    after = compose.dockerfile()
    position = max(number for number, i in enumerate(after) if i.name == "USER")
    assert not [i for i in after[position:] if i.name in ("RUN", "COPY", "ADD")]
    assert last("ENTRYPOINT") == '["cdp"]'
    assert "cdp" in PROJECT["scripts"]
    assert last("WORKDIR") == last("VOLUME")


def test_nothing_else_goes_to_the_builder() -> None:
    sent = {path.name for path in compose.ROOT.iterdir() if not compose.ignored(Path(path.name))}
    named = {
        word.removeprefix("./")
        for i in compose.dockerfile()
        if i.name == "COPY" and not i.text.startswith("--from")
        for word in i.text.split()[:-1]
    }
    assert sent == named
    for secret in (".git/config", ".venv/pyvenv.cfg", "cdp-data/credentials.toml", ".env"):
        assert compose.ignored(Path(secret)), secret
    assert compose.ignored(Path("cdp/cli/__pycache__/main.cpython-311.pyc"))
    assert not compose.ignored(Path("graph_schema/sqlite/queries/reading.sql"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pip installs from what the Dockerfile copies: the dependencies are those of the tests."""
    source, target = tmp_path_factory.mktemp("src"), tmp_path_factory.mktemp("installed")
    compose.copied(source)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    offline = ["--no-build-isolation", "--disable-pip-version-check", "--target", str(target), "."]
    done = subprocess.run(
        command + offline, cwd=source, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    return target


def test_every_file_of_the_product_is_in_the_image(installed: Path) -> None:
    for package in PACKAGES:
        here, there = (
            {
                str(path.relative_to(root))
                for path in (root / package).rglob("*")
                if path.is_file() and path.suffix != ".pyc"
            }
            for root in (compose.ROOT, installed)
        )
        assert here == there, package


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        ("settings --json", "/data"),
        ("schema graphql", "type Query"),
        ("check --json", '"clean": true'),
        ("identity rules", "limit"),
    ],
)
def test_it_works_from_what_is_in_the_image_alone(
    installed: Path, tmp_path: Path, verb: str, said: str
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "cdp", *verb.split(), "--data", str(tmp_path / "data")]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    asked = [sys.executable, "-c", "import cdp; print(cdp.__file__)"]
    told = subprocess.run(
        asked, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout.startswith(str(installed))
