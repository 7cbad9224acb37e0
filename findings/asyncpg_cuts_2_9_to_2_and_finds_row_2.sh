#!/usr/bin/env bash
# asyncpg: the parameter 2.9 of `delete from t where id = $1` deletes row 2. No error, no warning.
#
# asyncpg 0.32.0, psycopg 3.3.9, psycopg2 2.9.13, pg8000 1.31.6 on PostgreSQL 15.x, Python 3.11. A good guess: asyncpg is strict ("a text is not a number"
# is a DataError, and so are a bool for text and 2**40 for an integer), so a number with a fraction for an integer is refused, or the server compares it as
# a number and finds no row. asyncpg takes int() of it: floats and Decimals are cut, also in arrays and ranges. For a numeric parameter it sends all binary
# digits of a float, so 0.1 is not equal to the stored 0.1; and a datetime for a date loses its time.
# For many queries: ids that went through pandas or JSON as floats, or a ratio that was computed, select and change other rows. Check before.
#
# Output seen (rows that are found by `where column = value`; the table has id 2 and 3, n 0.1; and an INSERT):
#              id = 2.9           id = Decimal 2.9   n = 0.1            stored: 2.9
#   asyncpg    2                  2                  none               2
#   psycopg    none               none               0.1                3
#   psycopg2   none               none               0.1                3
#   pg8000     22P02              22P02              0.1                22P02
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
from decimal import Decimal

import asyncpg
import pg8000.dbapi
import psycopg
import psycopg2

FOLDER = os.getcwd()
WAYS = [
    ("id = 2.9", "select id from t where id = {}", 2.9),
    ("id = Decimal 2.9", "select id from t where id = {}", Decimal("2.9")),
    ("n = 0.1", "select n from t where n = {}", 0.1),
    ("stored: 2.9", "insert into t (id) values ({}) returning id", 2.9),
]
found = {}


def state(error):
    return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or error.args[0]["C"]


def text(rows):
    return " ".join(str(row[0]) for row in rows) or "none"


async def of_asyncpg():
    connection = await asyncpg.connect(host=FOLDER, user="postgres", database="postgres")
    await connection.execute("create table t (id integer, n numeric); insert into t values (2, 0.1), (3, null)")
    for _, sql, value in WAYS:
        transaction = connection.transaction()
        await transaction.start()
        yield text(await connection.fetch(sql.format("$1"), value))
        await transaction.rollback()
    await connection.close()


async def collect(answers):
    return [answer async for answer in answers]


def of(connection):
    cursor = connection.cursor()
    for _, sql, value in WAYS:
        try:
            cursor.execute(sql.format("%s"), (value,))
            yield text(cursor.fetchall())
        except Exception as error:
            yield state(error)
        connection.rollback()


found["asyncpg"] = asyncio.run(collect(of_asyncpg()))
found["psycopg"] = list(of(psycopg.connect(host=FOLDER, user="postgres", dbname="postgres")))
found["psycopg2"] = list(of(psycopg2.connect(host=FOLDER, user="postgres", dbname="postgres")))
found["pg8000"] = list(of(pg8000.dbapi.connect("postgres", unix_sock=f"{FOLDER}/.s.PGSQL.5432", database="postgres")))
print(f"{'':11}" + "".join(f"{name:<19}" for name, _, _ in WAYS))
for name, answers in found.items():
    print(f"{name:<11}" + "".join(f"{answer:<19}" for answer in answers))
assert found == {
    "asyncpg": ["2", "2", "none", "2"],
    "psycopg": ["none", "none", "0.1", "3"],
    "psycopg2": ["none", "none", "0.1", "3"],
    "pg8000": ["22P02", "22P02", "0.1", "22P02"],
}, found
PY
