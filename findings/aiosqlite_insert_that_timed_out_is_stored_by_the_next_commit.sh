#!/usr/bin/env bash
# aiosqlite: an INSERT that ran into asyncio.timeout() is stored all the same, by the next commit(). psycopg and asyncpg end it.
#
# aiosqlite 0.22.1, Python 3.11 (SQLite 3.40.1), psycopg 3.3.9 and asyncpg 0.32.0 on PostgreSQL 15.x. A good guess: `async with asyncio.timeout(1)` around execute() ends
# the statement, as TimeoutError suggests, or leaves its transaction unusable until rollback(). aiosqlite runs statements in a thread; the cancelled
# task only stops to wait. The statement goes on, the next execute() waits behind it, and commit() stores both. cancel() of a task does the same.
# For many queries: a set that is reported as timed out, and sent again, is there twice. Call `await db.interrupt()` and rollback() after a timeout.
#
# Output seen; a slow INSERT of 'slow' is given 0.2 s, then 'next' is inserted and committed:
#               slow INSERT     the next INSERT        rows
#   aiosqlite   TimeoutError    ok                     slow next
#   the same, interrupt() and rollback() first         next
#   asyncpg     TimeoutError    ok                     next
#   psycopg     TimeoutError    InFailedSqlTransaction (none)
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'aiosqlite==0.22.1' 'psycopg[binary]==3.3.9' 'asyncpg==0.32.0'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null

venv/bin/python - <<'PY'
import asyncio
import os

import aiosqlite
import asyncpg
import psycopg

FOLDER = os.getcwd()
LITE = "insert into t with recursive c (n) as (select 1 union all select n + 1 from c where n < 5000000) select 'slow' from c group by 1"
POSTGRES = "insert into t select 'slow' from pg_sleep(2)"
NEXT = "insert into t values ('next')"
found = {}


async def attempt(execute, sql):
    try:
        async with asyncio.timeout(0.2 if "slow" in sql else 20):
            await execute(sql)
    except (TimeoutError, psycopg.Error) as error:
        return type(error).__name__
    return "ok"


def note(name, slow, following, rows):
    found[name] = (slow, following, " ".join(sorted((row[0] for row in rows), reverse=True)) or "(none)")
    print(f"{name:<31} {slow:<15} {following:<23} {found[name][2]}")


async def of_aiosqlite(name, file, careful):
    async with aiosqlite.connect(file) as connection:
        await connection.execute("create table t (x)")
        await connection.commit()
        slow = await attempt(connection.execute, LITE)
        if careful:
            await connection.interrupt()
            await connection.rollback()
        following = await attempt(connection.execute, NEXT)
        await connection.commit()
        note(name, slow, following, await connection.execute_fetchall("select x from t"))


async def of_asyncpg():
    connection = await asyncpg.connect(host=FOLDER, user="postgres", database="postgres")
    await connection.execute("create table t (x text)")
    slow = await attempt(connection.execute, POSTGRES)
    following = await attempt(connection.execute, NEXT)
    note("asyncpg", slow, following, await connection.fetch("select x from t"))
    await connection.close()


async def of_psycopg():
    connection = await psycopg.AsyncConnection.connect(host=FOLDER, user="postgres", dbname="postgres")
    await connection.execute("truncate t")
    await connection.commit()
    slow = await attempt(connection.execute, POSTGRES)
    following = await attempt(connection.execute, NEXT)
    await connection.commit()
    note("psycopg", slow, following, await (await connection.execute("select x from t")).fetchall())
    await connection.close()


async def main():
    await of_aiosqlite("aiosqlite", "a.db", False)
    await of_aiosqlite("aiosqlite, interrupt, rollback", "b.db", True)
    await of_asyncpg()
    await of_psycopg()


asyncio.run(main())
assert found == {
    "aiosqlite": ("TimeoutError", "ok", "slow next"),
    "aiosqlite, interrupt, rollback": ("TimeoutError", "ok", "next"),
    "asyncpg": ("TimeoutError", "ok", "next"),
    "psycopg": ("TimeoutError", "InFailedSqlTransaction", "(none)"),
}, found
PY
