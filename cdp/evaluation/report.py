"""An evaluation of identity as one HTML file that needs nothing else: no script, no network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

import msgspec

from cdp.evaluation.charts import bars, columns, lines, plain
from graph_schema.errors import BadInput
from graph_schema.model.time import to_iso
from identity.evaluation.assessment import EVENTS, IDENTIFIERS, SESSIONS, Assessment
from identity.evaluation.growth import Sizes
from identity.evaluation.masking import Masked
from identity.evaluation.standing import Place

STYLE = Path(__file__).with_name("report.css")
MOST_COLUMNS = 24


class Contents(msgspec.Struct, frozen=True):
    """What a report shows. `merged`: of each merge, the identifiers in the profile that came of it.
    Parts that were not asked for are None or empty, and left out."""

    profiles: int
    identifiers: int
    sessions: int
    merged: Sequence[int] = ()
    growth: Sequence[Sizes] = ()
    assessment: Assessment | None = None
    masked: Masked | None = None


def write_report(path: Path, page: str) -> None:
    """Raises BadInput where the file cannot be written."""
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise BadInput(reason=f"{path} cannot be written: {error.strerror}.") from error


def html(contents: Contents) -> str:
    return "".join((
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Who is who: an evaluation</title><style>{STYLE.read_text('utf-8')}</style>",
        "<main><h1>Who is who</h1>",
        f"<p>{contents.profiles:,} profiles of {contents.identifiers:,} identifiers,"
        f" {contents.sessions:,} sessions.</p>",
        *_parts(contents),
        "</main></html>\n",
    ))  # fmt: skip


def _parts(contents: Contents) -> Iterator[str]:
    if contents.assessment is not None:
        yield from _against_truth(contents.assessment)
    if contents.masked is not None:
        yield from _hidden_logins(contents.masked)
    yield from _merge_sizes(contents.merged)
    if contents.growth:
        yield from _over_time(contents.growth)


# ── against the truth ──────────────────────────────────────────────────────────────────────────


def _against_truth(found: Assessment) -> Iterator[str]:
    sessions = [row for row in found.rows if row.level == SESSIONS]
    methods = list(dict.fromkeys(row.method for row in sessions))
    f1: dict[str, list[float]] = {}
    for row in sessions:
        f1.setdefault(row.scope, []).append(row.evaluation.pairwise.f1)
    yield "<h2>Sessions put together, against the truth</h2>"
    yield (
        "<p>Precision: of two sessions in one profile, how often it was one person. Recall: of two"
        " sessions of one person, how often one profile has both. The graph stands here twice: once"
        " every profile is claimed to be a person, once those of devices that it marks as shared are"
        " claimed to be nobody. The ceiling is told who mostly uses each device.</p>"
    )
    yield bars("Pairwise F1 of each method", methods, list(f1.items()))
    for level in (SESSIONS, EVENTS, IDENTIFIERS):
        rows = [
            (row.scope, row.method, f"{row.evaluation.elements:,}", *(
                f"{value:.4f}"
                for value in (
                    row.evaluation.pairwise.precision, row.evaluation.pairwise.recall,
                    row.evaluation.pairwise.f1, row.evaluation.b_cubed.f1, row.evaluation.exact,
                )
            ))
            for row in found.rows
            if row.level == level
        ]  # fmt: skip
        yield f"<h3>{level}</h3>"
        yield table(("over", "method", "n", "precision", "recall", "F1", "B³ F1", "exact"), rows)
    yield "<h2>By kind of device</h2>"
    yield (
        "<p>Of the sessions that lie, or should lie, with one of this kind; strict, and with the"
        " sessions of shared devices nobody's.</p>"
    )
    yield bars(
        "Precision and recall by kind of device",
        ("precision", "recall", "precision, shared nobody's", "recall, shared nobody's"),
        [
            (
                f"{device} ({strict.elements:,})",
                (
                    strict.pairwise.precision, strict.pairwise.recall,
                    loose.pairwise.precision, loose.pairwise.recall,
                ),
            )
            for device, (strict, loose) in found.devices.items()
        ],
    )  # fmt: skip
    yield from _wrong("False pairs: one profile, two people", found.false)
    yield from _wrong("Missed pairs: one person, two profiles", found.missed)


def _wrong(title: str, pairs: Mapping[Place, int]) -> Iterator[str]:
    total = sum(pairs.values())
    yield f"<h2>{escape(title)}</h2>"
    yield f"<p>{total:,} pairs of sessions, each laid to the one of which less is known.</p>"
    if total:
        yield table(
            ("device", "what the rule goes by", "pairs", "share"),
            [
                (place.device, place.standing.why, f"{count:,}", f"{count / total:.1%}")
                for place, count in pairs.items()
            ],
        )


# ── without a truth ────────────────────────────────────────────────────────────────────────────


def _hidden_logins(found: Masked) -> Iterator[str]:
    yield "<h2>Logins hidden</h2>"
    yield (
        f"<p>{found.hidden:,} of {found.logins:,} logins on devices were hidden (seed"
        f" {found.seed}). On the device of {found.reachable:,} of those the same user is still seen"
        " at another time.</p>"
    )
    if not found.hidden:
        return
    rows = [
        (name, f"{of.right:,}", f"{of.wrong:,}", f"{of.nobody:,}",
         f"{of.measure.precision:.4f}", f"{of.measure.recall:.4f}", f"{of.measure.f1:.4f}")
        for name, of in found.found.items()
    ]  # fmt: skip
    yield table(("method", "right", "wrong", "nobody's", "precision", "recall", "F1"), rows)


def _merge_sizes(sizes: Sequence[int]) -> Iterator[str]:
    yield "<h2>Merge sizes</h2>"
    yield f"<p>{len(sizes):,} merges of profiles, by the identifiers in what came of them.</p>"
    if sizes:
        yield columns("Merges by size", "identifiers after the merge", binned(sizes))


def binned(sizes: Sequence[int]) -> list[tuple[str, int]]:
    """How often each size occurs; where there are too many sizes, in bins that double."""
    counts = Counter(sizes)
    low, high = min(counts), max(counts)
    if high - low < MOST_COLUMNS:
        return [(str(size), counts[size]) for size in range(low, high + 1)]
    bins: Counter[int] = Counter()
    for size, count in counts.items():
        bins[size.bit_length()] += count
    return [
        (f"{1 << bits - 1}–{(1 << bits) - 1}", bins[bits])
        for bits in range(low.bit_length(), high.bit_length() + 1)
    ]


def _over_time(growth: Sequence[Sizes]) -> Iterator[str]:
    yield "<h2>Profile sizes over time</h2>"
    yield "<p>Identifiers in a profile, by the rule over what had been seen at each moment.</p>"
    days = [to_iso(sizes.at)[:10] for sizes in growth]
    yield lines(
        "Identifiers in a profile over time",
        {
            "largest": [float(sizes.largest) for sizes in growth],
            "nine in ten have at most": [float(sizes.ninety) for sizes in growth],
            "mean": [sizes.mean for sizes in growth],
            "median": [float(sizes.median) for sizes in growth],
        },
        days,
    )
    yield table(
        ("until", "profiles", "mean", "median", "nine in ten", "largest"),
        [
            (day, f"{s.profiles:,}", f"{s.mean:.2f}", plain(s.median), plain(s.ninety), plain(s.largest))
            for day, s in zip(days, growth, strict=True)
        ],
    )  # fmt: skip


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Numbers stand to the right: a column does where its every cell begins with a digit."""
    right = [all(row[i][:1].isdigit() for row in rows) for i in range(len(columns))]
    kinds = [' class="n"' if is_number else "" for is_number in right]
    head = "".join(
        f"<th{kind}>{escape(name)}</th>" for kind, name in zip(kinds, columns, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td{kind}>{escape(cell)}</td>" for kind, cell in zip(kinds, row, strict=True))
        + "</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'
