#!/usr/bin/env bash
# PostgreSQL: rows of a partition that is attached to a published table never reach the subscriber, nor do updates of them; nothing reports it.
#
# PostgreSQL 15.x (Debian 12), logical replication with publish_via_partition_root. A good guess: what `select * from orders` gives at the publisher is what
# the subscriber has, once it has caught up, or an error stops the subscription as a duplicate key does. ATTACH PARTITION is DDL, so the rows that the
# partition brings are in no change. REFRESH PUBLICATION copies no table that it has copied already. A later UPDATE or DELETE of such a row finds nothing
# at the subscriber, which skips it: not an error, not a line in the log, not a count in pg_stat_subscription_stats (from 18 on confl_update_missing
# counts it). The same is true for a row that was deleted at the subscriber. For loads that fill a table first and attach it, and for backfills
# behind them: compare counts and sums of both sides; insert through the parent, or copy those rows yourself.
#
# Output seen; partition 2026 has rows 2 and 3 when it is attached, row 4 is inserted then, and all rows are set to 'changed':
#   at the publisher                  4 rows, 4 changed
#   at the subscriber                 2 rows, 2 changed: 1 4
#   after REFRESH PUBLICATION         2 rows, 2 changed: 1 4
#   apply errors, sync errors         0 0
#   lines of the log about it         0
# Exits with 1 if one of these changes. One server with two databases, on a unix socket in a temporary folder.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder' -c wal_level=logical" start >/dev/null
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres

ask() { "$bin/psql" -X -q -A -t -v ON_ERROR_STOP=1 -d "$@"; }
"$bin/createdb" publisher
"$bin/createdb" subscriber
ask publisher >/dev/null <<'SQL'
CREATE TABLE orders (id int, day date, state text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE orders_2025 PARTITION OF orders FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE orders_2026 (LIKE orders INCLUDING ALL);
INSERT INTO orders VALUES (1, '2025-05-05', 'new');
INSERT INTO orders_2026 VALUES (2, '2026-02-02', 'new'), (3, '2026-03-03', 'new');
CREATE PUBLICATION p FOR TABLE orders WITH (publish_via_partition_root = true);
SELECT pg_create_logical_replication_slot('s', 'pgoutput');
SQL
ask subscriber <<SQL
CREATE TABLE orders (id int, day date, state text, PRIMARY KEY (id, day));
CREATE SUBSCRIPTION s CONNECTION 'host=$folder user=postgres dbname=publisher' PUBLICATION p WITH (create_slot = false, slot_name = 's');
SQL
ready() { [ "$(ask subscriber -c "SELECT count(*) FROM pg_subscription_rel WHERE srsubstate <> 'r'")" = 0 ]; }
caught_up() { # the subscriber has confirmed all that the publisher had written
    local end
    end=$(ask publisher -c "SELECT pg_current_wal_lsn()")
    for _ in $(seq 300); do
        [ "$(ask publisher -c "SELECT coalesce(bool_and(confirmed_flush_lsn >= '$end'), false) FROM pg_replication_slots WHERE slot_name = 's'")" = t ] && return
        sleep 0.1
    done
    exit 2
}
for _ in $(seq 300); do ready && break; sleep 0.1; done
caught_up
ask publisher <<'SQL'
ALTER TABLE orders ATTACH PARTITION orders_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO orders VALUES (4, '2026-04-04', 'new');
UPDATE orders SET state = 'changed';
SQL
caught_up
count="SELECT count(*) || ' rows, ' || count(*) FILTER (WHERE state = 'changed') || ' changed' FROM orders"
first="$(ask publisher -c "$count")"
second="$(ask subscriber -c "$count"): $(ask subscriber -c "SELECT string_agg(id::text, ' ' ORDER BY id) FROM orders")"
ask subscriber -c "ALTER SUBSCRIPTION s REFRESH PUBLICATION"
for _ in $(seq 300); do ready && break; sleep 0.1; done
caught_up
third="$(ask subscriber -c "$count"): $(ask subscriber -c "SELECT string_agg(id::text, ' ' ORDER BY id) FROM orders")"
errors=$(ask subscriber -c "SELECT apply_error_count || ' ' || sync_error_count FROM pg_stat_subscription_stats")
lines=$(grep -ciE 'warning|error|missing|conflict|skip' log || true)
ask subscriber -c "ALTER SUBSCRIPTION s DISABLE" -c "DROP SUBSCRIPTION s" 2>/dev/null
printf '%-32s  %s\n' "at the publisher" "$first" "at the subscriber" "$second" "after REFRESH PUBLICATION" "$third" \
  "apply errors, sync errors" "$errors" "lines of the log about it" "$lines"
[ "$first" = "4 rows, 4 changed" ]
[ "$second" = "2 rows, 2 changed: 1 4" ]
[ "$third" = "$second" ]
[ "$errors $lines" = "0 0 0" ]
