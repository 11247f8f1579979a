"""The page about segments: every example on it is run, and it forgets no condition and no code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rule_views import Happened, View, holds, judged

from cdp.segments import index, parse
from cdp.segments.errors import BadRule
from graph_schema.model.rule import RuleOp, ValueType
from graph_schema.model.time import from_iso

PAGE = (Path(__file__).resolve().parents[2] / "docs/segments.md").read_text("utf-8")
EXAMPLE = re.compile(r"```json\n(.*?)\n```\n\| given .*\n\|[-|]+\n((?:\|.*\n)+)")
EVENT = re.compile(r"(.+) @ (\d+T\d\d:\d\d)(?: (\{.*\}))?")


def moment(text: str) -> int:
    day, clock = text.split("T")
    return from_iso(f"2026-11-{int(day):02d}T{clock}Z")


def view_of(given: str) -> View:
    events, traits, namespaces, segments = [], {}, {}, []
    for place, words in enumerate(re.findall(r"`([^`]+)`", given)):
        if found := EVENT.fullmatch(words):
            name, at, properties = found.groups()
            events.append(Happened(moment(at), f"m{place}", name, json.loads(properties or "{}")))
        elif " = " in words:
            name, _, value = words.partition(" = ")
            traits[name] = json.loads(value)
        elif " × " in words:
            name, _, count = words.partition(" × ")
            namespaces[name] = int(count)
        else:
            assert words.startswith("in "), words
            segments.append(words.removeprefix("in "))
    return View(events, traits, namespaces, segments)


def examples() -> Iterator[Any]:
    for rule, table in EXAMPLE.findall(PAGE):
        for row in table.splitlines():
            given, at, answer, until = (cell.strip() for cell in row.strip("|").split("|"))
            yield pytest.param(json.loads(rule), given, at, answer, until, id=f"{rule[:30]} {at}")


def rows(heading: str) -> list[list[str]]:
    """The rows of the table under that head, without back-ticks."""
    table = PAGE.partition(heading)[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip().strip("`") for cell in row.strip("|").split(" | ")] for row in table]


@pytest.mark.parametrize(("rule", "given", "at", "answer", "until"), list(examples()))
def test_an_example(rule: Any, given: str, at: str, answer: str, until: str) -> None:
    verdict = judged(rule, view_of(given), moment(at))
    assert verdict.holds is {"yes": True, "no": False}[answer]
    assert verdict.turns_at == (moment(until) if until else None)


def test_every_condition_has_examples() -> None:
    ran = "".join(rule for rule, _ in EXAMPLE.findall(PAGE))
    assert len(list(examples())) > 20
    for kind in parse._Parser()._kinds:
        assert f"`{kind}`" in PAGE and f'"{kind}"' in ran, kind


def test_how_values_compare() -> None:
    found = rows("| found | test | passes |")
    assert len(found) > 10
    for value, test, answer in found:
        view = View(traits={"v": json.loads(value)})
        rule = {"trait": {"name": "v", **json.loads(test)}}
        assert holds(rule, view) is {"yes": True, "no": False}[answer], (value, test)


def test_mistakes_and_their_paths() -> None:
    found = rows("| rule | code | path |")
    assert len(found) > 10
    for rule, code, path in found:
        with pytest.raises(BadRule) as refused:
            parse.parse(json.loads(rule))
        told = [(problem.code, ".".join(problem.path)) for problem in refused.value.problems]
        assert told == [(code, path.strip("| `"))], rule


def test_every_word_and_code_is_on_the_page() -> None:
    sources = "".join(Path(module.__file__ or "").read_text("utf-8") for module in (parse, index))
    codes = set(re.findall(r'(?:wrong|RuleProblem)\(\s*"([A-Z_]+)"', sources))
    assert len(codes) > 10
    for word in codes | set(RuleOp) | set(ValueType):
        assert f"`{word}`" in PAGE, word
