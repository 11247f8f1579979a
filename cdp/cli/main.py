"""Reading the command line. Exit codes: 0 done, 1 the answer is "no", 2 wrong use or bad input."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.table import Table

from cdp.cli.arguments import moment, pair, seconds, whole
from cdp.cli.console import err, out, progress
from cdp.settings import Settings, load, shown
from graph_schema.errors import BadInput, CdpError
from graph_schema.model.time import DAY, now

Verb = Callable[[Settings, argparse.Namespace], int]

VERBS = (
    "serve", "worker", "import", "simulate", "train", "models", "evaluate", "demo", "check", "rebuild",
    "copy", "dead-letters", "dry-run", "identity", "schema", "settings",
)  # fmt: skip


def run(arguments: Sequence[str]) -> int:
    """Runs one verb and answers the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    # Whatever Neo4j's driver meets comes to us as an error, and is told once.
    logging.getLogger("neo4j").setLevel(logging.CRITICAL)
    try:
        given = {"CDP_DATA": options.data} if options.data else {}
        verb: Verb = options.verb
        return verb(load(given), options)
    except CdpError as error:
        err.print(f"{error.code}: {error.message}", soft_wrap=True)
        return 2
    except KeyboardInterrupt:
        return 130


# ── the verbs; what each needs is imported when it is asked for ────────────────────────────────


def _serve(settings: Settings, options: argparse.Namespace) -> int:
    from cdp.cli.serving import serve

    workers = 0 if options.no_worker else options.workers
    return serve(settings, host=options.host, port=options.port, workers=workers)


def _worker(settings: Settings, options: argparse.Namespace) -> int:
    from cdp.cli.applying import work

    return work(
        settings,
        until_idle=options.until_idle,
        partitions=options.partitions,
        with_parent=options.with_parent,
    )


def _import(settings: Settings, options: argparse.Namespace) -> int:
    from cdp.cli.importing import import_files

    return import_files(
        settings,
        options.files,
        form=options.format,
        mapping=dict(options.map),
        as_json=options.json,
    )


def _simulate(settings: Settings, options: argparse.Namespace) -> int:
    from cdp.simulate import simulate, write

    until = options.until if options.until is not None else now()
    if until < options.days * DAY:
        raise BadInput(reason="A shop of this kind has no days before 1970: give a later --until.")
    with progress(f"simulating {options.people} people") as report:
        shop = simulate(
            options.people, options.days, options.seed, until,
            kiosk=not options.no_kiosk, tablets=not options.no_tablets,
        )  # fmt: skip
        try:
            write(shop, options.out, report)
        except OSError as error:
            raise BadInput(reason=f"{options.out} cannot be written: {error.strerror}.") from error
    out.print(f"Written to {options.out}: events.ndjson.gz items.ndjson truth.csv identifiers.csv")
    return 0


def _train(settings: Settings, options: argparse.Namespace) -> int:
    from cdp.cli.training import Asked, train_again, train_model

    if options.every is not None and options.name is not None:
        raise BadInput(reason="A name is for one version: leave out --name or --every.")
    asked = Asked(
        options.model, options.name, options.budget, options.seed, options.if_drifted
    )  # fmt: skip
    if options.every is not None:
        return train_again(settings, asked, options.every, as_json=options.json)
    return train_model(settings, asked, as_json=options.json)


def _models(settings: Settings, options: argparse.Namespace) -> int:
    from cdp.cli.versions import (
        list_versions,
        remove_version,
        try_version,
        use_version,
        watch_version,
    )

    if options.what == "list":
        return list_versions(settings, as_json=options.json)
    if options.what == "use":
        return use_version(settings, options.name)
    if options.what == "watch":
        return watch_version(settings, as_json=options.json)
    if options.what == "canary":
        return try_version(settings, options.name, share=options.share, off=options.off)
    return remove_version(settings, options.name)


def _evaluate(settings: Settings, options: argparse.Namespace) -> int:
    if options.what == "identity":
        from cdp.cli.evaluating import Asked, evaluate_identity

        asked = Asked(options.truth, options.mask_logins, options.seed, options.report)
        return evaluate_identity(settings, asked, as_json=options.json)
    from cdp.cli.training import evaluate_recommender

    return evaluate_recommender(settings, report=options.report, as_json=options.json)


def _demo(settings: Settings, options: argparse.Namespace) -> int:
    from cdp.cli.demo import demo

    return demo(
        settings, people=options.people, serving=not options.no_serve,
        host=options.host, port=options.port,
    )  # fmt: skip


