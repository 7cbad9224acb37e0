#!/usr/bin/env bash
# A dump whose end is missing: psql stores half of the last row, `mariadb` the rows so far, sqlite3 nothing. All three print no error and exit with 0.
#
# PostgreSQL 15.x, MariaDB 10.11.x, SQLite 3.40.1 (Debian 12). A good guess: a file that ends in the midst of a statement is an error, at least for psql with
# ON_ERROR_STOP and --single-transaction. The end of the file is also the end of the data of a COPY: psql sends what it has, the cut row included
# if its text still has all columns, and commits. mariadb runs a statement at the end of the file without its `;`, which is valid if the file was cut
# behind a row. A dump of SQLite is one transaction, whose COMMIT is missing: with `sqlite3 -bail` the database is empty afterwards.
# For restores and copies (`pg_dump | ssh | psql` whose left side died, a full disk): look for the last line of the dump, "PostgreSQL database dump
# complete" or "Dump completed", and count rows. The formats of pg_restore (custom, directory) are checked and fail.
#
# Output seen, for a table of 1,000 rows `N, 'text number N'`:
#   dump                                  exit code   rows   last row
#   psql, ON_ERROR_STOP, -1               0            481   481 text num
#   mariadb                               0            400   400 text number 400
#   sqlite3 -bail                         0              0
#   pg_restore of the custom format       1              0
# Exits with 1 if one of these changes. The servers listen on unix sockets in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
my=
trap '[ -z "$my" ] || { kill "$my" 2>/dev/null || true; wait "$my" 2>/dev/null || true; }; as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres
daemon=$(PATH=$PATH:/usr/sbin command -v mariadbd) || { echo "install the Debian packages mariadb-server and sqlite3"; exit 2; }
"$daemon" --no-defaults --version | grep -q ' 10\.11\.' || { echo "another version than 10.11:"; "$daemon" --no-defaults --version; exit 2; }
command -v sqlite3 >/dev/null || { echo "install the Debian package sqlite3"; exit 2; }
as mariadb-install-db --no-defaults --datadir="$folder/my" --auth-root-authentication-method=normal --skip-test-db --tmpdir="$folder" >/dev/null 2>&1
if [ "$(id -u)" = 0 ]; then other=(runuser -u nobody -- env); else other=(env); fi
"${other[@]}" "$daemon" --no-defaults --datadir="$folder/my" --socket="$folder/s" --skip-networking --pid-file="$folder/pid" --tmpdir="$folder" \
  >"$folder/mylog" 2>&1 &
my=$!
for _ in $(seq 300); do [ -S "$folder/s" ] && break; kill -0 "$my" || { cat "$folder/mylog"; exit 2; }; sleep 0.1; done
maria=(mariadb --no-defaults --socket="$folder/s" -u root -N -B)

series="WITH RECURSIVE g (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < 1000)"
table="CREATE TABLE t (id int PRIMARY KEY, body text)"
"$bin/psql" -X -q -c "$table" -c "$series INSERT INTO t SELECT n, 'text number ' || n FROM g"
"$bin/createdb" new
"$bin/createdb" restored
"${maria[@]}" -e "CREATE DATABASE old; CREATE DATABASE new; USE old; $table; INSERT INTO t $series SELECT n, concat('text number ', n) FROM g"
sqlite3 old.db "$table; $series INSERT INTO t SELECT n, 'text number ' || n FROM g"
"$bin/pg_dump" >pg.sql
"$bin/pg_dump" -Fc >pg.custom
mariadb-dump --no-defaults --socket="$folder/s" -u root old >my.sql
sqlite3 old.db .dump >lite.sql
python3 - <<'PY'
for name, end in (("pg", "481\ttext num"), ("my", "400,'text number 400')"), ("lite", "VALUES(700,'text number 700');\n")):
    text = open(f"{name}.sql").read()
    open(f"{name}.cut", "w").write(text[: text.index(end) + len(end)])
whole = open("pg.custom", "rb").read()
open("pg.custom.cut", "wb").write(whole[: len(whole) // 2])
PY
seen=()
try() { # name, the query of the restored table, the command
    local name=$1 ask=$2 code=0 rows
    shift 2
    "$@" >out 2>error || code=$?
    [ "$code" != 0 ] || [ ! -s error ] || { cat error; exit 1; }
    rows=$($ask 2>/dev/null) || rows=0
    rows=${rows% }
    seen+=("$code $rows")
    printf '%-40s  %s   %s\n' "$name" "$code" "$rows"
}
look="SELECT count(*) AS n, coalesce((SELECT concat(id, ' ', body) FROM t ORDER BY id DESC LIMIT 1), '') AS l FROM t"
in_psql() { "$bin/psql" -X -A -t -F ' ' -d "$1" -c "$look"; }
in_maria() { "${maria[@]}" new -e "$look" | tr '\t' ' '; }
in_sqlite() { sqlite3 new.db "SELECT count(*) FROM t"; }
try "psql, ON_ERROR_STOP, -1" "in_psql new" "$bin/psql" -X -1 -v ON_ERROR_STOP=1 -d new -f pg.cut
try "mariadb" in_maria bash -c "mariadb --no-defaults --socket='$folder/s' -u root new <my.cut"
try "sqlite3 -bail" in_sqlite bash -c "sqlite3 -bail new.db <lite.cut"
try "pg_restore of the custom format" "in_psql restored" "$bin/pg_restore" -e -d restored pg.custom.cut
[ "${seen[*]}" = "0 481 481 text num 0 400 400 text number 400 0 0 1 0" ]
