"""p50 and p99 of `recommend` over a catalogue of 50,000 items, and the memory of a loaded model.

    python benchmarks/serving.py [--items 50000] [--width 500] [--profiles 500] [--rounds 2000]

The catalogue, the item lists (of the size that `spectral` makes) and the histories come from a seed; no
model is trained. With a business filter (category, price, stock), diversity and reasons:

- the model alone, by the length of the history
- the platform: histories, change feed and what is shown are read from the embedded store
- GraphQL over HTTP, against `cdp serve` in a process of its own, one request after another
- as the peer in the same run: `implicit`'s item-item recommender on the same lists and the same filter,
  which gives neither reasons nor variety

Memory is that of a process that loads the version, before and after: arrays are mapped, so what several
processes hold of them is there once.
"""

from __future__ import annotations

import sys

# This folder's graphql.py would hide the library that has its name.
sys.path.append(sys.path.pop(0))

import argparse
import asyncio
import http.client
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from running import served

from api.platform import ItemWhere
from cdp.bootstrap import Parts, build, opened
from cdp.cli.applying import apply_all
from cdp.cli.importing import Summary, import_file
from cdp.settings import load
from gnn.artifacts import ArtifactStore, RecommenderVersion, new_id
from gnn.dataset import ids_hash
from gnn.item_lists import ItemLists, empty
from gnn.recommend import Catalogue, ServingModel
from gnn.recommender import Request
from gnn.weights import BehaviourWeights
from graph_schema.model.item import Interaction
from graph_schema.model.time import DAY, HOUR, now, to_iso
from graph_schema.store import Span

CATEGORIES = 40
FIRST, DIVERSITY = 20, 0.3
TOUCHES = 30
WHERE = ItemWhere(
    categories=tuple(f"c{number}" for number in range(20)), price_lte=80_000_000, available=True
)
QUERY = """query($user: String!) { recommend(identifier: {namespace: "user_id", value: $user},
  first: 20, diversity: 0.3, where: {categories: [%s], price: {lte: 80}}) {
  requestId fallback edges { score node { id name category } reasons { kind share text } } } }"""
MEMORY = """
import re, sys
from pathlib import Path
from gnn.artifacts import ArtifactStore
def held():
    text = Path("/proc/self/smaps_rollup").read_text()
    names = ("Rss", "Private_Dirty")
    return [int(re.search(name + r":\\s+(\\d+)", text)[1]) / 1024 for name in names]
before = held()
model = ArtifactStore(Path(sys.argv[1])).active()[1]
after = held()
print(*(round(b - a, 1) for a, b in zip(before, after)))
"""


class Spent(NamedTuple):
    """Of each answer, in ms: by the clock, and CPU of this process."""

    clock: list[float]
    cpu: list[float]

    def quantiles(self) -> dict[str, float]:
        figures = {"p50_ms": (self.clock, 50), "p99_ms": (self.clock, 99)}
        figures |= {"cpu_p50_ms": (self.cpu, 50), "cpu_p99_ms": (self.cpu, 99)}
        return {
            name: round(float(np.percentile(values, part)), 2)
            for name, (values, part) in figures.items()
            if values
        }


def tell(what: str, **figures: object) -> None:
    print(json.dumps({"what": what, **figures}), flush=True)


# ── the data ───────────────────────────────────────────────────────────────────────────────────