def _check(settings: Settings, options: argparse.Namespace) -> int:
    from cdp.cli.keeping import check

    return check(settings, as_json=options.json)


def _rebuild(settings: Settings, options: argparse.Namespace) -> int:
    from cdp.cli.keeping import rebuild

    return rebuild(settings)


def _copy(settings: Settings, options: argparse.Namespace) -> int:
    from cdp.cli.copying import copy

    return copy(settings, options.to, as_json=options.json)


def _dead_letters(settings: Settings, options: argparse.Namespace) -> int:
    from cdp.cli.importing import list_dead, replay_dead

    if options.what == "list":
        return list_dead(settings, as_json=options.json)
    return replay_dead(settings)


def _dry_run(settings: Settings, options: argparse.Namespace) -> int:
    from cdp.cli.rehearsing import dry_run

    return dry_run(settings, file=options.rules, examples=options.examples, as_json=options.json)


def _identity(settings: Settings, options: argparse.Namespace) -> int:
    if options.what == "lint":
        from cdp.cli.rehearsing import lint_identity

        return lint_identity(settings, as_json=options.json)
    from cdp.cli.ruling import Asked, apply_rules, show_rules, show_versions

    if options.what == "rules":
        return show_rules(settings)
    if options.what == "versions":
        return show_versions(settings, as_json=options.json)
    asked = Asked(options.rules, options.version, options.note, options.key)
    return apply_rules(settings, asked, as_json=options.json)


def _schema(settings: Settings, options: argparse.Namespace) -> int:
    from api.schema import sdl
    from graph_schema.schema import described

    text = described() if options.what == "graph" else sdl()
    out.print(text, soft_wrap=True)
    return 0


def _settings(settings: Settings, options: argparse.Namespace) -> int:
    rows = shown(settings)
    if options.json:
        names = ("name", "value", "from", "meaning")
        out.print(json.dumps([dict(zip(names, row, strict=True)) for row in rows]), soft_wrap=True)
        return 0
    table = Table("setting", "value", "from", "meaning")
    for row in rows:
        table.add_row(*row)
    out.print(table)
    return 0


