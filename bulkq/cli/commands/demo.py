"""`bulkq demo`: a shop in a new folder, a run on it with two failures, and what to try next.

What it runs is what it prints: the arguments go to `bulkq run`, in the new folder.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bulkq.errors import BulkqError, RunFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bulkq.tasks.demo import Demo

TARGET = ("-t", "sqlite:///shop.db")
RUN = (
    *("run", "shop.sql:customer_summary", *TARGET, "-p", "customers.csv", "-j", "8"),
    *("-o", "summary.csv", "--failures", "failures.jsonl", "--report", "json:report.json"),
)
TRY_NEXT = (
    (
        "the two that failed once more, from the file that keeps them",
        ("run", "shop.sql:customer_summary", *TARGET, "-p", "failures.jsonl"),
    ),
    (
        "a query of your own, for the numbers 1 to 40",
        (
            *("run", "-e", "select name, price_cents from products where id = :id"),
            *(*TARGET, "-p", "range:id=1..40", "--include", "n"),
        ),
    ),
    (
        "a write: runs are read-only without --write",
        ("run", "shop.sql:set_price", *TARGET, "-p", "prices.csv", "--write"),
    ),
)
EXPECTED = RunFailed.exit_code
"""What the run ends with, as a run with failures does."""

LEDGER_HERE = "export BULKQ_LEDGER=ledger.db"
"""Where nothing can be kept at home, the runs of the demo are recorded in its folder."""

KEPT = frozenset({"BULKQ_PROGRESS", "BULKQ_LOG_FORMAT", "BULKQ_DEBUG"})
"""Settings that say how to show a run; the others would make another run of it."""


@click.command("demo", short_help="Try bulkq in a new folder: data, queries, a run, a report.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def command(ctx: click.Context, /, debug: bool) -> int:  # noqa: ARG001 - read from the arguments by the error report
    """Try bulkq in a new folder: data, queries, a run, a report.

    Makes the folder bulkq-demo (then bulkq-demo-2 ...) in the current folder, with a small shop in SQLite, runs a
    query for 200 customers, of which two fail on purpose, and says what to try next.
    """
    from bulkq.tasks.demo import make, went_as_meant

    demo = make(Path())
    first = [f"cd {demo.folder}", *([] if _has_state() else [LEDGER_HERE])]
    _say([*_made(demo), "", *(f"$ {line}" for line in first), f"$ {_shown(RUN)}"])
    with contextlib.chdir(demo.folder), _undisturbed(here=len(first) > 1):
        code = _run(ctx)
    if code != EXPECTED or not went_as_meant(demo.folder):
        return code or EXPECTED
    _say(["", *_explained(demo), "", *_next(first)])
    return 0


def _has_state() -> bool:
    """Whether the ledger can be where it is by default: accounts of services and containers may write nowhere at home."""
    from bulkq.ledger.location import default_path

    try:
        folder = default_path().parent
        while not folder.exists():
            folder = folder.parent
    except (BulkqError, OSError):
        return False
    return os.access(folder, os.W_OK | os.X_OK)


def _run(ctx: click.Context) -> int:
    from bulkq.cli.commands.run import command as run

    code: int = run.main(list(RUN[1:]), prog_name="bulkq run", standalone_mode=False, obj=ctx.obj)
    return code


@contextlib.contextmanager
def _undisturbed(*, here: bool) -> Iterator[None]:
    """Without the settings in the environment and in configurations that are meant for the user's own runs.

    Args:
        here: the ledger is made in this folder.
    """
    aside = {name: value for name, value in os.environ.items() if name.startswith("BULKQ_") and name not in KEPT}
    for name in aside:
        del os.environ[name]
    ours = {"BULKQ_CONFIG": "none", **({"BULKQ_LEDGER": "ledger.db"} if here else {})}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            del os.environ[name]
        os.environ.update(aside)


def _made(demo: Demo) -> Iterator[str]:
    yield f"{demo.folder} is new. It has:"
    yield from _table(demo.files)


def _explained(demo: Demo) -> Iterator[str]:
    from bulkq.tasks.demo import CUSTOMERS, ENDLESS, MALFORMED

    yield f"{CUSTOMERS - 2} of {CUSTOMERS} customers were answered. Two failed on purpose, and disturbed nobody else:"
    yield from _table(
        (
            (f"customer {MALFORMED}", "has a broken profile: the database refused the query for this one"),
            (
                f"customer {ENDLESS}",
                'was referred by himself: the query never ends; "@timeout 1s" in shop.sql ended it',
            ),
        )
    )
    yield f"That is why the run ended with exit code {EXPECTED}. In {demo.folder} it left:"
    yield from _table(
        (
            ("summary.csv", "the answers, in the order of customers.csv"),
            ("failures.jsonl", "the two that failed: line, parameters, message"),
            ("report.json", "counts and times, for programs"),
        )
    )


def _next(first: Iterable[str]) -> Iterator[str]:
    yield "Try next:"
    yield from (f"  {line}" for line in first)
    for what, arguments in TRY_NEXT:
        yield f"\n  # {what}"
        yield f"  {_shown(arguments)}"


def _shown(arguments: Iterable[str]) -> str:
    return f"bulkq {shlex.join(arguments)}"


def _table(rows: Iterable[tuple[str, str]]) -> list[str]:
    known = list(rows)
    width = max(len(name) for name, _ in known)
    return [f"  {name:<{width}}  {text}" for name, text in known]


def _say(lines: Iterable[str]) -> None:
    """To stdout at once: the run between two of these writes to stderr."""
    click.echo("\n".join(lines))
    if sys.stdout is not None:
        sys.stdout.flush()
