#!/usr/bin/env bash
# MariaDB: in the hour before the clock is set back, `where ts = X` with the very X that was read finds nothing, and a walk by `ts > X` skips rows.
#
# MariaDB 10.11.x (Debian 12), PyMySQL 1.2.4. A good guess: a TIMESTAMP is stored in UTC, so the hour that a zone with summer time has twice is only
# ambiguous to the eye: X finds both rows, or both are equal. In fact the two 02:50 are two values, in the order of UTC; but a constant is always
# read as the later one. So a row of the first hour equals no text and no parameter at all, and a walk in the order of an index, which goes on
# behind the last value that it saw, jumps from 02:50 of the first hour to 02:50 of the second. No error, no warning.
# For many queries: once a year, an hour of rows is missing in exports and updates by key ranges, and lookups by such a key find nothing. Set the
# session's time_zone to '+00:00' for keys of this type. (PostgreSQL's timestamptz and DuckDB's have their offset in the text.)
#
# Output seen, for one row every ten minutes from 02:00 (summer time) to 03:00 (winter time), 13 rows:
#   time_zone        rows found by their own value   rows that a walk by ts > last, four at a time, sees
#   Europe/Berlin    7 of 13                         7 of 13
#   +00:00           13 of 13                        13 of 13
# Exits with 1 if it changes. The server listens on a unix socket in a temporary folder only.
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
"${as[@]}" TZ=Europe/Berlin "$daemon" --no-defaults --datadir="$folder/data" --socket="$folder/s" --skip-networking --pid-file="$folder/pid" \
  --tmpdir="$folder" >"$folder/log" 2>&1 &
pid=$!
for _ in $(seq 300); do [ -S "$folder/s" ] && break; kill -0 "$pid" || { cat "$folder/log"; exit 2; }; sleep 0.1; done
cd "$folder"

venv/bin/python - <<'PY'
import os

import pymysql

connection = pymysql.connect(unix_socket=f"{os.getcwd()}/s", user="root", autocommit=True)
cursor = connection.cursor()


def ask(text, *values):
    cursor.execute(text, values)
    return [row[0] for row in cursor.fetchall()]


ask("create database d")
ask("use d")
ask("set time_zone = '+00:00'")
ask("create table t (ts timestamp not null primary key)")
ask("insert into t select '2026-10-25 00:00:00' + interval seq * 10 minute from seq_0_to_12")


def walk():
    """What a program sees that reads four rows at a time, each time behind the last value that it has."""
    seen = []
    page = ask("select ts from t order by ts limit 4")
    while page:
        seen += page
        page = ask("select ts from t where ts > %s order by ts limit 4", page[-1])
    return len(seen)


found = {}
print(f"{'time_zone':<17}{'rows found by their own value':<32}rows that a walk by ts > last, four at a time, sees")
for name, zone in (("Europe/Berlin", "SYSTEM"), ("+00:00", "+00:00")):
    ask("set time_zone = %s", zone)
    values = set(ask("select ts from t"))
    equal = sum(len(ask("select ts from t where ts = %s", value)) for value in values)
    found[name] = (equal, walk())
    print(f"{name:<17}{f'{equal} of 13':<32}{found[name][1]} of 13")
assert found == {"Europe/Berlin": (7, 7), "+00:00": (13, 13)}
PY
