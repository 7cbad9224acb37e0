#!/usr/bin/env bash
# mysql-connector-python: a DATE that MariaDB stores, such as 0000-00-00, 2024-00-00 or 2024-02-31, is read as None, without an error.
#
# mysql-connector-python 26.10.0 (pure Python), PyMySQL 1.1.3, Python 3.11, MariaDB 10.11 (Debian 12). A good guess: a value that Python's
# date cannot hold is an error, or comes as text, as in PyMySQL. It comes as None, as a real NULL does: an export loses it, and a copy through
# `insert ... values (%s)` overwrites it. A prepared cursor of the same library gives None for 0000-00-00, and raises ValueError for the others.
#
# Output seen:
#   row  stored      pymysql     connector   prepared
#   1    0000-00-00  0000-00-00  None        None
#   2    2024-00-00  2024-00-00  None        ValueError
#   3    2024-02-31  2024-02-31  None        ValueError
#   4    NULL        None        None        None
# Exits with 1 if one of these changes. Needs Debian's mariadb-server; it listens on a unix socket of a temporary folder only.
set -euo pipefail
command -v mariadbd >/dev/null || { echo "needs Debian's mariadb-server"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
maria=
trap '[ -z "$maria" ] || { kill "$maria" 2>/dev/null || true; wait 2>/dev/null || true; }; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'mysql-connector-python==26.10.0' 'pymysql==1.1.3'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as mariadb-install-db --no-defaults --datadir="$folder/maria" --auth-root-authentication-method=normal >/dev/null 2>&1
as mariadbd --no-defaults --datadir="$folder/maria" --socket="$folder/m.sock" --skip-networking --pid-file="$folder/m.pid" >"$folder/maria.log" 2>&1 &
for _ in $(seq 100); do [ -S "$folder/m.sock" ] && break; sleep 0.2; done
maria=$(cat "$folder/m.pid")
cat >try.py <<'PY'
import sys

import mysql.connector
import pymysql

SOCKET = sys.argv[1]
setup = pymysql.connect(unix_socket=SOCKET, user="root", autocommit=True).cursor()
for text in (
    "create database d",
    "create table d.t (id int, v date)",
    "set sql_mode = 'ALLOW_INVALID_DATES'",
    "insert into d.t values (1, '0000-00-00'), (2, '2024-00-00'), (3, '2024-02-31'), (4, null)",
):
    setup.execute(text)


def answer(connection, number, **how):
    try:
        cursor = connection.cursor(**how)
        cursor.execute("select v from d.t where id = %s", (number,))
        return str(cursor.fetchone()[0])
    except Exception as error:
        return type(error).__name__


print("row  stored      pymysql     connector   prepared")
for number, stored in enumerate(("0000-00-00", "2024-00-00", "2024-02-31", "NULL"), 1):
    seen = [
        answer(pymysql.connect(unix_socket=SOCKET, user="root"), number),
        answer(mysql.connector.connect(unix_socket=SOCKET, user="root", use_pure=True), number),
        answer(mysql.connector.connect(unix_socket=SOCKET, user="root", use_pure=True), number, prepared=True),
    ]
    print(f"{number:<3}  {stored:<10}  {seen[0]:<10}  {seen[1]:<10}  {seen[2]}")
PY
venv/bin/python -W ignore try.py "$folder/m.sock" 2>/dev/null | tee output
cat >expected <<'OUT'
row  stored      pymysql     connector   prepared
1    0000-00-00  0000-00-00  None        None
2    2024-00-00  2024-00-00  None        ValueError
3    2024-02-31  2024-02-31  None        ValueError
4    NULL        None        None        None
OUT
diff expected output
