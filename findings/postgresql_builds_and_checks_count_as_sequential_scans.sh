#!/usr/bin/env bash
# PostgreSQL: CREATE INDEX and the check of a constraint count as sequential scans of the table.
#
# Version: Debian's postgresql-15 (15.x). The manual calls pg_stat_user_tables.seq_scan the "number of sequential scans
# initiated on this table", and lists of missing indexes rank tables by it. A good guess is that queries make the number.
# Each CREATE INDEX adds one, with all rows in seq_tup_read, and so does the check of the rows by ADD CHECK.
# Indexes that were built on the empty table count too, so seq_tup_read / seq_scan is below the size of the table:
#
#   after 3 indexes on the empty table:     seq_scan 3, seq_tup_read 0
#   after CREATE INDEX with 1000 rows:      seq_scan 4, seq_tup_read 1000
#   after ADD CHECK:                        seq_scan 5, seq_tup_read 2000
#   after SELECT count(*):                  seq_scan 6, seq_tup_read 3000
#
# Needs: postgresql-15 and postgresql-client-15. The server listens on a unix socket in a temporary folder only.
set -eu
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
work=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
[ "$(id -u)" != 0 ] || chown nobody "$work"
cd "$work"
trap 'as "$bin/pg_ctl" -D "$work/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$work"' EXIT
as "$bin/initdb" -D "$work/data" -U postgres -A trust --locale=C >/dev/null
as "$bin/pg_ctl" -D "$work/data" -w -l "$work/log" -o "-c listen_addresses='' -c unix_socket_directories='$work' -c autovacuum=off" start >/dev/null
version=$(as "$bin/postgres" --version)
case "$version" in *" 15."*) ;; *) echo "needs version 15, found $version"; exit 2;; esac
echo "$version"
run() { "$bin/psql" -X -A -t -q -h "$work" -U postgres postgres -c "$1" >/dev/null; }
seen=""
look() { # each psql is a session of its own, which sends its counts when it ends
  local found
  found=$("$bin/psql" -X -A -t -q -F ' ' -h "$work" -U postgres postgres -c \
    "select seq_scan, seq_tup_read from pg_stat_user_tables where relname = 't'")
  echo "after $1: seq_scan ${found% *}, seq_tup_read ${found#* }"
  seen="$seen$found;"
}
run "create table t (a int, b int, c int)"
run "create index on t (a)"; run "create index on t (b)"; run "create index on t (c)"
look "3 indexes on the empty table"
run "insert into t select i, i, i from generate_series(1, 1000) i"
run "create index on t (a, b)"
look "CREATE INDEX with 1000 rows"
run "alter table t add constraint positive check (a > 0)"
look "ADD CHECK"
run "select count(*) from t where a + b > 0"
look "SELECT count(*)"
[ "$seen" = "3 0;4 1000;5 2000;6 3000;" ]
