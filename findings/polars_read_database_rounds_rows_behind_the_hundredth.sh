#!/usr/bin/env bash
# polars: `read_database` rounds the numerics behind the hundredth row to the digits of those before it: 19.99 arrives as 20.0.
#
# polars 2.1.0 with psycopg 3.3.9 on PostgreSQL 15.x (Debian), and with sqlite3 (SQLite 3.40.1, Python 3.11). A good guess: the type of a column
# comes from the database, or a value that does not fit is an error, as a text behind whole numbers is. In fact the first 100 rows
# (`infer_schema_length`) choose type and scale, and later numbers are made to fit: decimals are rounded, fractions of a column that began with
# whole numbers are cut off, and 5 behind booleans is False. `pl.DataFrame(rows, orient="row")` does the same with rows of any driver.
# For many queries: a table sorted by time whose early amounts are round gets wrong sums, with no error. `infer_schema_length=None` reads all rows
# first and is right, as is `schema_overrides`.
#
# Output seen:
#                              row 101 in the database    default      infer_schema_length=None
#   psycopg  numeric price     19.99                      20.0         19.99
#   psycopg  numeric hours     2.75                       3            2.75
#   sqlite3  no type           250.5                      250          250.5
#   rows     bool, then 5      5                          False        5
#   rows     integer, text     x                          ComputeError x
# Exits with 1 if one of these changes.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'polars==2.1.0' 'psycopg[binary]==3.3.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null

venv/bin/python - <<'PY'
import os
import sqlite3

import polars as pl
import psycopg

pg = psycopg.connect(host=os.getcwd(), user="postgres", dbname="postgres")
pg.execute("create table t (n integer, price numeric, hours numeric)")
pg.execute("insert into t select n, 1.5, 3 from generate_series(1, 100) n union all select 101, 19.99, 2.75")
lite = sqlite3.connect(":memory:")
lite.execute("create table t (n integer, v)")
lite.executemany("insert into t values (?, ?)", [*((n, n) for n in range(1, 101)), (101, 250.5)])


def database(connection, column):
    query = f"select {column} as v from t order by n"
    return lambda **how: pl.read_database(query, connection, **how)["v"][100]


def rows(first, last):
    return lambda **how: pl.DataFrame([(first,)] * 100 + [(last,)], schema=["v"], orient="row", **how)["v"][100]


CASES = {
    "psycopg  numeric price": ("19.99", database(pg, "price")),
    "psycopg  numeric hours": ("2.75", database(pg, "hours")),
    "sqlite3  no type": ("250.5", database(lite, "v")),
    "rows     bool, then 5": ("5", rows(True, 5)),
    "rows     integer, text": ("x", rows(1, "x")),
}
found = []
for name, (written, read) in CASES.items():
    answers = []
    for how in ({}, {"infer_schema_length": None}):
        try:
            answers.append(str(read(**how)))
        except pl.exceptions.PolarsError as error:
            answers.append(type(error).__name__)
    print(f"{name:<27}{written:<27}{answers[0]:<13}{answers[1]}")
    found.append(tuple(answers))
assert found == [("20.0", "19.99"), ("3", "2.75"), ("250", "250.5"), ("False", "5"), ("ComputeError", "x")], found
PY
