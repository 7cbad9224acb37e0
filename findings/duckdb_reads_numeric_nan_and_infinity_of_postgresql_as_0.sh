#!/usr/bin/env bash
# DuckDB with PostgreSQL attached: numeric 'NaN' and 'Infinity' are read as 0, the year 294276 as 290279 BC; `where n = 0` does not find them. No error.
#
# DuckDB 1.4.4 with its extension postgres (wheel duckdb-ext-postgres 1.4.4.20260205) on PostgreSQL 15.x (Debian 12). A good guess: a value that the type here
# cannot hold is an error, as it is with pg_use_text_protocol for some of them, or NULL. The binary form of NaN has no digits, and a sign that says so; the
# sign is not looked at. A numeric without a precision is a DOUBLE. The microseconds of a timestamp are counted from another year, and the sum
# goes round. A filter is sent to PostgreSQL, so that the rows that are shown as 0 are not the rows that are found by 0. float8 is read right.
# For many queries: averages and checks of copies: avg and min of the copy count the NaN as 0, and nothing tells. Ask with postgres_query and `n::text`.
#
# Output seen:
#   value in PostgreSQL                                 read as                              with pg_use_text_protocol
#   'NaN'::numeric                                      0.0                                  nan
#   'Infinity'::numeric                                 0.0                                  inf
#   'NaN'::numeric(10,2)                                0.00                                 ConversionException
#   array['NaN'::numeric, 1.5]                          [0.0, 1.5]                           [nan, 1.5]
#   '12345678901234567890.123456789'::numeric           1.234567890123457e+19                1.2345678901234567e+19
#   '294276-12-31 23:59:59.999999'::timestamp           290279-12-14 (BC) 15:58:10.448383    ConversionException
#   'NaN'::float8                                       nan                                  nan
#   avg(n) of NaN and 10, here and there                5.0 and NaN
#   rows where n = 0, and the n that are shown           0 rows, 0.0 10.0
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'duckdb==1.4.4' 'duckdb-ext==0.1.2' 'duckdb-ext-postgres==1.4.4.20260205' 'psycopg[binary]==3.3.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres
extension=$(find venv -name postgres_scanner.duckdb_extension)

EXTENSION=$extension venv/bin/python - <<'PY'
import os

import duckdb
import psycopg

VALUES = {
    "'NaN'::numeric": ("0.0", "nan"),
    "'Infinity'::numeric": ("0.0", "inf"),
    "'NaN'::numeric(10,2)": ("0.00", "ConversionException"),
    "array['NaN'::numeric, 1.5]": ("[0.0, 1.5]", "[nan, 1.5]"),
    "'12345678901234567890.123456789'::numeric": ("1.234567890123457e+19", "1.2345678901234567e+19"),
    "'294276-12-31 23:59:59.999999'::timestamp": ("290279-12-14 (BC) 15:58:10.448383", "ConversionException"),
    "'NaN'::float8": ("nan", "nan"),
}
pg = psycopg.connect(host=os.environ["PGHOST"], user="postgres", dbname="postgres", autocommit=True)
for number, value in enumerate(VALUES):
    pg.execute(f"create table t{number} as select {value} as v")
pg.execute("create table n as select 'NaN'::numeric(10,2) as n union all select 10")
duck = duckdb.connect(config={"allow_unsigned_extensions": "true"})
duck.execute(f"load '{os.environ['EXTENSION']}'")
duck.execute(f"attach 'host={os.environ['PGHOST']} user=postgres dbname=postgres' as p (type postgres)")


def read(query):
    try:
        return " ".join(str(row[0]) for row in duck.execute(query).fetchall())
    except duckdb.Error as error:
        return type(error).__name__


print(f"{'value in PostgreSQL':<52}{'read as':<37}with pg_use_text_protocol")
answers = {"false": [], "true": []}
for text, found in answers.items():
    duck.execute(f"set pg_use_text_protocol = {text}")
    found += [read(f"select v::varchar from p.t{number}") for number in range(len(VALUES))]
for value, *found in zip(VALUES, *answers.values()):
    print(f"{value:<52}{found[0]:<37}{found[1]}")
    assert tuple(found) == VALUES[value], found
duck.execute("set pg_use_text_protocol = false")
here, there = read("select avg(n) from p.n"), pg.execute("select avg(n) from n").fetchone()[0]
print(f"{'avg(n) of NaN and 10, here and there':<52}{here} and {there}")
zero, shown = len(read("select n from p.n where n = 0").split()), read("select n from p.n")
print(f"{'rows where n = 0, and the n that are shown':<52}{zero} rows, {shown}")
assert (here, str(there), zero, shown) == ("5.0", "NaN", 0, "0.0 10.0"), (here, there, zero, shown)
PY
