#!/usr/bin/env bash
# ConnectorX: numeric is rounded behind the tenth digit, a timestamptz loses its zone, 24:00 becomes 00:00, and B'101' eight bits. No error.
#
# connectorx 0.4.6 with pandas 3.1.1 and pyarrow 26.0.1 on PostgreSQL 15.x (Debian 12), Python 3.11; psycopg 3.3.9 for comparison. A good guess: what the target cannot
# hold is an error, as it is for a numeric NaN, or a number that has no room left for ten digits. In fact numeric is decimal128(38, 10) in Arrow, and is
# rounded; with pandas it is a float. A timestamptz is UTC without a zone in pandas, and has its zone in Arrow. polars' read_database_uri
# uses ConnectorX by default, through Arrow: rates and prices per unit lose digits there.
# For exports and checks: sums differ from those of the database, and two data sets that differ in the 11th digit are equal. Cast in the query: `v::text`.
#
# Output seen:
#   expression                                server                   arrow                    pandas
#   1.23456789019999::numeric(20, 14)         1.23456789019999         1.2345678902             1.23456789019999
#   0.00000000009::numeric                    0.00000000009            1E-10                    9e-11
#   9007199254740993::numeric                 9007199254740993         9007199254740993.0000... 9007199254740992.0
#   timestamptz '2026-01-01 12:00+05'         2026-01-01 07:00:00+00   2026-01-01 07:00:00+00   2026-01-01 07:00:00
#   time '24:00'                              24:00:00                 00:00:00                 00:00:00
#   timestamp 'infinity'                      infinity                 OverflowError            262142-12-31 23:59:59.9...
#   B'101'                                    101                      b'\xa0'                  b'\xa0'
#   B'10100000'                               10100000                 b'\xa0'                  b'\xa0'
# Exits with 1 if one of these changes. The server listens on 127.0.0.1 only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'connectorx==0.4.6' 'pandas==3.1.1' 'pyarrow==26.0.1' 'psycopg[binary]==3.3.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories='$folder' -c timezone=UTC" start >/dev/null
cat >look.py <<'PY'
import sys

import connectorx
import psycopg

URL = f"postgresql://postgres@127.0.0.1:{sys.argv[1]}/postgres"
EXPRESSIONS = [
    "1.23456789019999::numeric(20, 14)",
    "0.00000000009::numeric",
    "9007199254740993::numeric",
    "timestamptz '2026-01-01 12:00+05'",
    "time '24:00'",
    "timestamp 'infinity'",
    "B'101'",
    "B'10100000'",
]


def short(value):
    text = str(value).removesuffix(":00") if "+00:00" in str(value) else str(value)
    return text if len(text) <= 24 else text[:21] + "..."


def read(kind, query):
    try:
        data = connectorx.read_sql(URL, query, return_type=kind)
        return short(data.column(0).to_pylist()[0] if kind == "arrow" else data["v"].iloc[0])
    except Exception as error:
        return type(error).__name__


server = psycopg.connect(URL)
for expression in EXPRESSIONS:
    (text,) = server.execute(f"select ({expression})::text").fetchone()
    query = f"select {expression} as v"
    print(f"{expression:<42}{text:<25}{read('arrow', query):<25}{read('pandas', query)}")
PY
venv/bin/python look.py "$port" | tee seen
diff - seen <<'TEXT'
1.23456789019999::numeric(20, 14)         1.23456789019999         1.2345678902             1.23456789019999
0.00000000009::numeric                    0.00000000009            1E-10                    9e-11
9007199254740993::numeric                 9007199254740993         9007199254740993.0000... 9007199254740992.0
timestamptz '2026-01-01 12:00+05'         2026-01-01 07:00:00+00   2026-01-01 07:00:00+00   2026-01-01 07:00:00
time '24:00'                              24:00:00                 00:00:00                 00:00:00
timestamp 'infinity'                      infinity                 OverflowError            262142-12-31 23:59:59...
B'101'                                    101                      b'\xa0'                  b'\xa0'
B'10100000'                               10100000                 b'\xa0'                  b'\xa0'
TEXT
