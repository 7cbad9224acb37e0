#!/usr/bin/env bash
# pg8000, mysql-connector-python: `select '100%%', %s` is '100%' through psycopg and PyMySQL, and '100%%' through these two.
#
# pg8000 1.31.6, mysql-connector-python 26.10.0, psycopg 3.3.9, PyMySQL 1.1.3, Python 3.11, PostgreSQL 15 and MariaDB 10.11 (Debian 12).
# A good guess: all four name their paramstyle `format` or `pyformat`, so that a percent sign in a statement with parameters is written `%%`,
# in a literal too. psycopg and PyMySQL make one of it. pg8000 does so only outside of literals, quoted names and comments, where a single one
# has to stand; and E'\\' hides the marks behind it. mysql-connector-python makes one of it nowhere: `7 %% 4` is an error, `'50%'` is right.
# A statement that is written once for several libraries stores and compares other texts, without an error.
#
# Output seen:
#   psycopg     '100%%' -> 100%    7 %% 4 -> 3
#   pg8000      '100%%' -> 100%%   7 %% 4 -> 3
#   pymysql     '100%%' -> 100%    7 %% 4 -> 3
#   mysql       '100%%' -> 100%%   7 %% 4 -> ProgrammingError
#   psycopg     E'\\' -> \
#   pg8000      E'\\' -> DatabaseError
# Exits with 1 if one of these changes. Needs Debian's postgresql-15 and mariadb-server; both servers listen on a unix socket of a temporary folder.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
command -v mariadbd >/dev/null || { echo "needs Debian's mariadb-server"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
maria=
trap '[ -z "$maria" ] || { kill "$maria" 2>/dev/null || true; wait "$maria" 2>/dev/null || true; }
as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'pg8000==1.31.6' 'mysql-connector-python==26.10.0' 'psycopg[binary]==3.3.9' \
    'pymysql==1.1.3'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
as mariadb-install-db --no-defaults --datadir="$folder/maria" --auth-root-authentication-method=normal >/dev/null 2>&1
as mariadbd --no-defaults --datadir="$folder/maria" --socket="$folder/m.sock" --skip-networking --pid-file="$folder/m.pid" >"$folder/maria.log" 2>&1 &
for _ in $(seq 100); do [ -S "$folder/m.sock" ] && break; sleep 0.2; done
maria=$(cat "$folder/m.pid")
cat >try.py <<'PY'
import sys

import mysql.connector
import pg8000.dbapi
import psycopg
import pymysql

folder = sys.argv[1]
OPEN = {
    "psycopg": lambda: psycopg.connect(host=folder, user="postgres", dbname="postgres"),
    "pg8000": lambda: pg8000.dbapi.connect("postgres", database="postgres", unix_sock=f"{folder}/.s.PGSQL.5432"),
    "pymysql": lambda: pymysql.connect(unix_socket=f"{folder}/m.sock", user="root"),
    "mysql": lambda: mysql.connector.connect(unix_socket=f"{folder}/m.sock", user="root"),
}


def answer(name, expression):
    connection = OPEN[name]()
    cursor = connection.cursor()
    try:
        cursor.execute(f"select {expression} as a, %s as b", ("x",))
        return str(cursor.fetchone()[0])
    except Exception as error:
        return type(error).__name__
    finally:
        connection.close()


for name in OPEN:
    print(f"{name:<10}  '100%%' -> {answer(name, chr(39) + '100%%' + chr(39)):<7} 7 %% 4 -> {answer(name, '7 %% 4')}")
for name in ("psycopg", "pg8000"):
    literal = "E'" + chr(92) * 2 + "'"
    print(f"{name:<10}  {literal} -> {answer(name, literal)}")
PY
venv/bin/python try.py "$folder" | tee output
cat >expected <<'OUT'
psycopg     '100%%' -> 100%    7 %% 4 -> 3
pg8000      '100%%' -> 100%%   7 %% 4 -> 3
pymysql     '100%%' -> 100%    7 %% 4 -> 3
mysql       '100%%' -> 100%%   7 %% 4 -> ProgrammingError
psycopg     E'\\' -> \
pg8000      E'\\' -> DatabaseError
OUT
diff expected output
