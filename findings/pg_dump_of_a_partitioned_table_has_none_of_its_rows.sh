#!/usr/bin/env bash
# `pg_dump -t orders` of a partitioned table writes its definition, no row and no partition, and exits with 0.
#
# PostgreSQL 15.x (Debian 12); 18.4 gives the same. A good guess: a dump of a table can be restored to the same table, and leaving a table out leaves its
# rows out. For pg_dump a partition is a table of its own, and a pattern means only the tables whose names match. So -t takes the parent without the
# partitions, and --exclude-table-data and -T take away the parent, which has no rows, and leave the partitions, which have. TRUNCATE, COPY FROM, ANALYZE and
# a publication take the parent for all of it. A restored parent has no partition, so that its first INSERT fails: no partition of relation found for row.
# For copies of single tables: the day on which a table is partitioned empties its nightly dump, and personal rows that were to be left out are in it.
# From 16 on there are --table-and-children, --exclude-table-and-children and --exclude-table-data-and-children; before, name all: `-t orders -t 'orders_*'`.
#
# Output seen, for `orders` with two partitions of one row each:
#   option                             exit code   COPY of         rows
#   -t orders                          0           (none)          0
#   -t orders -t orders_*              0           both            2
#   --exclude-table-data=orders        0           both            2
#   -T orders                          0           both            2
#   --exclude-table-data=orders_*      0           (none)          0
#   restored from -t orders            count 0, INSERT: no partition of relation "orders" found for row
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
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres

"$bin/psql" -X -q <<'SQL'
CREATE TABLE orders (id int, day date) PARTITION BY RANGE (day);
CREATE TABLE orders_2025 PARTITION OF orders FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE orders_2026 PARTITION OF orders FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO orders VALUES (1, '2025-05-05'), (2, '2026-06-06');
SQL
seen=()
dump() {
    local code=0 rows copied
    "$bin/pg_dump" "$@" >dump.sql 2>error || code=$?
    [ ! -s error ] || { cat error; exit 1; }
    rows=$(grep -cP '^[12]\t' dump.sql || true)
    copied=$(grep -c '^COPY' dump.sql || true)
    [ "$copied" = 2 ] && copied=both || copied="($([ "$copied" = 0 ] && echo none || echo "$copied"))"
    seen+=("$code $copied $rows")
    printf '%-33s  %-10s  %-14s  %s\n' "$*" "$code" "$copied" "$rows"
}
dump -t orders
"$bin/createdb" restored
"$bin/psql" -X -q -v ON_ERROR_STOP=1 -d restored -f dump.sql >/dev/null
dump -t orders -t 'orders_*'
dump --exclude-table-data=orders
dump -T orders
dump '--exclude-table-data=orders_*'
count=$("$bin/psql" -X -At -d restored -c "SELECT count(*) FROM orders")
error=$("$bin/psql" -X -d restored -c "INSERT INTO orders VALUES (3, '2026-07-07')" 2>&1 | sed -n 's/^ERROR: *//p') || true
echo "restored from -t orders            count $count, INSERT: $error"
[ "${seen[*]}" = "0 (none) 0 0 both 2 0 both 2 0 both 2 0 (none) 0" ]
[ "$count $error" = '0 no partition of relation "orders" found for row' ]
