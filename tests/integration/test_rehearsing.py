"""`cdp dry-run` and `cdp identity` on a real installation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cdp.cli.main import run

Answer = tuple[int, str, str]
Cdp = Callable[..., Answer]


@pytest.fixture
def cdp(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Cdp:
    """Runs a verb on an installation of its own: (exit code, standard output, standard error)."""

    def call(*arguments: str) -> Answer:
        code = run([*arguments, "--data", str(tmp_path / "data")])
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


@pytest.fixture
def shop(cdp: Cdp, tmp_path: Path) -> Cdp:
    """A device of two people, in nine half-hours and in three; an e-mail that two users have."""
    calls = [
        {
            "type": "identify", "messageId": f"m{n}", "userId": user, "anonymousId": "tablet",
            "timestamp": f"2026-11-0{n // 4 + 1}T{n % 4 + 10}:00:00Z",
        }
        for n, user in enumerate(["ann"] * 9 + ["bob"] * 3)
    ] + [
        {
            "type": "identify", "messageId": f"e{user}", "userId": user, "anonymousId": f"of-{user}",
            "traits": {"email": "both@example.org"}, "timestamp": "2026-11-05T10:00:00Z",
        }
        for user in ("ann", "bob")
    ]  # fmt: skip
    file = tmp_path / "events.ndjson"
    file.write_text("\n".join(json.dumps(call) for call in calls))
    assert cdp("import", str(file))[0] == 0
    assert cdp("worker", "--until-idle")[0] == 0
    return cdp


def test_the_rules_in_force_change_nothing(shop: Cdp, tmp_path: Path) -> None:
    code, rules, _ = shop("identity", "rules")
    assert code == 0
    file = tmp_path / "rules.toml"
    file.write_text(rules)
    code, told, _ = shop("dry-run", str(file))
    assert code == 0
    assert "2 profiles would be 2" in told


def test_other_rules_tell_what_they_would_change(shop: Cdp, tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text("[namespaces.user_id]\nlimit = 2\n")
    code, told, _ = shop("dry-run", str(file), "--json")
    found = json.loads(told)
    assert code == 1
    assert (found["profiles_before"], found["profiles_after"], found["merges"]) == (2, 1, 1)
    (merge,) = found["examples"]
    assert merge["kind"] == "merge"
    assert sorted(merge["after"][0]["identifiers"]) == [
        "anonymous_id:of-ann", "anonymous_id:of-bob", "anonymous_id:tablet",
        "email:both@example.org", "user_id:ann", "user_id:bob",
    ]  # fmt: skip
    file.write_text("[dominance]\nfrom = 0.9\nuntil = 0.8\n")
    code, told, _ = shop("dry-run", str(file))
    assert code == 1
    assert "2 profiles would be 3: 0 merges, 1 splits, 0 moves" in told
    assert "shared" in told


def test_nothing_is_changed_by_trying(shop: Cdp, tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text("size_cap = 1\n")
    assert shop("dry-run", str(file))[0] == 1
    code, told, _ = shop("check")
    assert code == 0, told


def test_bad_rules_are_refused_with_every_mistake(cdp: Cdp, tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text("size_cap = 'x'\n[dominance]\nfrom = 3\n")
    code, _, told = cdp("dry-run", str(file))
    assert code == 2
    assert "size_cap: It must be a whole number" in told
    assert "dominance.from: It must be a share" in told
    assert "BAD_IDENTITY_RULES" in told
    code, _, told = cdp("dry-run", str(tmp_path / "none.toml"))
    assert code == 2
    assert "cannot be read" in told


def test_an_empty_graph_has_nothing_to_try_and_nothing_to_find(cdp: Cdp, tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text("")
    assert cdp("dry-run", str(file))[0] == 0
    code, told, _ = cdp("identity", "lint")
    assert code == 0
    assert "Nothing stands in the way" in told


def test_the_linter_finds_what_was_planted(cdp: Cdp, tmp_path: Path) -> None:
    calls = [
        {
            "type": "identify", "messageId": f"m{n}", "userId": f"u{n}", "anonymousId": f"a{n}",
            "traits": {"email": "info@example.org"}, "timestamp": "2026-11-05T10:00:00Z",
        }
        for n in range(25)
    ]  # fmt: skip
    file = tmp_path / "events.ndjson"
    file.write_text("\n".join(json.dumps(call) for call in calls))
    cdp("import", str(file))
    cdp("worker", "--until-idle")
    code, told, _ = cdp("identity", "lint", "--json")
    assert code == 1
    (burned,) = json.loads(told)
    assert (burned["kind"], burned["namespace"], burned["count"]) == ("burned", "email", 1)
    code, told, _ = cdp("identity", "lint")
    assert code == 1
    assert "blocked.values" in told
    assert "info@example.org" not in told
