#!/usr/bin/env bash
# `information_schema.tables.create_time` in MariaDB: RENAME, ADD COLUMN and CREATE INDEX set it, ANALYZE does not.
#
# MariaDB 10.11.x (Debian 12). A good guess: a table that was created an hour ago keeps its time of creation through RENAME, so tools that tell
# tables apart by name and create_time notice a swap (RENAME TABLE t TO o, n TO t) by an older time. MariaDB shows the time at which the definition
# (the .frm file) was changed last: after the swap both tables are "created" in the same second, the second of the RENAME, as after any ALTER TABLE.
# EXCHANGE PARTITION, which replaces all rows of a partition, changes no create_time at all, neither of the table nor of the partition.
#
# Output seen:
#   ADD COLUMN           changed
#   CREATE INDEX         changed
#   ANALYZE TABLE        same
#   RENAME swap          changed, and the same as that of the other table
#   EXCHANGE PARTITION   same
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
daemon=$(PATH=$PATH:/usr/sbin command -v mariadbd) || { echo "install the Debian package mariadb-server"; exit 2; }
"$daemon" --no-defaults --version | grep -q ' 10\.11\.' || { echo "another version than 10.11:"; "$daemon" --no-defaults --version; exit 2; }
folder=$(mktemp -d)
as=(env)
if [ "$(id -u)" = 0 ]; then as=(runuser -u nobody -- env); chown nobody "$folder"; fi
pid=
trap '[ -z "$pid" ] || { kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; }; cd /; rm -rf "$folder"' EXIT
"${as[@]}" mariadb-install-db --no-defaults --datadir="$folder/data" --auth-root-authentication-method=normal --skip-test-db \
  --tmpdir="$folder" >/dev/null 2>&1
"${as[@]}" "$daemon" --no-defaults --datadir="$folder/data" --socket="$folder/s.sock" --skip-networking --pid-file="$folder/pid" \
  --tmpdir="$folder" >"$folder/log" 2>&1 &
pid=$!
for _ in $(seq 300); do [ -S "$folder/s.sock" ] && break; kill -0 "$pid" || { cat "$folder/log"; exit 2; }; sleep 0.1; done

ask() { mariadb --no-defaults --socket="$folder/s.sock" -uroot -N -B -e "$1" "${2:-d}"; }
created() { ask "select create_time from information_schema.tables where table_schema = 'd' and table_name = '$1'"; }
ask "create database d" mysql
ask "create table t (id int primary key); create table n (id int primary key);
     create table p (id int primary key) partition by range (id) (partition p1 values less than (10)); insert into n values (1)"
found=
after() {
  local before now
  before=$(created "$2")
  sleep 1.1
  ask "$3" >/dev/null
  now=$(created "$2")
  local word=same
  [ "$before" = "$now" ] || word=changed
  [ "$1" != "RENAME swap" ] || [ "$now" != "$(created o)" ] || word="$word, and the same as that of the other table"
  printf '%-20s %s\n' "$1" "$word"
  found="$found$word;"
}
after "ADD COLUMN" t "alter table t add v int"
after "CREATE INDEX" t "create index i on t (v)"
after "ANALYZE TABLE" t "analyze table t"
after "RENAME swap" t "rename table t to o, n to t"
ask "create table x (id int primary key); insert into x values (5)"
after "EXCHANGE PARTITION" p "alter table p exchange partition p1 with table x"
[ "$(ask "select count(*) from p")" = 1 ]
[ "$found" = "changed;changed;same;changed, and the same as that of the other table;same;" ]
