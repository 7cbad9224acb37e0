#!/usr/bin/env bash
# DuckDB 2.0.1 and pyarrow 26.0.1 write NULL and '' differently into CSV, and read both back as the same: one as NULL, the other as ''.
#
# A good guess: since the writer takes care to quote the empty text (`""` beside an empty field), the reader of the same library, with
# its defaults, restores what was written, as COPY ... CSV of PostgreSQL does. DuckDB's reader makes NULL of a quoted empty field too
# (allow_quoted_nulls = true). pyarrow's reader makes '' of both in a text column (strings_can_be_null = False), and NULL of both in a
# column that it takes for numbers. Options help: allow_quoted_nulls = false; strings_can_be_null with quoted_strings_can_be_null = False.
# For many queries: a result that goes through CSV into the next step changes which rows `IS NULL` finds.
#
# Output seen:
#   written by                   NULL ''  x
#   duckdb  rows                 None None 'x'    with the option: None '' 'x'
#   pyarrow rows                 '' '' 'x'        with the options: None '' 'x'
#   PostgreSQL reads duckdb's    None '' 'x'
# Exits with 1 if one of these changes. Needs postgresql-15 (15.x); the server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'duckdb==2.0.1' 'pyarrow==26.0.1' 'psycopg[binary]==3.3.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }

venv/bin/python - <<'PY'
import os
import pathlib

import duckdb
import psycopg
import pyarrow
from pyarrow import csv

names, values = [1, 2, 3], [None, "", "x"]
connection = duckdb.connect()
connection.execute("create table t (n int, v varchar); insert into t values (1, null), (2, ''), (3, 'x')")
connection.execute("copy t to 'duckdb.csv'")
csv.write_csv(pyarrow.table({"n": names, "v": values}), "pyarrow.csv")
texts = pathlib.Path("duckdb.csv").read_text().split(), pathlib.Path("pyarrow.csv").read_text().split()


def by_duckdb(options=""):
    return [v for (v,) in connection.execute(f"select v from read_csv('duckdb.csv'{options}) order by n").fetchall()]


def by_pyarrow(**options):
    return csv.read_csv("pyarrow.csv", convert_options=csv.ConvertOptions(**options))["v"].to_pylist()


with psycopg.connect(host=os.getcwd(), user="postgres", dbname="postgres") as server:
    server.execute("create table t (n int, v text)")
    with server.cursor().copy("copy t from stdin (format csv, header)") as copy:
        copy.write(pathlib.Path("duckdb.csv").read_bytes())
    third = [v for (v,) in server.execute("select v from t order by n")]
found = [
    by_duckdb(),
    by_duckdb(", allow_quoted_nulls = false"),
    by_pyarrow(),
    by_pyarrow(strings_can_be_null=True, quoted_strings_can_be_null=False),
    third,
]
shown = [" ".join(map(repr, rows)) for rows in found]
print("written by                   NULL ''  x")
print(f"duckdb  rows                 {shown[0]:<16} with the option: {shown[1]}")
print(f"pyarrow rows                 {shown[2]:<16} with the options: {shown[3]}")
print(f"PostgreSQL reads duckdb's    {shown[4]}")
assert texts == (["n,v", "1,", '2,""', "3,x"], ['"n","v"', "1,", '2,""', '3,"x"'])
assert found == [[None, None, "x"], values, ["", "", "x"], values, values]
PY
