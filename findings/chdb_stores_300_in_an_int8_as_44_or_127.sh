#!/usr/bin/env bash
# chDB: a number that does not fit its column is stored as another one, and not always the same: 300 in an Int8 is 44, -129 is 127.
#
# chdb 4.4.0 with chdb-core 26.9.0 (ClickHouse in the process), DuckDB 2.0.1 for comparison. A good guess: INSERT of a value outside the range of its
# column is an error ("out of range"), as in PostgreSQL, MariaDB in its default mode and DuckDB; ClickHouse does refuse a text that is no number.
# Integers wrap round, times stop at the ends of their range, decimals are cut and not rounded. CAST does the same; accurateCast() is an error.
# For many queries: rows of another database, copied with `insert into ... select`, arrive with other numbers and the right row count.
#
# Output seen:
#   column         given                  chdb                   duckdb
#   tinyint        300                    44                     ConversionException
#   tinyint        -129                   127                    ConversionException
#   utinyint       -1                     255                    ConversionException
#   decimal(9,2)   1.999                  1.99                   2.00
#   timestamp      1900-01-01 00:00:00    1970-01-01 00:00:00    1900-01-01 00:00:00
#   timestamp      2200-01-01 00:00:00    2106-02-07 06:28:15    2200-01-01 00:00:00
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'chdb==4.4.0' 'chdb-core==26.9.0' 'duckdb==2.0.1'
cd "$folder"

TZ=UTC venv/bin/python - <<'PY'
import os

import duckdb
from chdb import session

# the column of each database, the value, and what is stored
CASES = [
    ("tinyint", "Int8", "300", "44", "ConversionException"),
    ("tinyint", "Int8", "-129", "127", "ConversionException"),
    ("utinyint", "UInt8", "-1", "255", "ConversionException"),
    ("decimal(9,2)", "Decimal(9, 2)", "1.999", "1.99", "2.00"),
    ("timestamp", "DateTime", "1900-01-01 00:00:00", "1970-01-01 00:00:00", "1900-01-01 00:00:00"),
    ("timestamp", "DateTime", "2200-01-01 00:00:00", "2106-02-07 06:28:15", "2200-01-01 00:00:00"),
]
clickhouse = session.Session(f"{os.getcwd()}/data")
clickhouse.query("create database d")
clickhouse.query("use d")
duck = duckdb.connect()
print(f"{'column':<15}{'given':<23}{'chdb':<23}duckdb")
wrong = 0
for number, (ours, theirs, value, *expected) in enumerate(CASES):
    literal = f"'{value}'" if ":" in value else value
    clickhouse.query(f"create table t{number} (v {theirs}) engine = MergeTree order by v")
    clickhouse.query(f"insert into t{number} values ({literal})")
    found = [str(clickhouse.query(f"select v from t{number}", "TSV")).strip()]
    duck.execute(f"create table t{number} (v {ours})")
    try:
        duck.execute(f"insert into t{number} values ({literal})")
        found.append(str(duck.execute(f"select v::varchar from t{number}").fetchone()[0]))
    except duckdb.Error as error:
        found.append(type(error).__name__)
    print(f"{ours:<15}{value:<23}{found[0]:<23}{found[1]}")
    wrong += found != expected
raise SystemExit(1 if wrong else 0)
PY
