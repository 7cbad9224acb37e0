"""Kill, stop and retire the workers of a Dask cluster while a run increments every row of a table; also its scheduler and the run itself.

    python benchmarks/dask_kills.py postgresql://postgres@127.0.0.1:5432/scratch --rows 1000000 --events 100

Makes the table `dask_kills`. After the end, or after `bulkq resume`, each row has changed exactly once, and an export through the
cluster has the same bytes as one of this process. Exits with 1 otherwise. The seed replays the kinds and moments of events.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import asyncpg
import psutil

BULKQ = str(Path(sys.executable).with_name("bulkq"))
DASK = str(Path(sys.executable).with_name("dask"))


class Cluster:
    """A scheduler and workers, each started again when it ends."""

    def __init__(self, workers: int, folder: Path) -> None:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self._folder = folder
        self._open = True
        self._count = workers
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._thread = threading.Thread(target=self._supervise, daemon=True)
        self._thread.start()

    def _start(self, name: str) -> None:
        words = {
            "scheduler": [
                "scheduler",
                "--host",
                "127.0.0.1",
                "--port",
                str(self.port),
                "--no-dashboard",
                "--dashboard-address",
                "127.0.0.1:0",
            ]
        }
        worker = [
            "worker",
            self.address,
            "--host",
            "127.0.0.1",
            "--nthreads",
            "1",
            "--no-dashboard",
            "--dashboard-address",
            "127.0.0.1:0",
            "--memory-limit",
            "0",
        ]
        words |= {f"worker{i}": [*worker, "--local-directory", str(self._folder / str(i))] for i in range(self._count)}
        log = (self._folder / f"{name}.log").open("ab")
        self._processes[name] = subprocess.Popen([DASK, *words[name]], stdout=log, stderr=log, cwd=self._folder)

    def _supervise(self) -> None:
        while self._open:
            for name in ("scheduler", *(f"worker{i}" for i in range(self._count))):
                process = self._processes.get(name)
                if process is None or process.poll() is not None:
                    self._start(name)
            time.sleep(0.5)

    def workers(self) -> list[psutil.Process]:
        """The processes that execute, which are children of their nannies."""
        found = []
        for name, process in list(self._processes.items()):
            if name != "scheduler":
                with contextlib.suppress(psutil.Error):
                    children = psutil.Process(process.pid).children()
                    found += [one for one in children if "spawn_main" in " ".join(one.cmdline())]
        return found

    def kill_scheduler(self) -> None:
        """It is started again by the supervisor; its workers end by themselves, and are as well."""
        self._processes["scheduler"].kill()

    async def retire(self) -> bool:
        """Retire a worker, if there is one. Its nanny ends, and is started again."""
        from distributed.core import rpc

        async with rpc(self.address) as scheduler:
            identity = await scheduler.identity()
            found = list(identity["workers"])
            if found:
                await scheduler.retire_workers(workers=[random.choice(found)], close_workers=True, remove=True)
            return bool(found)

    def close(self) -> None:
        """End all processes."""
        self._open = False
        self._thread.join()
        for process in self._processes.values():
            with contextlib.suppress(psutil.Error):
                for child in psutil.Process(process.pid).children(recursive=True):
                    child.kill()
            process.kill()
            process.wait()


async def fetch(url: str, sql: str) -> list[asyncpg.Record]:
    """The rows of a query."""
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(sql))
    finally:
        await connection.close()


class Trouble:
    """Makes events while a run works."""

    def __init__(self, cluster: Cluster, kinds: list[str], pause_s: float) -> None:
        self.done: Counter[str] = Counter()
        self._cluster = cluster
        self._kinds = kinds
        self._pause_s = pause_s
        self._timers: list[threading.Timer] = []

    def until(self, process: subprocess.Popen[bytes], log: Path) -> bool:
        """Make events from the first line of `process` to its end; whether it was killed by one."""
        seen = log.stat().st_size if log.exists() else 0
        while process.poll() is None:
            if b"run=" not in (log.read_bytes()[seen:] if log.exists() else b""):
                time.sleep(0.05)
                continue
            time.sleep(random.uniform(0.2, 2 * self._pause_s))
            if process.poll() is None and self._kinds:
                with contextlib.suppress(psutil.Error, OSError, TimeoutError):
                    if self._make(self._kinds[-1], process):
                        kind = self._kinds.pop()
                        self.done[kind] += 1
                        print(f"{time.strftime('%T')} {kind}", flush=True)
                        if kind == "run":
                            return True
        return False

    def _make(self, kind: str, process: subprocess.Popen[bytes]) -> bool:
        if kind == "run":
            process.kill()
            process.wait()
            self.close()  # a process that is stopped cannot close its connections
            for one in self._cluster.workers():
                self._resume(one)
            return True
        if kind == "scheduler":
            self._cluster.kill_scheduler()
            return True
        if kind == "retire":
            return asyncio.run(asyncio.wait_for(self._cluster.retire(), 10))
        workers = self._cluster.workers()
        if not workers:
            return False
        one = random.choice(workers)
        if kind == "kill":
            one.kill()
            return True
        one.suspend()
        timer = threading.Timer(random.choice([2, 15, 60]), self._resume, [one])
        timer.start()
        self._timers.append(timer)
        return True

    @staticmethod
    def _resume(one: psutil.Process) -> None:
        with contextlib.suppress(psutil.Error):
            one.resume()

    def close(self) -> None:
        """Stop the timers."""
        for timer in self._timers:
            timer.cancel()


def increments(url: str, rows: int, cluster: Cluster, trouble: Trouble, folder: Path, rate: str) -> int:
    """Increment every row, with `bulkq resume` after each end before the last."""
    environment = dict(os.environ, XDG_STATE_HOME=str(folder))
    words = ["run", "-e", "update dask_kills set v = v + 1 where id = :id", "--write", "-t", url]
    words += [
        "-p",
        f"range:id=1..{rows}",
        "--executor",
        f"dask={cluster.address}",
        "--max-rate",
        rate,
        "--progress",
        "none",
    ]
    for _ in range(100):
        with (folder / "run.log").open("ab") as log:
            process = subprocess.Popen([BULKQ, *words], env=environment, stderr=log)
            killed = trouble.until(process, folder / "run.log")
        print(f"{time.strftime('%T')} {words[0]} ended: {process.returncode}", flush=True)
        if process.returncode == 0:
            return 0
        if killed:
            time.sleep(10)
            busy = asyncio.run(fetch(url, "select 1 from pg_stat_activity where application_name like 'bulkq/%'"))
            print(f"ten seconds after kill -9 of the run: {len(busy)} connections", flush=True)
            if busy:
                return 1
        elif process.returncode != 5:
            return process.returncode
        words = ["resume", "--last"]
    return 1


def same_bytes(url: str, rows: int, cluster: Cluster, trouble: Trouble, folder: Path) -> bool:
    """Whether an export through the cluster, with what is left of the events, is the export of one process."""
    words = ["run", "-e", "select id, v, name from dask_kills where id = :id", "-t", url, "-p", f"range:id=1..{rows}"]
    words += ["--progress", "none", "--ledger", "none"]
    subprocess.run([BULKQ, *words, "-o", str(folder / "one.jsonl")], check=True)
    words += ["-o", str(folder / "two.jsonl"), "--executor", f"dask={cluster.address}"]
    words += ["--max-rate", f"{max(1, rows // 15)}/s"]  # so that it is there when something happens
    with (folder / "two.log").open("ab") as log:
        there = subprocess.Popen([BULKQ, *words], stderr=log)
        trouble.until(there, folder / "two.log")
    return there.returncode == 0 and (folder / "one.jsonl").read_bytes() == (folder / "two.jsonl").read_bytes()


def main() -> int:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=25)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between two events, on average")
    parser.add_argument(
        "--rate", default="2000/s", help="sets per second, so that the run is there when something happens"
    )
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = parser.parse_args()
    print(f"seed={given.seed}", flush=True)
    random.seed(given.seed)
    insert = f"insert into dask_kills select i, 0, 'name ' || i from generate_series(1, {given.rows}) i"
    for sql in (
        "drop table if exists dask_kills",
        "create table dask_kills (id bigint primary key, v bigint not null, name text)",
        insert,
    ):
        asyncio.run(fetch(given.url, sql))
    weights = {"kill": 10, "stop": 6, "retire": 2, "run": 1, "scheduler": 1}
    kinds = [*weights, *random.choices(list(weights), list(weights.values()), k=max(0, given.events - len(weights)))]
    random.shuffle(kinds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cluster = Cluster(given.workers, folder)
        trouble = Trouble(cluster, kinds, given.pause)
        began_s = time.monotonic()
        try:
            while len(cluster.workers()) < given.workers:
                time.sleep(0.5)
            time.sleep(5)
            code = increments(given.url, given.rows, cluster, trouble, folder, given.rate)
            print((folder / "run.log").read_text()[-3000:], flush=True)
            found = asyncio.run(fetch(given.url, "select v, count(*) as rows from dask_kills group by v"))
            print(f"changed: {[tuple(row) for row in found]}", flush=True)
            again = Trouble(cluster, ["kill"] * 3, given.pause)
            same = same_bytes(given.url, min(given.rows, 100_000), cluster, again, folder)
            print(f"same bytes: {same} (kills: {again.done['kill']})", flush=True)
        finally:
            trouble.close()
            cluster.close()
    print(f"{sum(trouble.done.values())} events in {time.monotonic() - began_s:.0f}s: {dict(trouble.done)}", flush=True)
    return int(bool(code) or [tuple(row) for row in found] != [(1, given.rows)] or not same)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
