#!/usr/bin/env bash
# `update t set a = b, b = a` swaps two columns in SQLite and DuckDB; in MariaDB both become b, and the old a is lost.
#
# MariaDB 10.11.x (Debian 12), PyMySQL 1.2.4, SQLite 3.40.1 (Python 3.11), DuckDB 2.0.1. A good guess: the right sides of SET see the row as it was, as the
# standard says. MariaDB assigns from left to right and reads the new value in what follows, so the order of the assignments decides what is
# stored. `set archived = quantity, quantity = 0` is right by luck, and the other order archives 0. An UPDATE of two joined tables promises no order at all.
# The right sides see the old row with sql_mode = SIMULTANEOUS_ASSIGNMENT, which MariaDB has.
# For many queries: a statement that was tried on one database destroys values on the other, with the right count of rows and no warning.
#
# Output seen, for the row a = 1, b = 10:
#                                        sqlite   duckdb   mariadb   mariadb, SIMULTANEOUS_ASSIGNMENT
#   set a = b, b = a                     10 1     10 1     10 10     10 1
#   set a = 0, b = a                     0 1      0 1      0 0       0 1
#   set b = a, a = 0                     0 1      0 1      0 1       0 1
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
daemon=$(PATH=$PATH:/usr/sbin command -v mariadbd) || { echo "install the Debian package mariadb-server"; exit 2; }
"$daemon" --no-defaults --version | grep -q ' 10\.11\.' || { echo "another version than 10.11:"; "$daemon" --no-defaults --version; exit 2; }
folder=$(mktemp -d)
as=(env)
if [ "$(id -u)" = 0 ]; then as=(runuser -u nobody -- env); fi
pid=
trap '[ -z "$pid" ] || { kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; }; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'PyMySQL==1.2.4' 'duckdb==2.0.1'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
"${as[@]}" mariadb-install-db --no-defaults --datadir="$folder/data" --auth-root-authentication-method=normal --skip-test-db \
  --tmpdir="$folder" >/dev/null 2>&1
"${as[@]}" "$daemon" --no-defaults --datadir="$folder/data" --socket="$folder/s" --skip-networking --pid-file="$folder/pid" \
  --tmpdir="$folder" >"$folder/log" 2>&1 &
pid=$!
for _ in $(seq 300); do [ -S "$folder/s" ] && break; kill -0 "$pid" || { cat "$folder/log"; exit 2; }; sleep 0.1; done
cd "$folder"

venv/bin/python - <<'PY'
import os
import sqlite3

import duckdb
import pymysql

maria = pymysql.connect(unix_socket=f"{os.getcwd()}/s", user="root", autocommit=True).cursor()
maria.execute("create database d")
maria.execute("use d")
WAYS = {
    "sqlite": (sqlite3.connect(":memory:"), None),
    "duckdb": (duckdb.connect(), None),
    "mariadb": (maria, "set sql_mode = default"),
    "simultaneous": (maria, "set sql_mode = concat(@@sql_mode, ',SIMULTANEOUS_ASSIGNMENT')"),
}
EXPECTED = {
    "set a = b, b = a": ["10 1", "10 1", "10 10", "10 1"],
    "set a = 0, b = a": ["0 1", "0 1", "0 0", "0 1"],
    "set b = a, a = 0": ["0 1", "0 1", "0 1", "0 1"],
}
found = {}
print(f"{'':37}{'sqlite':<9}{'duckdb':<9}{'mariadb':<10}mariadb, SIMULTANEOUS_ASSIGNMENT")
for text in EXPECTED:
    found[text] = []
    for database, setting in WAYS.values():
        if setting:
            database.execute(setting)
        database.execute("drop table if exists t")
        database.execute("create table t (a integer, b integer)")
        database.execute("insert into t values (1, 10)")
        database.execute(f"update t {text}")
        cursor = database.execute("select a, b from t")
        row = (database if isinstance(cursor, int) else cursor).fetchone()
        found[text].append(" ".join(map(str, row)))
    print(f"{text:<37}{found[text][0]:<9}{found[text][1]:<9}{found[text][2]:<10}{found[text][3]}")
assert found == EXPECTED
PY
