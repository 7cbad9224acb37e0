#!/usr/bin/env bash
# A series by one month from 31 January: PostgreSQL, DuckDB and pandas go on with 28 March, polars with 31 March, dateutil leaves February out.
#
# PostgreSQL 15.x, DuckDB 2.0.1, pandas 3.1.1, polars 2.1.0, dateutil 4.0.0. A good guess: the n-th value is the first one plus n months, so every value is the
# end of its month; `date '2026-01-31' + interval '2 months'` is 31 March in each of the databases. generate_series adds the step to the value before,
# so the first short month moves all that follow to its last day: 28, for good. The series from 31 December 2027 goes on with 29.
# For backfills and exports by month: windows of such a series do not end where months end, `where day = any(series)` finds no row of the ends of months,
# and the same code in polars does. Multiply: `start + n * interval '1 month'` with n of generate_series(0, 4), in which nothing drifts.
#
# Output seen:
#   postgresql  generate_series           01-31 02-28 03-28 04-28 05-28
#   postgresql  start + n * 1 month       01-31 02-28 03-31 04-30 05-31
#   duckdb      generate_series           01-31 02-28 03-28 04-28 05-28
#   duckdb      start + n * 1 month       01-31 02-28 03-31 04-30 05-31
#   pandas      date_range, DateOffset    01-31 02-28 03-28 04-28 05-28
#   pandas      date_range, "ME"          01-31 02-28 03-31 04-30 05-31
#   polars      date_range, "1mo"         01-31 02-28 03-31 04-30 05-31
#   dateutil    rrule(MONTHLY)            01-31 03-31 05-31
# Exits with 1 if one of these changes. Needs postgresql-15 (15.x); the server listens in a temporary folder only, on a unix socket.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'duckdb==2.0.1' 'pandas==3.1.1' 'polars==2.1.0' 'python-dateutil==4.0.0'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }

cat >series.py <<'PY'
import os
import subprocess
import sys
from datetime import date, datetime

import duckdb
import pandas
import polars
from dateutil.rrule import MONTHLY, rrule

SERIES = "select d from generate_series(timestamp '2026-01-31', timestamp '2026-05-31', interval '1 month') s(d)"
PRODUCT = "select timestamp '2026-01-31' + n * interval '1 month' from generate_series(0, 4) s(n)"
FIRST, LAST = date(2026, 1, 31), date(2026, 5, 31)
DRIFTS, ENDS = "01-31 02-28 03-28 04-28 05-28", "01-31 02-28 03-31 04-30 05-31"


def psql(text):
    call = [sys.argv[1], "-X", "-A", "-t", "-h", os.getcwd(), "-U", "postgres", "-c", text]
    return subprocess.run(call, check=True, capture_output=True, text=True).stdout.split("\n")[:-1]


def query(text):
    return [row[0] for row in duckdb.sql(text).fetchall()]


seen = (
    ("postgresql", "generate_series", psql(SERIES), DRIFTS),
    ("postgresql", "start + n * 1 month", psql(PRODUCT), ENDS),
    ("duckdb", "generate_series", query(SERIES), DRIFTS),
    ("duckdb", "start + n * 1 month", query(PRODUCT), ENDS),
    ("pandas", "date_range, DateOffset", pandas.date_range(FIRST, LAST, freq=pandas.DateOffset(months=1)), DRIFTS),
    ("pandas", 'date_range, "ME"', pandas.date_range(FIRST, LAST, freq="ME"), ENDS),
    ("polars", 'date_range, "1mo"', polars.date_range(FIRST, LAST, "1mo", eager=True), ENDS),
    ("dateutil", "rrule(MONTHLY)", rrule(MONTHLY, datetime(2026, 1, 31), until=datetime(2026, 5, 31)), "01-31 03-31 05-31"),
)
changed = False
for library, how, dates, wanted in seen:
    found = " ".join(str(day)[5:10] for day in dates)
    print(f"{library:10}  {how:24}  {found}")
    changed |= found != wanted
sys.exit(changed)
PY
venv/bin/python series.py "$bin/psql"
