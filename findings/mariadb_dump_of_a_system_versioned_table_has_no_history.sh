#!/usr/bin/env bash
# mariadb-dump of a table WITH SYSTEM VERSIONING writes the rows of today, the copy has no history, and `as of` a past time finds them at no time. Exit 0.
#
# MariaDB and mariadb-dump 10.11.x (Debian 12). A good guess: a dump has all rows, or says what it leaves out; the table it creates is WITH SYSTEM VERSIONING
# again. Deleted rows and older versions are gone, and those that are there begin at the time of the restore: a question for yesterday has an empty
# answer. --single-transaction makes no difference. --dump-history keeps everything; the restore then needs
# system_versioning_insert_history, which the dump sets itself.
# For backups of tables that have to prove what was known when: --dump-history, and compare count(*) FOR SYSTEM_TIME ALL.
#
# Output seen, two rows, of which one was changed and one deleted:
#                           exit   rows now   all versions   rows before the change
#   the table                      1          4              2
#   mariadb-dump            0      1          1              0
#   --single-transaction    0      1          1              0
#   --dump-history          0      1          4              2
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
command -v mariadbd >/dev/null || { echo "install the Debian package mariadb-server"; exit 2; }
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
as mariadb-install-db --no-defaults --datadir="$folder/data" --auth-root-authentication-method=normal >/dev/null 2>&1
as mariadbd --no-defaults --datadir="$folder/data" --socket="$folder/my.sock" --skip-networking --pid-file="$folder/pid" >log 2>&1 &
maria() { mariadb --no-defaults -N -S "$folder/my.sock" -u root "$@"; }
for _ in $(seq 150); do maria -e "select 1" >/dev/null 2>&1 && break; sleep 0.2; done
server=$(cat pid)
maria -e "create database d; use d; create table t (id int primary key, v int) with system versioning; insert into t values (1, 1), (2, 2)"
sleep 0.1
moment=$(maria -e "select now(6)")
sleep 0.1
maria d -e "update t set v = v + 10; delete from t where id = 2"
look() { # the name, the exit code, the database
    printf '%-24s%-7s%-11s%-15s%s\n' "$1" "$2" "$(maria "$3" -e "select count(*) from t")" "$(maria "$3" -e "select count(*) from t for system_time all")" \
        "$(maria "$3" -e "select count(*) from t for system_time as of '$moment'")"
}
{
    look "the table" "" d
    for option in "" --single-transaction --dump-history; do
        code=0
        # shellcheck disable=SC2086 # no option is no word
        mariadb-dump --no-defaults -S "$folder/my.sock" -u root $option d >dump.sql || code=$?
        maria -e "create or replace database copy"
        maria copy <dump.sql
        look "${option:-mariadb-dump}" "$code" copy
    done
} | tee seen
diff - seen <<'TEXT'
the table                      1          4              2
mariadb-dump            0      1          1              0
--single-transaction    0      1          1              0
--dump-history          0      1          4              2
TEXT
