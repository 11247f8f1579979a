"""`cdp demo`: the whole product once, on a simulated shop."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from api.answers import Answering, Question
from api.auth import Principal, Scope
from api.connections import Seal
from cdp.bootstrap import Parts, build, only_worker, opened
from cdp.cli.applying import apply_all
from cdp.cli.console import err, out, progress
from cdp.cli.evaluating import Asked, evaluated, print_sessions
from cdp.cli.importing import Summary, import_file
from cdp.cli.serving import serve
from cdp.cli.training import Asked as Training
from cdp.cli.training import print_table, trained
from cdp.settings import Settings
from cdp.simulate import simulate, write
from graph_schema.model.command import CreateSegment
from graph_schema.model.time import now

DAYS = 30
SEED = 1
TRAINING_S = 30.0
"""For choosing a recommender."""
SEGMENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "big-spenders": (
        "Spent 200 or more in 30 days",
        {"sum": {"event": "Order Completed", "property": "total", "gte": "200", "within": "P30D"}},
    ),
    "browsers": (
        "Looked at five products in a week and bought nothing",
        {
            "all": [
                {"event": {"name": "Product Viewed", "count": {"gte": 5}, "within": "P7D"}},
                {"not": {"event": {"name": "Order Completed", "within": "P7D"}}},
            ]
        },
    ),
}
QUESTIONS: tuple[tuple[str, str], ...] = (
    ("How much is there?", "{ stats { profiles identifiers sessions events items lag } }"),
    (
        "Who came last, from which devices, and what did they spend?",
        "{ profiles(first: 3) { edges { node { id identified lastSeenAt"
        " identifiers(first: 5) { edges { node { namespace } } }"
        " counters { events sessions orders revenue { amount currency } } } } } }",
    ),
    (
        "Which segments are there?",
        "{ segments(first: 5) { edges { node { key name size status } } } }",
    ),
    (
        "Who spends much, and why are they in that segment?",
        '{ segment(key: "big-spenders") { members(first: 2) { edges { node { id'
        ' segmentTrace(segment: "big-spenders") { conditions { observed holds } } } } } } }',
    ),
    (
        "What should they see next, and why?",
        "{ profiles(first: 2) { edges { node { recommendations(first: 3) { fallback edges { score"
        " node { name category } reasons { share text } } } } } } }",
    ),
)


def demo(settings: Settings, *, people: int, serving: bool, host: str, port: int) -> int:
    """Exit 0 when everything was shown; then serves, unless told otherwise."""
    with only_worker(settings, lambda: err.print("Waiting for the worker of this folder to end.")):
        asyncio.run(_show(settings, people))
    next_steps(settings, host, port)
    return serve(settings, host=host, port=port, workers=1) if serving else 0


async def _show(settings: Settings, people: int) -> None:
    async with opened(build(settings)) as parts:
        with tempfile.TemporaryDirectory() as folder:
            truth = Path(folder)
            fresh = not any(tail.position for tail in (await parts.log.tails()).values())
            if fresh:
                await _import_shop(parts, truth, people)
            else:
                # The same people simulated later would send other events under the same message ids.
                out.print("This folder holds events already: nothing is simulated again.")
            await _add_segments(parts)
            started = time.monotonic()
            await apply_all(parts)
            totals = await parts.store.totals()
            out.print(
                f"{totals.events:,} events became {totals.profiles:,} profiles of"
                f" {totals.identifiers:,} identifiers in {time.monotonic() - started:.1f} s."
            )
            found = await trained(parts, Training(budget_s=TRAINING_S))
            out.rule("the recommender, beside its baselines (higher is better)")
            print_table(found.table)
            if fresh:
                await _compare(parts, truth)
        out.rule("five questions over GraphQL")
        await _ask(parts)


async def _compare(parts: Parts, truth: Path) -> None:
    out.rule("who is who, against the truth that the simulator knows")
    evaluation = (await evaluated(parts, Asked(truth=truth))).assessment
    assert evaluation is not None
    print_sessions(evaluation)
    out.print("Precision: of two sessions given to one profile, how often it was one person.")
    out.print("Recall: of two sessions of one person, how often one profile has both.")
    out.print(
        "Nobody can tell who sat at a tablet or kiosk and did not log in: the ceiling is"
        " told who mostly does."
    )


async def _import_shop(parts: Parts, folder: Path, people: int) -> None:
    with progress(f"simulating {people} people") as report:
        await asyncio.to_thread(write, simulate(people, DAYS, SEED, now()), folder, report)
    summary = Summary()
    for name in ("items.ndjson", "events.ndjson.gz"):
        await import_file(parts, folder / name, summary, form="segment", mapping={})
    out.print(f"Imported {summary.taken:,} events and {summary.items:,} items.")


async def _add_segments(parts: Parts) -> None:
    await parts.commands.append(
        [
            CreateSegment(id=f"demo-{key}", actor="demo", at=now(), key=key, name=name, rule=rule)
            for key, (name, rule) in SEGMENTS.items()
        ]
    )


async def _ask(parts: Parts) -> None:
    api = parts.api_settings()
    answering = Answering(parts.platform(), api, Seal(api.cursor_key))
    for title, query in QUESTIONS:
        principal = Principal("demo", frozenset(Scope))
        answer = await answering.answer(Question(query, {}, None), principal, "demo")
        out.print(f"\n{title}", style="bold")
        out.print(query, style="dim")
        out.print_json(data=answer.body.get("data"))


def next_steps(settings: Settings, host: str, port: int) -> None:
    """Two questions to paste; any token may ask for the numbers."""
    out.rule("what to try next")
    token = next(iter(settings.tokens), "TOKEN")
    address = f"http://{host}:{port}"
    out.print(f"Your keys lie in {settings.data / 'credentials.toml'}. Once it serves:")
    event = '{"userId":"me","event":"Product Viewed","properties":{"product_id":"p1"}}'
    question = '{"query":"{ stats { profiles events } }"}'
    json_type = "-H 'Content-Type: application/json'"
    for command in (
        f"curl -s {address}/v1/track -u '{settings.write_keys[0]}:' {json_type} -d '{event}'",
        f"curl -s {address}/graphql -H 'Authorization: Bearer {token}' {json_type} -d '{question}'",
    ):
        out.print(f"  {command}", soft_wrap=True)
