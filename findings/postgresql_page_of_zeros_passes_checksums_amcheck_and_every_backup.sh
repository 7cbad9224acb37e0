#!/usr/bin/env bash
# A page of a table that a disk gives back as zeros: 226 of 10,000 rows are gone, and pg_checksums, pg_amcheck, pg_basebackup, pg_verifybackup and pg_dump exit with 0.
#
# PostgreSQL 15.x (Debian 12). A good guess: with data checksums a page that lost its content is an "invalid page", and `pg_amcheck
# --heapallindexed --parent-check --rootdescend` would find index entries without their rows. A page of zeros is a page that was added and never written, which
# a crash may leave, so it has no checksum and is empty. --heapallindexed asks whether each row has its entry in the index, and not the other way round.
# Lost writes of thin provisioning, sparse copies (`cp --sparse`, rsync of a live file) and file system checks leave such pages. One thing shows it:
# an index-only scan counts by the visibility map, so it has more rows than the table, for as long as the map is untouched.
# For checks: compare count(*) by the table with count(*) by the index (enable_seqscan = off; bitmap scans too), or with the other side of a foreign key.
#
# Output seen:
#   pg_checksums --check                                             exit 0, bad checksums: 0
#   pg_amcheck                                                       exit 0
#   pg_amcheck --heapallindexed --parent-check --rootdescend         exit 0
#   pg_dump                                                          exit 0, 9774 rows
#   pg_basebackup, pg_verifybackup                                   exit 0 0
#   pg_stat_database.checksum_failures                               0
#   count(*) by the table                                            9774
#   count(*) by an index-only scan                                   10000
#   vacuum, without and with disable_page_skipping                   exit 0 0
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C --data-checksums >/dev/null
start() {
    as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder' -c autovacuum=off" start >/dev/null
}
start
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres
sql() { "$bin/psql" -X -q -At -v ON_ERROR_STOP=1 "$@"; }
sql -c "create extension amcheck" -c "create table t (id int primary key, v text)" -c "insert into t select n, 'v' from generate_series(1, 10000) n" \
    -c "vacuum (freeze, analyze) t"
file=$folder/data/$(sql -c "select pg_relation_filepath('t')")
as "$bin/pg_ctl" -D "$folder/data" -m fast -w stop >/dev/null
dd if=/dev/zero of="$file" bs=8192 seek=3 count=1 conv=notrunc status=none

code=0
show() { printf '%-65s%s\n' "$1" "$2"; }
run() { code=0; "$@" >out 2>errors || code=$?; }
{
    run "$bin/pg_checksums" --check -D "$folder/data"
    show "pg_checksums --check" "exit $code, $(sed -n 's/^Bad checksums:  */bad checksums: /p' out)"
    start
    run "$bin/pg_amcheck" -d postgres
    show "pg_amcheck" "exit $code"
    run "$bin/pg_amcheck" -d postgres --heapallindexed --parent-check --rootdescend
    show "pg_amcheck --heapallindexed --parent-check --rootdescend" "exit $code"
    run "$bin/pg_dump" -a -t t
    show "pg_dump" "exit $code, $(grep -c 'v$' out) rows"
    run "$bin/pg_basebackup" -D copy -c fast
    base=$code
    run "$bin/pg_verifybackup" copy
    show "pg_basebackup, pg_verifybackup" "exit $base $code"
    show "pg_stat_database.checksum_failures" "$(sql -c "select checksum_failures from pg_stat_database where datname = 'postgres'")"
    show "count(*) by the table" "$(sql -c "select count(*) from t")"
    show "count(*) by an index-only scan" "$(sql -c "set enable_seqscan = off" -c "set enable_bitmapscan = off" -c "select count(*) from t where id > 0")"
    run sql -c "vacuum t"
    plain=$code
    run sql -c "vacuum (disable_page_skipping) t"
    show "vacuum, without and with disable_page_skipping" "exit $plain $code"
} | tee seen
diff - seen <<'TEXT'
pg_checksums --check                                             exit 0, bad checksums: 0
pg_amcheck                                                       exit 0
pg_amcheck --heapallindexed --parent-check --rootdescend         exit 0
pg_dump                                                          exit 0, 9774 rows
pg_basebackup, pg_verifybackup                                   exit 0 0
pg_stat_database.checksum_failures                               0
count(*) by the table                                            9774
count(*) by an index-only scan                                   10000
vacuum, without and with disable_page_skipping                   exit 0 0
TEXT
