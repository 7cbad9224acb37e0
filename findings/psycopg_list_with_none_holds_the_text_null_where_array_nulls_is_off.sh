#!/usr/bin/env bash
# psycopg: None in a list parameter is the text "NULL" for the server if a database has array_nulls off. No error, no warning.
#
# psycopg 3.3.9, pg8000 1.31.6, psycopg2 2.9.13, asyncpg 0.32.0 on PostgreSQL 15.x, Python 3.11. A good guess: a setting for the text of arrays is of no
# concern to parameters of Python, or None fails. psycopg and pg8000 send a list of texts as an array literal, {"a",NULL}, whose NULL the server reads by
# that setting, which a database or a role can have. asyncpg sends arrays in binary form and psycopg2 writes ARRAY['a',NULL]: both keep NULL.
# For many queries: `where v = any(%s)`, `insert ... select unnest(%s)` and each COPY of such a literal find or store a text that looks like nothing.
#
# Output seen (unnest of ["a", None] with array_nulls off, then on):
#   asyncpg    ['a', None]    ['a', None]
#   pg8000     ['a', 'NULL']  ['a', None]
#   psycopg    ['a', 'NULL']  ['a', None]
#   psycopg2   ['a', None]    ['a', None]
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'asyncpg==0.32.0' 'psycopg[binary]==3.3.9' 'psycopg2-binary==2.9.13' 'pg8000==1.31.6'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null

venv/bin/python - <<'PY'
import asyncio
import os

import asyncpg
import pg8000.dbapi
import psycopg
import psycopg2

FOLDER = os.getcwd()
VALUES = ["a", None]
PLACE = {"host": FOLDER, "user": "postgres", "dbname": "postgres"}


def read(cursor, cast):
    cursor.execute(f"select v from unnest(%s{cast}) as t(v)", (VALUES,))
    return [row[0] for row in cursor.fetchall()]


async def of_asyncpg():
    connection = await asyncpg.connect(host=FOLDER, user="postgres", database="postgres")
    try:
        return [row[0] for row in await connection.fetch("select v from unnest($1::text[]) as t(v)", VALUES)]
    finally:
        await connection.close()


def all_of_them():
    found = {"asyncpg": asyncio.run(of_asyncpg())}
    eight = pg8000.dbapi.connect(unix_sock=f"{FOLDER}/.s.PGSQL.5432", user="postgres", database="postgres")
    found["pg8000"] = read(eight.cursor(), "::text[]")
    eight.close()
    for name, library in (("psycopg", psycopg), ("psycopg2", psycopg2)):
        connection = library.connect(**PLACE)
        found[name] = read(connection.cursor(), "::text[]")
        connection.close()
    return found


with psycopg.connect(**PLACE, autocommit=True) as connection:
    connection.execute("alter database postgres set array_nulls = off")
off = all_of_them()
with psycopg.connect(**PLACE, autocommit=True) as connection:
    connection.execute("alter database postgres reset array_nulls")
on = all_of_them()
for name in off:
    print(f"{name:10} {off[name]!s:14} {on[name]}")
text, null = ["a", "NULL"], ["a", None]
wanted = {"asyncpg": null, "pg8000": text, "psycopg": text, "psycopg2": null}
assert off == wanted, "changed"
assert set(map(str, on.values())) == {str(null)}, "changed"
PY
