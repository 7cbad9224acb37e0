#!/usr/bin/env bash
# pgloader: one value out of range and none of the rows of its table arrives, exit 0; so does a wrong password for MySQL; a tinyint(1) of 2 and -1 is true.
#
# pgloader 3.6.9 of Debian 12 (it calls itself 3.6.7~devel), PostgreSQL 15.x, MariaDB 10.11.x, SQLite 3.40.1. A good guess: rejected rows go to reject.dat and
# the others are loaded, as its manual says for data errors, or the exit code tells that a table is empty. From a database it sends COPY, an error of which is
# counted as 1, with "rows 0" in the summary; there is no reject file, --on-error-stop changes nothing, and the exit code is 0. Only an error before the load
# (no such file, no server of PostgreSQL) gives 1. `int` of SQLite, which has 64 bits, becomes integer. tinyint(1) of MySQL becomes boolean by default,
# whatever is in it; `tinyint(2)` stays a number.
# For migrations: count the rows of both sides; say `CAST type tinyint to smallint drop typemod`, and cast SQLite's int to bigint.
#
# Output seen:
#   source                                        exit   rows there   rows here
#   sqlite table, one int is 3000000000           0      3            0
#   the same with --on-error-stop                 0      3            0
#   sqlite table without such a value             0      3            3
#   mysql, the right password                     0      3            3
#   mysql, a wrong password                       0      3            no table
#   postgresql that is not there                  1      3            no table
#   status 2 0 -1 of tinyint(1) is                true false true
# Exits with 1 if one of these changes. The servers listen on 127.0.0.1 and in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
command -v pgloader >/dev/null && command -v sqlite3 >/dev/null || { echo "install the Debian packages pgloader and sqlite3"; exit 2; }
dpkg-query -W -f '${Version}' pgloader | grep -q '^3\.6\.9' || { echo "another version than 3.6.9"; exit 2; }
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
my=
trap '[ -z "$my" ] || { kill "$my" 2>/dev/null || true; wait "$my" 2>/dev/null || true; }; as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres
daemon=$(PATH=$PATH:/usr/sbin command -v mariadbd) || { echo "install the Debian packages mariadb-server"; exit 2; }
"$daemon" --no-defaults --version | grep -q ' 10\.11\.' || { echo "another version than 10.11:"; "$daemon" --no-defaults --version; exit 2; }
as mariadb-install-db --no-defaults --datadir="$folder/my" --auth-root-authentication-method=normal --skip-test-db --tmpdir="$folder" >/dev/null 2>&1
if [ "$(id -u)" = 0 ]; then other=(runuser -u nobody -- env); else other=(env); fi
"${other[@]}" "$daemon" --no-defaults --datadir="$folder/my" --socket="$folder/s" --port="$port" --bind-address=127.0.0.1 --pid-file="$folder/pid" --tmpdir="$folder" \
  >"$folder/mylog" 2>&1 &
my=$!
for _ in $(seq 300); do [ -S "$folder/s" ] && break; kill -0 "$my" || { cat "$folder/mylog"; exit 2; }; sleep 0.1; done

mariadb --no-defaults --socket="$folder/s" -u root -e "CREATE DATABASE shop; USE shop; CREATE TABLE items (id int PRIMARY KEY, status tinyint(1));
  INSERT INTO items VALUES (1, 2), (2, 0), (3, -1); CREATE USER reader@'%' IDENTIFIED BY 'secret'; GRANT ALL ON shop.* TO reader@'%';
  CREATE USER reader@localhost IDENTIFIED BY 'secret'; GRANT ALL ON shop.* TO reader@localhost"
sqlite3 wide.db "create table orders (id integer primary key, n int); insert into orders values (1, 5), (2, 3000000000), (3, 7)"
sqlite3 narrow.db "create table orders (id integer primary key, n int); insert into orders values (1, 5), (2, 6), (3, 7)"
seen=()
load() { # what is shown, the table, the command
    local name=$1 table=$2 code=0 rows
    shift 2
    "$bin/psql" -X -q -c "DROP TABLE IF EXISTS orders" -c "DROP SCHEMA IF EXISTS shop CASCADE" 2>/dev/null
    HOME=$folder timeout 60 pgloader -q --root-dir "$folder/pgloader" "$@" >out 2>&1 || code=$?
    rows=$("$bin/psql" -X -At -c "SELECT count(*) FROM $table" 2>/dev/null) || rows="no table"
    seen+=("$code $rows")
    printf '%-44s  %-5s  %-11s  %s\n' "$name" "$code" 3 "$rows"
}
here="postgresql://postgres@unix:$folder:5432/postgres"
load "sqlite table, one int is 3000000000" orders "sqlite://$folder/wide.db" "$here"
load "the same with --on-error-stop" orders --on-error-stop "sqlite://$folder/wide.db" "$here"
load "sqlite table without such a value" orders "sqlite://$folder/narrow.db" "$here"
load "mysql, the right password" shop.items "mysql://reader:secret@127.0.0.1:$port/shop" "$here"
states=$("$bin/psql" -X -At -c "SELECT string_agg(status::text, ' ' ORDER BY id) FROM shop.items")
load "mysql, a wrong password" shop.items "mysql://reader:wrong@127.0.0.1:$port/shop" "$here"
load "postgresql that is not there" orders "sqlite://$folder/narrow.db" "postgresql://postgres@127.0.0.1:1/postgres"
echo "status 2 0 -1 of tinyint(1) is                $states"
[ "$(printf '%s|' "${seen[@]}")" = "0 0|0 0|0 3|0 3|0 no table|1 no table|" ]
[ "$states" = "true false true" ]
