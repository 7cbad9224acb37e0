#!/usr/bin/env bash
# psqlodbc: a boolean that is false arrives in pyodbc and arrow-odbc as the text '0', which is true in Python; a large oid is negative. No error.
#
# psqlodbc 13.02 (Debian 12, package odbc-postgresql, driver "PostgreSQL Unicode") with pyodbc 5.5.0 and arrow-odbc 10.6.2 on PostgreSQL 15.x. A good guess:
# boolean is SQL_BIT, and so False, as it is with the ODBC driver of SQLite and with every other Python driver for PostgreSQL. By default
# (BoolsAsChar=1) it is a varchar of five characters, '0' or '1' and not 'f' or 'false'. oid is read with a sign. numeric, int8 and timestamps are exact.
# For many queries: `if row.active:` is taken for all rows, `row.active == False` for none, and a file of the rows has other texts than psql's.
# Set BoolsAsChar=0 in the connection string, or ask for `active::int`.
#
# Output seen:
#   expression              server            pyodbc            BoolsAsChar=0     arrow-odbc
#   false                   false             '0'               False             string '0'
#   not true                false             '0'               False             string '0'
#   1 > 2                   false             '0'               False             string '0'
#   3000000000::oid         3000000000        -1294967296       -1294967296       int32 -1294967296
#   9007199254740993        9007199254740993  9007199254740993  9007199254740993  int64 9007199254740993
# and `bool(row[0])` of the first is True. Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
driver=$(ls /usr/lib/*/odbc/psqlodbcw.so 2>/dev/null | head -n 1)
[ -n "$driver" ] || { echo "install the Debian package odbc-postgresql"; exit 2; }
dpkg-query -W -f '${Version}' odbc-postgresql | grep -q ':13\.02' || { echo "another version than 13.02"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'pyodbc==5.5.0' 'arrow-odbc==10.6.2'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres

DRIVER=$driver venv/bin/python - <<'PY'
import os

import arrow_odbc
import pyodbc

where = f"DRIVER={os.environ['DRIVER']};Server={os.environ['PGHOST']};Database=postgres;UID=postgres"
plain = pyodbc.connect(where)
bits = pyodbc.connect(where + ";BoolsAsChar=0")
SEEN = {
    "false": ("0", False, "string '0'"),
    "not true": ("0", False, "string '0'"),
    "1 > 2": ("0", False, "string '0'"),
    "3000000000::oid": (-1294967296, -1294967296, "int32 -1294967296"),
    "9007199254740993": (9007199254740993, 9007199254740993, "int64 9007199254740993"),
}
print(f"{'expression':<24}{'server':<18}{'pyodbc':<18}{'BoolsAsChar=0':<18}arrow-odbc")
for expression, seen in SEEN.items():
    query = f"select {expression}"
    server = plain.execute(f"select ({expression})::text").fetchval()
    (batch,) = arrow_odbc.read_arrow_batches_from_odbc(query, connection_string=where)
    found = plain.execute(query).fetchval(), bits.execute(query).fetchval(), f"{batch.schema.types[0]} {batch.column(0)[0].as_py()!r}"
    print(f"{expression:<24}{server:<18}{found[0]!r:<18}{found[1]!r:<18}{found[2]}")
    assert found == seen, found
assert bool(plain.execute("select false").fetchval()) is True
PY
