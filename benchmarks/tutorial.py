"""The recipe that every tutorial gives: a task per query, a semaphore, a timeout, a pool. The peer of P2.

python -m benchmarks.tutorial URL IDS.csv OUT.jsonl
"""

from __future__ import annotations

import asyncio
import csv
import json
import sys
from pathlib import Path

import asyncpg

CONCURRENCY = 8
TIMEOUT_S = 30
SQL = "select id, name from items where id = $1"


async def main(url: str, ids: str, output: str) -> None:
    """Look every id up and write the rows in the order of the file."""
    semaphore = asyncio.Semaphore(CONCURRENCY)

    async def one(pool: asyncpg.Pool, wanted: int) -> list[asyncpg.Record]:
        async with semaphore, asyncio.timeout(TIMEOUT_S), pool.acquire() as connection:
            rows: list[asyncpg.Record] = await connection.fetch(SQL, wanted)
            return rows

    with Path(ids).open(newline="") as file:
        wanted = [int(row["id"]) for row in csv.DictReader(file)]
    async with asyncpg.create_pool(url, min_size=CONCURRENCY, max_size=CONCURRENCY) as pool:
        answers = await asyncio.gather(*(one(pool, value) for value in wanted))
    with Path(output).open("w") as file:
        for rows in answers:
            file.writelines(json.dumps(dict(row)) + "\n" for row in rows)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
