#!/usr/bin/env bash
# asyncpg 0.32.0: the date 9999-12-31, which many tables use for "without end", is stored as 'infinity'.
#
# A good guess: a date parameter arrives as the same date, as with psycopg, because PostgreSQL holds dates up to the year 5874897.
# asyncpg reads 'infinity' as `date.max` and so writes `date.max` as 'infinity', without a word; the same for `datetime.max` and for the
# first day of the year 1. A date of 9999-12-31 and 'infinity' are then told apart no more: both are read as the same date. A row that was
# written by COPY, psql or psycopg is not equal to the row that asyncpg writes, so `WHERE valid_to = $1` finds other rows by each.
# For many queries: pass the text '9999-12-31' with `$1::text::date`, or a day before it.
#
# Output seen:
#   asyncpg date        9999-12-31                 -> infinity
#   asyncpg timestamp   9999-12-31 23:59:59.999999 -> infinity
#   asyncpg date        0001-01-01                 -> -infinity
#   psycopg date        9999-12-31                 -> 9999-12-31
#   asyncpg reads both 'infinity' and 9999-12-31 as 9999-12-31
#   rows with valid_to = 9999-12-31 that COPY wrote: found by asyncpg 0, by psycopg 1
# Exits with 1 if one of these changes. Needs postgresql-15 (15.x); the server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'asyncpg==0.32.0' 'psycopg[binary]==3.3.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }

venv/bin/python - <<'PY'
import asyncio
import os
from datetime import date, datetime

import asyncpg
import psycopg

WHERE = {"host": os.getcwd(), "user": "postgres"}


async def by_asyncpg():
    connection = await asyncpg.connect(**WHERE, database="postgres")
    sent = []
    for value, kind in ((date.max, "date"), (datetime.max, "timestamp"), (date.min, "date")):
        sent.append(await connection.fetchval(f"select ($1::{kind})::text", value))
        print(f"asyncpg {kind:<11} {value!s:<26} -> {sent[-1]}")
    read = tuple(await connection.fetchrow("select 'infinity'::date as a, '9999-12-31'::date as b"))
    found = await connection.fetchval("select count(*) from t where valid_to = $1", date.max)
    await connection.close()
    return sent, read, found


with psycopg.connect(**WHERE, dbname="postgres", autocommit=True) as connection:
    connection.execute("create table t (valid_to date)")
    with connection.cursor().copy("copy t from stdin") as copy:
        copy.write("9999-12-31\n")
    sent, read, found = asyncio.run(by_asyncpg())
    (text,) = connection.execute("select %s::date::text", [date.max]).fetchone()
    (right,) = connection.execute("select count(*) from t where valid_to = %s", [date.max]).fetchone()
print(f"psycopg date        {date.max!s:<26} -> {text}")
print(f"asyncpg reads both 'infinity' and 9999-12-31 as {read[0] if read[0] == read[1] else read}")
print(f"rows with valid_to = 9999-12-31 that COPY wrote: found by asyncpg {found}, by psycopg {right}")
assert sent == ["infinity", "infinity", "-infinity"]
assert (read, text, found, right) == ((date.max, date.max), "9999-12-31", 0, 1)
PY
