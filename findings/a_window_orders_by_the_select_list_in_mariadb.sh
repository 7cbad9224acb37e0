#!/usr/bin/env bash
# `select -id as id, row_number() over (order by id) from t`: the window goes by the column in three databases, and by `-id` in two.
#
# PostgreSQL 15.x, SQLite 3.40.1 (Python 3.11), DuckDB 2.0.1; MariaDB 10.11.x (Debian 12), chdb 4.4.0 with chdb-core 26.9.0. A good guess: only the ORDER
# BY of the whole query knows names of the select list; WHERE, HAVING and OVER know columns, as the standard says. In MariaDB a window takes the name
# of the select list before the column, so rows are numbered the other way round, without a warning. chDB (ClickHouse) does so in every place, WHERE
# included. `order by id + 0` is the column again in MariaDB. `t.id` means the column everywhere.
# For many queries: `cast(id as char) as id` numbers, ranks and pages by text in one database and by number in the next.
#
# Output seen, for the rows 9, 10, -1:
#               number of 10   the same, t.id   where id > 0   order by id     order by id + 0
#   postgresql  3              3                -9 -10         -10 -9 1        1 -9 -10
#   sqlite      3              3                -9 -10         -10 -9 1        1 -9 -10
#   duckdb      3              3                -9 -10         -10 -9 1        1 -9 -10
#   mariadb     1              3                -9 -10         -10 -9 1        1 -9 -10
#   chdb        1              3                1              -10 -9 1        -10 -9 1
# Exits with 1 if one of these changes. The servers listen on unix sockets in a temporary folder only.
set -euo pipefail
daemon=$(PATH=$PATH:/usr/sbin command -v mariadbd) || { echo "install the Debian package mariadb-server"; exit 2; }
"$daemon" --no-defaults --version | grep -q ' 10\.11\.' || { echo "another version than 10.11:"; "$daemon" --no-defaults --version; exit 2; }
folder=$(mktemp -d)
as=(env)
if [ "$(id -u)" = 0 ]; then as=(runuser -u nobody -- env); fi
pid=
trap '[ -z "$pid" ] || { kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; }; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'PyMySQL==1.2.4' 'psycopg[binary]==3.3.9' 'duckdb==2.0.1' 'chdb==4.4.0' 'chdb-core==26.9.0'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
"${as[@]}" mariadb-install-db --no-defaults --datadir="$folder/data" --auth-root-authentication-method=normal --skip-test-db \
  --tmpdir="$folder" >/dev/null 2>&1
"${as[@]}" "$daemon" --no-defaults --datadir="$folder/data" --socket="$folder/s.sock" --skip-networking --pid-file="$folder/pid" \
  --tmpdir="$folder" >"$folder/log" 2>&1 &
pid=$!
for _ in $(seq 300); do [ -S "$folder/s.sock" ] && break; kill -0 "$pid" || { cat "$folder/log"; exit 2; }; sleep 0.1; done
cd "$folder"

bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
trap '"${as[@]}" "$bin/pg_ctl" -D "$folder/pg" -m immediate -w stop >/dev/null 2>&1 || true; kill "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true; cd /; rm -rf "$folder"' EXIT
"${as[@]}" "$bin/initdb" -D "$folder/pg" -U postgres -A trust -E UTF8 --locale=C >/dev/null
"${as[@]}" "$bin/pg_ctl" -D "$folder/pg" -w -l "$folder/pglog" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null

venv/bin/python - <<'PY'
import os
import sqlite3

import duckdb
import psycopg
import pymysql
from chdb import session

FOLDER = os.getcwd()
QUERIES = (
    "select -id as id, row_number() over (order by id) as n from t order by n",
    "select -id as id, row_number() over (order by t.id) as n from t order by n",
    "select -id as id from t where id > 0",
    "select -id as id from t order by id",
    "select -id as id from t order by id + 0",
)
chdb = session.Session(f"{FOLDER}/chdb")
maria = pymysql.connect(unix_socket=f"{FOLDER}/s.sock", user="root", autocommit=True).cursor()
maria.execute("create database d")
maria.execute("use d")
postgresql = psycopg.connect(host=FOLDER, user="postgres", dbname="postgres", autocommit=True)
lite = sqlite3.connect(":memory:")
duck = duckdb.connect()


def by_maria(sql):
    maria.execute(sql)
    return maria.fetchall()


def by_chdb(sql):
    return [tuple(int(value) for value in line.split(",")) for line in str(chdb.query(sql, "CSV")).split()]


databases = {
    "postgresql": (postgresql.execute, lambda sql: postgresql.execute(sql).fetchall()),
    "sqlite": (lite.execute, lambda sql: lite.execute(sql).fetchall()),
    "duckdb": (duck.execute, lambda sql: duck.execute(sql).fetchall()),
    "mariadb": (maria.execute, by_maria),
    "chdb": (chdb.query, by_chdb),
}
found = {}
print(f"{'':12}{'number of 10':<15}{'the same, t.id':<17}{'where id > 0':<15}{'order by id':<16}order by id + 0")
for name, (execute, ask) in databases.items():
    execute("create table t (id int)" + (" engine = Memory" if name == "chdb" else ""))
    execute("insert into t values (9), (10), (-1)")
    numbers = [str(dict(ask(sql))[-10]) for sql in QUERIES[:2]]
    orders = [" ".join(str(row[0]) for row in ask(sql)) for sql in QUERIES[2:]]
    found[name] = (*numbers, *orders)
    print(f"{name:<12}{numbers[0]:<15}{numbers[1]:<17}{orders[0]:<15}{orders[1]:<16}{orders[2]}")
standard = ("3", "3", "-9 -10", "-10 -9 1", "1 -9 -10")
assert found == {
    "postgresql": standard, "sqlite": standard, "duckdb": standard, "mariadb": ("1", *standard[1:]),
    "chdb": ("1", "3", "1", "-10 -9 1", "-10 -9 1"),
}  # fmt: skip
PY
