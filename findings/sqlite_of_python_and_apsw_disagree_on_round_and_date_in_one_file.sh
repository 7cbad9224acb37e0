#!/usr/bin/env bash
# One file, one process: round(1.005, 2) is 1.01 in Python's sqlite3 and 1.0 in apsw, and an index on it is "ok" for one and damaged for the other.
#
# Python 3.11's sqlite3 (SQLite 3.40.1 of Debian 12), apsw 3.54.1.0 (SQLite 3.54.1 within). A good guess: functions that SQLite calls deterministic, and allows
# in indexes, generated columns and CHECK, give the same in all versions of one file format. Newer versions round by other digits, and date() of a day
# that the month does not have is the day it overflows to ('2026-02-30' is '2026-03-02'), where the old one gives the text back. apsw, DuckDB's and Node's
# SQLite are newer than that of the distribution, so two programs of one job already differ; an upgrade of the distribution does the same to all files.
# For checks: the index gives rows that a scan does not find, a UNIQUE index lets a second row in, integrity_check finds faults that the other denies.
# REINDEX with the library that reads ends it, until the other one writes.
#
# Output seen (the file is written by sqlite3):
#                                                      sqlite3                  apsw
#   round(1.005, 2), date('2026-02-30')                1.01 2026-02-30          1.0 2026-03-02
#   generated column round(x, 2), and the expression   1.01 1.01                1.01 1.0
#   rows where round(x, 2) = 1.01, by the index        1                        1
#   the same, without the index                        1                        0
#   second row in a unique index on date(d)            UNIQUE                   accepted
#   integrity_check before that                        ok                       3 faults
#   after REINDEX by apsw                              2 faults                 1 fault
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -c 'import sqlite3; raise SystemExit(sqlite3.sqlite_version != "3.40.1")' || { echo "needs a Python with SQLite 3.40.1"; exit 2; }
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'apsw==3.54.1.0'
cd "$folder"
cat >look.py <<'PY'
import sqlite3

import apsw

old, new = sqlite3.connect("file.db", isolation_level=None), apsw.Connection("file.db")
old.executescript("""
    create table t (id integer primary key, x real, g real generated always as (round(x, 2)) stored, d text, check (d = date(d)));
    insert into t (id, x, d) values (1, 1.005, '2026-02-30');
    create index rounded on t (round(x, 2));
    create table days (d text);
    create unique index day on days (date(d));
    insert into days values ('2026-02-30');
""")


def both(name, query):
    show(name, *(" ".join(map(str, each.execute(query).fetchone())) for each in (old, new)))


def show(name, *answers):
    print(f"{name:<51}{answers[0]:<25}{answers[1]}")


def faults(connection):
    found = connection.execute("pragma integrity_check").fetchall()
    return "ok" if found == [("ok",)] else f"{len(found)} fault{'s' * (len(found) > 1)}"


def insert(connection):
    connection.execute("begin")
    try:
        connection.execute("insert into days values ('2026-03-02')")
        return "accepted"
    except (sqlite3.Error, apsw.Error) as error:
        return str(error).split()[0]
    finally:
        connection.execute("rollback")


both("round(1.005, 2), date('2026-02-30')", "select round(x, 2), date(d) from t not indexed")
both("generated column round(x, 2), and the expression", "select g, round(x, 2) from t not indexed")
both("rows where round(x, 2) = 1.01, by the index", "select count(*) from t indexed by rounded where round(x, 2) = 1.01")
both("the same, without the index", "select count(*) from t not indexed where round(x, 2) = 1.01")
# the old library refuses '2026-02-30' again, and so would the new one '2026-03-02', if they agreed
old_says = "accepted"
try:
    old.execute("insert into days values ('2026-02-30')")
except sqlite3.Error as error:
    old_says = str(error).split()[0]
show("second row in a unique index on date(d)", old_says, insert(new))
show("integrity_check before that", faults(old), faults(new))
new.execute("reindex")
show("after REINDEX by apsw", faults(old), faults(new))
PY
venv/bin/python look.py | tee seen
diff - seen <<'TEXT'
round(1.005, 2), date('2026-02-30')                1.01 2026-02-30          1.0 2026-03-02
generated column round(x, 2), and the expression   1.01 1.01                1.01 1.0
rows where round(x, 2) = 1.01, by the index        1                        1
the same, without the index                        1                        0
second row in a unique index on date(d)            UNIQUE                   accepted
integrity_check before that                        ok                       3 faults
after REINDEX by apsw                              2 faults                 1 fault
TEXT
