#!/usr/bin/env bash
# SQLite through ODBC: 3000000000 is read as -1294967296, sums and counts wrap round, and a text behind a number is NULL. No error, no warning.
#
# libsqlite3odbc 0.9998 (Debian 12, package libsqliteodbc) with pyodbc 5.5.0 and arrow-odbc 10.6.2; Python's sqlite3 for comparison. A good guess: an integer
# of SQLite has 64 bits, and the driver says so, or SQLGetData fails with "numeric value out of range" (22003). In fact a column that is declared INTEGER or
# INT, and every expression whose first row is an integer, sum and count among them, is an SQL_INTEGER of 32 bits, and the value is cut to them.
# Only a bare column declared BIGINT is read right; sum, max and `+ 0` of it are not, nor is CAST(... AS BIGINT). The first row of an expression gives the type
# of all its rows: fractions behind it are cut off, a text is NULL.
# For many queries: ids of a large table and times in milliseconds arrive as other numbers, though WHERE with the right number finds the row. A walk that takes
# the last id that it has read as its next start goes back to the beginning. Ask for text: `cast(sum(n) as text)`.
#
# Output seen:
#   query                                    pyodbc                    sqlite3
#   select n from t                          [-1294967296, 1]          [3000000000, 1]
#   select sum(n) from t                     [-1294967295]             [3000000001]
#   select big from t                        [3000000000, 1]           [3000000000, 1]
#   select max(big) from t                   [-1294967296]             [3000000000]
#   select count(*) * 2000000000 from t      [-294967296]              [4000000000]
#   select x from t order by id              [1, None]                 [1, 'abc']
#   select 1 union all select 2.75           [1, 2]                    [1, 2.75]
#   select 1.5 union all select 2.75         [1.5, 2.75]               [1.5, 2.75]
#   select cast(sum(n) as text) from t       ['3000000001']            ['3000000001']
#   arrow-odbc: select n from t              int32 [-1294967296, 1]
# Exits with 1 if one of these changes.
set -euo pipefail
driver=$(ls /usr/lib/*/odbc/libsqlite3odbc.so 2>/dev/null | head -n 1)
[ -n "$driver" ] || { echo "install the Debian package libsqliteodbc"; exit 2; }
dpkg-query -W -f '${Version}' libsqliteodbc | grep -q '^0\.9998' || { echo "another version than 0.9998"; exit 2; }
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'pyodbc==5.5.0' 'arrow-odbc==10.6.2'
cd "$folder"

DRIVER=$driver venv/bin/python - <<'PY'
import os
import sqlite3

import arrow_odbc
import pyodbc

where = f"DRIVER={os.environ['DRIVER']};DATABASE={os.path.abspath('t.db')}"
lite = sqlite3.connect("t.db", isolation_level=None)
lite.execute("create table t (id integer primary key, n integer, big bigint, x)")
lite.execute("insert into t values (1, 3000000000, 3000000000, 1), (2, 1, 1, 'abc')")
odbc = pyodbc.connect(where)
SEEN = {
    "select n from t": [-1294967296, 1],
    "select sum(n) from t": [-1294967295],
    "select big from t": [3000000000, 1],
    "select max(big) from t": [-1294967296],
    "select count(*) * 2000000000 from t": [-294967296],
    "select x from t order by id": [1, None],
    "select 1 union all select 2.75": [1, 2],
    "select 1.5 union all select 2.75": [1.5, 2.75],
    "select cast(sum(n) as text) from t": ["3000000001"],
}
print(f"{'query':<41}{'pyodbc':<26}sqlite3")
for query, seen in SEEN.items():
    answer = [row[0] for row in odbc.execute(query)]
    print(f"{query:<41}{str(answer):<26}{[row[0] for row in lite.execute(query)]}")
    assert answer == seen, answer
(batch,) = arrow_odbc.read_arrow_batches_from_odbc("select n from t", connection_string=where)
print(f"{'arrow-odbc: select n from t':<41}{batch.schema.types[0]} {batch.column(0).to_pylist()}")
assert batch.column(0).to_pylist() == [-1294967296, 1]
assert odbc.execute("select id from t where n = ?", 3000000000).fetchval() == 1
PY
