#!/usr/bin/env bash
# distributed: `retire_workers`, which saves the results of a worker before it ends, does not wait for what runs there.
#
# dask and distributed 2026.8.0, Python 3.11. A good guess: to retire a worker "gracefully" waits for what runs there. Only results that are ready are saved. A function that `Client.run` executes, like any
# handler of the worker's server, is cut off: the worker is closed within a moment, and the caller gets an error of the connection, or no result.
# A task (`Client.submit`) on the only worker is cut off as well, and has no result until there is another worker.
#
# Output seen:
#   client.run, worker retired: cut off
#   client.submit, worker retired: cut off
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'dask==2026.8.0' 'distributed==2026.8.0'
cd "$folder"

cat > try.py <<'PY'
import asyncio
import logging

from distributed import Client, LocalCluster


async def work():
    await asyncio.sleep(3)
    return "finished"


async def outcome(start):
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    async with LocalCluster(
        n_workers=1, threads_per_worker=1, asynchronous=True, dashboard_address="127.0.0.1:0", worker_dashboard_address="127.0.0.1:0"
    ) as cluster, Client(cluster, asynchronous=True) as client:
        running = asyncio.ensure_future(start(client))
        await asyncio.sleep(1)
        await client.retire_workers(list(cluster.scheduler.workers), close_workers=True)
        try:
            found = await asyncio.wait_for(running, 10)
        except (OSError, asyncio.TimeoutError, asyncio.CancelledError):
            return "cut off"
        return "finished" if found == "finished" else "cut off"


async def run(client):
    return next(iter((await client.run(work, on_error="return")).values()))


async def submit(client):
    return await client.submit(work, pure=False)


if __name__ == "__main__":
    print("client.run, worker retired:", asyncio.run(outcome(run)))
    print("client.submit, worker retired:", asyncio.run(outcome(submit)))
PY
venv/bin/python try.py 2> errors | tee output
cat > expected <<'OUT'
client.run, worker retired: cut off
client.submit, worker retired: cut off
OUT
diff expected output
