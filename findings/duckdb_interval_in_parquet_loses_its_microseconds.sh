#!/usr/bin/env bash
# DuckDB: an interval that goes through Parquet loses its microseconds, and a negative one cannot be written; DuckDB's own reader gives 00:00:01 for 1.000001 s.
#
# DuckDB 2.0.1, pyarrow 26.0.1. A good guess: what COPY ... TO 'x.parquet' writes without an error, DuckDB reads back as it was, as it does with timestamps of
# nanoseconds. Parquet's INTERVAL counts milliseconds, in numbers without a sign; fractions are cut, and so are the values that a comparison needs.
# TIMETZ loses its zone (12:00+02 is 10:00+00). pyarrow reads the interval as 12 bytes, not as an interval. CSV keeps the value.
# For many queries: durations that were exported do not add up to the ones in the database; the query fails at the first late arrival (a negative one).
# Write epoch_us(i), a BIGINT.
#
# Output seen:
#   value                     in Parquet, read by DuckDB    equal
#   00:00:01.000001           00:00:01                      False
#   1 month 00:00:00.000999   1 month                       False
#   00:00:00.0005             00:00:00                      False
#   12:00:00+02               10:00:00+00                   False
#   -00:00:01                 IOException
#   pyarrow reads fixed_size_binary[12]; CSV gives 00:00:01.000001
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'duckdb==2.0.1' 'pyarrow==26.0.1'
cd "$folder"

venv/bin/python - <<'PY'
import duckdb
import pyarrow.parquet

VALUES = [
    "interval '1.000001 second'",
    "interval '1 month 999 microseconds'",
    "interval '500 microseconds'",
    "'12:00:00+02'::timetz",
    "interval '-1 second'",
]
database = duckdb.connect()
found = []
for value in VALUES:
    (shown,) = database.execute(f"select ({value})::text").fetchone()
    try:
        database.execute(f"copy (select {value} as v) to 'x.parquet'")
        read, equal = database.execute(f"select v::text, v = {value} from 'x.parquet'").fetchone()
    except duckdb.Error as error:
        read, equal = type(error).__name__, ""
    found.append((shown, read, equal))
    print(f"{shown:<25} {read:<29} {equal}")
    if value is VALUES[0]:
        kind = str(pyarrow.parquet.read_table("x.parquet").schema.field("v").type)
database.execute(f"copy (select {VALUES[0]} as v) to 'x.csv'")
(text,) = database.execute("select v::text from read_csv('x.csv', all_varchar = true)").fetchone()
print(f"pyarrow reads {kind}; CSV gives {text}")
assert found == [
    ("00:00:01.000001", "00:00:01", False),
    ("1 month 00:00:00.000999", "1 month", False),
    ("00:00:00.0005", "00:00:00", False),
    ("12:00:00+02", "10:00:00+00", False),
    ("-00:00:01", "IOException", ""),
], found
assert (kind, text) == ("fixed_size_binary[12]", "00:00:01.000001")
PY
