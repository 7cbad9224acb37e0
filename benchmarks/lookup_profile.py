"""`python -m benchmarks.lookup_profile FILE.json` measures where each microsecond of a lookup goes, client and server.

The time is CPU time, which other processes of the machine change least: that of the client as the kernel counts it,
without what a run of one set takes, and that of the server's processes after they end. py-spy divides the user part of
the client by the Python frame at work, and perf divides that of the server by the functions on the stack. Frames that wait in
a system call are left out. The profiled runs are others than those that are timed. It needs Linux, py-spy, and perf.
"""

from __future__ import annotations

import json
import linecache
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.bench import ROOT, Bench
from benchmarks.postgres import LOOKUP
from benchmarks.record import describe_machine, read_commit
from benchmarks.sqlite import fill_items

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

COUNT = 400_000
ROUNDS = 3
TICKS = os.sysconf("SC_CLK_TCK")
FRAME = re.compile(r"(?P<function>\S.*) \((?P<file>[^()]*):(?P<line>\d+)\)$")
SYSTEM_CALL = re.compile(
    r"\.(send|recv|recv_into|poll|fsync|write|read|readinto|get|connect|acquire|wait|close)\(|fsync"
)
"""Lines whose time is that of the kernel, or that wait."""

ONCE = (
    "/cli/",
    "/lifecycle/",
    "/tasks/",
    "/targets/",
    "/reports/",
    "/query/",
    "zipimport",
    "sqlglot",
    "tomllib",
    "ssl.py",
)
"""Files of what a run does once."""

CLIENT = (
    ("read the file and cut it", r"/bulkq/sources/(?!bind|bound|convert)"),
    ("bind and check values", r"bind|bound_|convert|validate"),
    ("SQLite itself, and its rows", r"/drivers/sqlite/"),
    ("encode parameters (asyncpg)", r"/asyncpg/(prepared_stmt|connection|protocol|transaction)\.py"),
    ("decode rows (asyncpg)", r"data_received"),
    ("rows to columns, split by set", r"/drivers/|/engine/batch_segments"),
    ("format rows and write them", r"/bulkq/sinks/|/bulkq/text/|/json/|csv"),
    ("ledger", r"/bulkq/ledger/|/sqlite3/"),
    ("event loop and threads", r"/asyncio/|concurrent/futures|threading|queue"),
    ("engine: batches, deadlines, pace", r"/bulkq/|dataclasses|/enum|/abc"),
)
"""Parts of the client by the innermost frame; the first that matches counts."""

SERVER = (
    ("find the key and the row (index, heap)", ("_bt_", "IndexNext", "ExecIndexScan", "index_", "heap_", "heapam_")),
    ("receive messages", ("ReadCommand", "SocketBackend", "secure_read")),
    ("send messages", ("internal_flush", "secure_write", "socket_flush")),
    ("rows to the wire", ("printtup",)),
    ("choose the plan", ("GetCachedPlan", "pg_plan_quer")),
    ("parse and analyze", ("exec_parse_message", "pg_analyze", "pg_rewrite", "pg_parse")),
    ("start and end the executor", ("ExecutorStart", "ExecutorEnd", "PortalStart", "PortalDrop", "PortalCleanup")),
    ("bind", ("exec_bind_message",)),
    ("execute: the rest", ("exec_execute_message", "ExecutorRun", "PortalRun")),
    ("transaction", ("start_xact_command", "finish_xact_command", "CommitTransaction", "exec_simple_query")),
)
"""Parts of the server by a function on the stack; the first that matches counts."""

