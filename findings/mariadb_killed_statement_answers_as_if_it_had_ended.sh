#!/usr/bin/env bash
# A statement that MariaDB kills may answer as if it had ended: no error, and an INSERT of it stays.
#
# MariaDB 10.11.x (Debian 12, package mariadb-server), PyMySQL 1.1.3. The server is started here, on a unix socket only.
# A good guess: KILL QUERY and max_statement_time end a statement with error 1317 or 1969. SELECT SLEEP(10) does. But:
#
#   max_statement_time=1, SELECT BENCHMARK(...)                   one row, 0, no warning
#   max_statement_time=1, SELECT GET_LOCK('held elsewhere', 60)   one row, NULL, no warning
#   max_statement_time=1, DO SLEEP(10)                            OK, one warning (1317 or 1969)
#   max_statement_time=1, INSERT INTO t VALUES (BENCHMARK(...))   OK, one row inserted
#
# So "no error" after a time limit or a kill does not mean that the work was done: compare the clock.
# Exits non-zero if one of these behaves differently.
set -euo pipefail
DAEMON=$(PATH=$PATH:/usr/sbin command -v mariadbd) || { echo "install the Debian package mariadb-server"; exit 2; }
"$DAEMON" --no-defaults --version | grep -q ' 10\.11\.' || { echo "another version than 10.11:"; "$DAEMON" --no-defaults --version; exit 2; }
W=$(mktemp -d); RUN=(env)
if [ "$(id -u)" = 0 ]; then chown nobody "$W"; RUN=(runuser -u nobody -- env); fi
PID=
trap '[ -z "$PID" ] || { kill "$PID" 2>/dev/null || true; wait "$PID" 2>/dev/null || true; }; rm -rf "$W"' EXIT
python3 -m venv "$W/venv" && "$W/venv/bin/pip" install -q --disable-pip-version-check 'PyMySQL==1.1.3'
"${RUN[@]}" mariadb-install-db --no-defaults --datadir="$W/data" --auth-root-authentication-method=normal --skip-test-db \
  --tmpdir="$W" >/dev/null 2>&1
"${RUN[@]}" "$DAEMON" --no-defaults --datadir="$W/data" --socket="$W/s.sock" --skip-networking --pid-file="$W/pid" --tmpdir="$W" \
  >"$W/log" 2>&1 &
PID=$!
for _ in $(seq 300); do [ -S "$W/s.sock" ] && break; kill -0 "$PID" || { cat "$W/log"; exit 2; }; sleep 0.1; done
SOCKET="$W/s.sock" "$W/venv/bin/python" - <<'PY'
import os
import pymysql

def connect():
    return pymysql.connect(unix_socket=os.environ["SOCKET"], user="root", autocommit=True)

def answer(cursor, sql):
    try:
        cursor.execute(sql)
    except pymysql.MySQLError as error:
        return error.args[0]
    return cursor.fetchall() if cursor.description else ("ok", cursor.rowcount, cursor.warning_count)

holder, other = connect().cursor(), connect().cursor()
other.execute("create database d")
other.execute("create table d.t (n bigint) engine=InnoDB")
holder.execute("select get_lock('held', 0)")
other.execute("set session max_statement_time = 1")
long = "benchmark(1000000000000, md5('a'))"
expected = {
    "select sleep(10)": 1969,
    f"select {long}": ((0,),),
    "select get_lock('held', 60)": ((None,),),
    "do sleep(10)": ("ok", 0, 1),
    f"insert into d.t values ({long})": ("ok", 1, 0),
    "select count(*) from d.t": ((1,),),
}
seen = {sql: answer(other, sql) for sql in expected}
for sql, found in seen.items():
    print(f"{sql}: {found}")
assert seen == expected, "the behaviour has changed"
PY
