"""Whether the reasons of recommendations are true: take away the item that is named first, ask again,
and see whether the score falls by the share that was said.

    python benchmarks/faithfulness.py [--profiles 1000] [--items 5000] [--models spectral,item_knn]

A catalogue and people with tastes, made from a seed; each profile's best recommendation is looked at.
The decay is measured from a profile's newest touch, so where that one is taken away the others come to
weigh more, all alike: told apart. Beside it, as the peer: an item of the history taken at random.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gnn import models
from gnn.dataset import Dataset
from gnn.recommend import ServingModel
from gnn.recommender import ReasonKind, Recommendation, Request
from graph_schema.model.item import Interaction, Item
from graph_schema.model.time import DAY
from graph_schema.store import ProfileInteraction

TASTES = 25
WITHIN = 0.8
"""Of a person's touches so many are of her own taste."""


class Fall(NamedTuple):
    """Of one profile: the share that was said, and what was lost, of the score. `newest`: the touch
    taken away was the newest one."""

    said: float
    lost: float
    newest: bool


def people(profiles: int, items: int, seed: int) -> dict[str, list[Interaction]]:
    """Histories of 5 to 40 touches over 60 days, by profile."""
    rng = np.random.default_rng(seed)
    found = {}
    for person in range(profiles):
        taste = person % TASTES
        count = int(rng.integers(5, 41))
        own = rng.zipf(1.3, count) % (items // TASTES) * TASTES + taste
        touched = np.where(rng.random(count) < WITHIN, own, rng.integers(0, items, count))
        history = []
        for item in np.unique(touched).tolist():
            at = int(rng.integers(0, 60 * DAY))
            views, carts, purchases = int(rng.integers(1, 4)), *rng.binomial(1, 0.2, 2).tolist()
            history.append(Interaction(f"i{item:06}", views, carts, purchases, at, at))
        found[f"p{person:06}"] = history
    return found


def best(model: ServingModel, history: Sequence[Interaction]) -> Recommendation | None:
    """The first recommendation with all its reasons; None where it is not personal."""
    found = model.recommend(Request(history=history, first=1, max_reasons=len(history) + 1)).items
    return found[0] if found and found[0].reasons[0].kind is not ReasonKind.POPULAR else None


def score(model: ServingModel, history: Sequence[Interaction], item: str) -> float:
    """Of that item alone, by asking for it; 0 where nothing in the history speaks for it."""
    only = np.zeros(len(model.item_ids), np.bool_)
    only[model.position(item)] = True
    found = model.recommend(Request(history=history, first=1, allowed=only)).items
    return found[0].score if found and found[0].reasons[0].kind is not ReasonKind.POPULAR else 0.0


def fall(
    model: ServingModel, history: list[Interaction], top: Recommendation, named: str, said: float
) -> Fall:
    without = [touch for touch in history if touch.item_id != named]
    lost = 1.0 - score(model, without, top.item_id) / top.score
    newest = max(history, key=lambda touch: touch.last_at).item_id == named
    return Fall(said, lost, newest)


def measured(falls: Sequence[Fall]) -> dict[str, float | int]:
    said = np.array([one.said for one in falls])
    off = np.abs(np.array([one.lost for one in falls]) - said)
    return {
        "profiles": len(falls),
        "share_said": round(float(said.mean()), 4),
        "share_lost": round(float(np.mean([one.lost for one in falls])), 4),
        "largest_difference": float(off.max()),
        "exact_within_1e-6": int((off < 1e-6).sum()),
    }


def row(name: str, histories: dict[str, list[Interaction]], items: int, seed: int) -> None:
    dataset = Dataset.from_rows(
        (
            ProfileInteraction(
                profile, t.item_id, t.views, t.carts, t.purchases, t.first_at, t.last_at
            )
            for profile, history in histories.items()
            for t in history
        ),
        [Item(f"i{number:06}", 0) for number in range(items)],
    )
    began = time.perf_counter()
    model = models.create(name).fit(dataset, seed=seed).serving
    fitted = time.perf_counter() - began
    rng = np.random.default_rng(seed)
    first, random = [], []
    for history in histories.values():
        top = best(model, history)
        if top is None:
            continue
        named = top.reasons[0]
        first.append(fall(model, history, top, str(named.item_id), named.share))
        drawn = history[int(rng.integers(len(history)))].item_id
        random.append(fall(model, history, top, drawn, named.share))
    older = [one for one in first if not one.newest]
    newest = [one for one in first if one.newest]
    print(
        json.dumps(
            {
                "model": name,
                "fit_seconds": round(fitted, 1),
                "named_first": measured(older),
                "named_first_and_newest": measured(newest),
                "an_item_at_random": measured(random),
            }
        ),
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--profiles", type=int, default=1_000)
    parser.add_argument("--items", type=int, default=5_000)
    parser.add_argument("--models", default="spectral,item_knn")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    histories = people(options.profiles, options.items, options.seed)
    for name in options.models.split(","):
        row(name, histories, options.items, options.seed)


if __name__ == "__main__":
    main()
