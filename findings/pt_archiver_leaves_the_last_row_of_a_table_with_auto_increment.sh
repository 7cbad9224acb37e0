#!/usr/bin/env bash
# pt-archiver --purge --where "1=1" leaves one row in a table with AUTO_INCREMENT, and none in one without it. Exit 0, no message.
#
# pt-archiver 3.2.1 (Debian 12, package percona-toolkit) on MariaDB 10.11.x. A good guess: all rows that match are purged, or the row that is kept is one that
# cannot be the answer of --where. --safe-auto-increment is on by default: the row with the greatest key is never touched, whatever --where says, since older
# servers gave its number again after a restart (MariaDB keeps the counter since 10.2.4). --statistics and --dry-run do not say so either: the latter shows
# an `id < 5` in the SELECT. With --dest, the last row is missing in the copy. The next run leaves it again, as long as no newer row comes in.
# For deletions that must be complete (a customer's rows, a table that ends): --no-safe-auto-increment, and count the rows afterwards.
#
# Output seen, for five rows each:
#   table                                   exit   rows left    rows in --dest
#   id int auto_increment                   0      5            1 2 3 4
#   the same, once more                     0      5
#   --no-safe-auto-increment                0                   1 2 3 4 5
#   id int                                  0                   1 2 3 4 5
#   auto_increment, where v = 'the last'    0      1 2 3 4 5
# Exits with 1 if one of these changes. The server listens on 127.0.0.1 only.
set -euo pipefail
command -v mariadbd >/dev/null || { echo "install the Debian package mariadb-server"; exit 2; }
command -v pt-archiver >/dev/null || { echo "install the Debian package percona-toolkit"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
server=
stop() {
    [ -z "$server" ] || { kill "$server"; while kill -0 "$server"; do sleep 0.1; done; } 2>/dev/null
    cd /; rm -rf "$folder"
}
trap stop EXIT
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
as mariadb-install-db --no-defaults --datadir="$folder/data" --auth-root-authentication-method=normal >/dev/null 2>&1
as mariadbd --no-defaults --datadir="$folder/data" --socket="$folder/my.sock" --bind-address=127.0.0.1 --port="$port" --pid-file="$folder/pid" >log 2>&1 &
maria() { mariadb --no-defaults -N -S "$folder/my.sock" -u root "$@"; }
for _ in $(seq 150); do maria -e "select 1" >/dev/null 2>&1 && break; sleep 0.2; done
server=$(cat pid)
maria -e "create database d"
ids() { maria d -e "select coalesce(group_concat(id order by id separator ' '), '') from $1"; }
fill() { # the column of the key
    maria d -e "drop table if exists t, copy; create table t ($1 primary key, v varchar(9)); create table copy (id int primary key, v varchar(9));
        insert into t values (1, ''), (2, ''), (3, ''), (4, ''), (5, 'the last')"
}
archive() { # the name, --where, further options
    local name=$1 where=$2 code=0
    shift 2
    maria d -e "truncate copy"
    pt-archiver --source "h=127.0.0.1,P=$port,u=root,D=d,t=t" --dest "h=127.0.0.1,P=$port,u=root,D=d,t=copy" --no-check-charset --where "$where" "$@" >out 2>&1 </dev/null || code=$?
    [ ! -s out ] || cat out
    printf '%-40s%-7s%-13s%s\n' "$name" "$code" "$(ids t)" "$(ids copy)" | sed 's/ *$//'
}
{
    fill "id int auto_increment"
    archive "id int auto_increment" "1=1"
    archive "the same, once more" "1=1"
    fill "id int auto_increment"
    archive "--no-safe-auto-increment" "1=1" --no-safe-auto-increment
    fill "id int"
    archive "id int" "1=1"
    fill "id int auto_increment"
    archive "auto_increment, where v = 'the last'" "v = 'the last'"
} | tee seen
diff - seen <<'TEXT'
id int auto_increment                   0      5            1 2 3 4
the same, once more                     0      5
--no-safe-auto-increment                0                   1 2 3 4 5
id int                                  0                   1 2 3 4 5
auto_increment, where v = 'the last'    0      1 2 3 4 5
TEXT
