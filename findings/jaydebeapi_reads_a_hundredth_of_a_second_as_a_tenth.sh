#!/usr/bin/env bash
# JayDeBeApi: 10:00:00.012345 is read as 10:00:00.123450, a numeric is a float, a time has no fraction, 44 BC is 44 AD, bytes are text. No error.
#
# JayDeBeApi 1.2.3 with JPype1 1.7.1, JDBC driver 42.5.5 (Debian 12, package libpostgresql-jdbc-java), Java 17, PostgreSQL 15.x; psycopg 3.3.9 for comparison.
# A good guess: a value comes as the database has it, or not at all. Microseconds are the first six digits of the nanoseconds, written without their leading
# zeros, so every fraction below a tenth of a second is too large: .012345 is 12345000 nanoseconds, of which 123450 are taken. It is the same for every
# database that is read through it (Oracle, DB2, Hive, Trino). Dates and times are texts; numeric with a fraction goes through a double, and that
# of a whole number is exact.
# For many queries: a tenth of all timestamps is wrong, order within a second is lost, and `max(changed)` as the start of the next load leaves rows out.
# Ask for text in the query: `changed::text`.
#
# Output seen:
#   expression                                  server                          psycopg     JayDeBeApi
#   timestamp '2026-01-01 10:00:00.012345'      2026-01-01 10:00:00.012345      the same    2026-01-01 10:00:00.123450
#   timestamp '2026-01-01 10:00:00.000001'      2026-01-01 10:00:00.000001      the same    2026-01-01 10:00:00.001000
#   timestamp '2026-01-01 10:00:00.123456'      2026-01-01 10:00:00.123456      the same    2026-01-01 10:00:00.123456
#   time '10:00:00.123456'                      10:00:00.123456                 the same    10:00:00
#   12345678901234567.25                        12345678901234567.25            the same    1.2345678901234568e+16
#   9007199254740993::numeric                   9007199254740993                the same    9007199254740993
#   date '0044-03-15 BC'                        0044-03-15 BC                   DataError   0044-03-15
#   '\xff00'::bytea                             \xff00                          the same    '\ufffd\x00'
# Exits with 1 if one of these changes. The server listens on 127.0.0.1 only, with a port that is free.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
jar=/usr/share/java/postgresql-42.5.5.jar
[ -r "$jar" ] && command -v java >/dev/null || { echo "install the Debian packages libpostgresql-jdbc-java (42.5.5) and default-jre-headless"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'JayDeBeApi==1.2.3' 'JPype1==1.7.1' 'psycopg[binary]==3.3.9'
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='$folder'" start >/dev/null
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres

JAR=$jar PORT=$port venv/bin/python - <<'PY'
import os

import jaydebeapi
import psycopg

port = os.environ["PORT"]
peer = psycopg.connect(f"host=127.0.0.1 port={port} user=postgres dbname=postgres", autocommit=True)
url = f"jdbc:postgresql://127.0.0.1:{port}/postgres"
cursor = jaydebeapi.connect("org.postgresql.Driver", url, {"user": "postgres", "password": "any"}, os.environ["JAR"]).cursor()
SEEN = {
    "timestamp '2026-01-01 10:00:00.012345'": "2026-01-01 10:00:00.123450",
    "timestamp '2026-01-01 10:00:00.000001'": "2026-01-01 10:00:00.001000",
    "timestamp '2026-01-01 10:00:00.123456'": "2026-01-01 10:00:00.123456",
    "time '10:00:00.123456'": "10:00:00",
    "12345678901234567.25": "1.2345678901234568e+16",
    "9007199254740993::numeric": "9007199254740993",
    "date '0044-03-15 BC'": "0044-03-15",
    r"'\xff00'::bytea": r"'\ufffd\x00'",
}


def read_peer(expression, server):
    try:
        value = peer.execute(f"select {expression}").fetchone()[0]
    except psycopg.Error as error:
        return type(error).__name__
    shown = "\\x" + value.hex() if isinstance(value, bytes) else str(value)
    return "the same" if shown == server else shown


print(f"{'expression':<44}{'server':<32}{'psycopg':<12}JayDeBeApi")
for expression, seen in SEEN.items():
    server = peer.execute(f"select ({expression})::text").fetchone()[0]
    cursor.execute(f"select {expression}")
    value = cursor.fetchone()[0]
    found = ascii(value) if "bytea" in expression else str(value)
    print(f"{expression:<44}{server:<32}{read_peer(expression, server):<12}{found}")
    assert found == seen, found
PY
