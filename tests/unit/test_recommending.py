"""Recommendations of the platform: what is shown is what the store has now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from api.platform import ItemWhere
from cdp.platform.recommendations import ModelRecommending
from gnn.artifacts import ArtifactStore
from gnn.dataset import Dataset
from gnn.train import train
from graph_schema.model.item import Interaction, Item
from graph_schema.store import ProfileInteraction

ITEMS = {f"i{n:02}": Item(f"i{n:02}", 0, category=f"c{n % 2}") for n in range(24)}


class Shop:
    """A graph store with a catalogue and one profile's history; both may change."""

    def __init__(self) -> None:
        self.catalogue = dict(ITEMS)
        self.history = [Interaction("i01", views=1, last_at=9)]

    async def items_by_ids(self, ids: Sequence[str]) -> list[Item | None]:
        return [self.catalogue.get(id_) for id_ in ids]

    async def items_after(self, after: str, limit: int) -> list[Item]:
        return [self.catalogue[id_] for id_ in sorted(self.catalogue) if id_ > after][:limit]

    async def interactions_of(self, profiles: Sequence[str]) -> list[list[Interaction]]:
        return [list(self.history) for _ in profiles]


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path)


@pytest.fixture
def shop(artifacts: ArtifactStore) -> Shop:
    rng = np.random.default_rng(1)
    rows = [
        ProfileInteraction(f"u{at % 20}", f"i{int(rng.integers(24)):02}", 1, 0, at % 2, at, at)
        for at in range(900)
    ]
    dataset = Dataset.from_rows(rows, ITEMS.values())
    artifacts.activate(train(dataset, artifacts, model="item_knn", name="one").version.id)
    artifacts.activate(train(dataset, artifacts, model="popularity", name="two").version.id)
    artifacts.activate("one")
    return Shop()


async def shown(asked: ModelRecommending, first: int = 5, **more: Any) -> list[str]:
    found = await asked.recommend(
        **{
            "profile_id": "p", "item_ids": (), "context": None, "where": None,
            "policy": "DISCOVER", "diversity": 0.0, "first": first, **more,
        }
    )  # fmt: skip
    return [one.item_id for one in found.items]


async def test_what_is_sold_out_is_gone_with_the_next_question(
    shop: Shop, artifacts: ArtifactStore
) -> None:
    asked = ModelRecommending(shop, artifacts)  # type: ignore[arg-type]
    before = await shown(asked)
    assert len(before) == 5
    for id_ in before[:2]:
        shop.catalogue[id_] = msgspec.structs.replace(shop.catalogue[id_], available=False)
    del shop.catalogue[before[2]]
    after = await shown(asked)
    assert len(after) == 5
    assert after[:2] == before[3:]
    assert not set(before[:3]) & set(after)
    similar = await asked.similar("i05", None, 20)
    assert similar is not None
    assert not set(before[:3]) & {one.item_id for one in similar.items}


async def test_a_purchase_changes_the_next_answer(shop: Shop, artifacts: ArtifactStore) -> None:
    asked = ModelRecommending(shop, artifacts)  # type: ignore[arg-type]
    before = await shown(asked)
    shop.history.append(Interaction(before[0], purchases=1, last_at=10))
    assert before[0] not in await shown(asked)


async def test_the_filter_holds(shop: Shop, artifacts: ArtifactStore) -> None:
    asked = ModelRecommending(shop, artifacts)  # type: ignore[arg-type]
    found = await shown(asked, first=20, where=ItemWhere(categories=("c1",)))
    assert found
    assert {ITEMS[id_].category for id_ in found} == {"c1"}


async def test_another_version_serves_with_the_next_question(
    shop: Shop, artifacts: ArtifactStore
) -> None:
    asked = ModelRecommending(shop, artifacts)  # type: ignore[arg-type]

    async def version() -> str:
        found = await asked.similar("i05", None, 3)
        assert found is not None
        assert found.recommender is not None
        return found.recommender.name

    assert await version() == "one"
    artifacts.activate("two")
    assert await version() == "two"
    damaged = artifacts.find("one").id
    artifacts.activate("one")
    assert await version() == "one"
    artifacts.activate("two")
    path = artifacts.folder / "versions" / damaged / "popularity.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    assert await version() == "two"
    (artifacts.folder / "active").write_text(damaged)
    assert await version() == "two"
