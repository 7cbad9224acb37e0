#!/usr/bin/env bash
# dataset: the first row decides the type of a column, so 2.75 behind 1 is stored as 3; a Decimal makes a text column, in which 10.25 is less than 9.5.
#
# dataset 2.0.0, SQLAlchemy 2.1.9, psycopg 3.3.9, PostgreSQL 15.x (Debian 12). A good guess: a column that a row made is widened, or the row that
# does not fit is refused, since insert() makes and adds columns by itself; and a Decimal becomes numeric. A column never changes. PostgreSQL
# rounds a double that is assigned to a bigint, and drops the zone of a time that is assigned to a timestamp, without a warning. Decimals, of which sums
# and order are asked, go to a column of type text: order by goes by letters, and max() is the text that begins with 9.
# For loads: make the table before, or give types= with every insert.
#
# Output seen, for n 1 and 2.75, w 12:00 and 12:00+05:00, d Decimal 9.5 and 10.25:
#   n: bigint 1 3
#   w: timestamp without time zone 2026-01-01 12:00:00 2026-01-01 07:00:00
#   d: text 9.5 10.25
#   ordered by d: 10.25 9.5
#   max(d): 9.5
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'dataset==2.0.0' 'sqlalchemy==2.1.9' 'psycopg[binary]==3.3.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder' -c timezone=UTC" start >/dev/null
cat >load.py <<'PY'
import os
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import dataset

database = dataset.connect(f"postgresql+psycopg://postgres@/postgres?host={os.getcwd()}")
table = database["t"]
table.insert({"n": 1, "d": Decimal("9.5"), "w": datetime(2026, 1, 1, 12)})
table.insert({"n": 2.75, "d": Decimal("10.25"), "w": datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=5)))})
types = {row["column_name"]: row["data_type"] for row in database.query("select column_name, data_type from information_schema.columns where table_name = 't'")}
rows = list(table.find(order_by="id"))
print("n:", types["n"], *(row["n"] for row in rows))
print("w:", types["w"], *(row["w"].isoformat(" ") for row in rows))
print("d:", types["d"], *(row["d"] for row in rows))
print("ordered by d:", *(row["d"] for row in table.find(order_by="d")))
print("max(d):", *(row["m"] for row in database.query("select max(d) as m from t")))
PY
venv/bin/python load.py | tee seen
diff - seen <<'TEXT'
n: bigint 1 3
w: timestamp without time zone 2026-01-01 12:00:00 2026-01-01 07:00:00
d: text 9.5 10.25
ordered by d: 10.25 9.5
max(d): 9.5
TEXT
