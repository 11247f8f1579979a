"""What stands in the way of knowing who is who, as a linter over the evidence tells it."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Lint(StrEnum):
    """BURNED: a value that was seen with so many users that it says nothing. NEARLY_BURNED: more than
    half as many. NEVER_STITCHES: a namespace no value of which joined anything.
    NEAR_LIMIT and NEAR_CAP: profiles that will soon take no more. OVER_LIMIT: evidence refused for a
    limit. MANY_SHARED: devices that belong to nobody."""

    BURNED = "burned"
    NEARLY_BURNED = "nearly_burned"
    NEVER_STITCHES = "never_stitches"
    NEAR_LIMIT = "near_limit"
    NEAR_CAP = "near_cap"
    OVER_LIMIT = "over_limit"
    MANY_SHARED = "many_shared"


class LintFinding(msgspec.Struct, frozen=True):
    """`count`: how many identifiers, profiles or edges it concerns. `examples` are ids of profiles, so
    that a finding holds no personal value; `advice` says what to change in the rules."""

    kind: Lint
    namespace: str
    count: int
    message: str
    advice: str
    examples: tuple[str, ...] = ()
