#!/usr/bin/env bash
# `pg_dump -t orders -t ordesr` writes one table, says nothing and exits with 0. `-t ordesr` alone is an error, as it is for vacuumdb, reindexdb and mariadb-dump.
#
# PostgreSQL 15.x, MariaDB 10.11.x for comparison (Debian 12; pg_dump 18.4 does the same). A good guess: each pattern has to match something, as the error for a
# single one shows. pg_dump only fails if all patterns together match nothing; -n, -T and --exclude-table-data are of that kind, so the data of a table that was
# to be left out are in the dump. `-t Orders` is `orders`, and with -t the option -n has no effect. --strict-names makes an error of -t and -n that match nothing,
# but not of --exclude-table-data and -T.
# For nightly backups: the name that was mistyped, or renamed by a migration, is missed at the restore. Use --strict-names, and count `pg_restore -l`.
#
# Output seen (tables orders, secrets and archive.old):
#   options                                       exit   tables   with data
#   -t ordesr                                     1      0        0
#   -t orders -t ordesr                           0      1        1
#   -t orders -t ordesr --strict-names            1      0        0
#   -n public -n archiv                           0      2        2
#   -n archive -t orders                          0      1        1
#   --exclude-table-data=secret                   0      3        3
#   --exclude-table-data=secret --strict-names    0      3        3
#   -T secret --strict-names                      0      3        3
#   mariadb-dump orders ordesr                    6      0        0
# Exits with 1 if one of these changes. The servers listen on unix sockets in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
command -v mariadbd >/dev/null || { echo "install the Debian package mariadb-server"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
maria=
stop() {
    as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true
    [ -z "$maria" ] || { kill "$maria"; wait "$maria" || true; } 2>/dev/null
    cd /; rm -rf "$folder"
}
trap stop EXIT
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres
"$bin/psql" -X -q -c "create schema archive" -c "create table orders as select 1 as id" -c "create table secrets as select 1 as id" \
    -c "create table archive.old as select 1 as id"
as mariadb-install-db --no-defaults --datadir="$folder/maria" --auth-root-authentication-method=normal >/dev/null 2>&1
as mariadbd --no-defaults --datadir="$folder/maria" --socket="$folder/my.sock" --skip-networking --pid-file="$folder/my.pid" >mylog 2>&1 &
for _ in $(seq 150); do mariadb-admin --no-defaults -S "$folder/my.sock" -u root ping >/dev/null 2>&1 && break; sleep 0.2; done
maria=$(cat my.pid)
mariadb --no-defaults -S "$folder/my.sock" -u root -e "create database d; create table d.orders as select 1 as id; create table d.secrets as select 1 as id"
dump() { # the name, the command
    local name=$1 code=0
    shift
    "$@" >out 2>errors || code=$?
    printf '%-46s%-7s%-9s%s\n' "$name" "$code" "$(grep -c '^CREATE TABLE' out || true)" "$(grep -cE '^(COPY|INSERT)' out || true)"
}
{
    for options in "-t ordesr" "-t orders -t ordesr" "-t orders -t ordesr --strict-names" "-n public -n archiv" "-n archive -t orders" \
        "--exclude-table-data=secret" "--exclude-table-data=secret --strict-names" "-T secret --strict-names"; do
        # shellcheck disable=SC2086 # the options are words
        dump "$options" "$bin/pg_dump" $options
    done
    dump "mariadb-dump orders ordesr" mariadb-dump --no-defaults -S "$folder/my.sock" -u root d orders ordesr
} | tee seen
diff - seen <<'TEXT'
-t ordesr                                     1      0        0
-t orders -t ordesr                           0      1        1
-t orders -t ordesr --strict-names            1      0        0
-n public -n archiv                           0      2        2
-n archive -t orders                          0      1        1
--exclude-table-data=secret                   0      3        3
--exclude-table-data=secret --strict-names    0      3        3
-T secret --strict-names                      0      3        3
mariadb-dump orders ordesr                    6      0        0
TEXT
