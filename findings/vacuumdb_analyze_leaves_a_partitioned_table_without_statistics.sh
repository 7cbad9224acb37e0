#!/usr/bin/env bash
# `vacuumdb --analyze` leaves a partitioned table without statistics, for good: 200 groups are expected where there are 50,000. `ANALYZE` in psql does not.
#
# PostgreSQL 15.x (Debian 12; vacuumdb and server 18.4 do the same). A good guess: `vacuumdb --analyze-only` is ANALYZE of the whole database, as its manual page
# says ("only calculate statistics"). vacuumdb sends one statement for each table that has storage, so the partitions have statistics and their parent has
# none; neither does --analyze-in-stages after pg_upgrade, nor autovacuum. ANALYZE without a name, and `vacuumdb -t p`, do the parent too. It stays
# at its first guess until someone names it, and joins and groups over all partitions are planned with 200 distinct values.
# For nightly maintenance: `psql -c ANALYZE`, or a list of pg_class.relkind = 'p' beside the vacuumdb.
#
# Output seen, 100,000 rows with 50,000 values of d in two partitions:
#   command                         statistics of the parent   groups expected of d
#   vacuumdb --analyze              0                          200
#   vacuumdb --analyze-only         0                          200
#   vacuumdb --analyze-in-stages    0                          200
#   vacuumdb --analyze --table=p    2                          about 50,000
#   psql: ANALYZE                   2                          about 50,000
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
sql() { "$bin/psql" -X -q -At -v ON_ERROR_STOP=1 "$@"; }

look() { # the name, the command
    local name=$1 rows
    shift
    sql -c "drop table if exists p" -c "create table p (id int, d int) partition by range (id)" 2>/dev/null
    sql -c "create table low partition of p for values from (0) to (50000)" -c "create table high partition of p for values from (50000) to (100000)" \
        -c "insert into p select n, n % 50000 from generate_series(0, 99999) n"
    "$@"
    rows=$(sql -c "explain select d from p group by d" | sed -n '1s/.*rows=\([0-9]*\).*/\1/p')
    [ "$rows" -lt 40000 ] || [ "$rows" -gt 60000 ] || rows="about 50,000"
    printf '%-32s%-27s%s\n' "$name" "$(sql -c "select count(*) from pg_stats where tablename = 'p' and inherited")" "$rows"
}
{
    look "vacuumdb --analyze" "$bin/vacuumdb" -q --analyze
    look "vacuumdb --analyze-only" "$bin/vacuumdb" -q --analyze-only
    look "vacuumdb --analyze-in-stages" "$bin/vacuumdb" -q --analyze-in-stages
    look "vacuumdb --analyze --table=p" "$bin/vacuumdb" -q --analyze --table=p
    look "psql: ANALYZE" sql -c "analyze"
} | tee seen
diff - seen <<'TEXT'
vacuumdb --analyze              0                          200
vacuumdb --analyze-only         0                          200
vacuumdb --analyze-in-stages    0                          200
vacuumdb --analyze --table=p    2                          about 50,000
psql: ANALYZE                   2                          about 50,000
TEXT
