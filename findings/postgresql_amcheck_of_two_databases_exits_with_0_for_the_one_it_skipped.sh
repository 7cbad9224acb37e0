#!/usr/bin/env bash
# `pg_amcheck -d a -d b` exits with 0 if it checked b and skipped a, which lacks the extension; for a alone it exits with 1.
#
# PostgreSQL 15.x (Debian 12). A good guess: a tool that looks for corruption does not succeed for a database that it did not look at, least of all one
# that was named. A database without the extension amcheck is skipped with a warning on stderr. Only if no database at all is left is it an error.
# Without --install-missing, `pg_amcheck --all` in a nightly job is green after somebody creates a new database.
#
# Output seen:
#   a (no extension):  exit 1
#   b:                 exit 0
#   a and b:           exit 0  pg_amcheck: warning: skipping database "a": amcheck is not installed
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/pg_amcheck" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as=(env)
if [ "$(id -u)" = 0 ]; then as=(runuser -u nobody -- env); chown nobody "$folder"; fi
trap '"${as[@]}" "$bin/pg_ctl" -D "$folder/pg" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
cd "$folder"
"${as[@]}" "$bin/initdb" -D "$folder/pg" -U postgres -A trust -E UTF8 --locale=C >/dev/null
"${as[@]}" "$bin/pg_ctl" -D "$folder/pg" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres
psql -X -q -c "CREATE DATABASE a" -c "CREATE DATABASE b"
psql -X -q -d b -c "CREATE EXTENSION amcheck" -c "CREATE TABLE t AS SELECT 1 AS a"

check() {
    local code=0
    "$bin/pg_amcheck" "$@" >out 2>err || code=$?
    echo "exit $code"
}
first=$(check -d a)
second=$(check -d b)
both=$(check -d a -d b)
printf '%s\n' "a (no extension):  $first" "b:                 $second" "a and b:           $both  $(cat err)"
[ "$first" = "exit 1" ]
[ "$second" = "exit 0" ]
[ "$both  $(cat err)" = 'exit 0  pg_amcheck: warning: skipping database "a": amcheck is not installed' ]
