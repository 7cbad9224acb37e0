"""P1, P2, P3, P5, P6, ledger: PostgreSQL against pgbench, the tutorial recipe and psql."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.bench import ITEMS, Bench
from benchmarks.result import OURS, Cost, Result, Skipped, faster, less_start, share, timed

if TYPE_CHECKING:
    from collections.abc import Callable

LOOKUP = "select id, name from items where id = {id}"
SLEEP = "select {n} as n from pg_sleep(0.02)"
UPDATE = "update items set balance = balance + 1 where id = {id}"
EXPORT = "select id, name, balance, created from items"
CLIENTS = 8
PGBENCH = f"pgbench -M prepared -c {CLIENTS}"


def lookups(bench: Bench) -> list[Result | Skipped]:
    """P1: a million lookups from CSV to JSON Lines, against the earlier build, and against pgbench doing as many."""
    count = bench.scaled(1_000_000, CLIENTS)
    work = f"{count:,} lookups, PostgreSQL, CSV to JSON Lines"
    sides = {build: bulkq_lookups(bench, count, build=build) for build in bench.builds}
    missing = []
    try:
        script = f"\\set id random(1, {ITEMS})\n{LOOKUP.format(id=':id')};\n"
        sides["pgbench"] = _pgbench(bench, script, clients=CLIENTS, each=count // CLIENTS)
    except Skipped as reason:
        missing.append(reason)
    cost = bench.in_turn(sides)
    found = [bench.against_earlier(work, cost, count, at_least=1.5, aim=2.0), *missing]
    if "pgbench" in cost:
        ours, theirs = timed(OURS, cost[OURS], count), timed(PGBENCH, cost["pgbench"], count)
        found.append(faster(work, ours, theirs, at_least=6.0, aim=8.0))
    return found


def tutorial(bench: Bench) -> Result:
    """P2: the rate of P1, against that of a task per query with semaphore, timeout and pool."""
    count, fewer = bench.scaled(1_000_000), bench.scaled(100_000)
    ids, output = bench.ids(fewer), bench.folder / "tutorial.jsonl"
    command = [sys.executable, "-m", "benchmarks.tutorial", bench.url, str(ids), str(output)]
    cost = bench.in_turn(
        {OURS: bulkq_lookups(bench, count), "tutorial": lambda: bench.timed(command, output=output, lines=fewer)}
    )
    ours, theirs = timed(OURS, cost[OURS], count), timed("asyncpg, a task per query", cost["tutorial"], fewer)
    return faster("rate of P1", ours, theirs, at_least=25, aim=35)


def latency_bound(bench: Bench) -> Result:
    """P3: two thousand queries that wait, a hundred at once, against pgbench with as many clients."""
    clients, each = 100, bench.scaled(20)
    count = clients * each

    def ours(sets: int, lanes: int) -> Callable[[], Cost]:
        output = bench.folder / f"sleep-{sets}.jsonl"
        sql, params = SLEEP.format(n=":n::int"), f"range:n=1..{sets}"
        command = bench.bulkq("-e", sql, "-t", bench.url, "-p", params, "-o", output, "-j", str(lanes))
        return lambda: bench.timed(command, output=output, lines=sets)

    theirs = _pgbench(bench, f"{SLEEP.format(n=1)};\n", clients=clients, each=each)
    cost = bench.in_turn({OURS: ours(count, clients), "one": ours(1, 1), "pgbench": theirs})
    return share(
        f"{count:,} x 20 ms on {clients} connections",
        timed(OURS, cost[OURS].less(cost["one"]), note=less_start(cost["one"])),
        timed("pgbench", cost["pgbench"]),
        at_most=1.2,
        aim=1.05,
    )


def updates(bench: Bench) -> Result:
    """P5: 200,000 single-row updates from CSV, exactly once, against pgbench doing as many, each on its own.

    `synchronous_commit` is on, and the server syncs: pgbench waits for the disk at every commit, bulkq at every batch.
    """
    count = bench.scaled(200_000, CLIENTS)
    ids, ledger = bench.ids(count), bench.folder / "ledger.db"
    sql, lanes = UPDATE.format(id=":id"), str(CLIENTS)
    command = bench.bulkq("-e", sql, "-t", bench.url, "-p", ids, "-j", lanes, "--write", "--ledger", ledger)
    says = f"ok={count} failed=0 unknown=0 skipped=0 "
    script = f"\\set id random(1, {ITEMS})\n{sql};\n"
    theirs = _pgbench(bench, script, clients=CLIENTS, each=count // CLIENTS)
    cost = bench.in_turn({OURS: lambda: bench.timed(command, says=says), "pgbench": theirs})
    ours, peer = timed(OURS, cost[OURS], count), timed(PGBENCH, cost["pgbench"], count)
    return faster(f"{count:,} updates, PostgreSQL, exactly once", ours, peer, at_least=1.8, aim=3)


def bulk_export(bench: Bench) -> Result:
    """P6: a million rows of one query to CSV, against `copy` in psql."""
    count = bench.scaled(ITEMS)

    def ours(rows: int) -> Callable[[], Cost]:
        output = bench.folder / f"export-{rows}.csv"
        command = bench.bulkq("-e", f"{EXPORT} limit {rows}", "-t", bench.url, "-o", output)
        return lambda: bench.timed(command, output=output, lines=rows + 1)

    output = bench.folder / "psql.csv"
    copy = f"\\copy ({EXPORT} limit {count}) to '{output}' csv header"
    command = [bench.peer("psql"), "-X", "-q", "-d", bench.url, "-c", copy]
    theirs = lambda: bench.timed(command, output=output, lines=count + 1)  # noqa: E731 - one of three alike
    cost = bench.in_turn({OURS: ours(count), "one": ours(1), "psql": theirs})
    return faster(
        f"{count:,} rows of one query to CSV",
        timed(OURS, cost[OURS].less(cost["one"]), count, less_start(cost["one"])),
        timed("psql \\copy", cost["psql"], count),
        at_least=1.0,
        aim=1.1,
    )


def ledger_cost(bench: Bench) -> Result:
    """ledger: P1 with its defaults, against P1 that is not recorded."""
    count = bench.scaled(1_000_000)
    cost = bench.in_turn({OURS: bulkq_lookups(bench, count), "none": bulkq_lookups(bench, count, "--ledger", "none")})
    ours, theirs = timed(OURS, cost[OURS], count), timed("--ledger none", cost["none"], count)
    return share("P1 with a ledger", ours, theirs, at_most=1.05, aim=1.02)


def bulkq_lookups(bench: Bench, count: int, *options: str, build: str = OURS) -> Callable[[], Cost]:
    """A run that looks `count` keys up and writes the rows as JSON Lines."""
    output = bench.folder / "lookups.jsonl"
    sql, ids = LOOKUP.format(id=":id"), bench.ids(count)
    command = bench.bulkq(
        "-e", sql, "-t", bench.url, "-p", ids, "-o", output, "-j", str(CLIENTS), *options, build=build
    )
    return lambda: bench.timed(command, output=output, lines=count)


def _pgbench(bench: Bench, script: str, *, clients: int, each: int) -> Callable[[], Cost]:
    """pgbench with one thread, prepared statements and a script; it must have done every transaction."""
    path = Path(bench.folder, f"pgbench-{clients}.sql")
    path.write_text(script)
    wanted = f"number of transactions actually processed: {clients * each}/{clients * each}"
    options = ["-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-t", str(each), "-f", str(path)]
    command = [bench.peer("pgbench"), *options, bench.url]
    return lambda: bench.timed(command, says=wanted)
