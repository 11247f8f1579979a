"""What a rule would take, counted over a stream of profiles in bounded memory."""

from __future__ import annotations

from cdp.segments.evaluate import ProfileView, evaluate, step
from cdp.segments.paths import leaves
from graph_schema.model.rule import Rule
from graph_schema.model.time import Micros


class Preview:
    """Fed with profiles one by one; holds counts and a sample, never profiles."""

    def __init__(self, rule: Rule, now: Micros, sample: int) -> None:
        self._rule = rule
        self._now = now
        self._wanted = sample
        self._leaves = leaves(rule)
        self.seen = 0
        self.count = 0
        self.sample: list[str] = []
        self.conditions = [0] * len(self._leaves)

    def take(self, profile_id: str, view: ProfileView) -> None:
        self.seen += 1
        if evaluate(self._rule, view, self._now).holds:
            self.count += 1
            if len(self.sample) < self._wanted:
                self.sample.append(profile_id)
        for place, (_, leaf) in enumerate(self._leaves):
            self.conditions[place] += step(leaf, view, self._now).holds

    @property
    def by_condition(self) -> list[tuple[tuple[str, ...], int]]:
        """How many each condition alone would take, by its path."""
        return [(path, n) for (path, _), n in zip(self._leaves, self.conditions, strict=True)]
