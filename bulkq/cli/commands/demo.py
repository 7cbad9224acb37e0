"""`bulkq demo`: make a shop in a new folder, run a query with two failures, and show what to try next.

The demo passes the arguments that it prints to `bulkq run`, in the new folder.
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
        "run the two that failed again, from the file of failures",
        ("run", "shop.sql:customer_summary", *TARGET, "-p", "failures.jsonl"),
    ),
    (
        "run a query of your own for the numbers 1 to 40",
        (
            *("run", "-e", "select name, price_cents from products where id = :id"),
            *(*TARGET, "-p", "range:id=1..40", "--include", "n"),
        ),
    ),
    (
        "change data: runs are read-only without --write",
        ("run", "shop.sql:set_price", *TARGET, "-p", "prices.csv", "--write"),
    ),
)
EXPECTED = RunFailed.exit_code
"""Exit code of the run: the one of a run with failures."""

LEDGER_HERE = "export BULKQ_LEDGER=ledger.db"
"""Records the runs of the demo in its folder if the home folder is not writable."""

KEPT = frozenset({"BULKQ_PROGRESS", "BULKQ_LOG_FORMAT", "BULKQ_DEBUG"})
"""Variables that only change how a run is shown; the demo ignores all others."""


@click.command("demo", short_help="Try bulkq in a new folder: data, queries, a run, a report.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def command(ctx: click.Context, /, debug: bool) -> int:  # noqa: ARG001 - read from the arguments by the error report
    """Try bulkq in a new folder: data, queries, a run, a report.

    The demo makes the folder bulkq-demo (then bulkq-demo-2 ...) in the current folder, with a small shop in SQLite. It runs a
    query for 200 customers, of which two fail on purpose, and shows what to try next.
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
    """Return True if the default ledger can be written. Accounts of services and containers may have no writable home."""
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
    """Ignore the environment variables and configurations of the user inside the block.

    Args:
        here: make the ledger in the current folder.
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
    yield f"Made the folder {demo.folder} with these files:"
    yield from _table(demo.files)


def _explained(demo: Demo) -> Iterator[str]:
    from bulkq.tasks.demo import CUSTOMERS, ENDLESS, MALFORMED

    yield f"{CUSTOMERS - 2} of {CUSTOMERS} customers have a result. Two failed on purpose, without an effect on the others:"
    yield from _table(
        (
            (f"customer {MALFORMED}", "has a broken profile: the database rejected the query for this customer"),
            (
                f"customer {ENDLESS}",
                'was referred by himself: the query never ends; "@timeout 1s" in shop.sql stopped it',
            ),
        )
    )
    yield f"The exit code of the run is therefore {EXPECTED}. The run wrote these files in {demo.folder}:"
    yield from _table(
        (
            ("summary.csv", "the results, in the order of customers.csv"),
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
    """Write to stdout and flush, because the run that follows writes to stderr."""
    click.echo("\n".join(lines))
    if sys.stdout is not None:
        sys.stdout.flush()
