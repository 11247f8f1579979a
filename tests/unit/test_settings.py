"""Settings: where they come from, and what is made at the first start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cdp.cli.console import out
from cdp.cli.demo import next_steps
from cdp.cli.main import run
from cdp.settings import Settings, load
from graph_schema.errors import SettingError
from graph_schema.model.rules import IdentityRules

STARTS = """
import sys, time, pathlib
from cdp.settings import load
print("ready", flush=True)
while not pathlib.Path(sys.argv[2]).exists():
    time.sleep(0.001)
print(load({"CDP_DATA": sys.argv[1]}, {}).hash_key)
"""


def loaded(data: Path, **environment: str) -> Settings:
    return load({"CDP_DATA": str(data)}, environment)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_command_line_wins_then_the_environment_then_the_file(tmp_path: Path) -> None:
    Path("cdp.toml").write_text('cdp_batch_size = 7\ncdp_lag_limit = 3.5\ncdp_data = "other"\n')
    settings = loaded(tmp_path / "data", CDP_BATCH_SIZE="9")
    assert (settings.batch_size, settings.lag_limit_s) == (9, 3.5)
    assert settings.data == tmp_path / "data"
    assert settings.sources["CDP_LAG_LIMIT"] == "cdp.toml"


def test_identity_rules_are_read_from_their_file(tmp_path: Path) -> None:
    Path("rules.toml").write_text("[namespaces.user_id]\nlimit = 2\n")
    settings = loaded(tmp_path / "data", CDP_IDENTITY_RULES="rules.toml")
    assert settings.identity_rules.namespace("user_id").limit == 2
    assert loaded(tmp_path / "data").identity_rules == IdentityRules()


@pytest.mark.parametrize(
    ("text", "says"), [(None, "cannot be read"), ("[namespaces.user_id]\nlimit = 0\n", "from 1")]
)
def test_wrong_identity_rules_stop_the_start(tmp_path: Path, text: str | None, says: str) -> None:
    if text is not None:
        Path("rules.toml").write_text(text)
    with pytest.raises(SettingError) as refused:
        loaded(tmp_path / "data", CDP_IDENTITY_RULES="rules.toml")
    assert "CDP_IDENTITY_RULES" in refused.value.message
    assert says in refused.value.message


def test_a_list_in_the_file_is_as_many_values() -> None:
    Path("cdp.toml").write_text(
        'cdp_write_keys = ["one", "two"]\ncdp_tokens = ["t=admin", "r=profile:read"]\n'
    )
    settings = load({}, {})
    assert settings.write_keys == ("one", "two")
    assert set(settings.tokens) == {"t", "r"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("cdp_write_keys = [1, 2]", "cdp_write_keys"),
        ("cdp_write_keys = {a = 1}", "cdp_write_keys"),
        ("cdp_lag_limit = 2026-01-01", "cdp_lag_limit"),
        ("cdp_batch_sise = 5", "cdp_batch_sise"),
        ("cdp_batch_size = 5.5", "CDP_BATCH_SIZE is wrong: it must be a whole number"),
        ("cdp_batch_size =", "cdp.toml"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(text: str, named: str) -> None:
    Path("cdp.toml").write_text(text)
    with pytest.raises(SettingError) as refused:
        load({}, {})
    assert named in refused.value.message


@pytest.mark.parametrize("name", ["cdp.toml", "data/credentials.toml"])
def test_a_file_that_cannot_be_read_is_one_sentence(name: str) -> None:
    Path(name).mkdir(parents=True)
    with pytest.raises(SettingError, match="Is a directory"):
        load({"CDP_DATA": "data"}, {})


def test_the_credentials_are_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    first = loaded(tmp_path / "data")
    again = loaded(tmp_path / "data")
    assert (first.write_keys, first.tokens, first.hash_key) == (
        again.write_keys,
        again.tokens,
        again.hash_key,
    )
    assert (tmp_path / "data/credentials.toml").stat().st_mode & 0o777 == 0o600


def test_processes_that_start_together_get_one_hash_key(tmp_path: Path) -> None:
    data, gate = tmp_path / "data", tmp_path / "gate"
    started = [
        subprocess.Popen([sys.executable, "-c", STARTS, str(data), str(gate)],
                         stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]  # fmt: skip
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    gate.touch()
    told = {process.communicate()[0] for process in started}
    assert [process.returncode for process in started] == [0] * 6
    assert told == {f"{loaded(data).hash_key!r}\n"}


def test_no_new_hash_key_is_made_for_a_graph_that_is_there(tmp_path: Path) -> None:
    settings = loaded(tmp_path / "data")
    settings.graph_file.touch()
    (settings.data / "credentials.toml").unlink()
    with pytest.raises(SettingError, match="CDP_HASH_KEY"):
        loaded(settings.data)
    assert [path.name for path in settings.data.iterdir()] == ["graph.db"]
    assert loaded(settings.data, CDP_HASH_KEY="k" * 16).hash_key == b"k" * 16


def test_a_value_with_brackets_is_printed_as_it_is() -> None:
    with out.capture() as printed:
        assert run(["settings", "--data", "[/x]:key:"]) == 0
    assert " [/x]:key: " in printed.get()


def test_the_next_steps_need_no_admin(tmp_path: Path) -> None:
    settings = loaded(tmp_path / "data", CDP_TOKENS="reader=profile:read")
    with out.capture() as printed:
        next_steps(settings, "127.0.0.1", 8000)
    assert "Bearer reader" in printed.get()
