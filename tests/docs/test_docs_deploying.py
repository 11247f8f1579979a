"""The page about running it names what is there: commands, services, variables, metrics."""

from __future__ import annotations

import re
import shlex

import compose
import pytest

from api.metrics import Metrics
from cdp.cli import main
from cdp.settings import SETTINGS

PAGE = (compose.ROOT / "docs/deploying.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"(?:^|`)(docker compose [^`\n]+)", PAGE, re.MULTILINE)
SERVICES = set(compose.raw()["services"])


def verbs() -> list[list[str]]:
    """The arguments of every command that runs the product in a container."""
    found = []
    for command in COMMANDS:
        words = shlex.split(command)
        if words[2] == "exec" and words[4] == "cdp":
            found.append(words[5:])
        elif words[2] == "run":
            found.append(words[words.index("worker") + 1 :])
    return found


@pytest.mark.parametrize("arguments", verbs(), ids=" ".join)
def test_every_verb_is_one(arguments: list[str]) -> None:
    assert main._parser().parse_args(arguments).verb


def test_there_are_verbs_and_commands() -> None:
    assert {"settings", "import", "check", "train"} <= {arguments[0] for arguments in verbs()}
    assert {words.split()[2] for words in COMMANDS} >= {"up", "exec", "run", "cp", "stop", "start"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_service_is_one(command: str) -> None:
    words = shlex.split(command)
    named = {word.partition(":")[0] for word in words[3:] if ":/data" in word}
    if words[2] in ("exec", "stop", "start", "logs"):
        named.add(words[3])
    if "--scale" in words:
        named.add(words[words.index("--scale") + 1].partition("=")[0])
    if words[2] == "run":
        named.add("worker")
        assert "worker" in words
    assert named <= SERVICES


def test_every_service_and_port_is_told() -> None:
    for name, service in compose.services({"NEO4J_PASSWORD": "afewletters1"}).items():
        assert f"| `{name}` |" in PAGE
        for port in service.get("ports", []):
            assert port.split(":")[-2] in PAGE


def test_every_variable_is_one() -> None:
    asked = compose.variables() - {"CDP_VERSION", "CDP_LOG"}
    assert asked - set(re.findall(r"[A-Z0-9]+_[A-Z0-9_]+", PAGE)) == set()
    known = {setting.name for setting in SETTINGS} | compose.variables()
    named = set(re.findall(r"\b(?:CDP|NEO4J|SERVE)_[A-Z_]+", PAGE))
    assert named - known == set()


def test_every_metric_is_one() -> None:
    known = {
        sample.name + ("_total" if sample.type == "counter" else "")
        for sample in Metrics().registry.collect()
    }
    named = set(re.findall(r"`(cdp_\w+)", PAGE))
    assert named
    assert named <= known
