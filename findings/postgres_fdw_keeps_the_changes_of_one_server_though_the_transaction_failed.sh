#!/usr/bin/env bash
# postgres_fdw: COMMIT fails with an error, the local rows and those of the second server are rolled back, and the row on the first server stays.
#
# PostgreSQL 15.x with postgres_fdw (Debian 12). A good guess: an error at COMMIT rolls back everything, as within one database; and a constraint that is
# deferred locally fails before anything was sent, which is so. The foreign transactions are committed one after another in front of the local one, and
# what the first server has committed nothing takes back. A deferred constraint on the second server, a serialization failure there, or a lost
# connection is enough; the order is that of the first use. The message names the remote COMMIT, and the outcome is the same for the caller: "failed".
# For backfills and copies into foreign tables: a retry of a transaction that failed at COMMIT inserts the row of the first server once more.
#
# Output seen, a transaction that inserts 2 on both foreign servers and locally, and breaks a deferred unique constraint in one place:
#   constraint of        COMMIT says                                     rows 2: first server, second server, local
#   the second server    ERROR:  duplicate key value violates unique ...  1 0 0
#   the first server     ERROR:  duplicate key value violates unique ...  0 0 0
#   the local table      ERROR:  duplicate key value violates unique ...  0 0 0
#   the second, retried  ERROR:  duplicate key value violates unique ...  2 0 0
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
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
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres
sql() { "$bin/psql" -X -q -At "$@"; }

# `once` is unique, but only at commit; `id` may repeat, so that a second try can be seen
columns="id int, once int"
for database in one two; do
    "$bin/createdb" "$database"
    sql -d "$database" -c "create table t ($columns, unique (once) deferrable initially deferred)" -c "insert into t values (1, 1)"
done
sql -c "create extension postgres_fdw"
for database in one two; do
    sql -c "create server $database foreign data wrapper postgres_fdw options (host '$folder', dbname '$database')" \
        -c "create user mapping for postgres server $database options (user 'postgres')" \
        -c "create foreign table $database ($columns) server $database options (table_name 't')"
done
sql -c "create table local ($columns, unique (once) deferrable initially deferred)" -c "insert into local values (1, 1)"
try() { # the name, what `once` becomes on the first server, on the second, and locally
    local said
    said=$(sql -v ON_ERROR_STOP=1 -c "begin; insert into one values (2, $2); insert into two values (2, $3); insert into local values (2, $4); commit" 2>&1 | head -n 1) || true
    printf '%-21s%s...  %s\n' "$1" "$(echo "$said" | cut -c 1-44)" \
        "$(sql -c "select (select count(*) from one where id = 2), (select count(*) from two where id = 2), (select count(*) from local where id = 2)" | tr '|' ' ')"
}
{
    try "the second server" null 1 null
    sql -d one -c "delete from t where id = 2"
    try "the first server" 1 null null
    try "the local table" null null 1
    try "the second, tried" null 1 null >/dev/null
    try "the second, retried" null 1 null
} | tee seen
diff - seen <<'TEXT'
the second server    ERROR:  duplicate key value violates unique ...  1 0 0
the first server     ERROR:  duplicate key value violates unique ...  0 0 0
the local table      ERROR:  duplicate key value violates unique ...  0 0 0
the second, retried  ERROR:  duplicate key value violates unique ...  2 0 0
TEXT
