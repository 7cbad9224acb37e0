#!/usr/bin/env bash
# PostgreSQL: `REINDEX TABLE CONCURRENTLY` and `reindexdb --concurrently` skip an invalid index, just the one that needs it, and succeed.
#
# PostgreSQL 15.x (Debian 12). A good guess: they rebuild all indexes of a table, as REINDEX TABLE and reindexdb do, and exit with 1 if one is not valid in the
# end. An index that CREATE UNIQUE INDEX CONCURRENTLY has left invalid (two equal rows, or it was cancelled) is skipped, also when nothing is in its way
# any more, with a line on stderr for a table, and the exit code is 0. The same command for the index by its name rebuilds it.
# For nightly jobs: the job that "rebuilds everything without locks" never mends what a failed build has left; rows are still checked against the invalid
# unique index, and no query uses it. Ask pg_index for `not indisvalid`, and name those indexes.
#
# Output seen; r has a valid index and an invalid unique one, whose two equal rows are gone; whether all are valid afterwards:
#   reindexdb --concurrently -d postgres        exit 0  no
#   reindexdb --concurrently -S public          exit 0  no
#   reindexdb --concurrently -t r               exit 0  no
#   REINDEX TABLE CONCURRENTLY r                exit 0  no
#   reindexdb --concurrently -i made            exit 0  yes
#   reindexdb -t r                              exit 0  yes
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
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres

sql() { "$bin/psql" -X -q -A -t -c "$1" 2>>warnings; }
seen=()
run() { # the command, after the index has been made invalid
    local code=0 valid
    sql "DROP TABLE IF EXISTS r"
    sql "CREATE TABLE r (a int)"
    sql "INSERT INTO r VALUES (1), (1), (2)"
    sql "CREATE INDEX fine ON r (a)"
    sql "CREATE UNIQUE INDEX CONCURRENTLY made ON r (a)" || true
    sql "DELETE FROM r WHERE ctid = '(0,2)'"
    [ "$(sql "SELECT indisvalid FROM pg_index WHERE indexrelid = 'made'::regclass")" = f ]
    if [ "$1" = reindexdb ]; then "$bin/$@" >out 2>&1 || code=$?; else sql "$*" || code=$?; fi
    valid=$(sql "SELECT CASE WHEN bool_and(indisvalid) THEN 'yes' ELSE 'no' END FROM pg_index WHERE indrelid = 'r'::regclass")
    seen+=("$code $valid")
    printf '%-42s  exit %s  %s\n' "$*" "$code" "$valid"
}
run reindexdb --concurrently -d postgres
run reindexdb --concurrently -S public
run reindexdb --concurrently -t r
run REINDEX TABLE CONCURRENTLY r
run reindexdb --concurrently -i made
run reindexdb -t r
[ "${seen[*]}" = "0 no 0 no 0 no 0 no 0 yes 0 yes" ]
