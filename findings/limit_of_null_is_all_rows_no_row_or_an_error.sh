#!/usr/bin/env bash
# `LIMIT` with a parameter that is NULL: all rows in PostgreSQL and DuckDB, no row in MariaDB, an error in SQLite.
#
# PostgreSQL 15.x, MariaDB 10.11.x (Debian 12), DuckDB 2.0.1, SQLite 3.40.1 (Python 3.11), psycopg 3.3.9, PyMySQL 1.2.4. A good guess: a limit of NULL
# is refused everywhere, as a negative one is in PostgreSQL and DuckDB. In SQLite a negative limit is no limit at all.
# For many queries: an empty field of a CSV file is NULL, and then reads the whole table, or nothing, depending on the database.
#
# Output seen, for a table of five rows:
#               NULL                -1
#   postgresql  5 rows              InvalidRowCountInLimitClause
#   duckdb      5 rows              BinderException
#   mariadb     0 rows              OperationalError
#   sqlite      IntegrityError      5 rows
# Exits with 1 if one of these changes. The servers listen on unix sockets in a temporary folder only. (MariaDB binds by PREPARE, EXECUTE.)
set -euo pipefail
daemon=$(PATH=$PATH:/usr/sbin command -v mariadbd) || { echo "install the Debian package mariadb-server"; exit 2; }
"$daemon" --no-defaults --version | grep -q ' 10\.11\.' || { echo "another version than 10.11:"; "$daemon" --no-defaults --version; exit 2; }
folder=$(mktemp -d)
as=(env)
if [ "$(id -u)" = 0 ]; then as=(runuser -u nobody -- env); fi
pid=
trap '[ -z "$pid" ] || { kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; }; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'PyMySQL==1.2.4' 'psycopg[binary]==3.3.9' 'duckdb==2.0.1'
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

FOLDER = os.getcwd()


class MariaDB:
    """Binds on the server: PyMySQL would write the value into the text."""

    def __init__(self):
        self.cursor = pymysql.connect(unix_socket=f"{FOLDER}/s.sock", user="root", autocommit=True).cursor()
        self.cursor.execute("create database d")
        self.cursor.execute("use d")

    def execute(self, sql, values=None):
        if values is None:
            self.cursor.execute(sql)
            return self.cursor
        self.cursor.execute("prepare p from %s", [sql])
        self.cursor.execute("set @v = %s", values)
        self.cursor.execute("execute p using @v")
        return self.cursor


databases = {
    "postgresql": (psycopg.connect(host=FOLDER, user="postgres", dbname="postgres", autocommit=True), "%s::int"),
    "duckdb": (duckdb.connect(), "?"),
    "mariadb": (MariaDB(), "?"),
    "sqlite": (sqlite3.connect(":memory:"), "?"),
}
found = {}
print(f"            {'NULL':<20}-1")
for name, (connection, mark) in databases.items():
    connection.execute("create table t (a int)")
    connection.execute("insert into t values (1), (2), (3), (4), (5)")
    answers = []
    for value in (None, -1):
        try:
            rows = connection.execute(f"select a from t limit {mark}", [value]).fetchall()
            answers.append(f"{len(rows)} rows")
        except Exception as error:
            answers.append(type(error).__name__)
    found[name] = tuple(answers)
    print(f"{name:<12}{answers[0]:<20}{answers[1]}")
assert found == {
    "postgresql": ("5 rows", "InvalidRowCountInLimitClause"), "duckdb": ("5 rows", "BinderException"),
    "mariadb": ("0 rows", "OperationalError"), "sqlite": ("IntegrityError", "5 rows"),
}  # fmt: skip
PY
