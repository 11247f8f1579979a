"""An evaluation of a recommender as one HTML file that needs nothing else: no script, no network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import NamedTuple

from cdp.evaluation.charts import bars, lines, plain
from cdp.evaluation.report import STYLE, table
from gnn.artifacts import RecommenderVersion
from gnn.evaluate import Metric
from graph_schema.model.time import to_iso

PER_USER = ("recall", "ndcg", "mrr", "hit_rate")
OF_CATALOGUE = ("coverage", "novelty", "popularity_bias")
TITLES = {
    "recall": "recall",
    "ndcg": "NDCG",
    "mrr": "MRR",
    "hit_rate": "hit rate",
    "coverage": "coverage",
    "novelty": "novelty, bits",
    "popularity_bias": "popularity bias",
}


class Values(NamedTuple):
    """The metrics of one split: model -> metric -> its value."""

    split: str
    of: Mapping[str, Mapping[str, Metric]]

    @property
    def models(self) -> list[str]:
        return list(self.of)

    def value(self, model: str, name: str) -> float:
        found = self.of[model].get(name)
        return 0.0 if found is None else found.value


def html(version: RecommenderVersion) -> str:
    return "".join((
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(version.name)}: an evaluation</title>",
        f"<style>{STYLE.read_text('utf-8')}</style>",
        f"<main><h1>{escape(version.name)}</h1>",
        f"<p>{escape(version.model)}, trained {to_iso(version.trained_at)[:16]} from"
        f" {version.interactions:,} pairs of {version.users:,} profiles and {version.items:,} items,"
        f" known until {to_iso(version.data_cutoff)[:16]}.</p>",
        *_parts(version),
        "</main></html>\n",
    ))  # fmt: skip


def _parts(version: RecommenderVersion) -> Iterator[str]:
    whole, *slices = by_split(version) or [Values("", {})]
    if whole.of:
        yield from _beside_baselines(whole)
        yield from _slices(slices)
    else:
        yield "<p>There was too little data to be cut in time: nothing was compared.</p>"
    if version.reasons:
        yield "<h2>Why this model</h2><ul>"
        yield from (f"<li>{escape(reason)}</li>" for reason in version.reasons)
        yield "</ul>"
    if version.history:
        yield from _training(version.history)
    rows = [(name, str(value)) for name, value in sorted(version.parameters.items())]
    yield "<h2>Parameters</h2>"
    yield table(("name", "value"), rows)


def by_split(version: RecommenderVersion) -> list[Values]:
    """The metrics, split by split, as they are stored: the whole first, then its slices."""
    found: dict[str, dict[str, dict[str, Metric]]] = {}
    for metric in version.metrics:
        model = metric.baseline or version.model
        found.setdefault(metric.split, {}).setdefault(model, {})[metric.name] = metric
    return [Values(split, of) for split, of in found.items()]


def _beside_baselines(values: Values) -> Iterator[str]:
    asked = f"{values.value(values.models[0], 'users'):,.0f}"
    yield f"<h2>Beside the baselines, at {values.of[values.models[0]]['recall'].k}</h2>"
    yield (
        f"<p>{asked} profiles: who bought something in the newest tenth of the data, ranked over all"
        " items by what was known before. In brackets: where the mean lies with 95 % confidence.</p>"
    )
    rows = [
        (TITLES[name], [values.value(model, name) for model in values.models]) for name in PER_USER
    ]
    yield bars("Measures of each model", values.models, rows, top=_highest(rows))
    yield table(
        ("model", *(TITLES[name] for name in (*PER_USER, *OF_CATALOGUE))),
        [
            (model, *(_cell(values.of[model].get(name)) for name in (*PER_USER, *OF_CATALOGUE)))
            for model in values.models
        ],
    )
    rows = [("coverage", [values.value(model, "coverage") for model in values.models])]
    yield "<h3>How much of the catalogue somebody is shown</h3>"
    yield bars("Coverage of each model", values.models, rows)


def _slices(slices: Sequence[Values]) -> Iterator[str]:
    if not slices:
        return
    yield "<h2>What the means hide</h2>"
    models = list(dict.fromkeys(model for values in slices for model in values.of))
    rows = [
        (
            _label(values),
            [values.value(model, "recall") if model in values.of else 0.0 for model in models],
        )
        for values in slices
    ]
    yield bars("Recall of each model by slice", models, rows, top=_highest(rows))
    yield table(
        ("of", "model", "recall", "NDCG"),
        [
            (
                _label(values),
                model,
                plain(round(values.value(model, "recall"), 4)),
                plain(round(values.value(model, "ndcg"), 4)),
            )
            for values in slices
            for model in values.of
        ],
    )


def _label(values: Values) -> str:
    users = values.value(values.models[0], "users")
    return f"{values.split.partition(', ')[2]} ({users:,.0f})"


def _training(history: Sequence[Mapping[str, float]]) -> Iterator[str]:
    yield "<h2>Training</h2>"
    labels = [f"{figures['epoch']:.0f}" for figures in history]
    for name in (name for name in history[0] if name != "epoch"):
        yield f"<h3>{escape(name)}</h3>"
        yield lines(f"{name} by epoch", {name: [one[name] for one in history]}, labels)


def _highest(rows: Sequence[tuple[str, Sequence[float]]]) -> float:
    return max((value for _, values in rows for value in values), default=0.0) or 1.0


def _cell(metric: Metric | None) -> str:
    if metric is None:
        return ""
    text = f"{metric.value:.4f}"
    if metric.low is not None and metric.high is not None:
        text += f" ({metric.low:.4f}–{metric.high:.4f})"
    return text
