"""The report is one well-formed file that loads nothing, and its plots show the values."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from evaluations import RULES, Call, heard, people, resolved

from cdp.evaluation.charts import LABELS, WIDTH, bars, columns, lines
from cdp.evaluation.report import Contents, binned, html, write_report
from cdp.evaluation.truth import read_truth
from graph_schema.errors import BadInput
from identity.evaluation.assess import assess
from identity.evaluation.assessment import Truth
from identity.evaluation.growth import sizes_over_time
from identity.evaluation.masking import mask
from identity.evaluation.subjects import evidence_of

VOID = {"meta"}
SHORT = "message_id,person_id,household_id\nm1,p1\n"
CALLS = [
    Call("ann", 0, "phone", "ua"),
    Call("ann", 100, "tablet", "ua"),
    Call("<ben>", 200, "tablet"),
]


@pytest.fixture(scope="module")
def page() -> str:
    events = heard(CALLS)
    graph = resolved(events)
    truth = Truth(people(CALLS), {}, {})
    return html(
        Contents(
            profiles=1, identifiers=3, sessions=3, merged=(2, 2, 3),
            growth=tuple(sizes_over_time(evidence_of(events), RULES, steps=3)),
            assessment=assess(graph, truth, RULES),
            masked=mask(graph.sessions, RULES, 0.5, 1),
        )
    )  # fmt: skip


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_it_is_whole_and_loads_nothing(page: str) -> None:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    assert reader.addresses == []
    assert "<script" not in page
    assert not re.search(r"url\(|@import|https?://", page)


def test_every_part_is_there(page: str) -> None:
    for title in (
        "Sessions put together", "By kind of device", "False pairs", "Missed pairs",
        "Logins hidden", "Merge sizes", "Profile sizes over time",
    ):  # fmt: skip
        assert f"<h2>{title}" in page
    assert page.count("<svg") == 4


def test_parts_that_were_not_asked_for_are_left_out() -> None:
    page = html(Contents(profiles=0, identifiers=0, sessions=0))
    assert "against the truth" not in page
    assert "over time" not in page
    assert "0 merges" in page


def test_where_nothing_was_hidden_nothing_is_scored() -> None:
    nothing = mask(resolved(heard([Call("ann", 0, "phone")])).sessions, RULES, 0.5, 1)
    page = html(Contents(profiles=1, identifiers=1, sessions=1, masked=nothing))
    assert "0 of 0 logins" in page
    assert "<table>" not in page


def test_it_says_where_it_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere/report\.html cannot be written"):
        write_report(tmp_path / "nowhere" / "report.html", html(Contents(0, 0, 0)))


# ── plots ──────────────────────────────────────────────────────────────────────────────────────


def svg(plot: str) -> ElementTree.Element:
    return ElementTree.fromstring(plot[plot.index("<svg") :])


def test_bars_are_as_long_as_their_values() -> None:
    found = svg(bars("about", ("p", "r"), [("one", (1.0, 0.5)), ("two", (0.0, 0.25))]))
    wide = [float(rect.attrib["width"]) for rect in found.iter("rect")]
    full = WIDTH - LABELS - 70
    assert wide == [full, full / 2, 0, full / 4]
    tips = [rect.findtext("title") for rect in found.iter("rect")]
    assert tips[0] == "one, p: 1.0000"


def test_names_cannot_become_markup() -> None:
    evil = '<script>"&'
    for plot in (
        bars(evil, (evil,), [(evil, (0.5,))]),
        columns(evil, evil, [(evil, 1)]),
        lines(evil, {evil: [1.0, 2.0]}, [evil, evil]),
    ):
        assert svg(plot).attrib["aria-label"] == evil
        assert "<script" not in plot


def test_columns_stand_on_one_line() -> None:
    found = svg(columns("about", "size", [("1", 4), ("2", 2), ("3", 0)]))
    rects = list(found.iter("rect"))
    high = [float(rect.attrib["height"]) for rect in rects]
    assert high[0] == 2 * high[1] > high[2] == 0
    assert len({float(r.attrib["y"]) + float(r.attrib["height"]) for r in rects}) == 1


def test_lines_go_from_left_to_right_and_up() -> None:
    found = svg(lines("about", {"largest": [0.0, 1.0, 2.0]}, ["a", "b", "c"]))
    (line,) = found.iter("polyline")
    points = [tuple(map(float, pair.split(","))) for pair in line.attrib["points"].split()]
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert [y for _, y in points] == sorted((y for _, y in points), reverse=True)


def test_nothing_to_plot_is_an_empty_plot() -> None:
    assert not list(svg(columns("about", "size", [])).iter("rect"))
    assert not list(svg(lines("about", {}, [])).iter("polyline"))


def test_sizes_are_binned_where_there_are_many() -> None:
    assert binned([2, 2, 4]) == [("2", 2), ("3", 0), ("4", 1)]
    assert binned([2, 3, 9, 200]) == [
        ("2–3", 2), ("4–7", 0), ("8–15", 1), ("16–31", 0), ("32–63", 0), ("64–127", 0),
        ("128–255", 1),
    ]  # fmt: skip


# ── the truth ──────────────────────────────────────────────────────────────────────────────────


def test_a_truth_is_read(tmp_path: Path) -> None:
    (tmp_path / "truth.csv").write_text("message_id,person_id,household_id\nm1,p1,h1\nm2,p2,h1\n")
    (tmp_path / "identifiers.csv").write_text(
        "namespace,value,person_id\nemail,A@x.example,p1\nanonymous_id,a1,p1\nanonymous_id,a1,p2\n"
    )
    assert read_truth(tmp_path, RULES) == Truth(
        {"m1": "p1", "m2": "p2"},
        {"p1": "h1", "p2": "h1"},
        {"email:a@x.example": frozenset({"p1"}), "anonymous_id:a1": frozenset({"p1", "p2"})},
    )


@pytest.mark.parametrize(
    "content", [None, "", "a,b\n1,2\n", "message_id,person_id\nm1,p1\n", SHORT]
)
def test_what_is_no_truth_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "truth.csv").write_text(content)
    with pytest.raises(BadInput, match=r"truth\.csv"):
        read_truth(tmp_path, RULES)
