"""An evaluation as plain values, for machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from identity.evaluation.assessment import Assessment
from identity.evaluation.masking import Masked
from identity.evaluation.measures import Measure, Stratum
from identity.evaluation.standing import Place


def assessment(found: Assessment) -> dict[str, Any]:
    return {
        "sessions": found.sessions,
        "absent_events": found.absent,
        "mixed_sessions": found.mixed,
        "rows": [
            {
                "level": row.level,
                "scope": row.scope,
                "method": row.method,
                "elements": row.evaluation.elements,
                "people": row.evaluation.people,
                "clusters": row.evaluation.clusters,
                "pairwise": _measure(row.evaluation.pairwise),
                "b_cubed": _measure(row.evaluation.b_cubed),
                "exact": row.evaluation.exact,
            }
            for row in found.rows
        ],
        "devices": [
            {"device": device, "strict": _stratum(strict), "unattributed": _stratum(loose)}
            for device, (strict, loose) in found.devices.items()
        ],
        "false_pairs": _pairs(found.false),
        "missed_pairs": _pairs(found.missed),
    }


def masked(found: Masked) -> dict[str, Any]:
    return {
        "share": found.share,
        "seed": found.seed,
        "logins": found.logins,
        "hidden": found.hidden,
        "reachable": found.reachable,
        "methods": {
            name: {"right": of.right, "wrong": of.wrong, "nobody": of.nobody} | _measure(of.measure)
            for name, of in found.found.items()
        },
    }


def _measure(found: Measure) -> dict[str, float]:
    return {"precision": found.precision, "recall": found.recall, "f1": found.f1}


def _stratum(found: Stratum) -> dict[str, Any]:
    return {
        "elements": found.elements,
        "pairwise": _measure(found.pairwise),
        "b_cubed": _measure(found.b_cubed),
    }


def _pairs(found: Mapping[Place, int]) -> list[dict[str, Any]]:
    return [
        {
            "device": place.device,
            "standing": place.standing.name.lower(),
            "why": place.standing.why,
            "pairs": count,
        }
        for place, count in found.items()
    ]
