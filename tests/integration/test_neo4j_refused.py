"""What is wrong with the address of a graph, or with what stands there, is one sentence, and exit 2."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from neo4j_server import Neo4jServer, started, the_server

from graph_schema.neo4j.address import parse


@pytest.fixture(scope="module")
def read_only() -> Iterator[Neo4jServer]:
    with started() as server:
        # The database is made first: one that may not be written to cannot be made.
        server.stop()
        server.read_only = True
        server.start()
        yield server


def cdp(folder: Path, address: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cdp", *words, "--data", str(folder)],
        env={**os.environ, "CDP_GRAPH": address}, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip


def told(folder: Path, address: str) -> str:
    done = cdp(folder, address, "worker", "--until-idle")
    assert done.returncode == 2, done
    assert done.stdout == "" and done.stderr.count("\n") == 1, done
    password = parse(the_server().address).password
    assert password not in done.stderr and "no-such-password" not in done.stderr
    return done.stderr.strip()


def test_a_wrong_password(tmp_path: Path) -> None:
    right = parse(the_server().address)
    wrong = the_server().address.replace(right.password, "no-such-password")
    assert told(tmp_path, wrong) == (
        f"STORE_LOGIN: {right.shown} does not let {right.user} in: correct user and password in"
        " CDP_GRAPH."
    )


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    address = the_server().address.rpartition("/")[0] + "/elsewhere"
    assert told(tmp_path, address).startswith("STORE_NO_DATABASE: ")
    assert "has no database elsewhere" in told(tmp_path, address)


@pytest.mark.parametrize("scheme", ["bolt", "neo4j"])
def test_nothing_answers(tmp_path: Path, scheme: str) -> None:
    found = told(tmp_path, f"{scheme}://neo4j:x@127.0.0.1:1/neo4j")
    assert found.startswith(f"STORE_UNREACHABLE: Nothing answers at {scheme}://127.0.0.1:1/neo4j (")
    assert found.endswith("start Neo4j there, or correct CDP_GRAPH.")


def test_a_database_that_takes_no_writes(tmp_path: Path, read_only: Neo4jServer) -> None:
    found = told(tmp_path, read_only.address)
    assert found.startswith(f"STORE_READ_ONLY: {parse(read_only.address).shown} can be read only")


@pytest.mark.parametrize(
    "address", ["neo4j://", "http://h/", "neo4j://u:no-such-password@h:port/x"]
)
def test_no_address(tmp_path: Path, address: str) -> None:
    assert told(tmp_path, address).startswith("BAD_SETTING: The setting CDP_GRAPH is wrong: ")
