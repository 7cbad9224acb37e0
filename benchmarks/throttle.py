"""throttle: what a backfill costs other sessions, with throttles and without, and what throttles cost a run that they do not hold."""

from __future__ import annotations

import signal
import statistics
import subprocess
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.postgres import CLIENTS, UPDATE, bulkq_lookups
from benchmarks.result import OURS, Broken, Result, Side, Skipped, share, timed
from tests.support.servers import postgres as servers
from tests.support.servers.standbys import Standby

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from benchmarks.bench import Bench

ROWS = 5_000_000
ACCOUNTS = 10
"""Scale of pgbench: a million accounts."""

OTHERS = 8
"""Clients of pgbench."""

ALONE_S = 30
SETTLED_S = 2.0
"""Seconds after which latencies count."""

NEVER = ("file:/nonexistent/hold", "active<100000", "waiters<100000", "wal<1000GB/s", "oldest_xact<1000h")
"""Throttles that are content."""


@dataclass(frozen=True, slots=True)
class Beside:
    """The latency of the others in milliseconds, and the seconds of the backfill beside them; 0.0 if there was none."""

    p50_ms: float
    p95_ms: float
    seconds: float = 0.0

    def __str__(self) -> str:
        """For a note."""
        took = f", ends in {self.seconds:.0f} s" if self.seconds else ""
        return f"p50 {self.p50_ms:.1f} ms, p95 {self.p95_ms:.1f} ms{took}"


def throttle(bench: Bench) -> list[Result | Skipped]:
    """Every case."""
    return [result for case in CASES.values() for result in case(bench)]


def beside_pgbench(bench: Bench) -> list[Result | Skipped]:
    """The p95 of pgbench beside a backfill: throttled by its commits, and not throttled."""
    return _beside(bench, ("--throttle", "commit<20ms"))


def beside_nice(bench: Bench) -> list[Result | Skipped]:
    """The same, held back by its pace: one lane that rests for three times its work."""
    return _beside(bench, ("--throttle", "commit<20ms", "-j", "1", "--nice", "3"))


def beside_standby(bench: Bench) -> list[Result | Skipped]:
    """The same with a standby, throttled by its lag."""
    if not isinstance(bench.server, servers.OwnServer):
        return [Skipped("the server is not a process of this machine: give --pg wheel")]
    bench.url  # noqa: B018 - makes the database, which the standby copies
    standby = Standby(bench.server, "replica-1")
    try:
        return _beside(bench, ("--throttle", "lag<1s"))
    finally:
        standby.close()


def _beside(bench: Bench, options: Sequence[str]) -> list[Result | Skipped]:
    rows = bench.scaled(ROWS)
    others = Others(bench)
    alone, free, held = [], [], []
    for _ in range(bench.rounds):
        alone.append(others.alone())
        free.append(others.beside_backfill(rows, ()))
        held.append(others.beside_backfill(rows, options))
    first, without, with_it = _middle(alone), _middle(free), _middle(held)
    work = f"p95 of pgbench beside a backfill of {rows:,} rows"
    ours = Side(" ".join(options), with_it.p95_ms, "ms", note=f"{with_it}; not throttled {without}")
    theirs = Side(f"pgbench -c {OTHERS} alone", first.p95_ms, "ms", note=str(first))
    return [share(work, ours, theirs, at_most=1.3, aim=1.1)]