CONNECT = ("InitPostgres", "ClientAuthentication", "BackendInitialize")


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of a run."""

    wall: float
    user: float
    system: float
    server: float


class Target:
    """A database that is looked up in, and the options of the run."""

    def __init__(self, bench: Bench, url: str, options: Sequence[str], server: int | None) -> None:
        self.server = server
        self._bench, self._url, self._options = bench, url, options

    def command(self, count: int) -> list[str]:
        """A run of `count` lookups that writes JSON Lines."""
        output = self._bench.folder / "profiled.jsonl"
        output.unlink(missing_ok=True)
        ids = self._bench.ids(count)
        where = ("-t", self._url, "-p", ids, "-o", output)
        return self._bench.bulkq("-e", LOOKUP.format(id=":id"), *where, *self._options)

    def spend(self, count: int) -> Spent:
        """Run it, and count CPU time."""
        command = self.command(count)
        environment = self._bench.environment(command)
        before = self._server_s()
        began = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(process.stderr.read().decode() if process.stderr else "")
        time.sleep(0.5)  # until the server has reaped its processes
        return Spent(wall, usage.ru_utime, usage.ru_stime, self._server_s() - before)

    def _server_s(self) -> float:
        """CPU seconds of the server's processes that have ended."""
        if self.server is None:
            return 0.0
        fields = Path(f"/proc/{self.server}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[13]) + int(fields[14])) / TICKS  # cutime, cstime: proc(5)

    def sample(self) -> tuple[Counter[str], Counter[str]]:
        """Samples of the client and of the server, by part."""
        spied, data = self._bench.folder / "client.raw", self._bench.folder / "server.data"
        command = self.command(COUNT)
        perf = self._perf(data)
        spy = [
            str(Path(sys.executable).with_name("py-spy")),
            "record",
            "-f",
            "raw",
            "-r",
            "500",
            "-o",
            str(spied),
            "--",
        ]
        environment = self._bench.environment(command)
        subprocess.run([*spy, *command], env=environment, check=True, capture_output=True)
        if perf is None:
            return divide_client(spied.read_text().splitlines()), Counter()
        time.sleep(0.5)
        perf.send_signal(signal.SIGINT)
        perf.wait()
        script = ["perf", "script", "--no-inline", "-F", "comm,ip,sym", "-i", str(data)]
        said = subprocess.run(script, capture_output=True, text=True, check=True).stdout
        return divide_client(spied.read_text().splitlines()), divide_server(said.split("\n\n"))

    def _perf(self, data: Path) -> subprocess.Popen[bytes] | None:
        if self.server is None:
            return None
        options = ["-q", "-e", "cpu-clock", "-F", "499", "--call-graph", "dwarf,8192", "-p", str(self.server)]
        perf = subprocess.Popen(["perf", "record", *options, "-o", str(data)])
        time.sleep(1)
        return perf


def divide_client(stacks: Iterable[str]) -> Counter[str]:
    """Count samples by part. Frames that wait, and what a run does once, are left out."""
    parts: Counter[str] = Counter()
    for line in stacks:
        stack, _, samples = line.rpartition(" ")
        frame = FRAME.search(stack.rpartition(";")[2])
        if frame is None or "importlib" in stack or any(word in frame["file"] for word in ONCE):
            continue
        source = linecache.getline(_path(frame["file"]), int(frame["line"]))
        if SYSTEM_CALL.search(source):
            continue
        where = f"/{frame['file']} {frame['function']}"
        parts[next((name for name, pattern in CLIENT if re.search(pattern, where)), "other")] += int(samples)
    return parts


def _path(file: str) -> str:
    """Where a file of a stack is: py-spy shortens names by the search path."""
    places = (Path(file), ROOT / file, *(Path(folder) / file for folder in sys.path))
    return str(next((place for place in places if place.exists()), file))


def divide_server(samples: Iterable[str]) -> Counter[str]:
    """Count samples by part. Connecting is left out."""
    parts: Counter[str] = Counter()
    for sample in samples:
        lines = sample.strip().splitlines()
        functions = [words[1] for line in lines[1:] if len(words := line.split(None, 1)) > 1]
        if not functions or any(name.startswith(CONNECT) for name in functions):
            continue
        part = (name for name, words in SERVER if any(f.startswith(words) for f in functions))
        parts[next(part, "other")] += 1
    return parts


def measure(targets: Mapping[str, Target]) -> dict[str, object]:
    """Microseconds of one lookup in each target, by part. The targets take turns, so that all see the same load."""
    spent = [{name: (target.spend(1), target.spend(COUNT)) for name, target in targets.items()} for _ in range(ROUNDS)]
    samples = [{name: target.sample() for name, target in targets.items()} for _ in range(ROUNDS)]
    return {name: _divide([runs[name] for runs in spent], [parts[name] for parts in samples]) for name in targets}


def _divide(
    spent: Sequence[tuple[Spent, Spent]], samples: Sequence[tuple[Counter[str], Counter[str]]]
) -> dict[str, object]:
    """The parts of a lookup, of runs of one set and of many."""
    client, server = (sum(parts, Counter[str]()) for parts in zip(*samples, strict=True))

    def each_us(name: str) -> float:
        of_one, of_many = ([float(getattr(run, name)) for run in runs] for runs in zip(*spent, strict=True))
        return 1e6 * max(0.0, statistics.median(of_many) - statistics.median(of_one)) / COUNT

    return {
        "wall": round(each_us("wall"), 2),
        "client": {**_shares(client, each_us("user")), "system calls": round(each_us("system"), 2)},
        "server": _shares(server, each_us("server")),
        "samples": {"client": client.total(), "server": server.total()},
    }


def _shares(parts: Counter[str], total_us: float) -> dict[str, float]:
    return {name: round(total_us * count / parts.total(), 2) for name, count in parts.most_common()}


def main(arguments: Sequence[str]) -> int:
    """Profile each form, print what was found, and write the file."""
    with Bench(postgres=None, source=None, rounds=ROUNDS, scale=1.0) as bench:
        server = bench.server_process
        database = fill_items(bench.folder / "items.db")
        one = ["-j", "8", "--batch-form", "set"]
        targets = {
            "PostgreSQL, pipeline": Target(bench, bench.url, ["-j", "8", "--batch-form", "pipeline"], server),
            "PostgreSQL, one statement": Target(bench, bench.url, one, server),
            "the same, `--batch 4000`": Target(bench, bench.url, [*one, "--batch", "4000"], server),
            "SQLite": Target(bench, f"sqlite:///{database}", [], None),
            "the same, `?mmap_size=1000000000`": Target(bench, f"sqlite:///{database}?mmap_size=1000000000", [], None),
        }
        load = round(os.getloadavg()[0], 1)
        found = measure(targets)
    print(json.dumps(found, indent=1))
    if arguments:
        header = {
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "commit": read_commit(),
            "machine": describe_machine(),
            "load": load,
        }
        text = json.dumps({**header, "count": COUNT, "lookups": found}, indent=1)
        Path(arguments[0]).write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
