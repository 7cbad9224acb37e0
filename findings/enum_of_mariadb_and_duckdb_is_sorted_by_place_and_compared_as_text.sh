#!/usr/bin/env bash
# MariaDB and DuckDB: an enum is sorted by the place of its values and compared with a text as text, so a walk in its order skips rows.
#
# MariaDB 10.11.x (Debian 12, package mariadb-server), PyMySQL 1.2.4; DuckDB 2.0.1; PostgreSQL 15.x compares as it sorts. A good guess: what `order by s`
# puts behind a value is what `s > value` finds. With enum('new', 'done', 'open') the order is new, done, open, and max(s) is open; but
# `s > 'new'` compares texts, so 'done' is not found, and BETWEEN finds nothing. A bound parameter does the same. In DuckDB `s > ?::state` is right.
# MariaDB has no such cast, and there no range condition on an enum uses an index: it is read from its start.
# For many queries: paging by `where s > last order by s limit n` loses rows without an error. In MariaDB go through the values one by one, by `=`.
#
# Output seen, with an index on s:
#                             mariadb         duckdb          postgresql
#   order by s                new done open   new done open   new done open
#   min(s), max(s)            new open        new open        new open
#   where s > 'new'           open            open            done open
#   where s between new, done none            none            new done
#   a walk of one row a page  new open        new open        new done open
#   duckdb, where s > ?: open, where s > ?::state: done open
#   mariadb, 100,000 rows, 10,000 of the last value: rows read by k = 'j' 10000, by k > 'i' 100000
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
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'PyMySQL==1.2.4' 'duckdb==2.0.1' 'psycopg[binary]==3.3.9'
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

import duckdb
import psycopg
import pymysql

cursor = pymysql.connect(unix_socket=f"{os.getcwd()}/s.sock", user="root", autocommit=True).cursor()
cursor.execute("create database d")
cursor.execute("use d")
cursor.execute("create table t (s enum('new', 'done', 'open') not null, key (s)) engine=InnoDB")
engine = duckdb.connect()
postgresql = psycopg.connect(host=os.getcwd(), user="postgres", dbname="postgres", autocommit=True)
for connection in (engine, postgresql):
    connection.execute("create type state as enum ('new', 'done', 'open')")
    connection.execute("create table t (s state not null)")
    connection.execute("create index i on t (s)")


def by_mariadb(sql):
    cursor.execute(sql)
    return [str(value) for row in cursor.fetchall() for value in row]


def by_duckdb(sql, values=()):
    return [str(value) for row in engine.execute(sql, values).fetchall() for value in row]


def by_postgresql(sql):
    answer = postgresql.execute(sql)
    return [str(value) for row in (answer.fetchall() if answer.description else ()) for value in row]


def walk(ask):
    met = ask("select s from t order by s limit 1")
    while page := ask(f"select s from t where s > '{met[-1]}' order by s limit 1"):
        met += page
    return met


found = []
print(f"{'':26}{'mariadb':<16}{'duckdb':<16}postgresql")
for ask in (by_mariadb, by_duckdb, by_postgresql):
    ask("insert into t values ('open'), ('new'), ('done')")
for name, look in (
    ("order by s", lambda ask: ask("select s from t order by s")),
    ("min(s), max(s)", lambda ask: ask("select min(s), max(s) from t")),
    ("where s > 'new'", lambda ask: ask("select s from t where s > 'new' order by s")),
    ("where s between new, done", lambda ask: ask("select s from t where s between 'new' and 'done' order by s")),
    ("a walk of one row a page", walk),
):
    found.append(tuple(" ".join(look(ask)) or "none" for ask in (by_mariadb, by_duckdb, by_postgresql)))
    print(f"{name:<26}{found[-1][0]:<16}{found[-1][1]:<16}{found[-1][2]}")
bound = [" ".join(by_duckdb(f"select s from t where s > {mark} order by s", ["new"])) for mark in ("?", "?::state")]
print(f"duckdb, where s > ?: {bound[0]}, where s > ?::state: {bound[1]}")

cursor.execute("create table many (k enum('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'), id int, primary key (k, id)) engine=InnoDB")
cursor.execute("insert into many select 1 + seq % 10, seq from seq_1_to_100000")
cursor.execute("analyze table many")
read = []
for condition in ("k = 'j'", "k > 'i'"):
    cursor.execute("flush status")
    cursor.execute(f"select count(*) from many where {condition}")
    assert cursor.fetchone() == (10000,)
    cursor.execute("show session status like 'Handler_read_next'")
    read.append(int(cursor.fetchone()[1]))
print(f"mariadb, 100,000 rows, 10,000 of the last value: rows read by k = 'j' {read[0]}, by k > 'i' {read[1]}")
assert found == [
    ("new done open", "new done open", "new done open"), ("new open", "new open", "new open"), ("open", "open", "done open"),
    ("none", "none", "new done"), ("new open", "new open", "new done open"),
]  # fmt: skip
assert bound == ["open", "done open"] and read == [10000, 100000]
PY
