"""Processes of bulkq that are killed, and what is left behind by them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq.ledger.upgrade_and_check import upgrade_ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.support.command import Cli
    from tests.support.targets import Target

CHILD = Path(__file__).with_name("child.py")
LONGEST_S = 60.0
UNKILLED_S = 600.0
"""What the last process of a large run may take; tests in CI have a timeout of their own."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that has ended. `code` is negative after a signal."""

    code: int
    out: bytes
    err: str

    @property
    def killed(self) -> bool:
        """Whether SIGKILL was its end."""
        return self.code == -signal.SIGKILL

    @property
    def counts(self) -> dict[str, str]:
        """The `key=value` pairs of the last line of stderr."""
        last = self.err.rstrip("\n").rpartition("\n")[2]
        return dict(part.split("=", 1) for part in last.split() if "=" in part)


def _kill(pid: int) -> None:
    send_signal(pid, signal.SIGKILL)


class Nursery:
    """One process that has imported everything and forks a process of bulkq per order: kills hit work, not imports."""

    def __init__(self) -> None:
        # Without coverage, whose files nobody would write: the children die, or end without ceremony.
        bare = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
        self._process = subprocess.Popen(
            [sys.executable, str(CHILD), "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=bare
        )
        self._orders = threading.Lock()

    def run(
        self,
        cli: Cli,
        *arguments: str,
        failpoint: str = "",
        passage: int = 1,
        stdin: bytes | None = None,
        kill_s: float | None = None,
        longest_s: float = LONGEST_S,
        act: Callable[[int], None] = _kill,
    ) -> Ended:
        """A process of bulkq to its end: by itself, at a failpoint, by SIGKILL after `kill_s`, or because it takes too long.

        `act` is called after `kill_s` instead, with the process id, on another thread.
        """
        with self._orders:
            return self._run(cli, list(arguments), failpoint, passage, stdin, kill_s, longest_s, act)

    def _run(
        self,
        cli: Cli,
        arguments: list[str],
        failpoint: str,
        passage: int,
        stdin: bytes | None,
        kill_s: float | None,
        longest_s: float,
        act: Callable[[int], None],
    ) -> Ended:
        out, err = cli.folder / "out", cli.folder / "err"
        out.write_bytes(b"")
        err.write_bytes(b"")
        given = cli.folder / "given.in"
        given.write_bytes(stdin or b"")
        order = {
            "failpoint": failpoint,
            "passage": passage,
            "arguments": arguments,
            "environment": cli.environment(),
            "folder": str(cli.folder),
            "stdin": os.devnull if stdin is None else str(given),
            "out": str(out),
            "err": str(err),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        acting = [threading.Timer(longest_s, send_signal, (pid, signal.SIGABRT))]
        if kill_s is not None:
            acting.append(threading.Timer(kill_s, act, (pid,)))
        for timer in acting:
            timer.start()
        try:
            status = int(self._process.stdout.readline())
        finally:
            for timer in acting:
                timer.cancel()
        return Ended(os.waitstatus_to_exitcode(status), out.read_bytes(), err.read_text(errors="replace"))

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def start(cli: Cli, *arguments: str, stdin: bytes | None = None) -> subprocess.Popen[bytes]:
    """A process of bulkq as a user starts it. Without coverage, whose files a kill would leave torn."""
    given = Path(os.devnull) if stdin is None else cli.folder / "given.in"
    if stdin is not None:
        given.write_bytes(stdin)
    with given.open("rb") as source, (cli.folder / "out").open("wb") as out, (cli.folder / "err").open("wb") as err:
        return subprocess.Popen(
            [sys.executable, "-m", "bulkq", *arguments],
            stdin=source,
            stdout=out,
            stderr=err,
            cwd=cli.folder,
            env=cli.environment(),
        )


def send_signal(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process, which may have ended just now."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def recorded(cli: Cli) -> list[tuple[str, str]]:
    """Id and state of every run in the ledger of `cli`, the oldest first; [] where there is no ledger yet."""
    path = cli.folder / "state" / "bulkq" / "ledger.db"
    if not path.exists():
        return []
    return _rows(path, "select run, state from runs order by started_at")  # type: ignore[return-value]


def make_ledger(cli: Cli) -> None:
    """The ledger of `cli`, as most runs find it: there, and without a run that is at work."""
    path = cli.folder / "state" / "bulkq" / "ledger.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    asyncio.run(upgrade_ledger(str(path)))


def done_ranges(cli: Cli) -> list[tuple[int, int]]:
    """What the ledger says is done, over all runs."""
    path = cli.folder / "state" / "bulkq" / "ledger.db"
    return _rows(path, "select first, last from done_ranges order by first")  # type: ignore[return-value]


def run_id(cli: Cli) -> str:
    """Of the only run in the ledger."""
    ((run, _),) = recorded(cli)
    return run


def _rows(path: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=10)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


# --- counters: rows that tell how often they were changed ------------------------------------------------------------

BUMP = "update counters set n = n + 1 where id = :id"
BURNING = {
    "postgresql": "(select count(*) from generate_series(1, {steps}))",
    "mariadb": "benchmark({steps} * 4, 1)",
    "sqlite": "(with recursive c(i) as (select 1 union all select i + 1 from c where i < {steps}) select max(i) from c)",
}


def burning(target: Target, steps: int) -> str:
    """An expression that takes its time, always the same and without a clock: ten steps are about a microsecond."""
    return BURNING.get(target.kind, BURNING["postgresql"]).format(steps=steps)


def slow_bump(target: Target, steps: int = 2_500) -> str:
    """`BUMP` in about a quarter of a millisecond, so that kills hit batches."""
    return f"update counters set n = n + 1 + 0 * {burning(target, steps)} where id = :id"


def slow_read(target: Target, steps: int) -> str:
    """A read of one number that takes its time."""
    return f"select id, square, {burning(target, steps)} as steps from numbers where id = :id"


def make_counters(target: Target, count: int) -> None:
    """A table `counters(id, n)` with ids 1 to `count`, each 0, in place of an earlier one."""
    target.execute(
        "drop table if exists counters", "create table counters (id integer primary key, n integer not null default 0)"
    )
    target.execute(
        f"insert into counters with recursive s(i) as (select 1 union all select i + 1 from s where i < {count}) select i, 0 from s"
        if target.kind in {"sqlite", "mariadb"}
        else f"insert into counters select i, 0 from generate_series(1, {count}) i"
    )


def histogram(target: Target) -> dict[int, int]:
    """How many counters stand at each number."""
    return {int(str(n)): int(str(rows)) for n, rows in target.execute("select n, count(*) from counters group by n")}


def marked(target: Target) -> list[tuple[int, int]]:
    """First and last of every marker in the target; [] where there are no tables."""
    if not _has_markers(target):
        return []
    rows = target.execute("select first, last from bulkq_markers order by first")
    return [(int(str(first)), int(str(last))) for first, last in rows]


def run_rows(target: Target, run: str) -> int:
    """Whether the run's row is in the target."""
    return len(target.execute(f"select run from bulkq_runs where run = '{run}'")) if _has_markers(target) else 0


def _has_markers(target: Target) -> bool:
    if target.sqlite:
        return bool(target.execute("select 1 from sqlite_master where name = 'bulkq_markers'"))
    if target.kind == "mariadb":
        return bool(target.execute("show tables like 'bulkq_markers'"))
    return target.execute("select to_regclass('bulkq_markers')::text")[0][0] is not None


def merged(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges that touch as one; a number in two of them is an error."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        assert not found or first > found[-1][1], f"{first} is marked twice"
        if found and found[-1][1] + 1 == first:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return found
