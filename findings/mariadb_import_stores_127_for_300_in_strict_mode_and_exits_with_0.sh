#!/usr/bin/env bash
# `LOAD DATA LOCAL` and `mariadb-import --local` store 127 for 300, 12 for "12abc", "abc" for "abcdef", key 0 for "foo", and leave a row out. Exit 0.
#
# MariaDB 10.11.x (Debian 12), sql_mode as installed, with STRICT_TRANS_TABLES. A good guess: strict mode refuses what does not fit, as it does for INSERT,
# and for LOAD DATA of a file on the server. With LOCAL the server takes the file as if IGNORE had been said, for it cannot stop the client in the midst:
# every error is a warning, also a duplicate key and a row with too few cells. `mariadb` in batch mode prints no warnings; mariadb-import counts them
# in one line on stdout.
# For many queries: a file that was loaded "in strict mode" has other numbers than the table, and only a count of warnings tells. Load into a table of
# texts, or without LOCAL, or run SHOW WARNINGS and compare counts.
#
# Output seen, for `t (id int primary key, n tinyint not null, v varchar(3) not null)` and a file with the rows 1 12abc x / 2 300 abcdef / 2 5 dup / 4 / foo 1 y:
#   LOAD DATA                exit 1   0 rows: ERROR 1265 (01000) Data truncated for column 'n'
#   INSERT of 300            exit 1   0 rows: ERROR 1264 (22003) Out of range value for column 'n'
#   LOAD DATA LOCAL          exit 0   4 rows: (0,1,y) (1,12,x) (2,127,abc) (4,0,)
#   mariadb-import --local   exit 0   4 rows: (0,1,y) (1,12,x) (2,127,abc) (4,0,)
#   mariadb-import           exit 1   0 rows
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
daemon=$(PATH=$PATH:/usr/sbin command -v mariadbd) || { echo "install the Debian package mariadb-server"; exit 2; }
"$daemon" --no-defaults --version | grep -q ' 10\.11\.' || { echo "another version than 10.11:"; "$daemon" --no-defaults --version; exit 2; }
folder=$(mktemp -d)
as=(env)
if [ "$(id -u)" = 0 ]; then as=(runuser -u nobody -- env); chown nobody "$folder"; fi
pid=
trap '[ -z "$pid" ] || { kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; }; cd /; rm -rf "$folder"' EXIT
"${as[@]}" mariadb-install-db --no-defaults --datadir="$folder/data" --auth-root-authentication-method=normal --skip-test-db \
  --tmpdir="$folder" >/dev/null 2>&1
"${as[@]}" "$daemon" --no-defaults --datadir="$folder/data" --socket="$folder/s" --skip-networking --pid-file="$folder/pid" \
  --tmpdir="$folder" --local-infile=1 --secure-file-priv="" >"$folder/log" 2>&1 &
pid=$!
for _ in $(seq 300); do [ -S "$folder/s" ] && break; kill -0 "$pid" || { cat "$folder/log"; exit 2; }; sleep 0.1; done
cd "$folder"
client=(mariadb --no-defaults --socket="$folder/s" -u root --local-infile=1 -N -B)
printf '1\t12abc\tx\n2\t300\tabcdef\n2\t5\tdup\n4\nfoo\t1\ty\n' >t.txt
chmod a+r t.txt
"${client[@]}" -e "SELECT @@sql_mode" | grep -q STRICT_TRANS_TABLES
"${client[@]}" -e "CREATE DATABASE d; CREATE TABLE d.t (id int PRIMARY KEY, n tinyint NOT NULL, v varchar(3) NOT NULL)"
seen=()
try() {
    local name=$1 code=0 rows
    shift
    "${client[@]}" -e "DELETE FROM d.t"
    "$@" >out 2>&1 || code=1
    rows=$("${client[@]}" -e "SELECT count(*), 'rows:', group_concat(concat('(', id, ',', n, ',', v, ')') ORDER BY id SEPARATOR ' ') FROM d.t" | tr '\t' ' ')
    seen+=("$code $rows")
    printf '%-23s  exit %s   %s   %s\n' "$name" "$code" "$rows" "$(grep -o '^ERROR.*column .n.' out || true)"
}
import=(mariadb-import --no-defaults --socket="$folder/s" -u root)
try "LOAD DATA" "${client[@]}" -e "LOAD DATA INFILE '$folder/t.txt' INTO TABLE d.t"
try "INSERT of 300" "${client[@]}" -e "INSERT INTO d.t VALUES (2, 300, 'a')"
try "LOAD DATA LOCAL" "${client[@]}" -e "LOAD DATA LOCAL INFILE '$folder/t.txt' INTO TABLE d.t"
try "mariadb-import --local" "${import[@]}" --local d "$folder/t.txt"
try "mariadb-import" "${import[@]}" d "$folder/t.txt"
taken="0 4 rows: (0,1,y) (1,12,x) (2,127,abc) (4,0,)"
[ "$(printf '%s|' "${seen[@]}")" = "1 0 rows: NULL|1 0 rows: NULL|$taken|$taken|1 0 rows: NULL|" ]
