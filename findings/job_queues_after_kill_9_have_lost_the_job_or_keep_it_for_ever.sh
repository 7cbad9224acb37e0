#!/usr/bin/env bash
# A worker is killed in the middle of a job, and a new one starts: huey and APScheduler have lost the job, procrastinate shows it as "doing" for ever.
#
# procrastinate 3.10.0 on PostgreSQL 15.x (Debian 12), huey 3.5.4 with SQLite, APScheduler 3.11.3 with SQLAlchemy and SQLite, Python 3.11. A good guess: a queue
# in a database, with retries=3, gives the job to the next worker. huey deletes it when it takes it, APScheduler when its time has come, both before its
# function begins, and retries count exceptions only: nothing is left to see, and no one is told. procrastinate keeps the row as "doing", which no
# worker takes (get_stalled_jobs() and a task of one's own are for this); `healthchecks` says OK. A one-shot worker in CI exits with 0 in spite
# of the job that nobody does, and of jobs that failed.
# For work that must be done: write what is done beside the data, and look for what is not, whatever the queue says.
#
# Output seen:
#   queue            begun   ended   what the queue shows after the second worker
#   huey             1       0       0 jobs
#   apscheduler      1       0       0 jobs
#   procrastinate    1       0       1 job doing
#   procrastinate worker --one-shot beside it, with a job that raises: exit 0, 1 job failed; healthchecks: exit 0
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'procrastinate==3.10.0' 'psycopg[binary]==3.3.9' 'huey==3.5.4' 'apscheduler==3.11.3' 'sqlalchemy==2.1.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres PATH=$folder/venv/bin:$PATH PYTHONPATH=$folder
cat >work.py <<'PY'
import os
import time


def slow(name):
    with open(name, "a") as file:
        file.write("begun\n")
    if "SLOW" in os.environ:
        time.sleep(100)
    with open(name, "a") as file:
        file.write("ended\n")
PY
cat >huey_app.py <<'PY'
import sys

import huey

import work

queue = huey.SqliteHuey(filename="huey.db")


@queue.task(retries=3)
def slow():
    work.slow("huey")


if __name__ == "__main__":
    sys.argv[1:] == ["put"] and slow()
    print(len(queue))
PY
cat >apscheduler_app.py <<'PY'
import sys
import time
from datetime import datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler

import work

scheduler = BackgroundScheduler(jobstores={"default": {"type": "sqlalchemy", "url": "sqlite:///apscheduler.db"}})
scheduler.start()
if sys.argv[1:] == ["put"]:
    scheduler.add_job(work.slow, "date", run_date=datetime.now() + timedelta(seconds=1), misfire_grace_time=None, args=["apscheduler"])
    time.sleep(100)
time.sleep(4)
print(len(scheduler.get_jobs()))
PY
cat >procrastinate_app.py <<'PY'
import procrastinate

import work

app = procrastinate.App(connector=procrastinate.PsycopgConnector())


@app.task(name="slow", retry=3)
def slow():
    work.slow("procrastinate")


@app.task(name="bad")
def bad():
    raise ValueError("bad")
PY
killed() { # the name of the file, the worker
    local name=$1 worker
    shift
    SLOW=1 "$@" >out 2>&1 & worker=$!
    for _ in $(seq 300); do [ -s "$name" ] && break; sleep 0.2; done
    kill -9 $worker
    wait $worker 2>/dev/null || true
}
show() { printf '%-17s%-8s%-8s%s\n' "$1" "$(grep -c begun "$1")" "$(grep -c ended "$1")" "$2"; }
defer() { python -c "import procrastinate_app as a; a.app.open(); a.$1.defer(); a.app.close()"; }
{
    python huey_app.py >empty
    python -c 'import huey_app; huey_app.slow()'
    killed huey huey_consumer huey_app.queue -w 1
    timeout -s INT 8 huey_consumer huey_app.queue -w 1 >out 2>&1 || true
    show huey "$(python huey_app.py) jobs"

    killed apscheduler python apscheduler_app.py put
    left=$(python apscheduler_app.py)
    show apscheduler "$left jobs"

    procrastinate --app procrastinate_app.app schema --apply >out 2>&1
    defer slow
    killed procrastinate procrastinate --app procrastinate_app.app worker
    defer bad
    code=0 health=0
    timeout 60 procrastinate --app procrastinate_app.app worker --one-shot >out 2>&1 || code=$?
    procrastinate --app procrastinate_app.app healthchecks >out 2>&1 || health=$?
    count() { "$bin/psql" -X -At -c "select count(*) from procrastinate_jobs where status = '$1'"; }
    show procrastinate "$(count doing) job doing"
    echo "procrastinate worker --one-shot beside it, with a job that raises: exit $code, $(count failed) job failed; healthchecks: exit $health"
} | tee seen
diff - seen <<'TEXT'
huey             1       0       0 jobs
apscheduler      1       0       0 jobs
procrastinate    1       0       1 job doing
procrastinate worker --one-shot beside it, with a job that raises: exit 0, 1 job failed; healthchecks: exit 0
TEXT
