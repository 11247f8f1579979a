"""A rule for spellings, tried, put in force and taken back with the command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cdp.cli.main import run

Answer = tuple[int, str]
Cdp = Callable[..., Answer]
RULES = """[namespaces.email.equivalent]
form = "email"
dotless = ["gmail.com"]
"""


@pytest.fixture
def cdp(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Cdp:
    """Runs a verb on an installation of its own: (exit code, standard output)."""

    def call(*arguments: str) -> Answer:
        code = run([*arguments, "--data", str(tmp_path / "data")])
        return code, capsys.readouterr().out

    return call


def tried(cdp: Cdp, file: Path) -> tuple[int, int, int, int]:
    """(profiles before, after, merges, splits) of a dry run."""
    found = json.loads(cdp("dry-run", str(file), "--json")[1])
    return (
        found["profiles_before"], found["profiles_after"], found["merges"], found["splits"],
    )  # fmt: skip


def test_it_is_tried_put_in_force_and_taken_back(
    cdp: Cdp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = [
        {
            "type": "identify", "messageId": f"m{n}", "anonymousId": f"a{n}",
            "traits": {"email": email}, "timestamp": f"2026-11-01T1{n}:00:00Z",
        }
        for n, email in enumerate(("ann.lee@gmail.com", "annlee+x@gmail.com", "bob@x.org"))
    ]  # fmt: skip
    events, spelled, plain = (tmp_path / name for name in ("e.ndjson", "on.toml", "off.toml"))
    events.write_text("\n".join(map(json.dumps, calls)), encoding="utf-8")
    spelled.write_text(RULES, encoding="utf-8")
    plain.write_text("", encoding="utf-8")
    assert cdp("import", str(events))[0] == 0
    assert cdp("worker", "--until-idle")[0] == 0
    assert tried(cdp, spelled) == (3, 2, 1, 0)

    monkeypatch.setenv("CDP_IDENTITY_RULES", str(spelled))
    assert cdp("check")[0] == 1
    code, told = cdp("rebuild")
    assert code == 0
    assert "the old one differed" in told
    assert cdp("check")[0] == 0
    assert tried(cdp, spelled) == (2, 2, 0, 0)
    assert tried(cdp, plain) == (2, 3, 0, 1)

    monkeypatch.delenv("CDP_IDENTITY_RULES")
    assert cdp("rebuild")[0] == 0
    assert cdp("check")[0] == 0
    assert tried(cdp, spelled) == (3, 2, 1, 0)


def test_the_evaluation_takes_spellings_as_they_come(
    cdp: Cdp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES, encoding="utf-8")
    monkeypatch.setenv("CDP_IDENTITY_RULES", str(rules))
    shop = tmp_path / "shop"
    assert (
        cdp("simulate", "--out", str(shop), "--people", "20", "--days", "5", "--seed", "1")[0] == 0
    )
    assert cdp("import", str(shop / "events.ndjson.gz"))[0] == 0
    assert cdp("worker", "--until-idle")[0] == 0
    code, told = cdp("evaluate", "identity", "--truth", str(shop), "--json")
    assert code == 0
    assert json.loads(told)
