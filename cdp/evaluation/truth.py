"""Reads what a simulation knows: truth.csv and identifiers.csv (docs/simulator.md)."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from graph_schema.errors import BadInput
from graph_schema.model.identifier import Key
from graph_schema.model.rules import IdentityRules
from identity.evaluation.assessment import Truth
from identity.normalise import Normaliser


def read_truth(folder: Path, rules: IdentityRules) -> Truth:
    """Raises BadInput where a file is missing or is none of a simulation's."""
    people: dict[str, str] = {}
    households: dict[str, str] = {}
    for message_id, person, household in _rows(
        folder / "truth.csv", ("message_id", "person_id", "household_id")
    ):
        people[message_id] = person
        households[person] = household
    key = Normaliser(rules).key
    users: dict[Key, set[str]] = {}
    for namespace, value, person in _rows(
        folder / "identifiers.csv", ("namespace", "value", "person_id")
    ):
        users.setdefault(key(namespace, value), set()).add(person)
    return Truth(people, households, {key: frozenset(used) for key, used in users.items()})


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    foreign = BadInput(reason=f"{path} is no {path.name} of a simulation.")
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if not set(columns) <= set(reader.fieldnames or ()):
                raise foreign
            for row in reader:
                values = tuple(row[column] for column in columns)
                if None in values:
                    raise foreign
                yield values
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise foreign from error
