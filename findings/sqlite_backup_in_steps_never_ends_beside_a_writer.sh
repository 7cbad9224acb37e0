#!/usr/bin/env bash
# SQLite: a backup in steps (`Connection.backup(target, pages=100)`) never ends if another connection writes one row between two steps.
#
# Python 3.11's sqlite3 (SQLite 3.40.1 of Debian 12), in both journal modes. A good guess: the copy takes a little longer, as the pages that were changed are copied again, or
# in WAL mode it reads the state of its begin, as any reader does. A step that finds the file changed by another connection starts the whole copy
# from the first page, without a word; only `remaining` in the progress callback jumps back. Small steps with a sleep, which are meant to be kind to
# writers, make it endless. Writes through the same connection are copied along, and one step for all pages (the default) cannot be disturbed.
# For many queries: `pages=-1`, or VACUUM INTO, which reads one snapshot; a limit on the number of steps otherwise.
#
# Output seen, about 2,000 pages in steps of 100, one row written after each step, given up after 200 steps:
#   journal   written by another connection   200 steps, never fewer than 1900 pages left
#   journal   written by the same connection  ends after 21 steps
#   journal   nobody writes                   ends after 21 steps
#   wal       written by another connection   200 steps, never fewer than 1900 pages left
#   wal       written by the same connection  ends after 21 steps
#   wal       nobody writes                   ends after 21 steps
#   wal       another connection, pages=-1    ends after 1 step
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
cd "$folder"

python3 - <<'PY'
import sqlite3

MOST = 200
found = {}
writer = sqlite3.connect("a.db", isolation_level=None)
writer.execute("pragma synchronous = off")
writer.execute("create table t (x)")
writer.execute("insert into t with recursive c (n) as (select 1 union all select n + 1 from c where n < 2000) select randomblob(4000) from c")


class GivenUp(Exception):
    pass


def copy(mode, who, writes, pages=100):
    source = sqlite3.connect("a.db", isolation_level=None)
    connection = {"another": writer, "same": source, "nobody": None}[writes]
    left = []

    def look(status, remaining, total):
        left.append(remaining)
        if len(left) == MOST:
            raise GivenUp
        if connection is not None:
            connection.execute("insert into t values (1)")

    try:
        source.backup(sqlite3.connect(":memory:"), pages=pages, progress=look, sleep=0)
        answer = f"ends after {len(left)} step{'s' * (len(left) > 1)}"
    except GivenUp:
        answer = f"{MOST} steps, never fewer than {min(left) // 100 * 100} pages left"
    source.close()
    found[mode, who] = answer
    print(f"{mode:<9} {who:<31} {answer}")


for mode in ("delete", "wal"):
    writer.execute(f"pragma journal_mode = {mode}")
    name = {"delete": "journal"}.get(mode, mode)
    copy(name, "written by another connection", "another")
    copy(name, "written by the same connection", "same")
    copy(name, "nobody writes", "nobody")
copy("wal", "another connection, pages=-1", "another", pages=-1)
*steps, whole = found.values()
assert whole == "ends after 1 step", whole
assert len(steps) == 6 and all(found[name, "written by another connection"].startswith("200 steps, never fewer") for name in ("journal", "wal"))
assert all(answer.startswith("ends after 2") for (_, who), answer in found.items() if who[:7] in ("nobody ", "written") and "another" not in who)
PY
