"""Settings in a TOML file, as the text that the environment would hold."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from graph_schema.errors import SettingError


def read_settings(path: Path) -> dict[str, str]:
    """Lower-case names to texts; nothing where there is no such file. Raises SettingError where it
    cannot be read, or holds what no setting is."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingError(name=path.name, reason=error.strerror) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(name=path.name, reason=error) from error
    return {name: _text(name, value) for name, value in values.items()}


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        return ",".join(value)
    raise SettingError(
        name=name, reason="it must be a text, a number, true, false or a list of texts"
    )
