"""Who is who: a whole table of evidence at once, and fact by fact.

    python benchmarks/resolve.py [--facts 1000000]

- The batch way, beside SciPy's `connected_components` over the same pairs in the same run. SciPy knows
  no cuts, limits, reasons or anchors: it is the floor under any answer.
- The local way in memory, without a store: events a second where one in ten merges two profiles, and
  how long a merge into a profile of 500 identifiers takes.
"""

from __future__ import annotations

# ruff: noqa: E402 - the path has to be right before the first import
import argparse
import random
import statistics
import sys
import time
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from graph_schema.model.evidence import EvidenceKind, Seen
from graph_schema.model.identifier import parse_key
from graph_schema.model.rules import DEFAULT_NAMESPACES, IdentityRules, Namespace
from graph_schema.model.time import HALF_HOUR
from identity.batch import EvidenceTable, resolve_table
from identity.book import EvidenceBook
from identity.local import Sighted

RULES = IdentityRules()


def table(facts: int, seed: int = 5) -> EvidenceTable:
    """Logins of people on one to four devices; one device in twenty is a household's, a house e-mail
    in a hundred people, one kiosk in ten thousand."""
    rng = np.random.default_rng(seed)
    people = max(10, facts // 4)
    user = rng.integers(0, people, facts)
    device = user * 4 + rng.integers(0, 1 + user % 4)
    shared = rng.random(facts) < 0.05
    device[shared] = user[shared] // 3 * 12
    device[rng.random(facts) < 1e-4] = 0
    with_mail = rng.random(facts) < 0.1
    mail = np.where(rng.random(facts) < 0.01, user // 5, user) + 4 * people + 4
    other = np.where(with_mail, mail, device)
    at = rng.integers(0, 90 * 48, facts) * HALF_HOUR + rng.integers(0, HALF_HOUR, facts)
    # Codes in the order of the keys: anonymous_id before email before user_id.
    ends = np.concatenate((other, user + 5 * people + 8))
    found, codes = np.unique(ends, return_inverse=True)
    a, b = codes[:facts], codes[facts:]
    names = np.searchsorted([4 * people + 4, 5 * people + 8], found, side="right")
    first = np.full(len(found), np.iinfo(np.int64).max)
    np.minimum.at(first, a, at)
    np.minimum.at(first, b, at)
    kinds = ("anonymous_id", "email", "user_id")
    return EvidenceTable(
        [f"{kinds[n]}:{v:010d}" for n, v in zip(names.tolist(), found.tolist(), strict=True)],
        kinds, names.astype(np.int64), first, a, b, np.full(facts, 1), at // HALF_HOUR, at,
        [f"m{i}" for i in range(facts)],
    )  # fmt: skip


def components(evidence: EvidenceTable) -> int:
    size = len(evidence.keys)
    links = coo_array(
        (np.ones(len(evidence.a), np.int8), (evidence.a, evidence.b)), shape=(size, size)
    )
    return int(connected_components(links.tocsr(), directed=False)[0])


def best_of(work: object, rounds: int = 3) -> float:
    assert callable(work)
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took)


def batch(facts: int) -> None:
    evidence = table(facts)
    floor = best_of(lambda: components(evidence))
    ours = best_of(lambda: resolve_table(evidence, RULES))
    found = resolve_table(evidence, RULES)
    print(
        f"{facts:,} login evidences, {len(evidence.keys):,} identifiers:"
        f" {len(np.unique(found.anchor)):,} profiles in {ours:.2f} s"
        f" ({facts / ours:,.0f} facts/s); connected_components {components(evidence):,} in"
        f" {floor:.3f} s; x {ours / floor:.1f}"
    )


def event(number: int, user: str, other: str) -> tuple[list[Seen], list[Sighted]]:
    at = number * 1_000_000
    a, b = sorted((user, other))
    seen = Seen(a, b, EvidenceKind.LOGIN, at // HALF_HOUR, at, f"m{number}")
    sighted = [Sighted(key, RULES.namespace(parse_key(key)[0]), at) for key in (a, b)]
    return [seen], sighted


def local(events: int) -> None:
    """Nine events of ten are of known pairs; the tenth logs a new device of a person in, which had a
    profile of its own."""
    rng = random.Random(3)
    book = EvidenceBook(RULES)
    people = events // 40
    devices = dict.fromkeys(range(people), 1)
    for person in range(people):
        book.take(*event(person, f"user_id:u{person}", f"anonymous_id:{person}-0"))
    plan = []
    for number in range(people, people + events):
        person = rng.randrange(people)
        if number % 10 == 0:
            devices[person] += 1
            device = f"anonymous_id:{person}-{devices[person]}"
            namespace = RULES.namespace("anonymous_id")
            book.take([], [Sighted(device, namespace, number * 1_000_000 - 1)])
        else:
            device = f"anonymous_id:{person}-0"
        plan.append(event(number, f"user_id:u{person}", device))
    began = time.perf_counter()
    for facts, sighted in plan:
        book.take(facts, sighted)
    took = time.perf_counter() - began
    print(f"fact by fact, one merge in ten events: {events / took:,.0f} events/s")


def into_the_largest(size: int, merges: int = 200) -> None:
    rules = IdentityRules(
        size_cap=size + merges + 1,
        namespaces=tuple(
            Namespace(n.name, n.rank, n.role, 1 if n.rank == 0 else size + merges)
            for n in DEFAULT_NAMESPACES
        ),
    )
    book = EvidenceBook(rules)
    took = []
    for number in range(size + merges):
        facts, sighted = event(number, "user_id:u", f"anonymous_id:a{number}")
        began = time.perf_counter()
        book.take(facts, sighted)
        if number >= size:
            took.append((time.perf_counter() - began) * 1e3)
    p99 = statistics.quantiles(took, n=100)[98]
    print(
        f"a merge into a profile of {size} identifiers: median {statistics.median(took):.1f} ms,"
        f" p99 {p99:.1f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--facts", type=int, default=1_000_000)
    options = parser.parse_args()
    batch(options.facts)
    local(20_000)
    into_the_largest(500)


if __name__ == "__main__":
    main()