def _middle(every: Sequence[Beside]) -> Beside:
    """The one with the median p95."""
    return sorted(every, key=lambda one: one.p95_ms)[len(every) // 2]


class Others:
    """Clients of pgbench that are never idle."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._program = bench.peer("pgbench")
        self._run("-i", "-q", "-s", str(ACCOUNTS))
        servers.execute(
            bench.url,
            "DROP TABLE IF EXISTS wide",
            "CREATE TABLE wide (id bigint PRIMARY KEY, name text NOT NULL, done int NOT NULL)",
        )

    def _run(self, *options: str) -> str:
        command = [self._program, *options, self._bench.url]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self._bench.folder)
        if done.returncode:
            raise Broken(done.stderr)
        return done.stdout

    def alone(self) -> Beside:
        """The latency without a backfill."""
        return self._latency(lambda: time.sleep(ALONE_S * min(1.0, self._bench.scale * 4)))

    def beside_backfill(self, rows: int, options: Sequence[str]) -> Beside:
        """The latency while a backfill of a new table is at work."""
        bench, ledger = self._bench, self._bench.folder / "ledger.db"
        servers.execute(
            bench.url,
            "TRUNCATE wide",
            f"INSERT INTO wide SELECT i, 'item ' || i, 0 FROM generate_series(1, {rows}) i",
            "VACUUM (FREEZE, ANALYZE) wide",
            "CHECKPOINT",
        )
        change = ("--over", "wide", "--set", "done = done + 1", "--ledger", str(ledger), "--progress", "none")
        command = [*bench.builds[OURS], "backfill", "-t", bench.url, *change, *options]
        return self._latency(lambda: bench.timed(command, says=f"changed={rows} ").wall_s)

    def _latency(self, work: Callable[[], float | None]) -> Beside:
        """The latency of pgbench during `work`, which gives its seconds."""
        prefix = self._bench.folder / "latencies"
        for old in self._bench.folder.glob("latencies.*"):
            old.unlink()
        options = ["-n", "-c", str(OTHERS), "-j", "1", "-T", "100000", "-l"]
        command = [self._program, *options, f"--log-prefix={prefix}", self._bench.url]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(SETTLED_S)
            begin_s = time.time()
            seconds = work() or 0.0
            end_s = time.time()
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)
        found = sorted(_latencies(prefix.with_name(f"{prefix.name}.{process.pid}"), begin_s, end_s))
        if len(found) < 20:
            raise Broken(f"pgbench has written {len(found)} latencies")
        cuts = statistics.quantiles(found, n=20)
        return Beside(cuts[9], cuts[18], seconds)


def _latencies(log: Path, begin_s: float, end_s: float) -> Iterator[float]:
    """Milliseconds of the transactions that ended between two times. Its last line may be torn."""
    for line in log.read_text().splitlines()[:-1]:
        words = line.split()
        if begin_s <= int(words[4]) + int(words[5]) / 1e6 <= end_s:
            yield int(words[2]) / 1000


def content_reads(bench: Bench) -> list[Result | Skipped]:
    """P1 with throttles that are content, against P1 without."""
    count = bench.scaled(1_000_000, CLIENTS)
    options = [word for expression in NEVER for word in ("--throttle", expression)]
    cost = bench.in_turn({OURS: bulkq_lookups(bench, count, *options), "none": bulkq_lookups(bench, count)})
    ours, theirs = timed(f"{len(NEVER)} throttles", cost[OURS], count), timed("no throttle", cost["none"], count)
    return [share("P1 with throttles that are content", ours, theirs, at_most=1.02, aim=1.0)]


def content_writes(bench: Bench) -> list[Result | Skipped]:
    """P5 with throttles that are content, against P5 without."""
    count = bench.scaled(200_000, CLIENTS)
    throttles = (*NEVER, "commit<1h")
    options = [word for expression in throttles for word in ("--throttle", expression)]
    arguments = [
        "-e",
        UPDATE.format(id=":id"),
        "-t",
        bench.url,
        "-p",
        str(bench.ids(count)),
        "-j",
        str(CLIENTS),
        "--write",
    ]
    says = f"ok={count} failed=0 unknown=0 skipped=0 "
    sides = {
        name: bench.bulkq(*arguments, "--ledger", bench.folder / f"{name}.db", *more)
        for name, more in ((OURS, options), ("none", []))
    }
    cost = bench.in_turn({name: partial(bench.timed, command, says=says) for name, command in sides.items()})
    ours, theirs = timed(f"{len(throttles)} throttles", cost[OURS], count), timed("no throttle", cost["none"], count)
    return [share("P5 with throttles that are content", ours, theirs, at_most=1.02, aim=1.0)]


CASES: dict[str, Callable[[Bench], list[Result | Skipped]]] = {
    "throttle-commits": beside_pgbench,
    "throttle-nice": beside_nice,
    "throttle-lag": beside_standby,
    "throttle-reads": content_reads,
    "throttle-writes": content_writes,
}
