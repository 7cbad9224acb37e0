#!/usr/bin/env bash
# sqlite-utils: `transform --not-null name` also drops the trigger, the generated column and the NOCASE of the table; `insert --csv` cuts rows and zeros. Exit 0.
#
# sqlite-utils 4.2.1, SQLite 3.40.1 (Python 3.11). A good guess: only the named column changes, or it is refused, as `--rename` is for a table with an index on
# an expression ("No changes have been applied"). AUTOINCREMENT, CHECK, defaults and indexes are kept. The new table is made of what the tool knows of
# columns; the collation stays in the UNIQUE constraint, so that two spellings are one key and a search finds one of them only.
# `insert --csv` looks at all values of a column from 4.0 on and makes numbers of what can be read as numbers (--no-detect-types keeps texts); a row that is
# too short is filled with NULL, further cells of a row are dropped, and a quote that is not closed takes the rest of the file into one cell.
# For many queries: audit rows are missing, an index of codes has lost its zeros, and the row count is nearly right.
#
# Output seen:
#   transform p --not-null name                  exit 0
#     triggers, before and after                 1 0
#     generated column, before and after         20 (no column)
#     rows where name = 'ann', before and after  1 0
#     insert of 'ANN' beside 'Ann'               UNIQUE constraint failed
#   insert --csv of 007,01234                    exit 0: [(7, 1234)]
#   insert --csv of 12345678901234567890         exit 0: [(1.2345678901234567e+19,)]
#   insert --csv of a short and a long row       exit 0: [(1, 'a'), (2, None), (3, 'c')]
#   insert --csv of a quote that is not closed   exit 0: [(1,)]
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'sqlite-utils==4.2.1'
cd "$folder"
export HOME=$folder

venv/bin/python - <<'PY'
import sqlite3
import subprocess
import sys

lite = sqlite3.connect("d.db", isolation_level=None)
lite.execute("create table p (id integer primary key, name text collate nocase unique, age int, double int generated always as (age * 2) virtual)")
lite.execute("create table audit (id int)")
lite.execute("create trigger watch after update on p begin insert into audit values (new.id); end")
lite.execute("insert into p (name, age) values ('Ann', 10)")
found = []


def run(*arguments, text=None):
    done = subprocess.run([f"{sys.prefix}/bin/sqlite-utils", *arguments], input=text, capture_output=True, text=True, timeout=60)
    return done.returncode


def ask(query):
    try:
        return lite.execute(query).fetchall()
    except sqlite3.Error as error:
        return [(str(error).split(":")[0],)]


def show(name, value):
    found.append(str(value))
    print(f"{name:<45}{value}")


queries = "select count(*) from sqlite_schema where type = 'trigger'", "select double from p", "select count(*) from p where name = 'ann'"
before = [ask(query)[0][0] for query in queries]
show("transform p --not-null name", f"exit {run('transform', 'd.db', 'p', '--not-null', 'name')}")
after = [ask(query)[0][0] for query in queries]
after[1] = after[1].replace("no such column", "(no column)")
for name, first, last in zip(("triggers", "generated column", "rows where name = 'ann'"), before, after):
    show(f"  {name}, before and after", f"{first} {last}")
show("  insert of 'ANN' beside 'Ann'", ask("insert into p (name, age) values ('ANN', 1)")[0][0])


def load(name, text, query):
    code = run("insert", "d.db", "t", "-", "--csv", text=text)
    show(name, f"exit {code}: {ask(query)}")
    lite.execute("drop table t")


load("insert --csv of 007,01234", "id,zip\n007,01234\n", "select id, zip from t")
load("insert --csv of 12345678901234567890", "id\n12345678901234567890\n", "select id from t")
load("insert --csv of a short and a long row", "id,v\n1,a\n2\n3,c,d\n", "select id, v from t")
load("insert --csv of a quote that is not closed", 'id,v\n1,"x\n2,y\n3,z\n', "select count(*) from t")
assert found == [
    "exit 0",
    "1 0",
    "20 (no column)",
    "1 0",
    "UNIQUE constraint failed",
    "exit 0: [(7, 1234)]",
    "exit 0: [(1.2345678901234567e+19,)]",
    "exit 0: [(1, 'a'), (2, None), (3, 'c')]",
    "exit 0: [(1,)]",
], found
PY
