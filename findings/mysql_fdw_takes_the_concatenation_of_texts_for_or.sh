#!/usr/bin/env bash
# mysql_fdw: `where name || '' = 'ann'` finds rows of other names, `n / 2 = 3` none, length() counts bytes: PostgreSQL's WHERE is run by MariaDB as it is written.
#
# mysql_fdw 2.8.0 (package postgresql-15-mysql-fdw), PostgreSQL 15.x, MariaDB 10.11.x (Debian 12). A good guess: a condition is sent to the other server only
# if it means the same there, as postgres_fdw does, and is checked again here. In fact operators and functions are sent by their names: || is OR in
# MariaDB, / of integers has a fraction, = and LIKE go by MariaDB's collation, length counts bytes, and nothing is checked afterwards. Which conditions are
# sent depends on the query, so that the same one gives another answer in a CTE that is materialized, and a join by such a column may fail with
# "mergejoin input data is out of order".
# For many queries: DELETE and UPDATE with such a WHERE change other rows. Compare EXPLAIN VERBOSE, "Remote query", or copy first and ask then.
#
# Output seen, ids of the rows (1 ann 7), (2 ANN 8), (3 Zoë 12), of the foreign table, and of the same rows in a materialized CTE:
#   where                        sent            in PostgreSQL
#   name || '' = 'ann'           1 2 3           1
#   name = 'ann'                 1 2             1
#   length(name) = 3             1 2             1 2 3
#   n / 2 = 3                    (none)          1
#   n / 5 = 1                    (none)          1 2
#   name <> 'ann'                3               2 3
#   count(distinct name)         2               3
# and DELETE WHERE name || '' = 'ann' deletes 3 rows. Exits with 1 if one of these changes. The servers listen on 127.0.0.1 and in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
[ -r /usr/share/postgresql/15/extension/mysql_fdw.control ] || { echo "install the Debian package postgresql-15-mysql-fdw"; exit 2; }
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
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
daemon=$(PATH=$PATH:/usr/sbin command -v mariadbd) || { echo "install the Debian packages mariadb-server"; exit 2; }
"$daemon" --no-defaults --version | grep -q ' 10\.11\.' || { echo "another version than 10.11:"; "$daemon" --no-defaults --version; exit 2; }
as mariadb-install-db --no-defaults --datadir="$folder/my" --auth-root-authentication-method=normal --skip-test-db --tmpdir="$folder" >/dev/null 2>&1
if [ "$(id -u)" = 0 ]; then other=(runuser -u nobody -- env); else other=(env); fi
"${other[@]}" "$daemon" --no-defaults --datadir="$folder/my" --socket="$folder/s" --port="$port" --bind-address=127.0.0.1 --pid-file="$folder/pid" --tmpdir="$folder" \
  >"$folder/mylog" 2>&1 &
my=$!
for _ in $(seq 300); do [ -S "$folder/s" ] && break; kill -0 "$my" || { cat "$folder/mylog"; exit 2; }; sleep 0.1; done

mariadb --no-defaults --socket="$folder/s" -u root --default-character-set=utf8mb4 -e "CREATE DATABASE d CHARACTER SET utf8mb4; USE d;
  CREATE TABLE t (id int PRIMARY KEY, name varchar(20), n int); INSERT INTO t VALUES (1, 'ann', 7), (2, 'ANN', 8), (3, 'Zoë', 12);
  CREATE USER reader@'%' IDENTIFIED BY 'secret'; GRANT ALL ON d.* TO reader@'%'; CREATE USER reader@localhost IDENTIFIED BY 'secret'; GRANT ALL ON d.* TO reader@localhost"
ask() { "$bin/psql" -X -q -A -t -v ON_ERROR_STOP=1 -c "$1"; }
"$bin/psql" -X -q -v ON_ERROR_STOP=1 <<SQL
CREATE EXTENSION mysql_fdw;
CREATE SERVER other FOREIGN DATA WRAPPER mysql_fdw OPTIONS (host '127.0.0.1', port '$port', character_set 'utf8mb4');
CREATE USER MAPPING FOR postgres SERVER other OPTIONS (username 'reader', password 'secret');
CREATE FOREIGN TABLE t (id int, name text, n int) SERVER other OPTIONS (dbname 'd', table_name 't');
SQL
[ "$(ask "SELECT mysql_fdw_version()")" = 20800 ] || { echo "another version than 2.8.0"; exit 2; }
seen=()
compare() { # what is shown, the expression of the answer, the condition
    local there here
    there=$(ask "SELECT $2 FROM t WHERE $3")
    here=$(ask "WITH c AS MATERIALIZED (SELECT id, name, n FROM t) SELECT $2 FROM c WHERE $3")
    seen+=("${there:-(none)}" "${here:-(none)}")
    printf '%-27s  %-14s  %s\n' "$1" "${there:-(none)}" "${here:-(none)}"
}
ids="string_agg(id::text, ' ' ORDER BY id)"
for where in "name || '' = 'ann'" "name = 'ann'" "length(name) = 3" "n / 2 = 3" "n / 5 = 1" "name <> 'ann'"; do
    compare "$where" "$ids" "$where"
done
compare "count(distinct name)" "count(DISTINCT name)" "n > 0"
ask "EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM t WHERE name || '' = 'ann'" | grep 'Remote query'
ask "DELETE FROM t WHERE name || '' = 'ann'"
left=$(ask "SELECT count(*) FROM t")
echo "rows left after DELETE      $left"
[ "$(printf '%s|' "${seen[@]}")" = "1 2 3|1|1 2|1|1 2|1 2 3|(none)|1|(none)|1 2|3|2 3|2|3|" ]
[ "$left" = 0 ]
