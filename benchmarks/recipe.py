"""The tutorial's recipe for queries that may be slow: a task per query, a semaphore, a timeout, results in order.

python -m benchmarks.recipe KIND PLACE SETS.csv OUT.jsonl LANES TIMEOUT SQL

KIND is asyncpg, psycopg2 (on threads) or sqlite3 (on threads). SETS.csv has the columns n and cost, OUT.jsonl gets the rows.
"""

from __future__ import annotations

import asyncio
import csv
import json
import sqlite3
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def pool_of(kind: str, place: str, lanes: int) -> AsyncIterator[Any]:
    """What `fetch` takes a connection from."""
    if kind == "asyncpg":
        import asyncpg

        async with asyncpg.create_pool(place, min_size=lanes, max_size=lanes) as pool:
            yield pool
        return
    idle: asyncio.Queue[Any] = asyncio.Queue()
    for _ in range(lanes):
        idle.put_nowait(_connect(kind, place))
    yield idle


def _connect(kind: str, place: str) -> Any:
    if kind == "sqlite3":
        return sqlite3.connect(place, check_same_thread=False, isolation_level=None)
    import psycopg2

    connection = psycopg2.connect(place)
    connection.autocommit = True
    return connection


async def fetch(pool: Any, sql: str, n: int, cost: float) -> list[Any]:
    """The rows of one query."""
    if not isinstance(pool, asyncio.Queue):
        async with pool.acquire() as connection:
            rows: list[Any] = await connection.fetch(sql, n, cost)
            return [row["n"] for row in rows]
    connection = await pool.get()
    try:
        return await asyncio.to_thread(_fetched, connection, sql, n, cost)
    finally:
        pool.put_nowait(connection)


def _fetched(connection: Any, sql: str, n: int, cost: float) -> list[Any]:
    cursor = connection.cursor()
    cursor.execute(sql, {"n": n, "cost": cost})
    return [row[0] for row in cursor.fetchall()] if cursor.description else []


async def main(kind: str, place: str, sets: str, output: str, lanes: str, timeout: str, sql: str) -> None:
    """Run every query, and write the rows in the order of the file."""
    semaphore = asyncio.Semaphore(int(lanes))

    async def one(pool: Any, n: int, cost: float) -> list[Any]:
        async with semaphore:
            try:
                return await asyncio.wait_for(fetch(pool, sql, n, cost), float(timeout))
            except TimeoutError:
                return []

    with Path(sets).open(newline="") as file:
        wanted = [(int(row["n"]), float(row["cost"])) for row in csv.DictReader(file)]
    async with pool_of(kind, place, int(lanes)) as pool:
        began_s = time.perf_counter()
        answers = await asyncio.gather(*(one(pool, *values) for values in wanted))
    with Path(output).open("w") as file:
        for rows in answers:
            file.writelines(json.dumps({"n": n}) + "\n" for n in rows)
    print(f"elapsed={time.perf_counter() - began_s:.2f}s")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
