"""docker-compose.yml, the Dockerfile and .dockerignore, read as the container engine reads them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
_VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?:(:[-?])([^}]*))?\})")


class Required(Exception):
    """A variable has no value and must have one; the text is what the person is told."""


def raw() -> dict[str, Any]:
    """The file as it stands, anchors and merges resolved."""
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    return found


def services(environment: Mapping[str, str]) -> dict[str, Any]:
    """The services in that environment. Raises Required."""
    found: dict[str, Any] = _filled(raw()["services"], environment)
    for service in found.values():
        # A name without a value is taken over from the environment, where it is there.
        service["environment"] = {
            name: environment.get(name) if value is None else value
            for name, value in service["environment"].items()
            if value is not None or name in environment
        }
    return found


def variables() -> set[str]:
    """The names that the file asks the environment for."""
    text = COMPOSE.read_text(encoding="utf-8")
    bare = {
        name
        for service in raw()["services"].values()
        for name, value in service["environment"].items()
        if value is None
    }
    return {found[2] for found in _VARIABLE.finditer(text) if found[2]} | bare


def _filled(value: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: _value(found, environment), value)
    if isinstance(value, list):
        return [_filled(one, environment) for one in value]
    if isinstance(value, dict):
        return {name: _filled(one, environment) for name, one in value.items()}
    return value


def _value(found: re.Match[str], environment: Mapping[str, str]) -> str:
    dollar, name, kind, text = found.groups()
    if dollar:
        return "$"
    if kind == ":?" and not environment.get(name):
        raise Required(f"{name}: {text}")
    return environment.get(name) or (text if kind == ":-" else "")


class Instruction(NamedTuple):
    """One instruction of a Dockerfile, its lines joined. `stage` counts from 0."""

    stage: int
    name: str
    text: str


def dockerfile() -> list[Instruction]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    stage, found = -1, []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, rest = line.strip().partition(" ")
        if name:
            stage += name == "FROM"
            found.append(Instruction(max(stage, 0), name, rest.strip()))
    return found


def copied(target: Path) -> None:
    """Fills a folder as the first stage's COPY instructions fill the image's."""
    for instruction in dockerfile():
        if instruction.name == "COPY" and not instruction.text.startswith("--from"):
            *sources, into = instruction.text.split()
            for source in sources:
                for path in _sent(source):
                    place = target / into / path.relative_to(source if _is_folder(source) else ".")
                    place.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(ROOT / path, place)


def _is_folder(name: str) -> bool:
    return (ROOT / name).is_dir()


def _sent(source: str) -> Iterator[Path]:
    """The files of a source that .dockerignore lets through, relative to the repository."""
    paths = (ROOT / source).rglob("*") if _is_folder(source) else [ROOT / source]
    found = [path.relative_to(ROOT) for path in paths if path.is_file()]
    assert found, f"COPY {source}: it is not there"
    yield from (path for path in found if not ignored(path))


def ignored(path: Path) -> bool:
    """Whether .dockerignore keeps it from the builder: the last pattern that matches decides."""
    kept_away = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.strip()
        if pattern and not pattern.startswith("#"):
            negative = pattern.startswith("!")
            if _matches(path, pattern.removeprefix("!")):
                kept_away = not negative
    return kept_away


def _matches(path: Path, pattern: str) -> bool:
    """A pattern matches a path, or a folder in which it lies; `**/` stands for any depth."""
    wanted = pattern.removeprefix("**/").split("/")
    starts = range(len(path.parts)) if pattern.startswith("**/") else (0,)
    return any(
        len(path.parts) >= start + len(wanted) and all(map(fnmatchcase, path.parts[start:], wanted))
        for start in starts
    )
