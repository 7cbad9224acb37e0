#!/usr/bin/env bash
# MariaDB: in strict mode, `DELETE ... WHERE id = '12abc'` deletes row 12, with a warning only; the same UPDATE fails.
#
# MariaDB 10.11.x (Debian 12, package mariadb-server) with its own sql_mode, PyMySQL 1.2.4. The server is started here, on a unix socket only.
# A good guess: STRICT_TRANS_TABLES protects writes from texts that are not numbers, as error 1292 of an UPDATE suggests. It looks at what is
# assigned. UPDATE and INSERT ... SELECT without an index happen to fail on the comparison as well; DELETE and SELECT compare '12abc' as 12,
# and 'x' and '' as 0. With an index on the column, INSERT ... SELECT takes the text too.
# For many queries: a wrong or empty field of a file deletes rows of number 0 instead of failing. Bind numbers, or cast and compare before.
#
# Output seen, for a table with id 0 and 12:
#   delete where id = '12abc'               1 row, 1 warning
#   delete where id = 'x'                   1 row, 1 warning
#   delete where id = ''                    1 row, 1 warning
#   update where id = '12abc'               error 1292
#   insert select where id = '12abc'        error 1292
#   insert select where indexed = '12abc'   1 row, 0 warnings
# Exits non-zero if one of these changes.
set -euo pipefail
daemon=$(PATH=$PATH:/usr/sbin command -v mariadbd) || { echo "install the Debian package mariadb-server"; exit 2; }
"$daemon" --no-defaults --version | grep -q ' 10\.11\.' || { echo "another version than 10.11:"; "$daemon" --no-defaults --version; exit 2; }
folder=$(mktemp -d)
as=(env)
if [ "$(id -u)" = 0 ]; then as=(runuser -u nobody -- env); fi
pid=
trap '[ -z "$pid" ] || { kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; }; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'PyMySQL==1.2.4'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
"${as[@]}" mariadb-install-db --no-defaults --datadir="$folder/data" --auth-root-authentication-method=normal --skip-test-db \
  --tmpdir="$folder" >/dev/null 2>&1
"${as[@]}" "$daemon" --no-defaults --datadir="$folder/data" --socket="$folder/s.sock" --skip-networking --pid-file="$folder/pid" \
  --tmpdir="$folder" >"$folder/log" 2>&1 &
pid=$!
for _ in $(seq 300); do [ -S "$folder/s.sock" ] && break; kill -0 "$pid" || { cat "$folder/log"; exit 2; }; sleep 0.1; done
cd "$folder"

venv/bin/python - <<'PY'
import os

import pymysql

connection = pymysql.connect(unix_socket=f"{os.getcwd()}/s.sock", user="root", autocommit=True)
cursor = connection.cursor()
cursor.execute("create database d")
cursor.execute("use d")
cursor.execute("select @@sql_mode")
assert "STRICT_TRANS_TABLES" in cursor.fetchone()[0]
cursor.execute("create table t (id int, indexed int, v int, key (indexed)) engine=InnoDB")
cursor.execute("create table copies (v int) engine=InnoDB")


def ask(name, sql, text):
    cursor.execute("delete from t")
    cursor.execute("insert into t values (0, 0, 0), (12, 12, 12)")
    try:
        rows = cursor.execute(sql, (text,))
        answer = f"{rows} row, {cursor.warning_count} warning{'' if cursor.warning_count == 1 else 's'}"
    except pymysql.MySQLError as error:
        answer = f"error {error.args[0]}"
    print(f"{f'{name} = {text!r}':<39} {answer}")
    cursor.execute("select id from t order by id")
    return answer, [number for (number,) in cursor.fetchall()]


found = [ask("delete where id", "delete from t where id = %s", text) for text in ("12abc", "x", "")]
found.append(ask("update where id", "update t set v = 1 where id = %s", "12abc"))
found.append(ask("insert select where id", "insert into copies select v from t where id = %s", "12abc"))
found.append(ask("insert select where indexed", "insert into copies select v from t where indexed = %s", "12abc"))
deleted = "1 row, 1 warning"
assert found == [
    (deleted, [0]), (deleted, [12]), (deleted, [12]),
    ("error 1292", [0, 12]), ("error 1292", [0, 12]), ("1 row, 0 warnings", [0, 12]),
]  # fmt: skip
PY
