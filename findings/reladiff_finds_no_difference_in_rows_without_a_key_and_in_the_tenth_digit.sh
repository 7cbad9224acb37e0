#!/usr/bin/env bash
# reladiff: tables are "equal" if one has rows more whose key is NULL, if numerics differ behind the tenth digit, or if one has NULL and the other '<null>'.
#
# reladiff 0.6.0 with psycopg2 2.9.13 on PostgreSQL 15.x (Debian 12). A good guess: no difference means that the rows are the same, or the type is named as one
# that is not compared exactly. The key is cut into ranges, and no range holds NULL; join by `=` does not meet NULL either. hashdiff, the only way between two
# databases, makes a text of each row: a numeric without a scale and a float have ten digits behind the point in it, also within one database, and NULL
# is the text <null>. joindiff, within one database, sees both. Rows of a key that is there twice are an error with joindiff and found with hashdiff.
# For migrations: compare the counts of NULL keys and the sums of amounts as well; give amounts a scale.
#
# Output seen, number of differences (a changed row counts as 2: - and +):
#   difference of table b                       hashdiff   joindiff
#   one more row, its key is NULL               0          0
#   amount numeric: 1.00000000001               0          2
#   float8: 1.00000000000001                    0          2
#   '<null>' for NULL                           0          2
#   numeric(20,11): 1.00000000001               2          2
#   'X' for 'x'                                 2          2
#   one microsecond later                       2          2
#   one row less                                1          1
# Exits with 1 if one of these changes. The server listens on 127.0.0.1 only, with a port that is free.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'reladiff==0.6.0' 'psycopg2-binary==2.9.13'
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='$folder'" start >/dev/null
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres

PORT=$port venv/bin/python -W ignore - <<'PY'
import os

import psycopg2
from reladiff import connect_to_table, diff_tables

url = f"postgresql://postgres@127.0.0.1:{os.environ['PORT']}/postgres"
connection = psycopg2.connect(url)
connection.autocommit = True
cursor = connection.cursor()
COLUMNS = "amount", "f", "v", "scaled", "moment"
CASES = {
    "one more row, its key is NULL": ("insert into {b} (id, v) values (null, 'more')", 0, 0),
    "amount numeric: 1.00000000001": ("update {b} set amount = 1.00000000001 where id = 5", 0, 2),
    "float8: 1.00000000000001": ("update {b} set f = 1.00000000000001 where id = 5", 0, 2),
    "'<null>' for NULL": ("update {a} set v = null where id = 5; update {b} set v = '<null>' where id = 5", 0, 2),
    "numeric(20,11): 1.00000000001": ("update {b} set scaled = 1.00000000001 where id = 5", 2, 2),
    "'X' for 'x'": ("update {b} set v = 'X' where id = 5", 2, 2),
    "one microsecond later": ("update {b} set moment = moment + interval '1 microsecond' where id = 5", 2, 2),
    "one row less": ("delete from {b} where id = 5", 1, 1),
}
print(f"{'difference of table b':<44}{'hashdiff':<11}joindiff")
for number, (name, (change, *seen)) in enumerate(CASES.items()):
    names = {"a": f"a{number}", "b": f"b{number}"}
    for table in names.values():
        cursor.execute(f"create table {table} (id int, amount numeric, f float8, v text, scaled numeric(20,11), moment timestamptz)")
        cursor.execute(f"insert into {table} select g, 1, 1, 'x', 1, '2026-01-01' from generate_series(1, 200) as g")
    cursor.execute(change.format(**names))
    found = []
    for how in ({"algorithm": "hashdiff", "bisection_factor": 4, "bisection_threshold": 50}, {"algorithm": "joindiff"}):
        tables = [connect_to_table(url, table, "id", extra_columns=COLUMNS) for table in names.values()]
        found.append(len(list(diff_tables(*tables, **how))))
    print(f"{name:<44}{found[0]:<11}{found[1]}")
    assert found == seen, found
PY
