#!/usr/bin/env bash
# ADBC for PostgreSQL: an array of two dimensions arrives as a list of one, money a hundredfold, a large oid as a negative number. No error.
#
# adbc-driver-postgresql 1.13.0 with pyarrow 26.0.1 on PostgreSQL 15.x (Debian); psycopg 3.3.9 for comparison; 18.4 gives the same. A good guess:
# a typed column of Arrow has the value of the database, and what Arrow cannot hold is an error, as it is for an array that begins at 2, or text
# or bytes with the name of the type, as it is for numeric and bit. In fact `{{1,2},{3,4}}` and `{1,2,3,4}` cannot be told apart, money is
# read as the number of cents that the server stores, and oid is read as int32. polars' `read_database_uri(engine="adbc")` reads in this way.
# For many queries: an export through ADBC has amounts that are a hundred times too large. Cast in the query: `amount::numeric::text`, `oid::bigint`.
#
# Output seen:
#   expression                    server          adbc                    type
#   '12.34'::money                $12.34          1234                    int64
#   '3000000000'::oid             3000000000      -1294967296             int32
#   '{{1,2},{3,4}}'::int[]        {{1,2},{3,4}}   [1, 2, 3, 4]            list<item: int32>
#   '[2:3]={1,2}'::int[]          [2:3]={1,2}     OperationalError
#   '24:00'::time                 24:00:00        86400000000             time64[us]
#   '12.30'::numeric              12.30           12.30                   numeric as text
# Exits with 1 if one of these changes. 86400000000 microseconds are outside of the type; pyarrow's own conversion to Python makes 00:00 of them.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'adbc-driver-postgresql==1.13.0' 'pyarrow==26.0.1' 'psycopg[binary]==3.3.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null

venv/bin/python - <<'PY'
import os

import adbc_driver_postgresql.dbapi as adbc
import psycopg
import pyarrow as pa

peer = psycopg.connect(host=os.getcwd(), user="postgres", dbname="postgres", autocommit=True)


def read(expression):
    with adbc.connect(f"postgresql:///postgres?host={os.getcwd()}&user=postgres", autocommit=True) as connection:
        with connection.cursor() as cursor:
            try:
                cursor.execute(f"select {expression}")
                column = cursor.fetch_arrow_table().column(0)
            except adbc.Error as error:
                return type(error).__name__, ""
    if isinstance(column.type, pa.OpaqueType):
        return str(column[0].as_py()), f"{column.type.type_name} as text"
    if pa.types.is_time(column.type):
        return str(column.cast(pa.int64())[0].as_py()), str(column.type)
    return str(column[0].as_py()), str(column.type)


found = []
print(f"{'expression':<30}{'server':<16}{'adbc':<24}type")
for expression in (
    "'12.34'::money",
    "'3000000000'::oid",
    "'{{1,2},{3,4}}'::int[]",
    "'[2:3]={1,2}'::int[]",
    "'24:00'::time",
    "'12.30'::numeric",
):
    server = peer.execute(f"select ({expression})::text").fetchone()[0]
    value, kind = read(expression)
    print(f"{expression:<30}{server:<16}{value:<24}{kind}".rstrip())
    found.append(value)
assert found == ["1234", "-1294967296", "[1, 2, 3, 4]", "OperationalError", "86400000000", "12.30"], found
PY
