#!/usr/bin/env bash
# pt-table-sync: the row ('x#', 'y') equals ('x', '#y'), so nothing is done, exit 0. A double is written with 15 digits, so each run changes it again.
#
# pt-table-sync 3.2.1 (Debian 12, package percona-toolkit) on MariaDB 10.11.x. A good guess: a checksum of rows finds every difference but one in 2^32,
# and after --execute the tables are equal. The checksum is CRC32 of CONCAT_WS('#', columns), and a '#' in a text is not escaped: the texts of two neighbouring
# columns that end and begin with it look the same, each time (--separator only moves this). A double goes through Perl, which writes 15 digits, so the
# copy gets a number that neither side had; exit 2, "rows differed", for ever. A float is compared by the six digits of the server's text.
# For comparing copies: compare the columns, or hex(a), hex(b); floating-point columns with "+ 0e0".
#
# Output seen:
#   rows                                    run 1    run 2    run 3    the copy after it
#   'x#', 'y' and 'x', '#y'                 exit 0   exit 0   exit 0   x, #y
#   'x#', 'y' and 'x', 'y'                  exit 2   exit 0   exit 0   x#, y
#   double: 0.1 + 0.2 and 0.4               exit 2   exit 2   exit 2   0.30000000000000000 instead of 0.30000000000000004
#   float: 16777216 and 16777215            exit 0   exit 0   exit 0   16777215 instead of 16777216
# Exits with 1 if one of these changes. The server listens on 127.0.0.1 only.
set -euo pipefail
command -v mariadbd >/dev/null || { echo "install the Debian package mariadb-server"; exit 2; }
command -v pt-table-sync >/dev/null || { echo "install the Debian package percona-toolkit"; exit 2; }
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
maria -e "create database one; create database copy"
look() { # the rows in words, the columns, the values of one, of the copy, what to read
    local codes="" code
    for side in one copy; do maria $side -e "drop table if exists t; create table t (id int primary key, $2)"; done
    maria -e "insert into one.t values (1, $3); insert into copy.t values (1, $4)"
    for _ in 1 2 3; do
        code=0
        pt-table-sync --execute --no-check-triggers --no-check-slave "h=127.0.0.1,P=$port,u=root,D=one,t=t" "h=127.0.0.1,P=$port,u=root,D=copy,t=t" >out 2>&1 </dev/null || code=$?
        codes+="exit $code   "
    done
    printf '%-40s%s%s\n' "$1" "$codes" "$(maria -N copy -e "select $5 from t")"
}
{
    look "'x#', 'y' and 'x', '#y'" "a varchar(9), b varchar(9)" "'x#', 'y'" "'x', '#y'" "concat(a, ', ', b)"
    look "'x#', 'y' and 'x', 'y'" "a varchar(9), b varchar(9)" "'x#', 'y'" "'x', 'y'" "concat(a, ', ', b)"
    look "double: 0.1 + 0.2 and 0.4" "x double" "1e-1 + 2e-1" "4e-1" "concat(format(x, 17), ' instead of ', (select format(x, 17) from one.t))"
    look "float: 16777216 and 16777215" "x float" "16777216" "16777215" "concat(truncate(x + 0e0, 0), ' instead of ', (select truncate(x + 0e0, 0) from one.t))"
} | tee seen
diff - seen <<'TEXT'
'x#', 'y' and 'x', '#y'                 exit 0   exit 0   exit 0   x, #y
'x#', 'y' and 'x', 'y'                  exit 2   exit 0   exit 0   x#, y
double: 0.1 + 0.2 and 0.4               exit 2   exit 2   exit 2   0.30000000000000000 instead of 0.30000000000000004
float: 16777216 and 16777215            exit 0   exit 0   exit 0   16777215 instead of 16777216
TEXT
