#!/usr/bin/env bash
# DuckDB: `delete from t where id = ?` with the text '2.5' deletes row 3.
#
# DuckDB 2.0.1; SQLite 3.40.1 (Python 3.11), PostgreSQL 15.x (psycopg 3.3.9) for comparison. A good guess: a text that is not an integer finds no row, as the
# number 2.5 does, or is an error, as '12abc' is. DuckDB converts the text to the type of the column and rounds while it does so: '2.5' is 3, '2.4'
# is 2, '1e0' is 1, '0x2' is 2. A literal '2.5' and INSERT do the same. Halves of texts and decimals go away from zero, halves of doubles to the
# even number, so `2.5::double::int` is 2.
# For many queries: values from CSV files travel as text; a key of the wrong column changes a row of another key, with a count of 1.
#
# Output seen, for a table with ids 1, 2 and 3:
#                         duckdb    sqlite    postgresql
#   where id = '2.5'      3         none      22P02
#   where id = '2.4'      2         none      22P02
#   where id = '1e0'      1         1         22P02
#   where id = '12abc'    error     none      22P02
#   where id = 2.5        none      none      none
#   duckdb: '2.5'::int is 3, 2.5::double::int is 2
#   duckdb: delete where id = '2.5': 1 row, 1 and 2 stay
# Exits with 1 if one of these changes. Needs postgresql-15 (15.x); the server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'duckdb==2.0.1' 'psycopg[binary]==3.3.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null

venv/bin/python - <<'PY'
import os
import sqlite3

import duckdb
import psycopg

duck = duckdb.connect()
lite = sqlite3.connect(":memory:")
postgresql = psycopg.connect(host=os.getcwd(), user="postgres", dbname="postgres", autocommit=True)
for connection in (duck, lite, postgresql):
    connection.execute("create table t (id integer primary key)")
    connection.execute("insert into t values (1), (2), (3)")


def ask(connection, mark, value):
    try:
        rows = connection.execute(f"select id from t where id = {mark}", [value]).fetchall()
    except Exception as error:
        return getattr(error, "sqlstate", None) or "error"
    return " ".join(str(number) for (number,) in rows) or "none"


found = []
print(f"{'':22}{'duckdb':<10}{'sqlite':<10}postgresql")
for value in ("2.5", "2.4", "1e0", "12abc", 2.5):
    found.append((ask(duck, "?", value), ask(lite, "?", value), ask(postgresql, "%s", value)))
    print(f"{f'where id = {value!r}':<22}{found[-1][0]:<10}{found[-1][1]:<10}{found[-1][2]}")
halves = duck.execute("select '2.5'::int, 2.5::double::int").fetchone()
print(f"duckdb: '2.5'::int is {halves[0]}, 2.5::double::int is {halves[1]}")
deleted = duck.execute("delete from t where id = ?", ["2.5"]).fetchone()[0]
left = [number for (number,) in duck.execute("select id from t order by id").fetchall()]
print(f"duckdb: delete where id = '2.5': {deleted} row, {' and '.join(map(str, left))} stay")
assert found == [
    ("3", "none", "22P02"), ("2", "none", "22P02"), ("1", "1", "22P02"), ("error", "none", "22P02"), ("none", "none", "none"),
]  # fmt: skip
assert halves == (3, 2) and deleted == 1 and left == [1, 2]
PY
