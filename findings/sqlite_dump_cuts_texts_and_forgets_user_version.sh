#!/usr/bin/env bash
# SQLite: a dump cuts every text at its first NUL character, and forgets user_version; Python's cannot be loaded if one value is infinite.
#
# Python 3.11's sqlite3 (SQLite 3.40.1 of Debian 12) and its sqlite3 shell 3.40.1, apsw 3.54.1.0. A good guess: a dump is the whole database as SQL, and loading it
# gives an equal one, or the dump fails. `.dump` and Connection.iterdump() write texts through C strings, so 'a\0b' becomes 'a'; a BLOB is right. The
# header of the file is not dumped: user_version, with which programs count their migrations, is 0 in the copy, so they run again or refuse the file.
# iterdump() writes Inf, which SQL reads as the name of a column. apsw's shell writes all of these as they are.
# For many queries: copy with backup() or VACUUM INTO, which keep everything.
#
# Output seen, for a text 'a\0b', a real 9e999 and user_version = 7:
#                      text     length   real     user_version
#   the database       a\0b     3        inf      7
#   iterdump()         a        1        no such column: Inf
#   iterdump, no inf   a        1        -        0
#   sqlite3 .dump      a        1        inf      0
#   apsw .dump         a\0b     3        inf      7
#   backup()           a\0b     3        inf      7
# Exits with 1 if one of these changes. Needs Debian's sqlite3.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'apsw==3.54.1.0'
cd "$folder"

venv/bin/python - <<'PY'
import io
import sqlite3
import subprocess

import apsw
import apsw.shell

found = {}


def note(name, database):
    rows = database.execute("select x, length(cast(x as blob)), f from t").fetchall()
    (version,) = database.execute("pragma user_version").fetchone()
    found[name] = (*rows[0], version)
    text, length, real, version = found[name]
    print(f"{name:<18} {text!r:<10} {length:<6} {real!s:<8} {version}")


def load(name, script):
    copy = sqlite3.connect(":memory:")
    try:
        copy.executescript(script)
    except sqlite3.Error as error:
        found[name] = str(error)
        print(f"{name:<18} {error}")
        return
    note(name, copy)


source = sqlite3.connect("a.db")
source.execute("create table t (x text, f real)")
source.execute("insert into t values (?, ?)", ("a\0b", float("inf")))
source.execute("pragma user_version = 7")
source.commit()
note("the database", source)
load("iterdump()", "\n".join(source.iterdump()))
finite = sqlite3.connect(":memory:")
finite.execute("create table t (x text, f real)")
finite.execute("insert into t values (?, null)", ("a\0b",))
finite.execute("pragma user_version = 7")
load("iterdump, no inf", "\n".join(finite.iterdump()))
load("sqlite3 .dump", subprocess.run(["sqlite3", "a.db", ".dump"], capture_output=True, text=True, check=True).stdout)
out = io.StringIO()
apsw.shell.Shell(stdout=out, args=["a.db"]).process_command(".dump")
load("apsw .dump", out.getvalue())
copy = sqlite3.connect(":memory:")
source.backup(copy)
note("backup()", copy)
whole = ("a\0b", 3, float("inf"), 7)
assert found == {
    "the database": whole,
    "iterdump()": "no such column: Inf",
    "iterdump, no inf": ("a", 1, None, 0),
    "sqlite3 .dump": ("a", 1, float("inf"), 0),
    "apsw .dump": whole,
    "backup()": whole,
}, found
PY
