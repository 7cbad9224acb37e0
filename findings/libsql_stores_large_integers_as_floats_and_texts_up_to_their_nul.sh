#!/usr/bin/env bash
# libsql: the integer 9007199254740993 is stored as the float ...992.0, 'a\0b' as 'a', a missing parameter as NULL, a second statement not at all. No error.
#
# libsql 0.1.11 ("compatible with sqlite3"), Python 3.11 and its sqlite3 for comparison. A good guess: values are bound as sqlite3 binds them, or refused, as libsql does
# with a date and a dict of parameters. An integer outside 32 bits becomes a REAL: a key of INTEGER PRIMARY KEY type takes it if it has no fraction, so
# up to 2**53 all looks right, and behind it one row is stored as the other. What sqlite3 refuses (too many or too few parameters, two statements
# in one text) libsql does in part: lacking parameters are NULL, the rest of the text is dropped.
# For many queries: numbers of accounts, snowflake ids and nanoseconds arrive changed; a file with `insert ...; insert ...` loads half. executescript() does both.
#
# Output seen:
#                                             sqlite3                       libsql
#   insert 3000000000                         3000000000 integer            3000000000.0 real
#   insert 9007199254740993                   9007199254740993 integer      9007199254740992.0 real
#   insert into a key: 9007199254740993       9007199254740993 integer      9007199254740992 integer
#   rows where key = 9007199254740993         1                             0
#   insert 'a\0b'                             a\0b text                     a text
#   insert Decimal 0.1                        error                         0.1 real
#   insert (?, ?) with one value              error                         1 null
#   insert (?) with two values                error                         1 integer
#   insert 1; insert 2                        error                         1 row
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'libsql==0.1.11'
cd "$folder"
cat >look.py <<'PY'
import sqlite3
from decimal import Decimal

import libsql

BIG = 2**53 + 1


def stored(library, table, statement, values, then):
    connection = library.connect(":memory:")
    connection.execute(table)
    try:
        connection.execute(statement, values)
        return " ".join(str(value) for value in connection.execute(*then).fetchone()).replace("\0", "\\0")
    except (ValueError, sqlite3.Error):
        return "error"


def show(name, table, statement, values, *then):
    print(f"{name:<42}{stored(sqlite3, table, statement, values, then):<30}{stored(libsql, table, statement, values, then)}")


t, key, typed = "create table t (v, w)", "create table t (v integer primary key)", "select v, typeof(v) from t"
one = "insert into t (v) values (?)"
show("insert 3000000000", t, one, (3_000_000_000,), typed)
show("insert 9007199254740993", t, one, (BIG,), typed)
show("insert into a key: 9007199254740993", key, one, (BIG,), typed)
show("rows where key = 9007199254740993", key, one, (BIG,), f"select count(*) from t where v = {BIG}")
show("insert 'a\\0b'", t, one, ("a\0b",), typed)
show("insert Decimal 0.1", t, one, (Decimal("0.1"),), typed)
show("insert (?, ?) with one value", t, "insert into t values (?, ?)", (1,), "select v, typeof(w) from t")
show("insert (?) with two values", t, one, (1, 2), typed)
show("insert 1; insert 2", t, "insert into t (v) values (1); insert into t (v) values (2)", (), "select count(*), 'row' from t")
PY
venv/bin/python look.py | tee seen
diff - seen <<'TEXT'
insert 3000000000                         3000000000 integer            3000000000.0 real
insert 9007199254740993                   9007199254740993 integer      9007199254740992.0 real
insert into a key: 9007199254740993       9007199254740993 integer      9007199254740992 integer
rows where key = 9007199254740993         1                             0
insert 'a\0b'                             a\0b text                     a text
insert Decimal 0.1                        error                         0.1 real
insert (?, ?) with one value              error                         1 null
insert (?) with two values                error                         1 integer
insert 1; insert 2                        error                         1 row
TEXT
