"""Recommendations of the platform: what is shown is what the store has now."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from api.platform import ItemWhere
from cdp.platform.recommendations import ModelRecommending
from gnn.artifacts import ArtifactStore, new_id
from gnn.dataset import Dataset
from gnn.segments import SegmentPopularity
from gnn.train import train
from graph_schema.errors import BadInput, FeedPruned
from graph_schema.model.change import FeedEntry, ItemsTouched, ProfilesTouched
from graph_schema.model.item import Interaction, Item
from graph_schema.model.segment import Membership
from graph_schema.store import Page, ProfileInteraction, Span

ITEMS = {f"i{n:02}": Item(f"i{n:02}", 0, category=f"c{n % 2}") for n in range(24)}


class Shop:
    """A graph store with a catalogue and one profile's history; both may change."""

    def __init__(self) -> None:
        self.catalogue = dict(ITEMS)
        self.history = [Interaction("i01", views=1, last_at=9)]
        self.feed: list[FeedEntry] = []
        self.segments: list[str] = []
        self.asked_feed = 0
        self.whole_readings = 0

    async def items_by_ids(self, ids: Sequence[str]) -> list[Item | None]:
        return [self.catalogue.get(id_) for id_ in ids]

    async def items_after(self, after: str, limit: int) -> list[Item]:
        self.whole_readings += not after
        return [self.catalogue[id_] for id_ in sorted(self.catalogue) if id_ > after][:limit]

    async def feed_end(self) -> tuple[int, ...]:
        return (len(self.feed),)

    async def changes(self, after: tuple[int, ...], limit: int) -> list[FeedEntry]:
        (taken,) = after
        self.asked_feed += 1
        return self.feed[taken : taken + limit]

    async def membership_pages(self, profiles: Sequence[str], span: Span) -> list[Page[Membership]]:
        found = [Membership(p, key, 0, 1, ()) for p in profiles for key in self.segments]
        return [Page(found, has_next=False)]

    def put(self, *items: Item) -> None:
        """As the worker does: the items and the feed's entry."""
        self.catalogue |= {item.id: item for item in items}
        change = ItemsTouched(tuple(item.id for item in items))
        self.feed.append(FeedEntry(0, len(self.feed) + 1, 0, change))

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
    fifteen = np.array([user < "u5" for user in dataset.users])
    segments = {"many": np.ones(20, np.bool_), "few": fifteen}
    artifacts.activate(
        train(dataset, artifacts, model="item_knn", name="one", segments=segments).version.id
    )
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
    shop.put(*(msgspec.structs.replace(ITEMS[id_], available=False) for id_ in before[:2]))
    shop.put(ITEMS[before[2]])
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
    path = artifacts.folder / "versions" / artifacts.find("one").id / "popularity.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    (artifacts.folder / "active").write_text(artifacts.find("one").id)
    assert await version() == "two"
    assert await version() == "two"
    artifacts.activate("two")
    assert await version() == "two"


async def test_columns_follow_the_feed_and_nothing_is_read_whole_again(
    shop: Shop, artifacts: ArtifactStore
) -> None:
    """What comes into a filter, too, is there with the next question."""
    asked = ModelRecommending(shop, artifacts)  # type: ignore[arg-type]
    cheap = ItemWhere(price_lte=5)
    assert await shown(asked, where=cheap) == []
    shop.put(msgspec.structs.replace(ITEMS["i03"], price=4))
    assert await shown(asked, where=cheap) == ["i03"]
    shop.put(msgspec.structs.replace(ITEMS["i03"], price=6))
    assert await shown(asked, where=cheap) == []
    shop.put(msgspec.structs.replace(ITEMS["i05"], category="new"))
    assert await shown(asked, where=ItemWhere(categories=("new",))) == ["i05"]
    assert await asked.item_count(None, ItemWhere(categories=("new",))) == 1
    asked_before = shop.asked_feed
    await shown(asked)
    assert (shop.whole_readings, shop.asked_feed) == (1, asked_before)
    shop.feed.append(FeedEntry(0, len(shop.feed) + 1, 0, ProfilesTouched(("p",))))
    await shown(asked)
    assert shop.whole_readings == 1


