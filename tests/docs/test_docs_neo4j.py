"""The questions of docs/neo4j.md, on a small shop: each has an answer, and no plan scans all nodes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import neo4j
import pytest
from graphs import event, opened
from stores import IDS, Neo4jPlace, neo4j_place

from graph_schema.model.command import CreateSegment
from graph_schema.model.event import EventType

PAGE = (Path(__file__).resolve().parents[2] / "docs/neo4j.md").read_text(encoding="utf-8")
QUESTIONS = re.findall(r"^(\S[^\n]+[?.])\n\n```cypher\n(.+?)```", PAGE, re.M | re.S)
LOGIN, ORDER = EventType.IDENTIFY, "Order Completed"
X = {"product_id": "x", "price": 5}
Y = {"product_id": "y", "price": 7}

PARAMETERS: dict[str, Any] = {
    "email": "ann@x.y",
    "profile": IDS.of("user_id:ann"),
    "a": "email:ann@x.y",
    "b": "anonymous_id:phone",
    "item": "x",
    "days": 7,
    "segment": "buyers",
    "former": IDS.of("anonymous_id:phone"),
}


@pytest.fixture
async def place() -> AsyncIterator[Neo4jPlace]:
    async with neo4j_place() as found, opened(found.store()) as graph:
        await graph.take(
            event("m1", 0, anonymous="phone", name="Product Viewed", properties=X),
        )
        await graph.work()
        rule = {"event": {"name": ORDER, "count": {"gte": 1}}}
        await graph.ask(
            CreateSegment(id="c1", actor="t", at=0, key="buyers", name="Buyers", rule=rule)
        )
        await graph.take(
            event("m2", 60, anonymous="phone", user="ann", kind=LOGIN,
                  traits={"email": "ann@x.y", "plan": "pro"}),
            event("m3", 90, anonymous="phone", user="ann", name=ORDER,
                  properties={"order_id": "o1", "total": 12, "products": [X, Y]}),
            event("m4", 200, user="bob", kind=LOGIN, traits={"email": "ann@x.y"}),
            event("m5", 300, anonymous="kiosk", user="bob", kind=LOGIN),
            event("m6", 400, anonymous="kiosk", user="cid", kind=LOGIN),
        )  # fmt: skip
        await graph.work()
        yield found


def operators(plan: dict[str, Any]) -> Iterator[str]:
    yield plan["operatorType"].partition("@")[0]
    for child in plan.get("children", ()):
        yield from operators(child)


async def test_every_question_has_an_answer(place: Neo4jPlace) -> None:
    assert len(QUESTIONS) == 10
    address = place.address
    driver = neo4j.AsyncGraphDatabase.driver(
        address.uri,
        auth=(address.user, address.password),
        warn_notification_severity=neo4j.NotificationMinimumSeverity.INFORMATION,
    )
    answers = {}
    async with driver:
        for question, statement in QUESTIONS:
            found = await driver.execute_query(
                "PROFILE " + statement, PARAMETERS, database_=address.database
            )
            profile = found.summary.profile
            assert profile is not None
            used = set(operators(profile))
            assert "AllNodesScan" not in used, (question, used)
            assert found.records, question
            answers[question] = [record.values() for record in found.records]
    whose = answers["Whose is this e-mail?"]
    assert [row[0] for row in whose] == [PARAMETERS["profile"]]
    together = answers["Why are these two one person?"]
    assert together[0][0][0] == "email:ann@x.y" and together[0][0][-1] == "anonymous_id:phone"
    assert answers["Which devices are shared, and by how many people?"] == [["kiosk", 2]]
    assert answers["What was refused, and by which rule?"][0][4] == "limit"
    assert [row[:2] for row in answers["What is bought together with product X?"]] == [["y", None]]
    (bought,) = answers["Who viewed product X and bought it within Y days?"]
    assert bought[0] == PARAMETERS["profile"] and bought[1] < bought[2]
    (member,) = answers["Who came into this segment last, and on which plan are they?"]
    assert member[1] == "pro"
    assert answers["What became of a profile that is no more?"][0][:2] == [
        PARAMETERS["profile"], "merge",
    ]  # fmt: skip
