"""P1, P2, P3, P5, P6, ledger: PostgreSQL against pgbench, the tutorial recipe and psql."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.bench import ITEMS, Bench, Cost, Result, rate

if TYPE_CHECKING:
    from collections.abc import Callable

LOOKUP = "select id, name from items where id = {id}"
SLEEP = "select {n} as n from pg_sleep(0.02)"
UPDATE = "update items set balance = balance + 1 where id = {id}"
EXPORT = "select id, name, balance, created from items"
CLIENTS = 8


def lookups(bench: Bench) -> Result:
    """P1: a million lookups from CSV to JSON Lines, against pgbench doing as many."""
    count = bench.scaled(1_000_000, CLIENTS)
    script = f"\\set id random(1, {ITEMS})\n{LOOKUP.format(id=':id')};\n"
    theirs = _pgbench(bench, script, clients=CLIENTS, each=count // CLIENTS)
    cost = bench.in_turn({"bulkq": _lookups(bench, count), "pgbench": theirs})
    return Result(
        ours=f"bulkq -j {CLIENTS}: {rate(count, cost['bulkq'])}",
        theirs=f"pgbench -M prepared -c {CLIENTS}: {rate(count, cost['pgbench'])}",
        ratio=cost["pgbench"].wall_s / cost["bulkq"].wall_s,
        at_least=1.2,
        aim=1.7,
    )


def tutorial(bench: Bench) -> Result:
    """P2: the rate of P1, against that of a task per query with semaphore, timeout and pool."""
    count, fewer = bench.scaled(1_000_000), bench.scaled(100_000)
    ids, output = bench.ids(fewer), bench.folder / "tutorial.jsonl"
    command = [sys.executable, "-m", "benchmarks.tutorial", bench.url, str(ids), str(output)]
    cost = bench.in_turn(
        {
            "bulkq": _lookups(bench, count),
            "tutorial": lambda: bench.timed(command, output=output, lines=fewer),
        }
    )
    ours, theirs = cost["bulkq"], cost["tutorial"]
    return Result(
        ours=f"bulkq -j {CLIENTS}: {rate(count, ours)}",
        theirs=f"task per query: {rate(fewer, theirs)}",
        ratio=(count / ours.wall_s) / (fewer / theirs.wall_s),
        at_least=8,
        aim=14,
    )


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
    cost = bench.in_turn({"bulkq": ours(count, clients), "one": ours(1, 1), "pgbench": theirs})
    less = cost["bulkq"].wall_s - cost["one"].wall_s
    return Result(
        ours=f"bulkq -j {clients}: {less:.2f} s ({cost['bulkq'].wall_s:.2f} less {cost['one'].wall_s:.2f})",
        theirs=f"pgbench -c {clients}: {cost['pgbench'].wall_s:.2f} s",
        ratio=less / cost["pgbench"].wall_s,
        at_most=1.35,
        aim=1.1,
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
    cost = bench.in_turn({"bulkq": lambda: bench.timed(command, says=says), "pgbench": theirs})
    return Result(
        ours=f"bulkq --write -j {CLIENTS}: {rate(count, cost['bulkq'])}",
        theirs=f"pgbench -M prepared -c {CLIENTS}: {rate(count, cost['pgbench'])}",
        ratio=cost["pgbench"].wall_s / cost["bulkq"].wall_s,
        at_least=1.8,
        aim=3,
    )


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
    cost = bench.in_turn({"bulkq": ours(count), "one": ours(1), "psql": theirs})
    less = cost["bulkq"].wall_s - cost["one"].wall_s
    return Result(
        ours=f"bulkq: {rate(count, Cost(less, 0))} (less {cost['one'].wall_s:.2f})",
        theirs=f"psql \\copy: {rate(count, cost['psql'])}",
        ratio=cost["psql"].wall_s / less,
        at_least=0.8,
        aim=1.0,
    )


def ledger_cost(bench: Bench) -> Result:
    """ledger: P1 as everybody runs it, against P1 that is not recorded."""
    count = bench.scaled(1_000_000)
    cost = bench.in_turn({"kept": _lookups(bench, count), "none": _lookups(bench, count, "--ledger", "none")})
    return Result(
        ours=f"bulkq -j {CLIENTS}: {rate(count, cost['kept'])}",
        theirs=f"--ledger none: {rate(count, cost['none'])}",
        ratio=cost["kept"].wall_s / cost["none"].wall_s,
        at_most=1.05,
        aim=1.02,
    )


def _lookups(bench: Bench, count: int, *options: str) -> Callable[[], Cost]:
    output = bench.folder / "lookups.jsonl"
    sql, ids = LOOKUP.format(id=":id"), bench.ids(count)
    command = bench.bulkq("-e", sql, "-t", bench.url, "-p", ids, "-o", output, "-j", str(CLIENTS), *options)
    return lambda: bench.timed(command, output=output, lines=count)


def _pgbench(bench: Bench, script: str, *, clients: int, each: int) -> Callable[[], Cost]:
    """pgbench with one thread, prepared statements and a script; it must have done every transaction."""
    path = Path(bench.folder, f"pgbench-{clients}.sql")
    path.write_text(script)
    wanted = f"number of transactions actually processed: {clients * each}/{clients * each}"
    options = ["-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-t", str(each), "-f", str(path)]
    command = [bench.peer("pgbench"), *options, bench.url]
    return lambda: bench.timed(command, says=wanted)
