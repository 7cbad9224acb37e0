#!/usr/bin/env bash
# After a crash PostgreSQL counts 0 dead rows in a table that is half dead, 0 scans of a used index, and pg_stat_database.stats_reset shows no reset.
#
# PostgreSQL 15.x (Debian 12; 18.4 does the same). A good guess: crash recovery restores the counters, or the loss can be seen in stats_reset, on which
# queries for unused indexes rely ("not scanned since ..."). A crash or an immediate stop empties all counters; pg_stat_database.stats_reset is NULL after
# it, as on a server that was never reset, and only the shared views (pg_stat_bgwriter, pg_stat_wal) have the time. Autovacuum decides by the counters,
# so it does not come for the dead rows that were there: 5,000 of 10,000 are far above its threshold, and none of them is counted any more.
# A standby that is promoted has counters of its own, which begin as empty.
# For maintenance: after a crash or a failover run ANALYZE, which counts dead rows anew, and believe in no "unused index" before a full period has passed:
# compare with the latest of pg_stat_database.stats_reset and pg_stat_bgwriter.stats_reset.
#
# Output seen:
#                                     n_dead_tup   idx_scan   stats_reset of the database   of pg_stat_bgwriter
#   before                            5000         1          -                             initdb
#   after a crash                     0            0          -                             the crash
#   autovacuum, three rounds later    0            0          -                             the crash
#   after ANALYZE                     5000         0          -                             the crash
#   autovacuums of the table: 0 before ANALYZE, 1 after it
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
start() {
    as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" \
        -o "-c listen_addresses='' -c unix_socket_directories='$folder' -c autovacuum_naptime=1s -c log_autovacuum_min_duration=0" start >/dev/null
}
start
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres
sql() { "$bin/psql" -X -q -At -v ON_ERROR_STOP=1 "$@"; }

seen=()
look() { # the moment
    local dead scans reset shared
    dead=$(sql -c "select n_dead_tup from pg_stat_user_tables where relname = 't'")
    scans=$(sql -c "select idx_scan from pg_stat_user_indexes where indexrelname = 'used'")
    reset=$(sql -c "select coalesce(stats_reset::text, '-') from pg_stat_database where datname = 'postgres'")
    shared=$(sql -c "select case when stats_reset < '$began' then 'initdb' else 'the crash' end from pg_stat_bgwriter")
    seen+=("$dead $scans $reset $shared")
    printf '%-34s%-13s%-11s%-30s%s\n' "$1" "$dead" "$scans" "$reset" "$shared"
}
until_counted() { # a condition on pg_stat_user_tables
    for _ in $(seq 100); do
        [ "$(sql -c "select count(*) from pg_stat_user_tables where relname = 't' and $1")" = 0 ] || return 0
        sleep 0.1
    done
    echo "never: $1"; exit 1
}
began=$(sql -c "select clock_timestamp()")
sql -c "create table t (id int primary key, v int) with (autovacuum_enabled = off); create index used on t (v);
        insert into t select n, n from generate_series(1, 10000) n; analyze t"
sql -c "set enable_seqscan = off; set enable_bitmapscan = off; select v from t where v = 5" >/dev/null
sql -c "update t set v = v + 1 where id <= 5000"
until_counted "n_dead_tup = 5000"
printf '%-34s%-13s%-11s%-30s%s\n' "" n_dead_tup idx_scan "stats_reset of the database" "of pg_stat_bgwriter"
look before
as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null
start
look "after a crash"
# A table that autovacuum does come for, three times, shows that it has looked at this database.
sql -c "alter table t reset (autovacuum_enabled)" -c "create table other (id int) with (autovacuum_vacuum_threshold = 1)" -c "insert into other values (1)"
rounds=0
for _ in $(seq 200); do
    sql -c "update other set id = id + 1" -c "update other set id = id + 1" -c "update other set id = id + 1"
    sleep 0.2
    rounds=$(sql -c "select autovacuum_count from pg_stat_user_tables where relname = 'other'")
    [ "$rounds" -lt 3 ] || break
done
[ "$rounds" -ge 3 ]
look "autovacuum, three rounds later"
visits() { sql -c "select autovacuum_count from pg_stat_user_tables where relname = 't'"; }
before=$(visits)
sql -c "alter table t set (autovacuum_enabled = off)" -c "analyze t"
look "after ANALYZE"
sql -c "alter table t reset (autovacuum_enabled)"
until_counted "autovacuum_count = 1"
echo "autovacuums of the table: $before before ANALYZE, $(visits) after it"
[ "$(printf '%s|' "${seen[@]}")$before$(visits)" = "5000 1 - initdb|0 0 - the crash|0 0 - the crash|5000 0 - the crash|01" ]
