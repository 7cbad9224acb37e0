#!/usr/bin/env bash
# pg_repack: a table without a key, a schema that does not exist, and a database without the extension are left out, and it exits with 0.
#
# pg_repack 1.4.8 of Debian 12 (package postgresql-15-repack) on PostgreSQL 15.x. A good guess: what was named and not done is an error, as it is for a table
# that does not exist (21). A table without a primary key or a unique index over NOT NULL columns is a line with WARNING, also if it was named by --table, and
# a schema without tables of that name is nothing at all. --all skips databases that lack the extension with a line INFO; the same database alone is an
# error. The bloated table that the nightly job is for may never have been touched.
# For nightly jobs: read the output for WARNING and "skipped", and compare pg_class.relfilenode before and after.
#
# Output seen:
#   command                            exit   relfilenode of the table   output
#   --table=with_key                   0      new                        INFO: repacking table "public.with_key"
#   --table=without_key                0      the same                   WARNING: relation "public.without_key" must have a primary key or not-null unique keys
#   --schema=nosuch                    0      the same
#   --table=nosuch                     21     the same                   ERROR: pg_repack failed with error: ERROR:  relation "nosuch" does not exist
#   --all                              0      the same                   INFO: database "bare" skipped: pg_repack 1.4.8 is not installed in the database
#   --dbname=bare                      21     the same                   ERROR: pg_repack failed with error: pg_repack 1.4.8 is not installed in the database
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
repack=$(ls "$bin/pg_repack" /usr/bin/pg_repack 2>/dev/null | head -n 1)
[ -n "$repack" ] || { echo "install the Debian package postgresql-15-repack"; exit 2; }
"$repack" --version | grep -q '1\.4\.8' || { echo "another version than 1.4.8:"; "$repack" --version; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres

ask() { "$bin/psql" -X -q -At -v ON_ERROR_STOP=1 "$@"; }
"$bin/createdb" bare
ask -d bare -c "CREATE TABLE t (id int PRIMARY KEY)"
ask -c "CREATE EXTENSION pg_repack" -c "CREATE TABLE with_key (id int PRIMARY KEY)" -c "CREATE TABLE without_key (id int UNIQUE)"
seen=()
repack() { # the line that counts, the database and the table that are looked at, the options
    local look=$1 database=$2 table=$3 code=0 before after line
    shift 3
    before=$(ask -d "$database" -c "SELECT relfilenode FROM pg_class WHERE oid = '$table'::regclass")
    "$repack" "$@" >out 2>&1 || code=$?
    after=$(ask -d "$database" -c "SELECT relfilenode FROM pg_class WHERE oid = '$table'::regclass")
    [ "$before" = "$after" ] && after="the same" || after=new
    line=$(grep "$look" out | head -n 1 || true)
    seen+=("$code $after ${line%%:*}")
    printf '%-33s  %-5s  %-25s  %s\n' "$*" "$code" "$after" "$line"
}
repack repacking postgres with_key --table=with_key
repack WARNING postgres without_key --table=without_key
repack . postgres with_key --schema=nosuch
repack ERROR postgres with_key --table=nosuch
repack '"bare" skipped' bare t --all
repack ERROR bare t --dbname=bare
expected="0 new INFO|0 the same WARNING|0 the same |21 the same ERROR|0 the same INFO|21 the same ERROR|"
[ "$(printf '%s|' "${seen[@]}")" = "$expected" ]
