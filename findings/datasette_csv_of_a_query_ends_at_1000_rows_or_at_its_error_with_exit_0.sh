#!/usr/bin/env bash
# Datasette: the CSV of a query of 2,500 rows has 1,000, with `_stream=on` too, and `--get` exits with 0; for a query that fails it prints nothing and exits with 0.
#
# datasette 0.65.5 (Python 3.11, SQLite 3.40.1). A good guess: `_stream=on`, "stream all rows", gives all rows of a query as it does of a table, and a file that
# was cut says so, as the JSON does ("truncated": true). In fact a query stops at max_returned_rows (1,000); neither the CSV nor its headers nor
# `_shape=array` of JSON tell. The CSV of a table without _stream has one page, 100 rows. An error of SQL is one line on stderr.
# For many queries: exports by `datasette --get` or from a published database are a part of the answer. Use `--setting max_returned_rows N`, or sqlite3.
#
# Output seen, for a table of 2,500 rows:
#   path                                           rows   exit code
#   /d/t.csv                                       100    0
#   /d/t.csv?_stream=on                            2500   0
#   /d.csv?sql=select * from t                     1000   0
#   /d.csv?sql=select * from t&_stream=on          1000   0
#   /d.json?sql=select * from t&_shape=array       1000   0
#   /d.csv?sql=select nosuch from t                0      0
#   /d/nosuch.csv                                  0      1
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'datasette==0.65.5'
cd "$folder"
export HOME=$folder

venv/bin/python - <<'PY'
import csv
import json
import sqlite3
import subprocess
import sys

lite = sqlite3.connect("d.db")
lite.execute("create table t (id integer primary key, v text)")
lite.executemany("insert into t (v) values (?)", [("x",)] * 2500)
lite.commit()
lite.close()
SEEN = {
    "/d/t.csv": (100, 0),
    "/d/t.csv?_stream=on": (2500, 0),
    "/d.csv?sql=select * from t": (1000, 0),
    "/d.csv?sql=select * from t&_stream=on": (1000, 0),
    "/d.json?sql=select * from t&_shape=array": (1000, 0),
    "/d.csv?sql=select nosuch from t": (0, 0),
    "/d/nosuch.csv": (0, 1),
}
print(f"{'path':<47}{'rows':<7}exit code")
for path, seen in SEEN.items():
    command = [f"{sys.prefix}/bin/datasette", "d.db", "--get", path.replace(" ", "+")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode:
        rows = 0  # the page "Error 404"
    elif ".json" in path:
        rows = len(json.loads(done.stdout))
    else:
        rows = max(len([row for row in csv.reader(done.stdout.splitlines()) if row]) - 1, 0)
    found = rows, done.returncode
    print(f"{path:<47}{found[0]:<7}{found[1]}")
    assert found == seen, (found, done.stdout[:300], done.stderr)
PY
