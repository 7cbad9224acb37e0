"""bulkq in a process that dies at a failpoint, or when its parent's parent kills it.

    python tests/support/crash/child.py FAILPOINT PASSAGE -- run -e 'select 1' -t sqlite:///app.db
    python tests/support/crash/child.py --serve

The second forks a process per line of stdin (see `Order`): what a process imports, half a second each, is imported once.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TypedDict

sys.path.append(str(Path(__file__).parents[3]))

from tests.support.crash import failpoints
from tests.support.large_pages import share_large_pages

GROUP_S = 0.004
"""Ledger commits come fast here, so that the tenth comes soon."""

USED = (
    "asyncio", "bulkq.cli.commands.run", "bulkq.cli.commands.resume", "bulkq.cli.display.progress", "bulkq.cli.signals", "bulkq.lifecycle.query_files",
    "bulkq.tasks.run", "bulkq.cli.commands.backfill", "bulkq.cli.commands.retry", "bulkq.tasks.backfill", "bulkq.tasks.retry",
    "bulkq.lifecycle.backfill.prepare", "bulkq.policy.range_size", "bulkq.engine.runner", "bulkq.sources.open", "bulkq.sources.csv_tsv", "bulkq.sources.spool",
    "bulkq.sinks.open", "bulkq.sinks.json_rows", "bulkq.reports", "bulkq.ledger.open", "bulkq.ledger.store", "bulkq.ledger.sqlite3_row_writer",
    "bulkq.drivers.asyncpg.driver", "bulkq.drivers.sqlite.aiosqlite", "bulkq.query.tokens", "sqlalchemy.dialects.sqlite.aiosqlite",
    "bulkq.cli.print_error", "bulkq.targets.selection", "bulkq.targets.same_database", "bulkq.tasks.resume", "sqlglot.dialects.postgres",
    "sqlglot.parsers.postgres", "sqlglot.generators.postgres", "sqlglot.typing.postgres", "bulkq.drivers.dbapi.driver", "bulkq.drivers.dbapi.adapters.mysql", "sqlalchemy.dialects.mysql.pymysql", "pymysql",
)  # fmt: skip


class Order(TypedDict):
    """A process that is wanted."""

    failpoint: str  # "" for none
    passage: int
    arguments: list[str]
    environment: dict[str, str]
    folder: str
    stdin: str  # path
    out: str
    err: str


def run(failpoint: str, passage: int, arguments: list[str]) -> int:
    """bulkq, with a failpoint or without; its exit code, if it lives that long."""
    if failpoint:
        import_module("bulkq.ledger.recorder").GROUP_S = GROUP_S  # type: ignore[attr-defined]
        failpoints.arm(failpoints.BY_NAME[failpoint], passage)
    from bulkq.cli import main

    return main(arguments)


def serve() -> None:
    """Fork for each order; answer with the process id, then with how it ended as `os.waitpid` gives it."""
    for name in USED:
        with contextlib.suppress(ImportError):
            import_module(name)
    query = import_module("bulkq.query")
    for dialect in ("postgres", "sqlite"):
        query.find_operands(query.inline("select 1 where :a = 1", dialect))  # imports the tokenizers and the parser
    gc.collect()
    gc.freeze()
    share_large_pages()
    for line in sys.stdin:
        order: Order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(order)
        print(pid, flush=True)
        print(os.waitpid(pid, 0)[1], flush=True)


def _become(order: Order) -> None:
    code = 70
    try:
        os.chdir(order["folder"])
        os.environ.clear()
        os.environ.update(order["environment"])
        for number, (path, flags) in enumerate(
            ((order["stdin"], os.O_RDONLY), (order["out"], os.O_WRONLY), (order["err"], os.O_WRONLY))
        ):
            opened = os.open(path, flags)
            os.dup2(opened, number)
            os.close(opened)
        sys.stdin = os.fdopen(0, "r", closefd=False)
        code = run(order["failpoint"], order["passage"], order["arguments"])
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        serve()
    else:
        name, number, _, *rest = sys.argv[1:]
        sys.exit(run("" if name == "none" else name, int(number), rest))
