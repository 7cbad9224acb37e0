#!/usr/bin/env bash
# A CSV file of one column: rows that are NULL are lost when pandas, pyarrow or csv.DictReader read it; three rows become two, without an error.
#
# PostgreSQL 15.x COPY writes the same bytes (not run here), DuckDB 2.0.1, pyarrow 26.0.1, polars 2.1.0, pandas 3.1.1, Python 3.11's csv. A good guess: the number
# of rows of a CSV file does not depend on who reads it, least of all between write_csv and read_csv of pyarrow. NULL is an empty field, so in a
# file of one column it is an empty line, and three readers skip empty lines: pandas (skip_blank_lines), pyarrow (ignore_empty_lines), csv.DictReader (no
# option; csv.reader gives [] for the line). With two columns no row is lost. Python and pandas write `""` instead, which no reader skips.
# For many queries: a result of one column that has NULL does not match its input row by row any more; write a second column, or `""`.
#
# Output seen, for the values a, NULL, b (rows that are read):
#   written by   middle line   DictReader   pandas   pyarrow   polars   duckdb
#   duckdb       empty         2            2        2         3        3
#   pyarrow      empty         2            2        2         3        3
#   polars       empty         2            2        2         3        3
#   csv          ""            3            3        3         3        3
#   pandas       ""            3            3        3         3        3
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'duckdb==2.0.1' 'pyarrow==26.0.1' 'polars==2.1.0' 'pandas==3.1.1'
cd "$folder"

venv/bin/python - <<'PY'
import csv
import io

import duckdb
import pandas
import polars
import pyarrow
import pyarrow.csv

VALUES = ["a", None, "b"]


def of_csv():
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["x"])
    writer.writerows([value] for value in VALUES)
    return text.getvalue().encode()


def of_pyarrow():
    data = io.BytesIO()
    pyarrow.csv.write_csv(pyarrow.table({"x": VALUES}), data)
    return data.getvalue()


def of_duckdb():
    duckdb.execute("copy (select unnest(['a', null, 'b']) as x) to 'duckdb.csv' (header)")
    return open("duckdb.csv", "rb").read()


WRITERS = {
    "duckdb": of_duckdb,
    "pyarrow": of_pyarrow,
    "polars": lambda: polars.DataFrame({"x": VALUES}).write_csv().encode(),
    "csv": of_csv,
    "pandas": lambda: pandas.DataFrame({"x": VALUES}).to_csv(index=False).encode(),
}
READERS = {
    "DictReader": lambda: len(list(csv.DictReader(open("x.csv")))),
    "pandas": lambda: len(pandas.read_csv("x.csv")),
    "pyarrow": lambda: pyarrow.csv.read_csv("x.csv").num_rows,
    "polars": lambda: polars.read_csv("x.csv").height,
    "duckdb": lambda: duckdb.execute("select count(*) from read_csv('x.csv', header = true)").fetchone()[0],
}
found = {}
print("written by   middle line   " + "   ".join(READERS))
for name, write in WRITERS.items():
    data = write()
    open("x.csv", "wb").write(data)
    line = data.split(b"\n")[2].decode() or "empty"
    found[name] = (line, *(read() for read in READERS.values()))
    print(f"{name:<12} {line:<13}" + "".join(f" {rows:<{len(reader) + 2}}" for reader, rows in zip(READERS, found[name][1:])))
assert found == {
    **dict.fromkeys(("duckdb", "pyarrow", "polars"), ("empty", 2, 2, 2, 3, 3)),
    **dict.fromkeys(("csv", "pandas"), ('""', 3, 3, 3, 3, 3)),
}, found
PY
