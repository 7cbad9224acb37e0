#!/usr/bin/env bash
# pt-online-schema-change: `modify name varchar(2)` cuts 'Ann' to 'An', '12abc' becomes 12, 'gone' of an enum ''. "Successfully altered", exit 0.
#
# pt-online-schema-change 3.2.1 (Debian 12, package percona-toolkit) on MariaDB 10.11.x in its default, strict mode. A good guess: what ALTER TABLE refuses ("Data
# too long", "Data truncated") the tool refuses too, as it does for a number out of range (1264, exit 11), or the rows that do not fit are counted. It copies
# with INSERT IGNORE, which turns these errors into warnings, and lets warning 1265 (Data truncated) pass. Then it swaps the tables and drops the old one, so
# the texts are gone. Its check of foreign keys, unique keys and triggers has nothing to say about it; --dry-run copies no rows and is green.
# For changes of types on live tables: count the rows that do not fit first, e.g. char_length(name) > 2, or keep the old table (--no-drop-old-table).
#
# Output seen:
#   change                                 row    ALTER TABLE   pt-online-schema-change   row after it
#   name varchar(9) to varchar(2)          Ann    error 1265    exit 0                    An
#   name varchar(9) to int                 12abc  error 1292    exit 0                    12
#   name enum('kept', 'gone') to ('kept')  gone   error 1265    exit 0
#   name int to tinyint                    300    error 1264    exit 11                   300
# Exits with 1 if one of these changes. The server listens on 127.0.0.1 only.
set -euo pipefail
command -v mariadbd >/dev/null || { echo "install the Debian package mariadb-server"; exit 2; }
command -v pt-online-schema-change >/dev/null || { echo "install the Debian package percona-toolkit"; exit 2; }
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
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
as mariadb-install-db --no-defaults --datadir="$folder/data" --auth-root-authentication-method=normal >/dev/null 2>&1
as mariadbd --no-defaults --datadir="$folder/data" --socket="$folder/my.sock" --bind-address=127.0.0.1 --port="$port" --pid-file="$folder/pid" >log 2>&1 &
maria() { mariadb --no-defaults -S "$folder/my.sock" -u root "$@"; }
for _ in $(seq 150); do maria -e "select 1" >/dev/null 2>&1 && break; sleep 0.2; done
server=$(cat pid)
maria -e "create database d"
change() { # the change in words, the old type, the new type, the value
    local plain code=0
    maria d -e "drop table if exists t, u; create table t (id int primary key, name $2); insert into t values (1, '$4'); create table u like t; insert into u select * from t"
    plain=$(maria d -e "alter table u modify name $3" 2>&1 | sed -n 's/^ERROR \([0-9]*\).*/error \1/p') || true
    pt-online-schema-change --alter "modify name $3" "h=127.0.0.1,P=$port,u=root,D=d,t=t" --execute --recursion-method none >out 2>&1 </dev/null || code=$?
    printf '%-39s%-7s%-14s%-26s%s\n' "$1" "$4" "$plain" "exit $code" "$(maria -N d -e 'select name from t')" | sed 's/ *$//'
}
{
    change "name varchar(9) to varchar(2)" "varchar(9)" "varchar(2)" Ann
    change "name varchar(9) to int" "varchar(9)" int 12abc
    change "name enum('kept', 'gone') to ('kept')" "enum('kept', 'gone')" "enum('kept')" gone
    change "name int to tinyint" int tinyint 300
} | tee seen
diff - seen <<'TEXT'
name varchar(9) to varchar(2)          Ann    error 1265    exit 0                    An
name varchar(9) to int                 12abc  error 1292    exit 0                    12
name enum('kept', 'gone') to ('kept')  gone   error 1265    exit 0
name int to tinyint                    300    error 1264    exit 11                   300
TEXT
