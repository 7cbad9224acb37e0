#!/usr/bin/env bash
# `VACUUM t` by a role without the right prints VACUUM, exits with 0, and says nothing at all if the role's `client_min_messages` is error.
#
# PostgreSQL 15.x (Debian 12), psql. A good guess: what a role may not do is an error. VACUUM and ANALYZE skip the table with a WARNING, and a role (or a
# database) may have a setting with which the server does not send warnings. Then nothing distinguishes a table that was vacuumed from one that was
# not, but its counter in pg_stat_user_tables. vacuumdb sets nothing either. A client has to set client_min_messages itself, and to read what comes.
#
# Output seen:
#   with warnings:     exit 0, VACUUM, WARNING:  skipping "t" --- only table or database owner can vacuum it
#   without warnings:  exit 0, VACUUM,
#   vacuumdb:          exit 0
#   vacuum_count:      0
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
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
export PGHOST=$folder PGDATABASE=postgres
psql -X -q -U postgres -c "CREATE TABLE t AS SELECT g FROM generate_series(1, 100) AS g" -c "CREATE ROLE quiet LOGIN"

vacuum() {
    local code=0
    psql -X -U quiet -c "VACUUM t" >out 2>err || code=$?
    echo "exit $code, $(cat out), $(cat err)"
}
loud=$(vacuum)
psql -X -q -U postgres -c "ALTER ROLE quiet SET client_min_messages = error"
silent=$(vacuum)
tool=0
vacuumdb -q -U quiet -t t postgres >out 2>err || tool=$?
count=$(psql -X -A -t -U postgres -c "SELECT vacuum_count FROM pg_stat_user_tables WHERE relname = 't'")
printf '%s\n' "with warnings:     $loud" "without warnings:  $silent" "vacuumdb:          exit $tool$(cat err)" "vacuum_count:      $count"
[ "$loud" = 'exit 0, VACUUM, WARNING:  skipping "t" --- only table or database owner can vacuum it' ]
[ "$silent" = "exit 0, VACUUM, " ]
[ "$tool$(cat err)" = 0 ]
[ "$count" = 0 ]
