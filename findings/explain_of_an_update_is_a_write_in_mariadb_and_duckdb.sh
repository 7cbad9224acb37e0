#!/usr/bin/env bash
# `explain update ...` where nothing can be written: PostgreSQL and SQLite give the plan, MariaDB and DuckDB refuse it as a write.
#
# MariaDB 10.11.x (Debian 12), PostgreSQL 15.x, SQLite 3.40.1 (Python 3.11), DuckDB 2.0.1. A good guess: EXPLAIN executes nothing, so a session that
# cannot write can look at the plan of a write, which is the safe way to look at one. In a read-only transaction of MariaDB it is error 1792, on a DuckDB
# file that is open for reading an InvalidInputException. EXPLAIN of a SELECT is accepted by both. The plan of a write needs a session that may write.
#
# Output seen:
#   postgresql  update: plan                      select: plan
#   sqlite      update: plan                      select: plan
#   duckdb      update: InvalidInputException     select: plan
#   mariadb     update: 1792                      select: plan
# Exits with 1 if one of these changes. The servers listen on unix sockets in a temporary folder only.
set -euo pipefail
daemon=$(PATH=$PATH:/usr/sbin command -v mariadbd) || { echo "install the Debian package mariadb-server"; exit 2; }
"$daemon" --no-defaults --version | grep -q ' 10\.11\.' || { echo "another version than 10.11:"; "$daemon" --no-defaults --version; exit 2; }
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as=(env)
if [ "$(id -u)" = 0 ]; then as=(runuser -u nobody -- env); fi
pid=
trap '"${as[@]}" "$bin/pg_ctl" -D "$folder/pg" -m immediate -w stop >/dev/null 2>&1 || true
  [ -z "$pid" ] || { kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; }; cd /; rm -rf "$folder"' EXIT
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
"${as[@]}" "$bin/initdb" -D "$folder/pg" -U postgres -A trust -E UTF8 --locale=C >/dev/null
"${as[@]}" "$bin/pg_ctl" -D "$folder/pg" -w -l "$folder/pglog" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null

venv/bin/python - <<'PY'
import os
import sqlite3
import sys

import duckdb
import psycopg
import pymysql

FOLDER = os.getcwd()
UPDATE, SELECT = "update t set n = 1 where id = 1", "select n from t where id = 1"


def asked(execute, explain, errors):
    """What EXPLAIN of both gives: a plan, or the number or class of the error."""
    found = []
    for text in (UPDATE, SELECT):
        try:
            execute(f"{explain} {text}")
            found.append("plan")
        except errors as error:
            found.append(type(error).__name__ if isinstance(error, duckdb.Error) else str(error.args[0]))
    return found


maria = pymysql.connect(unix_socket=f"{FOLDER}/s.sock", user="root").cursor()
for text in ("create database d", "use d", "create table t (id int primary key, n int) engine=innodb", "start transaction read only"):
    maria.execute(text)
postgresql = psycopg.connect(f"host={FOLDER} user=postgres dbname=postgres", autocommit=True)
for text in ("create table t (id int primary key, n int)", "begin read only"):
    postgresql.execute(text)
sqlite = sqlite3.connect(f"{FOLDER}/t.db")
sqlite.execute("create table t (id integer primary key, n int)")
sqlite.execute("pragma query_only = on")
duckdb.connect(f"{FOLDER}/t.duckdb").execute("create table t (id int primary key, n int)").close()
duck = duckdb.connect(f"{FOLDER}/t.duckdb", read_only=True)

seen = {
    "postgresql": asked(postgresql.execute, "explain", psycopg.Error),
    "sqlite": asked(sqlite.execute, "explain query plan", sqlite3.Error),
    "duckdb": asked(duck.execute, "explain", duckdb.Error),
    "mariadb": asked(maria.execute, "explain", pymysql.Error),
}
for name, (update, select) in seen.items():
    print(f"{name:<12}update: {update:<26}select: {select}")
plan = ["plan", "plan"]
expected = {"postgresql": plan, "sqlite": plan, "duckdb": ["InvalidInputException", "plan"], "mariadb": ["1792", "plan"]}
sys.exit(seen != expected)
PY
