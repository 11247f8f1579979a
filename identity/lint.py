"""A linter over the evidence: what stands in the way of knowing who is who, and what to change.

It looks at the whole table as resolved, in columns; it changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from graph_schema.model.evidence import EvidenceStatus, RefusalRule
from graph_schema.model.identifier import Key
from graph_schema.model.lint import Lint, LintFinding
from graph_schema.model.rules import IdentityRules, Role, is_canonical
from identity.batch.cuts import RULES
from identity.batch.resolving import Resolved
from identity.batch.table import Flags, Ints

__all__ = ["Lint", "LintFinding", "lint"]

NEAR: Final = 0.8
"""The share of a limit from which on a profile is near it."""
ENOUGH: Final = 100
"""So many identifiers of a namespace must be there before it is said to stitch nothing."""
MANY_SHARED: Final = 0.05
"""The share of devices above which it is worth a look that they are shared."""

_STATUS = tuple(EvidenceStatus)


def lint(
    resolved: Resolved, rules: IdentityRules, id_of: Callable[[Key], str], examples: int = 5
) -> list[LintFinding]:
    """The gravest first: by kind, then by how much each concerns."""
    found = _Linter(resolved, rules, id_of, examples).findings()
    order = list(Lint)
    return sorted(found, key=lambda f: (order.index(f.kind), -f.count, f.namespace))


class _Linter:
    def __init__(
        self, resolved: Resolved, rules: IdentityRules, id_of: Callable[[Key], str], examples: int
    ) -> None:
        self._resolved, self._rules = resolved, rules
        self._table, self._edges = resolved.table, resolved.edges
        self._id_of, self._examples = id_of, examples
        self._size = len(self._table.keys)

    def findings(self) -> Iterator[LintFinding]:
        users = self._users_seen()
        for place, name in enumerate(self._table.namespaces):
            inside = self._table.namespace == place
            yield from self._burned(name, inside, users)
            yield from self._stitching(name, inside)
            yield from self._shared(name, inside)
            yield from self._limits(name, inside)
        yield from self._cap()
        yield from self._over_limit()

    def _burned(self, name: str, inside: Flags, users: Ints) -> Iterator[LintFinding]:
        most = self._rules.burned_above
        burned = inside & self._resolved.burned
        if is_canonical(name):
            if burned.any():
                yield self._finding(
                    Lint.BURNED, name, np.flatnonzero(burned),
                    f"{{}} {name} form(s) have more than {most} spellings, and join nobody.",
                    "Somebody gives out an address of its own for each purpose: put these spellings into"
                    " blocked.patterns if nobody can be told by them.",
                )  # fmt: skip
            return
        if burned.any():
            yield self._finding(
                Lint.BURNED, name, np.flatnonzero(burned)[np.argsort(-users[burned])],
                f"{{}} {name} value(s) were seen with more than {most} users, and join nobody.",
                "If such a value is a placeholder, put it into blocked.values; if it is a point of"
                " sale, send its events without it.",
            )  # fmt: skip
        nearly = inside & ~self._resolved.burned & (2 * users > most)
        if nearly.any() and name != "user_id":
            yield self._finding(
                Lint.NEARLY_BURNED, name, np.flatnonzero(nearly)[np.argsort(-users[nearly])],
                f"{{}} {name} value(s) were seen with more than half of {most} users.",
                "Look at them before they burn: what is no person's belongs into blocked.values.",
            )  # fmt: skip

    def _stitching(self, name: str, inside: Flags) -> Iterator[LintFinding]:
        kept = np.isin(
            self._resolved.status,
            [_STATUS.index(EvidenceStatus.JOINED), _STATUS.index(EvidenceStatus.REDUNDANT)],
        )
        joined = np.zeros(self._size, np.bool_)
        joined[self._edges.a[kept]] = joined[self._edges.b[kept]] = True
        if inside.sum() >= ENOUGH and not joined[inside].any():
            yield self._finding(
                Lint.NEVER_STITCHES, name, np.flatnonzero(inside),
                f"None of the {{}} {name} values is in a profile with another identifier.",
                "Check that clients send it beside a user id or a device in the same event.",
            )  # fmt: skip

    def _shared(self, name: str, inside: Flags) -> Iterator[LintFinding]:
        shared = inside & self._resolved.shared
        if (
            self._rules.namespace(name).role is Role.DEVICE
            and inside.sum() >= ENOUGH
            and shared.sum() > MANY_SHARED * inside.sum()
        ):
            yield self._finding(
                Lint.MANY_SHARED, name, np.flatnonzero(shared),
                f"{{}} of {int(inside.sum())} {name} values are shared by several people, and join"
                " nobody.",
                "If most of these belong to one person after all, try a lower dominance.from in a dry"
                " run; if people do not log out of shared devices, have clients reset at log-out.",
            )  # fmt: skip

    def _limits(self, name: str, inside: Flags) -> Iterator[LintFinding]:
        limit = self._rules.namespace(name).limit
        held = np.bincount(self._resolved.anchor[inside], minlength=self._size)
        near = np.flatnonzero((held >= NEAR * limit) & (limit > 1))
        if len(near):
            yield self._finding(
                Lint.NEAR_LIMIT, name, near[np.argsort(-held[near])],
                f"{{}} profile(s) hold {NEAR:.0%} or more of the {limit} {name} values that one may"
                " hold.",
                f"Look at the largest: if it is a person, raise namespaces.{name}.limit; if the value"
                " changes with every visit, the client does not keep it.",
            )  # fmt: skip

    def _cap(self) -> Iterator[LintFinding]:
        held = np.bincount(self._resolved.anchor, minlength=self._size)
        near = np.flatnonzero(held >= NEAR * self._rules.size_cap)
        if len(near):
            yield self._finding(
                Lint.NEAR_CAP, "", near[np.argsort(-held[near])],
                f"{{}} profile(s) hold {NEAR:.0%} or more of the {self._rules.size_cap} identifiers"
                " that one may hold.",
                "Look at the largest: is it one person? `whySeparate` and `why` tell what holds it"
                " together.",
            )  # fmt: skip

    def _over_limit(self) -> Iterator[LintFinding]:
        for rule in (RefusalRule.LIMIT, RefusalRule.SIZE):
            refused = np.flatnonzero(self._resolved.refused_by == RULES.index(rule))
            for place, name in enumerate(self._table.namespaces):
                ends = self._edges.a[refused], self._edges.b[refused]
                of = refused[
                    (self._table.namespace[ends[0]] == place)
                    | (self._table.namespace[ends[1]] == place)
                ]
                if len(of) and name != "user_id":
                    anchors = self._resolved.anchor[self._edges.b[of]]
                    yield self._finding(
                        Lint.OVER_LIMIT, name, np.unique(anchors),
                        f"{len(of)} piece(s) of evidence with {name} were refused by {rule}.",
                        "`whySeparate` tells each; a dry run with a higher limit tells what it would"
                        " merge.",
                        len(of),
                    )  # fmt: skip

    def _users_seen(self) -> Ints:
        is_user = self._table.namespace == (
            self._table.namespaces.index("user_id") if "user_id" in self._table.namespaces else -1
        )
        a, b = self._edges.a, self._edges.b
        one, two = np.concatenate((a, b)), np.concatenate((b, a))
        met = np.unique((one * self._size + two)[is_user[two]])
        return np.bincount(met // max(self._size, 1), minlength=self._size)

    def _finding(
        self,
        kind: Lint,
        namespace: str,
        codes: Ints,
        message: str,
        advice: str,
        count: int | None = None,
    ) -> LintFinding:
        anchors = self._resolved.anchor[codes[: self._examples]].tolist()
        ids = dict.fromkeys(self._id_of(self._table.keys[code]) for code in anchors)
        return LintFinding(
            kind,
            namespace,
            len(codes) if count is None else count,
            message.format(len(codes)),
            advice,
            tuple(ids),
        )