# ── the command line ───────────────────────────────────────────────────────────────────────────


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cdp", description="A customer data platform whose database is the identity graph."
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, does: str, call: Verb, example: str) -> argparse.ArgumentParser:
        found = verbs.add_parser(
            name,
            help=does,
            description=does,
            epilog=f"example:\n  cdp {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        found.add_argument("--data", metavar="DIR", help="the folder of the stores (CDP_DATA)")
        found.set_defaults(verb=call)
        return found

    serve = verb("serve", "HTTP collector, GraphQL API and a worker", _serve, "serve --port 8000")
    _address(serve)
    serve.add_argument("--no-worker", action="store_true", help="run `cdp worker` yourself")
    serve.add_argument(
        "--workers", type=_count, default=1, metavar="N",
        help="how many, on a graph that takes several writers",
    )  # fmt: skip

    worker = verb("worker", "apply the log to the graph", _worker, "worker --until-idle")
    worker.add_argument(
        "--until-idle", action="store_true", help="to the end of the log, then exit"
    )
    worker.add_argument(
        "--partitions", type=_partitions, default=(), metavar="0,1,…",
        help="these of the log and no others; all or its share where none is named",
    )  # fmt: skip
    worker.add_argument(
        "--with-parent", action="store_true", help="end when standard input is closed"
    )

    imports = verb("import", "read files into the log", _import, "import events.ndjson.gz")
    imports.add_argument("files", nargs="+", type=Path, metavar="FILE")
    imports.add_argument("--format", choices=("segment", "shop"), default="segment")
    imports.add_argument("--map", action="append", type=pair, default=[], metavar="COLUMN=FIELD")
    imports.add_argument("--json", action="store_true")

    simulation = verb(
        "simulate", "a shop's events and their truth", _simulate, "simulate --out shop"
    )
    simulation.add_argument("--out", type=Path, required=True, metavar="DIR")
    simulation.add_argument("--people", type=whole(1), default=1000)
    simulation.add_argument("--days", type=whole(1), default=30)
    simulation.add_argument("--seed", type=whole(0), default=1)
    simulation.add_argument("--until", type=moment, metavar="TIME", help="ISO 8601; now")
    simulation.add_argument("--no-kiosk", action="store_true", help="without the public device")
    simulation.add_argument("--no-tablets", action="store_true", help="no household shares one")

    train = verb("train", "train a recommender from the graph", _train, "train --budget 10m")
    train.add_argument("--model", default="default", help="without it, one is chosen")
    train.add_argument("--name", help="what the version is called")
    train.add_argument(
        "--budget", type=seconds, default=600.0, metavar="TIME", help="for choosing; 10m"
    )
    train.add_argument("--seed", type=whole(0), default=0)
    train.add_argument(
        "--if-drifted", action="store_true", help="only where the data has moved since the last"
    )
    train.add_argument(
        "--every", type=seconds, metavar="TIME", help="again and again, until interrupted; 1d"
    )
    train.add_argument("--json", action="store_true")

    stored = verb(
        "models", "the stored recommenders", _models, "models use spectral-20261123T100000"
    )
    stored.add_argument("what", choices=("list", "use", "canary", "watch", "remove"))
    stored.add_argument("name", nargs="?", help="a version's name or id")
    stored.add_argument(
        "--share", type=float, default=0.05, help="canary: of the profiles, above 0 and below 1"
    )
    stored.add_argument("--off", action="store_true", help="canary: ends it")
    stored.add_argument("--json", action="store_true")

    evaluate = verb("evaluate", "how good it is", _evaluate, "evaluate identity --truth shop")
    evaluate.add_argument("what", choices=("identity", "recommender"))
    identity = evaluate.add_argument_group("identity")
    identity.add_argument("--truth", type=Path, metavar="DIR", help="the folder of a simulation")
    identity.add_argument(
        "--mask-logins", type=float, metavar="SHARE", help="hide this share; see what is found"
    )
    identity.add_argument("--seed", type=whole(0), default=1, help="which logins are hidden")
    evaluate.add_argument("--report", type=Path, metavar="FILE", help="write plots as HTML")
    evaluate.add_argument("--json", action="store_true")

    demo = verb("demo", "the whole product once, on a simulated shop", _demo, "demo --people 300")
    demo.add_argument("--people", type=whole(1), default=1000)
    demo.add_argument("--no-serve", action="store_true")
    _address(demo)

    checking = verb("check", "hold the graph against the log", _check, "check --json")
    checking.add_argument("--json", action="store_true")
    verb("rebuild", "derive the graph anew from the log", _rebuild, "rebuild")

    copying = verb(
        "copy", "move the embedded graph to a server", _copy,
        "copy --to neo4j://user:password@host:7687/database",
    )  # fmt: skip
    copying.add_argument("--to", required=True, metavar="ADDRESS", help="as CDP_GRAPH takes it")
    copying.add_argument("--json", action="store_true")

    dead = verb("dead-letters", "what could not be taken", _dead_letters, "dead-letters list")
    dead.add_argument("what", choices=("list", "replay"))
    dead.add_argument("--json", action="store_true")

    dry = verb("dry-run", "what other identity rules would change", _dry_run, "dry-run rules.toml")
    dry.add_argument("rules", type=Path, metavar="RULES.TOML")
    dry.add_argument("--examples", type=whole(0), default=20, help="so many of the largest changes")
    dry.add_argument("--json", action="store_true")

    who = verb(
        "identity", "the rules of identity: show, apply, find what stands in the way", _identity,
        "identity apply rules.toml",
    )  # fmt: skip
    who.add_argument("what", choices=("lint", "rules", "versions", "apply"))
    who.add_argument("rules", nargs="?", type=Path, metavar="RULES.TOML", help="what to apply")
    who.add_argument("--version", type=whole(1), metavar="N", help="apply those of a version again")
    who.add_argument("--note", help="why they are applied")
    who.add_argument("--key", help="the same key again applies nothing twice")
    who.add_argument("--json", action="store_true")

    schema = verb("schema", "the GraphQL schema, or the graph's", _schema, "schema graph")
    schema.add_argument("what", choices=("graphql", "graph"))

    settings = verb(
        "settings", "every setting and where it came from", _settings, "settings --json"
    )
    settings.add_argument("--json", action="store_true")
    return parser


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("it must be at least 1")
    return count


def _partitions(text: str) -> tuple[int, ...]:
    try:
        return tuple(sorted({int(number) for number in text.split(",")}))
    except ValueError:
        raise argparse.ArgumentTypeError("it must be numbers, separated by commas") from None


def _address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=whole(0, 65535), default=8000)
