"""Plots as inline SVG: bars, columns, lines. Every mark says its value when pointed at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

WIDTH = 760
LABELS = 210
"""Pixels left of bars, for their names."""
BAR, GAP = 13, 12
PLOT = 240
"""Height of columns and lines."""
MARGIN = 46

Format = Callable[[float], str]


def share(value: float) -> str:
    return f"{value:.4f}"


def plain(value: float) -> str:
    return f"{value:,.10g}"


def bars(
    about: str,
    series: Sequence[str],
    rows: Sequence[tuple[str, Sequence[float]]],
    *,
    top: float = 1.0,
    form: Format = share,
) -> str:
    """Horizontal bars from 0 to `top`; each row has one for every series."""
    room = WIDTH - LABELS - 70
    step = len(series) * BAR + GAP
    parts: list[str] = []
    for place, (label, values) in enumerate(rows):
        y = place * step
        middle = y + len(series) * BAR / 2 + 4
        parts.append(_text(LABELS - 8, middle, label, "end"))
        for number, value in enumerate(values):
            long = room * min(1.0, value / top) if top else 0.0
            at = y + number * BAR
            parts.append(
                f'<rect class="s{number}" x="{LABELS}" y="{at}" width="{long:.1f}"'
                f' height="{BAR - 2}">{_tip(f"{label}, {series[number]}: {form(value)}")}</rect>'
                + _text(LABELS + long + 5, at + BAR - 3, form(value), "start", "value")
            )
    return _legend(series) + _svg(about, max(1, len(rows) * step), parts)


def columns(about: str, unit: str, counts: Sequence[tuple[str, int]]) -> str:
    """Vertical columns, one for each label."""
    top = max((count for _, count in counts), default=0) or 1
    wide = (WIDTH - MARGIN) / max(1, len(counts))
    parts: list[str] = []
    for place, (label, count) in enumerate(counts):
        high = PLOT * count / top
        x = MARGIN + place * wide
        parts.append(
            f'<rect class="s0" x="{x + 2:.1f}" y="{20 + PLOT - high:.1f}"'
            f' width="{max(1.0, wide - 4):.1f}" height="{high:.1f}">'
            f"{_tip(f'{label} {unit}: {count:,}')}</rect>"
        )
        parts.append(_text(x + wide / 2, 15 + PLOT - high, f"{count:,}", "middle", "value"))
        parts.append(_text(x + wide / 2, 36 + PLOT, label, "middle"))
    parts.append(_text(MARGIN + (WIDTH - MARGIN) / 2, 56 + PLOT, unit, "middle", "value"))
    return _svg(about, PLOT + 64, parts)


def lines(about: str, series: Mapping[str, Sequence[float]], labels: Sequence[str]) -> str:
    """A line for each series over evenly spaced labels, from 0 up."""
    top = max((max(values) for values in series.values() if values), default=0.0) or 1.0
    wide = WIDTH - MARGIN - 60

    def x(place: int) -> float:
        return MARGIN + wide * place / max(1, len(labels) - 1)

    def y(value: float) -> float:
        return 14 + PLOT * (1 - value / top)

    parts = [
        f'<line class="grid" x1="{MARGIN}" x2="{MARGIN + wide}" y1="{y(at):.1f}" y2="{y(at):.1f}"/>'
        + _text(MARGIN - 6, y(at) + 4, f"{at:.3g}", "end", "value")
        for at in (0.0, top / 2, top)
    ]
    for number, (name, values) in enumerate(series.items()):
        path = " ".join(f"{x(place):.1f},{y(value):.1f}" for place, value in enumerate(values))
        parts.append(f'<polyline class="l{number}" points="{path}"/>')
        parts += [
            f'<circle class="s{number}" cx="{x(place):.1f}" cy="{y(value):.1f}" r="3.5">'
            f"{_tip(f'{labels[place]}, {name}: {plain(round(value, 2))}')}</circle>"
            for place, value in enumerate(values)
        ]
    every = max(1, len(labels) // 6)
    parts += [
        _text(x(place), 34 + PLOT, label, "middle", "value")
        for place, label in enumerate(labels)
        if place % every == 0
    ]
    return _legend(list(series)) + _svg(about, PLOT + 44, parts)


def _svg(about: str, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(about)}">'
        + "".join(parts)
        + "</svg>"
    )


def _legend(series: Sequence[str]) -> str:
    marks = (
        f'<span><i class="b{number}"></i>{escape(name)}</span>'
        for number, name in enumerate(series)
    )
    return f'<p class="legend">{"".join(marks)}</p>'


def _text(x: float, y: float, text: str, anchor: str, kind: str = "label") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _tip(text: str) -> str:
    return f"<title>{escape(text)}</title>"
