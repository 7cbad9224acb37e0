#!/usr/bin/env bash
# PostgreSQL: ten times as many updates of one row, in one transaction, take about a hundred times as long.
#
# Version: Debian's postgresql-15 (15.x); 18.4 does the same. A good guess: an update by primary key costs the same each time, and one
# transaction for many is the fast way. Dead versions of a row can be removed only when the transaction that made them has ended, so each
# update of a counter in one transaction walks over all versions that came before it. With a COMMIT after each update it stays linear.
# For many queries: put a row that many parameter sets change (a counter, a balance) into small transactions, or add up first.
#
# Output seen (the seconds vary, the factor is what counts):
#   one transaction:   2000 updates 0.19 s, 20000 updates 12.15 s, factor 63
#   a commit for each: 2000 updates 0.11 s, 20000 updates 0.72 s, factor 6
# Exits with 1 if the first factor is below 25 or the second above 20. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder' -c fsync=off" start >/dev/null
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }

ask() { "$bin/psql" -X -A -t -q -h "$folder" -U postgres postgres -c "$1"; }
ask "create table t (id int primary key, n int)"
ask "create procedure work(times int, commits boolean) language plpgsql as \$\$ begin
  for i in 1..times loop
    update t set n = n + 1 where id = 1;
    if commits then commit; end if;
  end loop; end \$\$"
seconds() { # times, commits
  ask "truncate t"; ask "insert into t values (1, 0)"
  local before after
  before=$(date +%s%N); ask "call work($1, $2)"; after=$(date +%s%N)
  [ "$(ask "select n from t")" = "$1" ] || exit 1
  echo $(((after - before) / 1000))
}
measure() { # commits
  local few=0 many one
  for _ in 1 2 3; do one=$(seconds 2000 "$1"); [ "$few" != 0 ] && [ "$one" -gt "$few" ] || few=$one; done
  many=$(seconds 20000 "$1")
  echo "$few $many $((many / few))"
}
say() { awk -v what="$1" -v few="$2" -v many="$3" -v factor="$4" \
  'BEGIN { printf "%s 2000 updates %.2f s, 20000 updates %.2f s, factor %d\n", what, few / 1e6, many / 1e6, factor }'; }
read -r few many together <<<"$(measure false)"
say "one transaction:  " "$few" "$many" "$together"
read -r few many apart <<<"$(measure true)"
say "a commit for each:" "$few" "$many" "$apart"
[ "$together" -ge 25 ] && [ "$apart" -le 20 ]
