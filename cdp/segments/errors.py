"""What can be wrong with a segment."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from graph_schema.errors import CdpError


class RuleProblem(msgspec.Struct, frozen=True):
    """One mistake: a stable code, a sentence, and where in the rule."""

    code: str
    message: str
    path: tuple[str, ...] = ()


class BadRule(CdpError):
    """The segment's rule has {count} mistake(s). {first}"""

    code = "BAD_RULE"

    def __init__(self, problems: Sequence[RuleProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__(count=len(problems), first=problems[0].message)
