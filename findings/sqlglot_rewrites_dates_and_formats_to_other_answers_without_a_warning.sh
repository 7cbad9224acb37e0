#!/usr/bin/env bash
# sqlglot: 3 pm becomes "03:04 AM", an hour less the day before, 1 December 20261131 when a query is transpiled. It parses, it runs, no warning.
#
# sqlglot 30.30.0, PostgreSQL 15.x, MariaDB 10.11.x (Debian 12), DuckDB 2.0.1. A good guess: what cannot be said in the other dialect is a warning, or an
# error with unsupported_level=RAISE, as it is for many functions. Formats are mapped by a table of words, and a word that is not in it (AM, Mon, Q, MS)
# stays as text; a word that is in it as a part of another is replaced there (the D of Day). A date written as text is cast to DATE before hours are taken
# from it. Of arithmetic with dates, lengths of varchar, numbers of days of the week and the flag of regexp_replace nothing is translated.
# For many queries: tests that only parse the output, or compare row counts, are green. Run both and compare the answers.
#
# Output seen:
#   from   to      query                                                    answer there           answer of the rewritten query
#   pg     duckdb  to_char(timestamp '2026-11-09 15:04:05', 'HH12:MI AM')   03:04 PM               03:04 AM
#   pg     duckdb  to_char(timestamp '2026-11-09 15:04:05', 'DD Mon YYYY')  09 Nov 2026            09 Mon 2026
#   pg     duckdb  to_char(timestamp '2026-11-09 15:04:05', 'FMDay')        Monday                 FM1ay
#   pg     duckdb  extract(second from timestamp '2026-01-01 00:00:01.5')   1.500000               1
#   pg     duckdb  substring('hello' from -1 for 4)                         he                     o
#   pg     duckdb  'abc'::varchar(2)                                        ab                     abc
#   pg     maria   date '2026-11-30' + 1                                    2026-12-01             20261131
#   pg     maria   date_trunc('week', timestamp '2026-11-29 10:00:00')      2026-11-23 00:00:00    2026-11-29 00:00:00
#   pg     maria   regexp_replace('aaa', 'a', 'b')                          baa                    bbb
#   maria  duckdb  date_sub('2026-03-31 10:00:00', interval 1 hour)         2026-03-31 09:00:00    2026-03-30 23:00:00
#   maria  duckdb  dayofweek('2026-11-29')                                  1                      0
#   maria  pg      date_format('2026-11-09 15:04:05', '%h:%i %p')           03:04 PM               03:04 %p
# and no warning, also with unsupported_level=RAISE. Exits with 1 if one of these changes. The servers listen in a temporary folder only.
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
daemon=$(PATH=$PATH:/usr/sbin command -v mariadbd) || { echo "install the Debian packages mariadb-server"; exit 2; }
"$daemon" --no-defaults --version | grep -q ' 10\.11\.' || { echo "another version than 10.11:"; "$daemon" --no-defaults --version; exit 2; }
as mariadb-install-db --no-defaults --datadir="$folder/my" --auth-root-authentication-method=normal --skip-test-db --tmpdir="$folder" >/dev/null 2>&1
if [ "$(id -u)" = 0 ]; then other=(runuser -u nobody -- env); else other=(env); fi
"${other[@]}" "$daemon" --no-defaults --datadir="$folder/my" --socket="$folder/s" --skip-networking --pid-file="$folder/pid" --tmpdir="$folder" \
  >"$folder/mylog" 2>&1 &
my=$!
for _ in $(seq 300); do [ -S "$folder/s" ] && break; kill -0 "$my" || { cat "$folder/mylog"; exit 2; }; sleep 0.1; done

python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check 'sqlglot==30.30.0' 'duckdb==2.0.1' 'psycopg[binary]==3.3.9' 'PyMySQL==1.1.3'

venv/bin/python - <<'PY'
import logging
import os

import duckdb
import psycopg
import pymysql
import sqlglot

warnings = []
handler = logging.Handler()
handler.emit = warnings.append
logging.getLogger("sqlglot").addHandler(handler)
pg = psycopg.connect(host=os.getcwd(), user="postgres", dbname="postgres", autocommit=True)
maria = pymysql.connect(unix_socket=os.path.abspath("s"), user="root").cursor()
duck = duckdb.connect()
DIALECT = {"pg": "postgres", "maria": "mysql", "duckdb": "duckdb"}


def ask(name, query):
    if name == "maria":
        maria.execute(query)
        return str(maria.fetchone()[0])
    return str((pg if name == "pg" else duck).execute(query).fetchone()[0])


CASES = [
    ("pg", "duckdb", "to_char(timestamp '2026-11-09 15:04:05', 'HH12:MI AM')", "03:04 PM", "03:04 AM"),
    ("pg", "duckdb", "to_char(timestamp '2026-11-09 15:04:05', 'DD Mon YYYY')", "09 Nov 2026", "09 Mon 2026"),
    ("pg", "duckdb", "to_char(timestamp '2026-11-09 15:04:05', 'FMDay')", "Monday", "FM1ay"),
    ("pg", "duckdb", "extract(second from timestamp '2026-01-01 00:00:01.5')", "1.500000", "1"),
    ("pg", "duckdb", "substring('hello' from -1 for 4)", "he", "o"),
    ("pg", "duckdb", "'abc'::varchar(2)", "ab", "abc"),
    ("pg", "maria", "date '2026-11-30' + 1", "2026-12-01", "20261131"),
    ("pg", "maria", "date_trunc('week', timestamp '2026-11-29 10:00:00')", "2026-11-23 00:00:00", "2026-11-29 00:00:00"),
    ("pg", "maria", "regexp_replace('aaa', 'a', 'b')", "baa", "bbb"),
    ("maria", "duckdb", "date_sub('2026-03-31 10:00:00', interval 1 hour)", "2026-03-31 09:00:00", "2026-03-30 23:00:00"),
    ("maria", "duckdb", "dayofweek('2026-11-29')", "1", "0"),
    ("maria", "pg", "date_format('2026-11-09 15:04:05', '%h:%i %p')", "03:04 PM", "03:04 %p"),
]
print(f"{'from':<7}{'to':<8}{'query':<57}{'answer there':<23}answer of the rewritten query")
for source, target, expression, before, after in CASES:
    query = f"select {expression}"
    rewritten = sqlglot.transpile(query, read=DIALECT[source], write=DIALECT[target], unsupported_level=sqlglot.ErrorLevel.RAISE)[0]
    found = ask(source, query), ask(target, rewritten)
    print(f"{source:<7}{target:<8}{expression:<57}{found[0]:<23}{found[1]}")
    assert found == (before, after), (found, rewritten)
assert not warnings, [record.getMessage() for record in warnings]
PY
