#!/usr/bin/env bash
# DuckDB: bytes in the CSV of PostgreSQL, \x00ff, become the byte 00 and the text "ff" in a BLOB, without an error. Its own CSV is ambiguous to PostgreSQL.
#
# DuckDB 2.0.1, psycopg 3.3.9, PostgreSQL 15.x (Debian 12). A good guess: a BLOB reads the form that COPY of PostgreSQL, psql and many libraries write,
# or refuses it, because it begins with the same two characters as its own. Its own form has \x before each byte, and printable bytes as they are;
# \x followed by more digits is one byte and text. So \x616263 ("abc") is read as "a6263", a hash of 16 bytes has 31, and only the empty
# value \x is an error. The other way, PostgreSQL refuses most of DuckDB's texts, but reads \x00 followed by the text "41" as two bytes.
#
# Output seen:
#   bytes             csv of postgresql   read by duckdb          csv of duckdb       read by postgresql
#   00ff              \x00ff              b'\x00ff'               \x00\xFF            InvalidParameterValue
#   616263            \x616263            b'a6263'                abc                 b'abc'
#   003431            \x003431            b'\x003431'             \x0041              b'\x00A'
#   (empty)           \x                  ConversionException     (empty)             b''
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'duckdb==2.0.1' 'psycopg[binary]==3.3.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
cat >try.py <<'PY'
import sys

import duckdb
import psycopg

pg = psycopg.connect(host=sys.argv[1], user="postgres", dbname="postgres", autocommit=True)
pg.execute("create table t (v bytea)")
duck = duckdb.connect()
duck.execute("create table t (v blob)")


def copied(text):
    """The CSV of PostgreSQL, in DuckDB."""
    with open("pg.csv", "w") as file:
        file.write(f"v\n{text}\n")
    try:
        duck.execute("delete from t")
        duck.execute("copy t from 'pg.csv' (header, nullstr 'NULL')")
        return str(duck.execute("select v from t").fetchone()[0])
    except duckdb.Error as error:
        return type(error).__name__


def given(text):
    """The CSV of DuckDB, in PostgreSQL."""
    try:
        pg.execute("truncate t")
        with pg.cursor().copy("copy t from stdin (format csv, null 'NULL')") as copy:
            copy.write(f'{text or chr(34) * 2}\n')
        return str(pg.execute("select v from t").fetchone()[0])
    except psycopg.Error as error:
        return type(error).__name__


print(f"{'bytes':<18}{'csv of postgresql':<20}{'read by duckdb':<24}{'csv of duckdb':<20}read by postgresql")
for digits in ("00ff", "616263", "003431", ""):
    with pg.cursor().copy(f"copy (select decode('{digits}', 'hex')) to stdout (format csv)") as copy:
        theirs = b"".join(bytes(part) for part in copy).decode().strip()
    duck.execute(f"copy (select unhex('{digits}') as v) to 'duck.csv' (header false)")
    own = open("duck.csv").read().strip().strip('"')
    print(f"{digits or '(empty)':<18}{theirs:<20}{copied(theirs):<24}{own or '(empty)':<20}{given(own)}")
PY
venv/bin/python try.py "$folder" | tee output
cat >expected <<'OUT'
bytes             csv of postgresql   read by duckdb          csv of duckdb       read by postgresql
00ff              \x00ff              b'\x00ff'               \x00\xFF            InvalidParameterValue
616263            \x616263            b'a6263'                abc                 b'abc'
003431            \x003431            b'\x003431'             \x0041              b'\x00A'
(empty)           \x                  ConversionException     (empty)             b''
OUT
diff expected output
