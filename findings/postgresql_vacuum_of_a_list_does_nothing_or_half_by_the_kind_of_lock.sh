#!/usr/bin/env bash
# `VACUUM a, b, c` while `b` is locked, with a lock_timeout: by the mode of the lock, either nothing is done or `a` is. The error is the same.
#
# PostgreSQL 15.x (Debian postgresql-15). A good guess: each table of the list has its own transaction, so what stands before the locked table is
# done. That is so for SHARE UPDATE EXCLUSIVE (another VACUUM or ANALYZE, CREATE INDEX CONCURRENTLY). But the server opens all names first, with ACCESS
# SHARE: an ACCESS EXCLUSIVE lock (ALTER TABLE, TRUNCATE) on one table keeps the whole list from being begun. ANALYZE of a list does the same.
# For scripts with lists: after an error, only the counters in pg_stat_user_tables say which tables were done.
#
# Output seen (tables done of a, b, c):
#   VACUUM   SHARE UPDATE EXCLUSIVE  canceling statement due to lock timeout  a
#   VACUUM   ACCESS EXCLUSIVE        canceling statement due to lock timeout  -
#   ANALYZE  SHARE UPDATE EXCLUSIVE  canceling statement due to lock timeout  a
#   ANALYZE  ACCESS EXCLUSIVE        canceling statement due to lock timeout  -
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
"${as[@]}" "$bin/pg_ctl" -D "$folder/pg" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
sql() { "$bin/psql" -qXAt -h "$folder" -U postgres "$@"; }
sql -c 'create table a (id int); create table b (id int); create table c (id int)'
for command in VACUUM ANALYZE; do
  for mode in 'SHARE UPDATE EXCLUSIVE' 'ACCESS EXCLUSIVE'; do
    sql -c 'select pg_stat_reset()' >/dev/null
    sql -c "begin; lock table b in $mode mode; select pg_sleep(30)" >/dev/null 2>&1 &
    locker=$!
    until [ "$(sql -c "select count(*) from pg_locks where relation = 'b'::regclass and granted")" = 1 ]; do sleep 0.05; done
    error=$(sql -c "set lock_timeout = '200ms'" -c "$command a, b, c" 2>&1 | sed -n 's/^ERROR:  //p') || true
    sql -c "select pg_terminate_backend(pid) from pg_locks where relation = 'b'::regclass and granted" >/dev/null
    wait "$locker" || true
    done_=$(sql -c "select coalesce(string_agg(relname, ' ' order by relname), '-') from pg_stat_user_tables where vacuum_count + analyze_count > 0")
    printf '%-8s %-23s %s  %s\n' "$command" "$mode" "$error" "$done_"
  done
done | tee seen
cat > expected <<'TEXT'
VACUUM   SHARE UPDATE EXCLUSIVE  canceling statement due to lock timeout  a
VACUUM   ACCESS EXCLUSIVE        canceling statement due to lock timeout  -
ANALYZE  SHARE UPDATE EXCLUSIVE  canceling statement due to lock timeout  a
ANALYZE  ACCESS EXCLUSIVE        canceling statement due to lock timeout  -
TEXT
diff expected seen
