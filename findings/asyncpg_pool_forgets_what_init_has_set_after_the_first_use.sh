#!/usr/bin/env bash
# asyncpg: `create_pool(init=...)` with SET in it: the first use of each connection has the setting, all later ones have not. No error.
#
# asyncpg 0.32.0, psycopg 3.3.9 with psycopg-pool 3.3.3, SQLAlchemy 2.1.9 on PostgreSQL 15.x. A good guess: what `init` does to a new connection belongs to the
# connection, as type codecs do, and as with the same hook of other pools (configure of psycopg_pool, the event "connect" of SQLAlchemy, also over
# asyncpg). When a connection comes back the pool sends RESET ALL, which goes back to the settings of the start of the connection, and init is not
# called again. A test with one query is green. Then a search_path of a tenant is "$user", public, and rows go into the tables of another; a
# statement_timeout is gone; a read-only session writes. Pass server_settings={...}, or set them in `setup`, which runs at every use.
#
# Output seen, search_path of the 1st, 2nd and 3rd use of the one connection of a pool:
#   asyncpg, init:                    tenant  "$user", public  "$user", public
#   asyncpg, setup:                   tenant  tenant  tenant
#   asyncpg, server_settings:         tenant  tenant  tenant
#   psycopg_pool, configure:          tenant  tenant  tenant
#   SQLAlchemy over asyncpg, connect: tenant  tenant  tenant
# Exits with 1 if one of these changes. Needs postgresql-15 (15.x); the server listens in a temporary folder only, on a unix socket.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'asyncpg==0.32.0' 'psycopg[binary]==3.3.9' 'psycopg-pool==3.3.3' 'SQLAlchemy[asyncio]==2.1.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }

venv/bin/python - <<'PY'
import asyncio
import os

import asyncpg
from psycopg_pool import ConnectionPool
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import create_async_engine

HOST = os.getcwd()
SET, SHOW = "SET search_path = tenant", "SHOW search_path"


async def set_path(connection):
    await connection.execute(SET)


async def by_asyncpg(**options):
    async with asyncpg.create_pool(host=HOST, user="postgres", min_size=1, max_size=1, **options) as pool:
        return [await pool.fetchval(SHOW) for _ in range(3)]


def by_psycopg():
    def set_path(connection):
        connection.execute(SET)
        connection.commit()

    found = []
    with ConnectionPool(f"host={HOST} user=postgres", min_size=1, max_size=1, configure=set_path) as pool:
        for _ in range(3):
            with pool.connection() as connection:
                found.append(connection.execute(SHOW).fetchone()[0])
    return found


async def by_sqlalchemy():
    engine = create_async_engine(f"postgresql+asyncpg://postgres@/postgres?host={HOST}", pool_size=1, max_overflow=0)

    @event.listens_for(engine.sync_engine, "connect")
    def set_path(connection, record):
        connection.autocommit = True
        connection.cursor().execute(SET)
        connection.autocommit = False

    found = []
    for _ in range(3):
        async with engine.connect() as connection:
            found.append(await connection.scalar(text(SHOW)))
    await engine.dispose()
    return found


seen = {
    "asyncpg, init:": asyncio.run(by_asyncpg(init=set_path)),
    "asyncpg, setup:": asyncio.run(by_asyncpg(setup=set_path)),
    "asyncpg, server_settings:": asyncio.run(by_asyncpg(server_settings={"search_path": "tenant"})),
    "psycopg_pool, configure:": by_psycopg(),
    "SQLAlchemy over asyncpg, connect:": asyncio.run(by_sqlalchemy()),
}
for name, paths in seen.items():
    print(f"{name:33} {'  '.join(paths)}")
first, *others = seen.values()
assert first == ["tenant", '"$user", public', '"$user", public'] and all(paths == ["tenant"] * 3 for paths in others)
PY