def made(items: int, width: int, seed: int) -> ServingModel:
    """Every item speaks for `width` others, half of them of its own category."""
    rng = np.random.default_rng(seed)
    others = rng.integers(0, items, (items, width), dtype=np.int32)
    alike = others[:, : width // 2]
    alike -= (alike - np.arange(items, dtype=np.int32)[:, None]) % CATEGORIES
    np.abs(alike, out=alike)
    weights = -np.sort(-rng.random((items, width), dtype=np.float32), axis=1)
    lists = ItemLists(np.arange(items + 1, dtype=np.int64) * width, others.ravel(), weights.ravel())
    catalogue = Catalogue(
        tuple(f"i{number:06}" for number in range(items)),
        tuple(f"Thing {number}" for number in range(items)),
        (np.arange(items) % CATEGORIES).astype(np.int32),
        np.sort(rng.random(items).astype(np.float32))[::-1].copy(),
    )
    return ServingModel(catalogue, lists, empty(items), BehaviourWeights())


def stored(artifacts: ArtifactStore, model: ServingModel) -> None:
    version = RecommenderVersion(
        id=new_id(), name="made", model="spectral", trained_at=now(), data_cutoff=now(),
        items=len(model.item_ids), users=0, interactions=0, metrics=(), parameters={},
        graph_hash="", item_hash=ids_hash(model.item_ids), code_version="",
    )  # fmt: skip
    artifacts.save(version, model)
    artifacts.activate("made")


def write_rows(folder: Path, items: int, profiles: int, seed: int) -> list[Path]:
    """The catalogue, and histories of `TOUCHES` items, as files to import."""
    rng = np.random.default_rng(seed)
    catalogue, events = folder / "items.ndjson", folder / "events.ndjson"
    with catalogue.open("w") as file:
        for number in range(items):
            item = {
                "type": "item", "id": f"i{number:06}", "name": f"Thing {number}",
                "category": f"c{number % CATEGORIES}", "price": number % 100, "currency": "EUR",
                "available": number % 20 != 0,
            }  # fmt: skip
            file.write(json.dumps(item) + "\n")
    began = now() - 30 * DAY
    with events.open("w") as file:
        for person in range(profiles):
            for step, item in enumerate(rng.integers(0, items, TOUCHES).tolist()):
                call = {
                    "type": "track", "userId": f"u{person}", "messageId": f"{person}-{step}",
                    "event": ("Product Viewed", "Product Added", "Order Completed")[step % 3],
                    "timestamp": to_iso(began + step * HOUR),
                    "properties": {"products": [{"product_id": f"i{item:06}"}]},
                }  # fmt: skip
                if step % 3 < 2:
                    call["properties"] = {"product_id": f"i{item:06}"}
                file.write(json.dumps(call) + "\n")
    return [catalogue, events]


# ── what is measured ───────────────────────────────────────────────────────────────────────────


def timed(ask: Callable[[int], object], rounds: int) -> Spent:
    for number in range(20):
        ask(number)
    spent = Spent([], [])
    for number in range(rounds):
        began, worked = time.perf_counter(), time.process_time()
        ask(number)
        spent.cpu.append((time.process_time() - worked) * 1e3)
        spent.clock.append((time.perf_counter() - began) * 1e3)
    return spent


def model_alone(model: ServingModel, rounds: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = len(model.item_ids)
    numbers = np.arange(size)
    allowed = (numbers % CATEGORIES < 20) & (numbers % 100 <= 80) & (numbers % 20 != 0)
    for length in (5, 30, 100):
        histories = [
            [
                Interaction(model.item_ids[item], views=1, last_at=step * HOUR)
                for step, item in enumerate(rng.integers(0, size, length).tolist())
            ]
            for _ in range(100)
        ]

        def ask(number: int, histories: list[list[Interaction]] = histories) -> object:
            return model.recommend(
                Request(
                    history=histories[number % 100],
                    first=FIRST,
                    allowed=allowed,
                    diversity=DIVERSITY,
                )
            )

        tell("model alone", history=length, **timed(ask, rounds).quantiles())
        peer(model, histories, allowed, rounds)


def peer(
    model: ServingModel, histories: list[list[Interaction]], allowed: np.ndarray, rounds: int
) -> None:
    try:
        from implicit._nearest_neighbours import NearestNeighboursScorer
        from implicit.nearest_neighbours import ItemItemRecommender
    except ImportError:
        tell("implicit", left_out="it is not installed")
        return
    from scipy.sparse import csr_matrix

    size = len(model.item_ids)
    lists = model.lists
    theirs = ItemItemRecommender(K=FIRST)
    theirs.similarity = csr_matrix(
        (lists.weights.astype(np.float64), lists.items, lists.starts), shape=(size, size)
    )
    theirs.scorer = NearestNeighboursScorer(theirs.similarity)
    left_out = np.flatnonzero(~allowed).astype(np.int32)
    rows = []
    for history in histories:
        items = sorted({model.position(touch.item_id) for touch in history})
        rows.append(csr_matrix((np.ones(len(items)), ([0] * len(items), items)), shape=(1, size)))

    def ask(number: int) -> object:
        return theirs.recommend(
            0, rows[number % 100], N=FIRST, filter_already_liked_items=False, filter_items=left_out
        )

    spent = timed(ask, rounds // 4).quantiles()
    tell("implicit, same lists and filter", history=len(histories[0]), **spent)


async def platform(parts: Parts, profiles: int, rounds: int) -> None:
    recommending = parts.platform().recommending
    page = await parts.store.profile_page("ID", Span(min(profiles, 100)), segment=None, search=None)
    ids = [profile.id for profile in page.items]
    spent = Spent([], [])
    for number in range(rounds + 20):
        began, worked = time.perf_counter(), time.process_time()
        found = await recommending.recommend(
            profile_id=ids[number % len(ids)], item_ids=(), context=None, where=WHERE,
            policy="DISCOVER", diversity=DIVERSITY, first=FIRST,
        )  # fmt: skip
        if number >= 20:
            spent.cpu.append((time.process_time() - worked) * 1e3)
            spent.clock.append((time.perf_counter() - began) * 1e3)
        assert len(found.items) == FIRST
        assert found.fallback is None
    tell("platform on the embedded store", history=TOUCHES, **spent.quantiles())


def over_http(data: Path, profiles: int, rounds: int) -> None:
    with served(worker=False, data=data) as server:
        address = server.address.removeprefix("http://")
        connection = http.client.HTTPConnection(address)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {server.token}"}
        query = QUERY % ", ".join(f'"c{number}"' for number in range(20))

        def ask(number: int) -> None:
            body = {"query": query, "variables": {"user": f"u{number % profiles}"}}
            connection.request("POST", "/graphql", json.dumps(body), headers)
            answer = json.loads(connection.getresponse().read())
            assert len(answer["data"]["recommend"]["edges"]) == FIRST, answer

        timed(ask, 20)
        before = cpu_of(server.pid)
        clock = timed(ask, rounds).clock
        mean = (cpu_of(server.pid) - before) / (rounds + 20)
        figures = Spent(clock, []).quantiles()
        tell("GraphQL over HTTP", history=TOUCHES, **figures, server_cpu_mean_ms=round(mean, 2))


def cpu_of(pid: int) -> float:
    """CPU that a process has used, in ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1e3 / os.sysconf("SC_CLK_TCK")


def memory(artifacts: ArtifactStore) -> None:
    command = [sys.executable, "-c", MEMORY, str(artifacts.folder)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    resident, own = map(float, answer.split())
    size = sum(f.stat().st_size for f in artifacts.folder.rglob("*") if f.is_file()) / 2**20
    tell("memory", resident_mib=resident, of_its_own_mib=own, on_disk_mib=round(size, 1))


async def run(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        model = made(options.items, options.width, options.seed)
        model_alone(model, options.rounds, options.seed)
        async with opened(build(load({"CDP_DATA": str(data)}))) as parts:
            stored(parts.artifacts, model)
            memory(parts.artifacts)
            for file in write_rows(Path(folder), options.items, options.profiles, options.seed):
                await import_file(parts, file, Summary(), form="segment", mapping={})
            await apply_all(parts)
            await platform(parts, options.profiles, options.rounds)
        over_http(data, options.profiles, options.rounds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--width", type=int, default=500)
    parser.add_argument("--profiles", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
