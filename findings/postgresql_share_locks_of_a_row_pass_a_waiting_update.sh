#!/usr/bin/env bash
# PostgreSQL: an UPDATE that waits for a share-locked row is overtaken by every new share lock, so it may wait for ever.
#
# Version: Debian's postgresql-15 (15.x); 18.4 does the same. A good guess: locks of a row queue as locks of a table do, where a waiting
# ALTER TABLE holds up later readers. A row's lock is not in that queue: a session that wants a share lock, finds the row share-locked and is
# compatible with it gets it at once, past any waiter. Foreign keys take such locks (FOR KEY SHARE) on the parent row for each new child.
# For many queries: with a stream of inserts of one parent, a DELETE or a change of the parent's key waits until the stream has a gap.
#
# Output seen; five sessions in turn hold the row, each takes it before the one before lets go:
#   share lock 2 granted at once: yes, the update that came before it still waits: yes
#   ... (3, 4 and 5 the same)
#   the update ended after the last share lock was gone: yes
#   table lock, for comparison: a reader behind a waiting ALTER TABLE is granted at once: no
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'psycopg[binary]==3.3.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }

venv/bin/python - <<'PY'
import os
import threading

import psycopg


def connect():
    connection = psycopg.connect(host=os.getcwd(), user="postgres", dbname="postgres", autocommit=True)
    connection.execute("set lock_timeout = '20s'")
    return connection


def say(yes):
    return "yes" if yes else "no"


watch, writer, readers = connect(), connect(), [connect(), connect()]
watch.execute("create table t (id int primary key)")
watch.execute("insert into t values (1)")


def waits(connection):
    """Whether the connection's statement waits for a lock; asked until it does, for at most five seconds."""
    for _ in range(100):
        query = "select wait_event_type = 'Lock' from pg_stat_activity where pid = %s"
        if watch.execute(query, [connection.info.backend_pid]).fetchone()[0]:
            return True
        threading.Event().wait(0.05)
    return False


def granted(connection, sql):
    connection.execute("begin")
    connection.execute("set local lock_timeout = '1s'")
    try:
        connection.execute(sql)
    except psycopg.errors.LockNotAvailable:
        connection.execute("rollback")
        return False
    return True


SHARE = "select from t where id = 1 for share"
ended = threading.Event()
assert granted(readers[0], SHARE)
update = threading.Thread(target=lambda: (writer.execute("update t set id = 1 where id = 1"), ended.set()))
update.start()
assert waits(writer)
found = []
for number in range(2, 6):
    mine, before = readers[(number + 1) % 2], readers[number % 2]
    got = granted(mine, SHARE)
    before.execute("rollback")
    still = waits(writer) and not ended.is_set()
    found.append((got, still))
    print(f"share lock {number} granted at once: {say(got)}, the update that came before it still waits: {say(still)}")
readers[0].execute("rollback")
update.join(20)
print(f"the update ended after the last share lock was gone: {say(ended.is_set())}")
readers[0].execute("begin")
readers[0].execute("lock table t in access share mode")
alter = threading.Thread(target=lambda: writer.execute("alter table t add column n int"))
alter.start()
assert waits(writer)
behind = granted(readers[1], "lock table t in access share mode")
print(f"table lock, for comparison: a reader behind a waiting ALTER TABLE is granted at once: {say(behind)}")
readers[0].execute("rollback")
alter.join(20)
assert (found, ended.is_set(), behind) == ([(True, True)] * 4, True, False)
PY
