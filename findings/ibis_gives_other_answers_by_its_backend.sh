#!/usr/bin/env bash
# Ibis: `ts.microsecond()` of 59.6 s is 59 on SQLite, `%p` is "%p" on PostgreSQL, -7 % 3 is 2 on polars: one expression, other answers, no error.
#
# ibis-framework 12.0.0 with sqlglot 28.6.0, DuckDB 2.0.1, polars 2.1.0, SQLite 3.40.1 (Python 3.11), PostgreSQL 15.x. A good guess: "portable": an expression
# answers the same everywhere, or raises OperationNotDefinedError, as many do. In fact formats of strftime go to the database as they are where it has no such
# word (NULL on SQLite), microsecond() is %f of SQLite, which is seconds with a fraction, and polars has its own sense of length (bytes), of % (the sign of the
# divisor), of casts (cut, not rounded), of nunique (NULL is a value) and of all() of no row.
# For many queries: an expression that was tested on DuckDB or polars is another one on the server. Compare the answers there.
# (With sqlglot 30.30.0, which its requirements allow, create_table of DuckDB fails: "DROP VIEW IF EXISTS" without a name.)
#
# Output seen:
#   expression, of the value                  duckdb       polars       sqlite       postgres
#   ts.microsecond(), 23:59:59.6              600000       600000       59           600000
#   ts.strftime('%I %p'), 15:04               03 PM        03 PM        None         03 %p
#   ts.strftime('%f'), .6 s                   600000       600000000    59.600       600000
#   n % 3, -7                                 -1           2            -1           -1
#   f.cast('int64'), 3.5                      4            3            3            4
#   f.round(), 2.5                            3            2            3            2
#   s.length(), 'Zoë'                         3            4            3            3
#   ibis.greatest(n, 1), n is NULL            1            1            None         1
#   n.nunique() of 7, 7 and NULL              1            2            1            1
#   (n > 0).all() of no row                   None         True         None         None
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'ibis-framework[duckdb,polars,postgres,sqlite]==12.0.0' 'sqlglot==28.6.0' \
  'duckdb==2.0.1' 'polars==2.1.0' 'pyarrow==26.0.1' 'pandas==3.1.1' 'psycopg[binary]==3.3.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres

venv/bin/python -W ignore - <<'PY'
import datetime as dt
import os

import ibis
import pyarrow as pa

moments = [dt.datetime(2026, 11, 29, 23, 59, 59, 600000), dt.datetime(1969, 12, 31, 23, 59, 59, 500000), dt.datetime(2026, 11, 9, 15, 4)]
data = pa.table(
    {
        "id": pa.array([1, 2, 3]),
        "ts": pa.array(moments, pa.timestamp("us")),
        "n": pa.array([7, -7, None]),
        "f": pa.array([2.5, 3.5, None]),
        "s": pa.array(["a", "Zoë", None]),
    }
)
connections = {
    "duckdb": ibis.duckdb.connect(),
    "polars": ibis.polars.connect(),
    "sqlite": ibis.sqlite.connect(),
    "postgres": ibis.postgres.connect(host=os.getcwd(), user="postgres", database="postgres"),
}
tables = {name: connection.create_table("t", data) for name, connection in connections.items()}


def row(number, expression):
    def read(table):
        return table.filter(table.id == number).select(x=expression(table)).to_pyarrow()["x"][0].as_py()

    return read


def total(expression):
    return lambda table: table.aggregate(x=expression(table)).to_pyarrow()["x"][0].as_py()


CASES = {
    "ts.microsecond(), 23:59:59.6": (row(1, lambda t: t.ts.microsecond()), [600000, 600000, 59, 600000]),
    "ts.strftime('%I %p'), 15:04": (row(3, lambda t: t.ts.strftime("%I %p")), ["03 PM", "03 PM", None, "03 %p"]),
    "ts.strftime('%f'), .6 s": (row(1, lambda t: t.ts.strftime("%f")), ["600000", "600000000", "59.600", "600000"]),
    "n % 3, -7": (row(2, lambda t: t.n % 3), [-1, 2, -1, -1]),
    "f.cast('int64'), 3.5": (row(2, lambda t: t.f.cast("int64")), [4, 3, 3, 4]),
    "f.round(), 2.5": (row(1, lambda t: t.f.round()), [3, 2, 3, 2]),
    "s.length(), 'Zoë'": (row(2, lambda t: t.s.length()), [3, 4, 3, 3]),
    "ibis.greatest(n, 1), n is NULL": (row(3, lambda t: ibis.greatest(t.n, 1)), [1, 1, None, 1]),
    "n.nunique() of 7, 7 and NULL": (total(lambda t: t.n.abs().nunique()), [1, 2, 1, 1]),
    "(n > 0).all() of no row": (total(lambda t: (t.n > 0).all(where=t.id > 99)), [None, True, None, None]),
}
print(f"{'expression, of the value':<42}" + "".join(f"{name:<13}" for name in tables).rstrip())
for name, (read, seen) in CASES.items():
    found = [read(table) for table in tables.values()]
    print(f"{name:<42}" + "".join(f"{value!s:<13}" for value in found).rstrip())
    assert found == seen, found
PY
