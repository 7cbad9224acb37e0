#!/usr/bin/env bash
# Two columns of one name, as in `select a.*, b.*`: sqlite3.Row gives the first, asyncpg and psycopg the last, PyMySQL and DuckDB both under other names.
#
# Python 3.11's sqlite3, asyncpg 0.32.0, psycopg 3.3.9, psycopg2 2.9.13 (PostgreSQL 15.x), PyMySQL 1.2.4 (MariaDB 10.11, not run here: `b.id` for the second),
# SQLAlchemy 2.1.9, DuckDB 2.0.1, pandas 3.1.1, polars 2.1.0, pyarrow 26.0.1. A good guess: a name that two columns have is an error when a row is asked
# for it, as it is in SQL ("column reference is ambiguous"), or the same column everywhere. Where the row becomes a dict, the other value is gone,
# and nothing counts the columns.
# For many queries: `row["id"]` of a join is the id of another table after a change of the driver. Give each column its own name.
#
# Output seen, for `select 1 as id, 2 as id`:
#   sqlite3.Row["id"]            1
#   dict(sqlite3.Row)            {'id': 1}
#   asyncpg Record["id"]         2
#   dict(asyncpg Record)         {'id': 2}
#   psycopg dict_row             {'id': 2}
#   psycopg namedtuple_row       DataError
#   psycopg2 RealDictCursor      {'id': 2}
#   SQLAlchemy Row.id, sqlite    2
#   SQLAlchemy mappings, sqlite  {'id': 2}
#   DuckDB df()                  {'id': 1, 'id_1': 2}
#   DuckDB Arrow, to_pylist()    {'id': 2}
#   pandas read_sql, to_dict     {'id': 2}
#   polars read_database         DuplicateError
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'asyncpg==0.32.0' 'psycopg[binary]==3.3.9' 'psycopg2-binary==2.9.13' 'SQLAlchemy==2.1.9' 'duckdb==2.0.1' 'pandas==3.1.1' 'polars==2.1.0' 'pyarrow==26.0.1'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null

venv/bin/python -W ignore - <<'PY'
import asyncio
import os
import sqlite3

import asyncpg
import duckdb
import pandas
import polars
import psycopg
import psycopg2
import psycopg2.extras
import sqlalchemy
from psycopg.rows import dict_row, namedtuple_row

SQL = "select 1 as id, 2 as id"
FOLDER = os.getcwd()
URL = f"host={FOLDER} user=postgres dbname=postgres"
found = []


def note(name, give):
    try:
        answer = str(give())
    except Exception as error:
        answer = type(error).__name__
    found.append(answer)
    print(f"{name:<28} {answer}")


async def record():
    connection = await asyncpg.connect(host=FOLDER, user="postgres", database="postgres")
    try:
        return await connection.fetchrow(SQL)
    finally:
        await connection.close()


lite = sqlite3.connect(":memory:")
lite.row_factory = sqlite3.Row
row = lite.execute(SQL).fetchone()
note('sqlite3.Row["id"]', lambda: row["id"])
note("dict(sqlite3.Row)", lambda: dict(row))
one = asyncio.run(record())
note('asyncpg Record["id"]', lambda: one["id"])
note("dict(asyncpg Record)", lambda: dict(one))
note("psycopg dict_row", lambda: psycopg.connect(URL, row_factory=dict_row).execute(SQL).fetchone())
note("psycopg namedtuple_row", lambda: psycopg.connect(URL, row_factory=namedtuple_row).execute(SQL).fetchone())
cursor = psycopg2.connect(URL).cursor(cursor_factory=psycopg2.extras.RealDictCursor)
cursor.execute(SQL)
note("psycopg2 RealDictCursor", lambda: dict(cursor.fetchone()))
with sqlalchemy.create_engine("sqlite://").connect() as connection:
    note("SQLAlchemy Row.id, sqlite", lambda: connection.execute(sqlalchemy.text(SQL)).one().id)
    note("SQLAlchemy mappings, sqlite", lambda: dict(connection.execute(sqlalchemy.text(SQL)).mappings().one()))
    note("DuckDB df()", lambda: duckdb.sql(SQL).df().to_dict("records")[0])
    note("DuckDB Arrow, to_pylist()", lambda: duckdb.sql(SQL).to_arrow_table().to_pylist()[0])
    note("pandas read_sql, to_dict", lambda: pandas.read_sql(sqlalchemy.text(SQL), connection).to_dict("records")[0])
    note("polars read_database", lambda: polars.read_database(SQL, connection))
last = "{'id': 2}"
assert found == [
    "1", "{'id': 1}", "2", last, last, "DataError", last, "2", last, "{'id': 1, 'id_1': 2}", last, last, "DuplicateError",
], found
PY
