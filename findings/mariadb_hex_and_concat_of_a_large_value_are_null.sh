#!/usr/bin/env bash
# MariaDB: `hex(body)` of a value of 9 MB is NULL, and so is concat(body, body); the value itself can be read. Only a warning tells.
#
# MariaDB 10.11.x (Debian 12), PyMySQL 1.2.4. A good guess: a result that is too large for max_allowed_packet (16 MB) is an error, as 1153 is for a
# packet that is too large, and sql_mode STRICT_TRANS_TABLES is on. A function whose result would be longer gives NULL and warning 1301, "truncated".
# The row is there, and no driver raises for a warning. `where hex(body) = ...` finds nothing, `coalesce(concat(a, b), '')` is empty. An UPDATE that
# stores such a result does fail, with 1301.
# For many queries: an export of large values as text has NULL for just the largest. Read the column itself, or raise max_allowed_packet.
#
# Output seen, for a body of 9,000,000 bytes:
#   select length(body)                               9000000
#   select length(hex(body))                          NULL 1301
#   select length(to_base64(body))                    12157894
#   select length(concat(body, body))                 NULL 1301
#   select length(repeat('a', 17000000))              NULL 1301
#   select length(coalesce(concat(body, body), ''))   0 1301
#   update t set body = concat(body, body)            error 1301
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
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
"${as[@]}" "$daemon" --no-defaults --datadir="$folder/data" --socket="$folder/s" --skip-networking --pid-file="$folder/pid" \
  --tmpdir="$folder" >"$folder/log" 2>&1 &
pid=$!
for _ in $(seq 300); do [ -S "$folder/s" ] && break; kill -0 "$pid" || { cat "$folder/log"; exit 2; }; sleep 0.1; done
cd "$folder"

venv/bin/python - <<'PY'
import os

import pymysql

connection = pymysql.connect(unix_socket=f"{os.getcwd()}/s", user="root", autocommit=True)
cursor = connection.cursor()
cursor.execute("select @@max_allowed_packet, @@sql_mode")
packet, mode = cursor.fetchone()
assert packet == 16 * 1024 * 1024 and "STRICT_TRANS_TABLES" in mode
cursor.execute("create database d")
cursor.execute("create table d.t (body longtext)")
cursor.execute("insert into d.t values (repeat('a', 9000000))")
found = []
for text in (
    "select length(body)",
    "select length(hex(body))",
    "select length(to_base64(body))",
    "select length(concat(body, body))",
    "select length(repeat('a', 17000000))",
    "select length(coalesce(concat(body, body), ''))",
    "update d.t set body = concat(body, body)",
):
    try:
        cursor.execute(text + (" from d.t" if text.startswith("select") else ""))
        value = cursor.fetchone()[0]
        warnings = sorted({code for _, code, _ in connection.show_warnings() or ()})
        answer = " ".join(map(str, ["NULL" if value is None else value, *warnings]))
    except pymysql.Error as error:
        answer = f"error {error.args[0]}"
    found.append(answer)
    print(f"{text.replace('d.t', 't'):<49} {answer}")
assert found == ["9000000", "NULL 1301", "12157894", "NULL 1301", "NULL 1301", "0 1301", "error 1301"], found
PY
