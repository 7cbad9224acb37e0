#!/usr/bin/env bash
# `pg_restore -t public.orders` restores nothing, says nothing and exits with 0; `-t orders` restores orders of every schema, without its keys.
#
# PostgreSQL 15.x (Debian 12). A good guess: -t takes what pg_dump's -t takes, a name with or without a schema, or a pattern, and a name that is not in the dump
# is an error, as it is for pg_dump ("no matching tables were found"). pg_restore compares with the bare name, so a name with its schema is never found,
# and that nothing was found is no error, also with --exit-on-error. --strict-names makes it one. What -t does find is the table and its rows: the
# primary key, the identity's next value, indexes and foreign keys stay away, so loading again gives every row twice.
# For restores and copies by script: a green restore of nothing. Use -L with an edited list of -l, or --strict-names and look at the rows.
#
# Output seen; the dump has public.orders (one row) and archive.orders (two rows); rows of both after the restore, and primary keys:
#   pg_dump    -t public.missing                exit 1
#   pg_restore -t public.orders                 exit 0  0 0  keys 0
#   pg_restore -t ord*                          exit 0  0 0  keys 0
#   pg_restore -t missing --exit-on-error       exit 0  0 0  keys 0
#   pg_restore -n missing                       exit 0  0 0  keys 0
#   pg_restore -t public.orders --strict-names  exit 1  0 0  keys 0
#   pg_restore -t orders                        exit 0  1 2  keys 0
#   pg_restore                                  exit 0  1 2  keys 2
# Exits with 1 if one of these changes. Needs postgresql-15 (15.x); the server listens in a temporary folder only, on a unix socket.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
"$bin/pg_restore" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/pg_restore" --version; exit 2; }
export PGHOST=$folder PGUSER=postgres

sql() { "$bin/psql" -X -q -A -t -d "$1" -c "$2"; }
"$bin/createdb" source
sql source "CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text); INSERT INTO orders (v) VALUES ('a');
  CREATE SCHEMA archive; CREATE TABLE archive.orders (id int PRIMARY KEY); INSERT INTO archive.orders VALUES (1), (2)"
"$bin/pg_dump" -Fc -f dump source
seen=()
say() {
    seen+=("$2")
    printf '%-42s  %s\n' "$1" "$2"
}
rows() { # of a table, 0 if it is not there
    if [ "$(sql copy "SELECT to_regclass('$1') IS NULL")" = t ]; then echo 0; else sql copy "SELECT count(*) FROM $1"; fi
}
restore() {
    local code=0
    "$bin/dropdb" --if-exists copy 2>/dev/null
    "$bin/createdb" copy
    sql copy "CREATE SCHEMA archive"
    if [ $# = 0 ]; then sql copy "DROP SCHEMA archive"; fi
    "$bin/pg_restore" -d copy "$@" dump >out 2>&1 || code=$?
    say "pg_restore${*:+ $*}" "exit $code  $(rows public.orders) $(rows archive.orders)  keys $(sql copy "SELECT count(*) FROM pg_constraint WHERE conrelid > 16383 AND contype = 'p'")"
}
code=0
"$bin/pg_dump" -t public.missing source >out 2>&1 || code=$?
say "pg_dump    -t public.missing" "exit $code"
restore -t public.orders
restore -t 'ord*'
restore -t missing --exit-on-error
restore -n missing
restore -t public.orders --strict-names
restore -t orders
restore
none='0 0  keys 0'
[ "${seen[*]}" = "exit 1 exit 0  $none exit 0  $none exit 0  $none exit 0  $none exit 1  $none exit 0  1 2  keys 0 exit 0  1 2  keys 2" ]
