#!/usr/bin/env bash
# `select id, v from o order by ?` with the parameter 2: MariaDB sorts by the second column, SQLite by a constant.
#
# MariaDB 10.11.x (Debian 12), SQLite 3.40.1 (Python 3.11). A good guess: a parameter is a value, so ORDER BY ? orders by a constant, and only
# a number that stands in the text is the number of a column. In MariaDB that holds for text and decimals. An integer that the server binds itself
# (EXECUTE IMMEDIATE, PREPARE) is the number of a column, as it is through libraries that write values into the text.
# The same statement therefore gives other rows behind LIMIT if the parameter is 2 and not '2'.
#
# Output seen, the order of id for the rows (1, 30), (2, 20), (3, 10):
#   mariadb  2: 3 2 1   '2': 1 2 3   2.0: 1 2 3
#   sqlite   2: 1 2 3
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
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'PyMySQL==1.2.4'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
"${as[@]}" mariadb-install-db --no-defaults --datadir="$folder/data" --auth-root-authentication-method=normal --skip-test-db \
  --tmpdir="$folder" >/dev/null 2>&1
"${as[@]}" "$daemon" --no-defaults --datadir="$folder/data" --socket="$folder/s.sock" --skip-networking --pid-file="$folder/pid" \
  --tmpdir="$folder" >"$folder/log" 2>&1 &
pid=$!
for _ in $(seq 300); do [ -S "$folder/s.sock" ] && break; kill -0 "$pid" || { cat "$folder/log"; exit 2; }; sleep 0.1; done
cd "$folder"
venv/bin/python - <<'PY'
import sqlite3, sys
import pymysql

TABLE, ROWS = "create table o (id int primary key, v int)", "insert into o values (1, 30), (2, 20), (3, 10)"
maria = pymysql.connect(unix_socket="s.sock", user="root").cursor()
for text in ("create database d", "use d", TABLE, ROWS):
    maria.execute(text)

def ids(rows):
    return " ".join(str(row[0]) for row in rows)

def bound(value):
    maria.execute(f"execute immediate 'select id, v from o order by ?' using {value}")
    return ids(maria.fetchall())

found = {f"mariadb {value}": bound(value) for value in ("2", "'2'", "2.0")}
base = sqlite3.connect(":memory:")
base.execute(TABLE)
base.execute(ROWS)
found["sqlite 2"] = ids(base.execute("select id, v from o order by ?", [2]).fetchall())
print(*(f"{name}: {order}" for name, order in found.items()), sep="\n")
seen = {"mariadb 2": "3 2 1", "mariadb '2'": "1 2 3", "mariadb 2.0": "1 2 3", "sqlite 2": "1 2 3"}
sys.exit(found != seen)
PY
