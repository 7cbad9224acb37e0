#!/usr/bin/env bash
# VACUUM counts a table as vacuumed before it comes to its TOAST table, and SKIP_LOCKED leaves that one out without a word.
#
# PostgreSQL 15.x (Debian postgresql-15). A good guess: a skipped table has a WARNING (`skipping vacuum of "t" --- lock not available`), and
# vacuum_count and last_vacuum move when VACUUM has ended. But for a TOAST table whose lock is not free (autovacuum is at work on it) there is no
# message, and the statistics of the table say that it was vacuumed. So they do after a VACUUM that failed in the TOAST table, where most of the
# dead rows may be.
# For scripts: compare pg_stat_all_tables.last_vacuum of the table with that of pg_class.reltoastrelid.
#
# Output seen (what the server said, vacuum_count of the table, of its TOAST table, and dead rows there):
#   SKIP_LOCKED   VACUUM                                          1 0 51
#   lock_timeout  canceling statement due to lock timeout         1 0 51
#   free          VACUUM                                          1 1 0
# Exits with 1 if it changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as=(env)
if [ "$(id -u)" = 0 ]; then as=(runuser -u nobody -- env); chown nobody "$folder"; fi
trap '"${as[@]}" "$bin/pg_ctl" -D "$folder/pg" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
cd "$folder"
"${as[@]}" "$bin/initdb" -D "$folder/pg" -U postgres -A trust -E UTF8 --locale=C >/dev/null
"${as[@]}" "$bin/pg_ctl" -D "$folder/pg" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder' -c autovacuum=off" start >/dev/null
sql() { "$bin/psql" -XAt -h "$folder" -U postgres "$@"; }
one() {
  local name=$1 locked=$2 limits=$3 command=$4 locker= said
  sql -q -c 'drop table if exists t' -c 'create table t (id int, v text)' -c 'alter table t alter v set storage external' \
    -c "insert into t select g, repeat('x', 5000) from generate_series(1, 50) as g" -c 'delete from t where id <= 17' 2>/dev/null
  toast=$(sql -c "select reltoastrelid::regclass from pg_class where oid = 't'::regclass")
  if [ "$locked" = yes ]; then
    sql -q -c "begin; reindex table $toast; select pg_sleep(30)" >/dev/null 2>&1 &
    locker=$!
    until [ "$(sql -c "select count(*) from pg_locks where relation = '$toast'::regclass and mode = 'ShareLock' and granted")" = 1 ]; do sleep 0.05; done
  fi
  said=$(sql -c "$limits" -c "$command" 2>&1 | grep -v '^SET$' | sed 's/^ERROR:  //') || true
  if [ -n "$locker" ]; then
    sql -c "select pg_terminate_backend(pid) from pg_locks where relation = '$toast'::regclass and granted" >/dev/null
    wait "$locker" || true
  fi
  counts=$(sql -F ' ' -c "select t.vacuum_count, o.vacuum_count, o.n_dead_tup from pg_stat_all_tables as t, pg_stat_all_tables as o
    where t.relid = 't'::regclass and o.relid = '$toast'::regclass")
  printf '%-13s %-47s %s\n' "$name" "$said" "$counts"
}
{
  one SKIP_LOCKED yes 'set lock_timeout = 0' 'VACUUM (SKIP_LOCKED) t'
  one lock_timeout yes "set lock_timeout = '200ms'" 'VACUUM t'
  one free no 'set lock_timeout = 0' 'VACUUM (SKIP_LOCKED) t'
} | tee seen
cat > expected <<'TEXT'
SKIP_LOCKED   VACUUM                                          1 0 51
lock_timeout  canceling statement due to lock timeout         1 0 51
free          VACUUM                                          1 1 0
TEXT
diff expected seen
