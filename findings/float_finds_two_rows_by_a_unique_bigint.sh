#!/usr/bin/env bash
# A float parameter finds two rows by a unique bigint key in psycopg, DuckDB and polars, one in SQLite and psycopg2.
#
# psycopg 3.3.9, psycopg2 2.9.13 (PostgreSQL 15.x), DuckDB 2.0.1, SQLite 3.40.1 (Python 3.11), polars 2.1.0. A good guess: a comparison of an integer with a float is exact, as
# in Python and SQLite, so `id = 9007199254740992.0` finds one row or none. PostgreSQL, DuckDB and polars convert the column to double, where
# 9007199254740993 is the same number. So the row of a neighbour is found, and deleted, with a key that identifies one row; and no index on the
# column can be used. psycopg2 writes the float as a literal, which is a numeric, and that comparison is exact. MariaDB 10.11 finds one.
# For many queries: ids of 17 digits and more (snowflakes, nanoseconds) that pandas or JSON has turned into floats change rows of others. Bind integers.
#
# Output seen, for the ids 9007199254740992, ...993, ...994 and the parameter 9007199254740992.0:
#   psycopg      rows found: 2   deleted: 2
#   psycopg2     rows found: 1   deleted: 1
#   duckdb       rows found: 2   deleted: 2
#   sqlite       rows found: 1   deleted: 1
#   polars       rows found: 2
#   python       rows found: 1
#   plan of psycopg: Seq Scan; with an integer: Index Only Scan
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'psycopg[binary]==3.3.9' 'psycopg2-binary==2.9.13' 'duckdb==2.0.1' 'polars==2.1.0'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null

venv/bin/python - <<'PY'
import os
import sqlite3

import duckdb
import polars
import psycopg
import psycopg2

URL = f"host={os.getcwd()} user=postgres dbname=postgres"
IDS = [2**53, 2**53 + 1, 2**53 + 2]
KEY = float(2**53)
found = {}


def by_cursor(name, cursor, mark):
    cursor.execute("create temporary table t (id bigint primary key)")
    for number in IDS:
        cursor.execute(f"insert into t values ({number})")
    cursor.execute(f"select id from t where id = {mark}", (KEY,))
    rows = len(cursor.fetchall())
    cursor.execute(f"delete from t where id = {mark}", (KEY,))
    cursor.execute("select count(*) from t")
    found[name] = (rows, 3 - cursor.fetchone()[0])
    print(f"{name:<12} rows found: {rows}   deleted: {found[name][1]}")


server = psycopg.connect(URL)
by_cursor("psycopg", server.cursor(), "%s")
by_cursor("psycopg2", psycopg2.connect(URL).cursor(), "%s")
by_cursor("duckdb", duckdb.connect(), "?")
by_cursor("sqlite", sqlite3.connect(":memory:").cursor(), "?")
found["polars"] = polars.DataFrame({"id": IDS}).filter(polars.col("id") == KEY).height
found["python"] = sum(number == KEY for number in IDS)
print(f"polars       rows found: {found['polars']}\npython       rows found: {found['python']}")
server.execute("set enable_bitmapscan = off")
server.execute("create temporary table many as select generate_series(1, 100000)::bigint as id")
server.execute("alter table many add primary key (id)")
server.execute("analyze many")
plans = []
for value in (KEY, 2**53):
    (plan,) = server.execute("explain (format json) select id from many where id = %s", [value]).fetchone()
    plans.append(plan[0]["Plan"]["Node Type"])
print(f"plan of psycopg: {plans[0]}; with an integer: {plans[1]}")
assert found == {"psycopg": (2, 2), "psycopg2": (1, 1), "duckdb": (2, 2), "sqlite": (1, 1), "polars": 2, "python": 1}, found
assert plans == ["Seq Scan", "Index Only Scan"], plans
PY
