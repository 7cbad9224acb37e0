#!/usr/bin/env bash
# pgBackRest: a backup that finds a page with a wrong checksum exits with 0, counts as the full backup to keep, and the last good one is expired for it.
#
# pgBackRest 2.45 and PostgreSQL 15.x (Debian 12). A good guess: a backup that validates page checksums fails if one is wrong, as pg_basebackup does
# (exit 1), or at least is not taken for the backup that retention counts. It is a WARN on stderr and "error(s) detected during backup" in `info`, with
# "status: ok" above it; `check` and `verify` look at the archive and at the repository, not at the pages, and are green too. With
# repo1-retention-full=1 the next line of the log expires the backup in which the page was whole.
# For nightly jobs: after each backup read `info --output=json` and refuse "error": true, or run pg_checksums or pg_dump beside it; keep more than one.
#
# Output seen, one byte of a page changed between the two backups:
#   backup 1                       exit 0
#   pg_basebackup, pg_dump         exit 1 1
#   check                          exit 0
#   backup 2                       exit 0, 1 warning of a page checksum
#   info                           exit 0, status: ok
#   verify                         exit 0
#   backups that are left          1, error: true
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
command -v pgbackrest >/dev/null || { echo "install the Debian package pgbackrest"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C --data-checksums >/dev/null
as mkdir repo log lock spool
cat >conf <<CONF
[global]
repo1-path=$folder/repo
repo1-retention-full=1
log-path=$folder/log
lock-path=$folder/lock
spool-path=$folder/spool
start-fast=y
[main]
pg1-path=$folder/data
pg1-socket-path=$folder
pg1-user=postgres
CONF
start() {
    as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/server.log" -o "-c listen_addresses='' -c unix_socket_directories='$folder' -c autovacuum=off \
        -c archive_mode=on -c archive_command='pgbackrest --config=$folder/conf --stanza=main archive-push %p'" start >/dev/null
}
start
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres
sql() { "$bin/psql" -X -q -At -v ON_ERROR_STOP=1 "$@"; }
code=0
run() { code=0; "$@" >out 2>errors || code=$?; }
rest() { run as pgbackrest --config="$folder/conf" --stanza=main "$@"; }
rest stanza-create
sql -c "create table t (id int primary key, v text)" -c "insert into t select n, 'v' from generate_series(1, 10000) n"
show() { printf '%-31s%s\n' "$1" "$2"; }
{
    rest backup --type=full
    show "backup 1" "exit $code"
    file=$folder/data/$(sql -c "select pg_relation_filepath('t')")
    as "$bin/pg_ctl" -D "$folder/data" -m fast -w stop >/dev/null
    printf X | dd of="$file" bs=1 seek=$((3 * 8192 + 5000)) conv=notrunc status=none
    start
    run "$bin/pg_basebackup" -D copy -c fast
    base=$code
    run "$bin/pg_dump" -t t
    show "pg_basebackup, pg_dump" "exit $base $code"
    rest check
    show "check" "exit $code"
    rest backup --type=full
    show "backup 2" "exit $code, $(grep -c 'invalid page checksum' errors) warning of a page checksum"
    rest info
    show "info" "exit $code, $(grep -o 'status: [a-z]*' out)"
    rest verify
    show "verify" "exit $code"
    rest info --output=json
    show "backups that are left" "$(python3 -c 'import json; b = json.load(open("out"))[0]["backup"]; print(str(len(b)) + ", error: " + str(b[0]["error"]).lower())')"
} | tee seen
diff - seen <<'TEXT'
backup 1                       exit 0
pg_basebackup, pg_dump         exit 1 1
check                          exit 0
backup 2                       exit 0, 1 warning of a page checksum
info                           exit 0, status: ok
verify                         exit 0
backups that are left          1, error: true
TEXT