async def test_a_feed_that_is_pruned_or_another_graphs_has_the_catalogue_read_anew(
    shop: Shop, artifacts: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ModelRecommending(shop, artifacts)  # type: ignore[arg-type]
    cheap = ItemWhere(price_lte=5)
    shop.put(ITEMS["i01"])
    assert await shown(asked, where=cheap) == []

    async def pruned(after: tuple[int, ...], limit: int) -> list[FeedEntry]:
        raise FeedPruned

    with monkeypatch.context() as patch:
        patch.setattr(shop, "changes", pruned)
        shop.put(msgspec.structs.replace(ITEMS["i03"], price=4))
        assert await shown(asked, where=cheap) == ["i03"]
    shop.catalogue["i05"] = msgspec.structs.replace(ITEMS["i05"], price=4)
    shop.feed.clear()
    assert set(await shown(asked, where=cheap)) == {"i03", "i05"}
    assert shop.whole_readings == 3


async def test_a_catalogue_that_changes_much_is_read_while_the_old_one_serves(
    shop: Shop, artifacts: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ModelRecommending(shop, artifacts)  # type: ignore[arg-type]
    cheap = ItemWhere(price_lte=5)
    assert await shown(asked, where=cheap) == []
    reading, real = asyncio.Event(), shop.changes

    async def slow(after: tuple[int, ...], limit: int) -> list[FeedEntry]:
        await reading.wait()
        return await real(after, limit)

    monkeypatch.setattr(shop, "changes", slow)
    shop.put(msgspec.structs.replace(ITEMS["i03"], price=4))
    assert await shown(asked, where=cheap) == []
    # What is shown is held against the store meanwhile.
    first = (await shown(asked))[0]
    shop.put(msgspec.structs.replace(ITEMS[first], available=False))
    assert first not in await shown(asked)
    reading.set()
    assert await shown(asked, where=cheap) == ["i03"]


async def test_a_canary_answers_for_its_share_and_always_for_the_same(
    shop: Shop, artifacts: ArtifactStore
) -> None:
    asked = ModelRecommending(shop, artifacts)  # type: ignore[arg-type]
    artifacts.try_on("two", 0.3)

    async def versions() -> list[str]:
        found = []
        for number in range(300):
            answer = await asked.recommend(
                profile_id=f"p{number}", item_ids=(), context=None, where=None,
                policy="DISCOVER", diversity=0.0, first=1,
            )  # fmt: skip
            assert answer.recommender is not None
            found.append(answer.recommender.name)
        return found

    first = await versions()
    assert 60 < first.count("two") < 120
    assert await versions() == first
    shares = {one.name: (one.active, one.share) for one in await asked.recommenders()}
    assert shares == {"one": (True, 0.7), "two": (False, 0.3)}
    path = artifacts.folder / "versions" / artifacts.find("two").id / "popularity.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    assert set(await versions()) == {"one", "two"}  # it is loaded already
    afresh = ModelRecommending(shop, artifacts)  # type: ignore[arg-type]
    answer = await afresh.similar("i05", None, 1)
    assert answer is not None
    taken = next(f"p{number}" for number, name in enumerate(first) if name == "two")
    found = await afresh.recommend(
        profile_id=taken, item_ids=(), context=None, where=None,
        policy="DISCOVER", diversity=0.0, first=1,
    )  # fmt: skip
    assert found.recommender is not None
    assert found.recommender.name == "one"
    artifacts.end_canary()
    assert set(await versions()) == {"one"}


async def test_an_unknown_persons_segments_say_what_is_popular(
    shop: Shop, artifacts: ArtifactStore
) -> None:
    """Of a segment that is known, then of all; one with too few people says nothing."""
    asked = ModelRecommending(shop, artifacts)  # type: ignore[arg-type]
    model = artifacts.load("one")
    assert model.segments.keys == ("many",)
    model = model.with_segments(
        SegmentPopularity(
            ("odd", "many"),
            np.array([0, 2, 2]),
            np.array([7, 3], np.int32),
            np.array([0.6, 0.4], np.float32),
        )
    )
    version = msgspec.structs.replace(artifacts.find("one"), id=new_id(), name="three")
    artifacts.save(version, model)
    artifacts.activate("three")
    shop.history = []
    everybody = await shown(asked, first=24)
    shop.segments = ["unheard", "odd"]
    members = await shown(asked, first=24)
    assert members[:2] == ["i07", "i03"]
    assert members[2:] == [id_ for id_ in everybody if id_ not in ("i07", "i03")]
    shop.segments = ["unheard"]
    assert await shown(asked, first=24) == everybody
    shop.segments, shop.history = ["odd"], [Interaction("i01", views=1, last_at=9)]
    assert await shown(asked, first=3) != members[:3]


async def test_context_says_what_was_seen_and_how_many_of_a_category(
    shop: Shop, artifacts: ArtifactStore
) -> None:
    asked = ModelRecommending(shop, artifacts)  # type: ignore[arg-type]
    before = await shown(asked)
    seen = {"items": [before[0], "unheard"], "placement": "home"}
    after = await shown(asked, context=seen)
    assert before[0] not in after
    assert after == await shown(asked, item_ids=(before[0],))
    capped = await shown(asked, first=10, context={"maxPerCategory": 2})
    assert sorted(ITEMS[id_].category or "" for id_ in capped) == ["c0", "c0", "c1", "c1"]
    unknown = await asked.recommend(
        profile_id=None, item_ids=(), context={"items": ["i02"]}, where=None,
        policy="DISCOVER", diversity=0.0, first=3,
    )  # fmt: skip
    assert unknown.fallback is None
    assert {reason.kind for one in unknown.items for reason in one.reasons} == {"CONTEXT"}


@pytest.mark.parametrize(
    "context",
    [
        {"items": "i01"},
        {"items": [1]},
        {"items": ["x"] * 101},
        {"maxPerCategory": 0},
        {"maxPerCategory": True},
    ],
)
async def test_a_context_of_another_kind_is_refused(
    shop: Shop, artifacts: ArtifactStore, context: dict[str, Any]
) -> None:
    asked = ModelRecommending(shop, artifacts)  # type: ignore[arg-type]
    with pytest.raises(BadInput):
        await shown(asked, context=context)
