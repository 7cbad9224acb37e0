#!/usr/bin/env bash
# ADBC 1.13.0: one SQL error in a worker of a ProcessPoolExecutor fails the other futures of the pool.
#
# Python 3.11. A good guess: an exception of a worker is raised by the future that belongs to it, attributes included, as with sqlite3 (and
# psycopg, asyncpg, PyMySQL, DuckDB). ADBC's exceptions can be pickled but not unpickled: their constructor wants keyword arguments, which
# pickle does not give. The parent takes the answer that it cannot read for the end of a worker, and gives up the whole pool.
# For many queries: one bad parameter set loses the results of all sets that wait or run; catch ADBC's errors inside the worker.
#
# Output seen:
#   sqlite3  future with the error: OperationalError   the 8 others: all ok
#   adbc     future with the error: BrokenProcessPool  the 8 others: at least 6 BrokenProcessPool
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'adbc-driver-sqlite==1.13.0' 'adbc-driver-manager==1.13.0' 'pyarrow==26.0.1'
cd "$folder"

cat >work.py <<'PY'
import sqlite3
import time


def by_sqlite3():
    sqlite3.connect(":memory:").execute("select nothing")


def by_adbc():
    import adbc_driver_sqlite.dbapi

    with adbc_driver_sqlite.dbapi.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select nothing")


def good():
    time.sleep(2)
PY
venv/bin/python - <<'PY'
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

sys.path.insert(0, os.getcwd())
import work

found = []
for name, bad in (("sqlite3", work.by_sqlite3), ("adbc", work.by_adbc)):
    with ProcessPoolExecutor(2) as pool:
        failing = pool.submit(bad)
        others = [pool.submit(work.good) for _ in range(8)]
        kind = type(failing.exception()).__name__
        lost = sum(isinstance(one.exception(), BrokenProcessPool) for one in others)
    found.append((kind, "all ok" if lost == 0 else "at least 6 BrokenProcessPool" if lost >= 6 else f"{lost} BrokenProcessPool"))
    print(f"{name:<8} future with the error: {kind:<18} the 8 others: {found[-1][1]}")
assert found == [("OperationalError", "all ok"), ("BrokenProcessPool", "at least 6 BrokenProcessPool")]
PY
