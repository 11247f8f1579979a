"""Values that identify nobody: null, guest, 0000 … They take part in no evidence."""

from __future__ import annotations

import re

from graph_schema.model.rules import IdentityRules

_REMEMBERED = 50_000


class Blocked:
    """The test for a blocked value: case-folded and trimmed, it is in the list or matches a pattern as
    a whole. Answers are remembered: values come back with every event of a device."""

    def __init__(self, rules: IdentityRules) -> None:
        self._values = frozenset(value.casefold() for value in rules.blocked)
        self._pattern = re.compile("|".join(f"(?:{p})" for p in rules.blocked_patterns) or r"(?!)")
        self._known: dict[str, bool] = {}

    def __call__(self, value: str) -> bool:
        known = self._known.get(value)
        if known is None:
            folded = value.strip().casefold()
            known = folded in self._values or self._pattern.fullmatch(folded) is not None
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[value] = known
        return known
