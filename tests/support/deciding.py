"""A person at random, who merges profiles and splits them; and segments that notice."""

from __future__ import annotations

import random
from typing import Any

from graphs import Installation

from cdp.platform.naming import Naming, merging, splitting
from graph_schema.model.command import CreateSegment, IdentityCommand
from graph_schema.model.rules import IdentityRules, is_canonical
from graph_schema.store import Span
from identity.deciding import Refusal

RULES = IdentityRules()
SEGMENTS: dict[str, Any] = {
    "buyers": {"event": {"name": "Order Completed", "count": {"gte": 2}}},
    "lookers": {"event": {"name": "Product Viewed", "count": {"gte": 3}, "within": "P90D"}},
    "planned": {"trait": {"name": "plan", "op": "EQ", "value": "a"}},
    "several": {"identifiers": {"namespace": "anonymous_id", "gte": 2}},
    "not a buyer": {"not": {"segment": "buyers"}},
}


async def with_segments(graph: Installation) -> None:
    await graph.ask(
        *(
            CreateSegment(
                id=f"s{number}", actor="ann", at=0, key=key.replace(" ", "-"), name=key, rule=rule
            )
            for number, (key, rule) in enumerate(SEGMENTS.items())
        )
    )
    await graph.work()


async def a_decision(
    rng: random.Random, graph: Installation, number: int
) -> IdentityCommand | None:
    """A merge of profiles or a split of one, as a person would ask for it."""
    page = await graph.store.profile_page("ID", Span(1000), segment=None, search=None)
    ids = [profile.id for profile in page.items]
    id_ = f"c_{number:032x}"
    naming = Naming(graph.store, RULES)
    if rng.random() < 0.5 and len(ids) > 1:
        named = await naming.profiles(rng.sample(ids, min(len(ids), rng.choice((2, 2, 3)))), ())
        if isinstance(named, Refusal):
            assert named.message.startswith("A canonical form")
            return None
        command = merging(id_, "ann", graph.now(), None, named, RULES)
    else:
        (members,) = await graph.store.identifier_pages([rng.choice(ids)], None, Span(1000))
        known = [member for member in members.items if not is_canonical(member.namespace)]
        if not known:
            return None
        chosen = rng.sample(known, rng.randint(1, len(known)))
        named = await naming.profiles((), [(i.namespace, i.value) for i in chosen])
        assert not isinstance(named, Refusal)
        command = splitting(id_, "ann", graph.now(), None, named)
    return None if isinstance(command, Refusal) else command
