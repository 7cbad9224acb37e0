#!/usr/bin/env bash
# A SELECT over pg_class with pg_total_relation_size waits for a lock on any one table of the list.
#
# PostgreSQL 15.x (Debian 12), psql. A good guess: a query for the catalog, which reads no table, waits for nobody. The functions for sizes take ACCESS
# SHARE on each relation, so one VACUUM FULL, or an ALTER TABLE that waits for a reader, keeps the list of all tables from coming. relpages of pg_class
# needs no lock, and pg_locks says before which tables are closed.
#
# Output seen, with a lock_timeout of 300 ms, while another session holds ACCESS EXCLUSIVE on one table of two:
#   pg_total_relation_size   ERROR: canceling statement due to lock timeout
#   relpages                 a b
#   without closed tables    b
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as=(env)
if [ "$(id -u)" = 0 ]; then as=(runuser -u nobody -- env); chown nobody "$folder"; fi
trap '"${as[@]}" "$bin/pg_ctl" -D "$folder/pg" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
cd "$folder"
"${as[@]}" "$bin/initdb" -D "$folder/pg" -U postgres -A trust -E UTF8 --locale=C >/dev/null
"${as[@]}" "$bin/pg_ctl" -D "$folder/pg" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
export PGHOST=$folder PGDATABASE=postgres PGUSER=postgres
psql -X -q -c "CREATE TABLE a (id int)" -c "CREATE TABLE b (id int)"
psql -X -q -c "BEGIN" -c "LOCK TABLE a IN ACCESS EXCLUSIVE MODE" -c "SELECT pg_sleep(20)" >/dev/null 2>&1 &
until [ "$(psql -X -A -t -c "SELECT count(*) FROM pg_locks WHERE relation = 'a'::regclass")" = 1 ]; do sleep 0.1; done

list() {
    PGOPTIONS="-c lock_timeout=300ms" psql -X -A -t -c "SELECT c.relname FROM pg_class AS c WHERE c.relname IN ('a', 'b') AND $1 ORDER BY 1" 2>&1 | xargs || true
}
sizes=$(list "pg_total_relation_size(c.oid) >= 0")
pages=$(list "c.relpages >= 0")
open=$(list "CASE WHEN EXISTS (SELECT FROM pg_locks AS l WHERE l.relation = c.oid AND l.mode = 'AccessExclusiveLock') THEN false ELSE pg_total_relation_size(c.oid) >= 0 END")
printf '%s\n' "pg_total_relation_size   $sizes" "relpages                 $pages" "without closed tables    $open"
[ "$sizes" = "ERROR: canceling statement due to lock timeout" ]
[ "$pages" = "a b" ]
[ "$open" = "b" ]
