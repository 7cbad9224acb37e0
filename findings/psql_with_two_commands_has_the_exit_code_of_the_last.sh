#!/usr/bin/env bash
# psql: `psql -c 'select 1/0'` exits with 1; `psql -c 'select 1/0' -c 'select 1'` with 0. And `\g |gzip` that fails does not stop ON_ERROR_STOP.
#
# psql 15.x (Debian 12). A good guess: -c, unlike a script, fails with exit code 1, also with two of them, as each is a transaction of its own that must
# succeed. All are run, and only the last one counts, or the last -f. `-v ON_ERROR_STOP=1` makes psql stop at the first. But that setting knows only
# errors of the server and of some commands: a result for a program that fails (`\g |program`, `\o |program`), a shell command (`\!`) and an \if of a
# variable that is not set (taken as false) let the script go on, and its exit code is 0. `\copy to program` and the option `-o '|program'` do fail.
# The program `./late` reads all that it is given, and fails then. (One that ends before psql has written is a broken pipe, which psql may see and report.)
# For checks and exports in CI: `psql -c "$check" -c "$report"` is green when the check failed, and so is an export of which `\g |gzip >file` was cut.
#
# Output seen:
#   -c bad                            exit 1
#   -c bad -c good                    exit 0
#   -c good -c bad                    exit 1
#   -f bad.sql -c good                exit 0
#   the same, ON_ERROR_STOP           exit 3
#   ON_ERROR_STOP, \g |./late         exit 0, goes on
#   ON_ERROR_STOP, \o |./late         exit 0, goes on
#   ON_ERROR_STOP, \! false           exit 0, goes on
#   ON_ERROR_STOP, \if :unset         exit 0, goes on
#   ON_ERROR_STOP, \copy to program   exit 3
# Exits with 1 if one of these changes. Needs postgresql-15 (15.x); the server listens in a temporary folder only, on a unix socket.
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
"$bin/psql" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/psql" --version; exit 2; }
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres

seen=()
run() { # name, arguments of psql; the script is read from stdin if there is no command
    local name=$1 code=0
    shift
    "$bin/psql" -X -q -A -t "$@" >out 2>err || code=$?
    local end=
    if grep -q '^goes on$' out; then end=', goes on'; fi
    seen+=("exit $code$end")
    printf '%-32s  %s\n' "$name" "exit $code$end"
}
script() { # name, lines of the script; a line behind them tells whether they were passed
    local name=$1
    shift
    printf '%s\n' "$@" "\\o" "select 'goes on';" >script.sql
    run "$name" -v ON_ERROR_STOP=1 -f script.sql
}
echo 'select 1/0;' >bad.sql
printf '%s\n' '#!/bin/sh' 'cat >/dev/null' 'exit 1' >late
chmod +x late
run "-c bad" -c 'select 1/0'
run "-c bad -c good" -c 'select 1/0' -c 'select 1'
run "-c good -c bad" -c 'select 1' -c 'select 1/0'
run "-f bad.sql -c good" -f bad.sql -c 'select 1'
run "the same, ON_ERROR_STOP" -v ON_ERROR_STOP=1 -f bad.sql -c 'select 1'
script 'ON_ERROR_STOP, \g |./late' 'select 1 \g |./late'
script 'ON_ERROR_STOP, \o |./late' '\o |./late' 'select 1;'
script 'ON_ERROR_STOP, \! false' '\! false'
script 'ON_ERROR_STOP, \if :unset' '\if :unset' 'select 1/0;' '\endif'
script 'ON_ERROR_STOP, \copy to program' "\\copy (select 1) to program 'false'"
went='exit 0, goes on'
[ "${seen[*]}" = "exit 1 exit 0 exit 1 exit 0 exit 3 $went $went $went $went exit 3" ]
