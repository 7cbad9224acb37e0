#!/usr/bin/env bash
# pgbench: half of the transactions fail, and it exits with 0; a `:word` inside a text literal is replaced, so that 'ratio 1:scale' is stored as 'ratio 11'.
#
# PostgreSQL 15.x (Debian 12). A good guess: a failed transaction is counted and the exit code tells, as it is 2 for an error of another kind; and text between
# quotes stays as it is, as in psql. Serialization failures and deadlocks are "failed transactions" from 15 on, without --max-tries none is tried again, and the
# exit code is 0. Variables are replaced in the text of the command without a look at quotes or comments: scale, client_id, random_seed and
# default_seed are always set. With -M extended or prepared the same script is an error: the literal holds $1, and the server knows of no parameter.
# For load tests: tps counts only what succeeded, and a harness that looks at the exit code takes a run for good that has done half of its work.
#
# Output seen:
#   4 clients, 50 SERIALIZABLE updates each of one row   exit 0   failed: 128   the row: 72
#   the same with --max-tries=0 -T 2                     exit 0   failed: 0
#   INSERT INTO texts VALUES ('ratio 1:scale');, -M simple: exit 0, stored: ratio 11
#   INSERT INTO texts VALUES ('ratio 1:scale');, -M prepared: exit 2, stored: nothing
#   INSERT INTO texts VALUES ('ratio 1:other');, -M simple: exit 0, stored: ratio 1:other
#   INSERT INTO texts VALUES ('x') /* by :scale */;, -M prepared: exit 2, stored: nothing
# Exits with 1 if one of these changes; the number of failures differs by run. The server listens on a unix socket in a temporary folder only.
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

"$bin/psql" -X -q -c "CREATE TABLE one (a int)" -c "INSERT INTO one VALUES (0)" -c "CREATE TABLE texts (v text)"
cat >update.sql <<'SQL'
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT a FROM one;
UPDATE one SET a = a + 1;
COMMIT;
SQL
bench() { # options; sets code, done and failed
    code=0
    "$bin/pgbench" -n "$@" >out 2>error || code=$?
    done=$(sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p' out)
    failed=$(sed -n 's/^number of failed transactions: \([0-9]*\).*/\1/p' out)
}
bench -f update.sql -c 4 -j 2 -t 50
row=$("$bin/psql" -X -At -c "SELECT a FROM one")
echo "4 clients, 50 SERIALIZABLE updates each of one row   exit $code   failed: $failed   the row: $row"
[ "$code" = 0 ] && [ "$failed" -gt 0 ] && [ "$((done + failed))" = 200 ] && [ "$row" = "$done" ]
bench -f update.sql -c 4 -j 2 --max-tries=0 -T 2
echo "the same with --max-tries=0 -T 2                     exit $code   failed: $failed"
[ "$code $failed" = "0 0" ]

insert() { # the command, the mode
    "$bin/psql" -X -q -c "TRUNCATE texts"
    echo "$1" >insert.sql
    bench -f insert.sql -t 1 -M "$2"
    stored=$("$bin/psql" -X -At -c "SELECT v FROM texts")
    echo "$1, -M $2: exit $code, stored: ${stored:-nothing}"
    result="$code $stored"
}
insert "INSERT INTO texts VALUES ('ratio 1:scale');" simple
[ "$result" = "0 ratio 11" ]
insert "INSERT INTO texts VALUES ('ratio 1:scale');" prepared
[ "$result" = "2 " ]
insert "INSERT INTO texts VALUES ('ratio 1:other');" simple
[ "$result" = "0 ratio 1:other" ]
insert "INSERT INTO texts VALUES ('x') /* by :scale */;" prepared
[ "$result" = "2 " ]
