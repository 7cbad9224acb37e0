"""The bench: a folder, a server, two builds of bulkq, and processes timed from start to end."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from benchmarks.result import EARLIER, OURS, Broken, Cost, Result, Skipped, faster, median, timed
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROOT = Path(__file__).parents[1]
ITEMS = 1_000_000
"""Rows of the table `items`, which every lookup goes to."""

SEED = 20261122
"""So that the parameter files of two runs are the same."""


class Bench:
    """Everything a benchmark needs. Use as a context manager: servers, databases and files go with it."""

    def __init__(
        self, *, postgres: str | None, source: str | None, rounds: int, scale: float, baseline: Path | None = None
    ) -> None:
        """Start nothing yet: a benchmark that needs no server shall not wait for one.

        Args:
            postgres: URL of a server to use.
            source: where a server comes from otherwise.
            rounds: runs of each side.
            scale: share of the work.
            baseline: an environment with an earlier build of bulkq.
        """
        self.rounds = rounds
        self.scale = scale
        self.baseline = baseline
        self._given = postgres
        self._source = source
        self._database: str | None = None
        self.folder = Path()
        self.peaks: dict[int, dict[str, Cost]] = {}
        self._environments: dict[str, dict[str, str]] = {}

    def __enter__(self) -> Self:
        """Make the folder."""
        self.folder = Path(tempfile.mkdtemp(prefix="bulkq-bench-"))
        return self

    def __exit__(self, *_: object) -> None:
        """Drop the database, stop the server, remove the folder."""
        try:
            if self._database is not None:
                servers.execute(self.server.url, f"DROP DATABASE {self._database} WITH (FORCE)")
            if "server" in self.__dict__:
                self.server.close()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def builds(self) -> dict[str, list[str]]:
        """The command of this build and, if there is a baseline, of the earlier one, by name."""
        earlier = {EARLIER: [str(self.baseline / "bin" / "bulkq")]} if self.baseline else {}
        return {OURS: program(), **earlier}

    def environment(self, command: Sequence[str]) -> dict[str, str]:
        """The environment of a process. Runs are recorded in a ledger that exists, as most runs find it.

        It is not the ledger of the user, and each build has its own, because ledgers have versions.
        Modules are compiled before the first run, as pip does when it installs.
        """
        build = next((name for name, words in self.builds.items() if words[0] == command[0]), OURS)
        if build not in self._environments:
            state = self.folder / f"state-{len(self._environments)}"
            environment = {**os.environ, "XDG_STATE_HOME": str(state)}
            environment.pop("PYTHONDONTWRITEBYTECODE", None)
            database = self.folder / "empty.db"
            database.touch()
            for words in (["ledger", "upgrade"], ["run", "-e", "select 1", "-t", f"sqlite:///{database}"], ["--help"]):
                subprocess.run([*self.builds[build], *words], env=environment, check=True, capture_output=True)
            self._environments[build] = environment
        return self._environments[build]

    def scaled(self, count: int, step: int = 1) -> int:
        """`count` by `--scale`, a multiple of `step`."""
        return max(step, round(count * self.scale / step) * step)

    @cached_property
    def server(self) -> servers.PostgresServer:
        """The given server, or one of our own that syncs what it commits, as people's servers do."""
        if self._given:
            return servers.GivenServer(self._given)
        return servers.open_server(servers.choose(self._source), durable=True)

    @property
    def server_process(self) -> int:
        """The process id of the server, which has to be one of our own."""
        if not isinstance(self.server, servers.OwnServer):
            raise Skipped("the server is not a process of this machine: give --pg wheel")
        return self.server.process_id

    @cached_property
    def url(self) -> str:
        """A database with the table `items(id, name, balance, created)`, analyzed."""
        self._database = f"bulkq_bench_{uuid4().hex[:8]}"
        servers.execute(self.server.url, f"CREATE DATABASE {self._database}")
        url = servers.database_url(self.server.url, self._database)
        servers.execute(
            url,
            "CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL, balance int NOT NULL, created date NOT NULL)",
            "INSERT INTO items SELECT i, 'item ' || i, i % 1000, date '2020-01-01' + i % 1000 "
            f"FROM generate_series(1, {ITEMS}) i",
            "VACUUM (FREEZE, ANALYZE) items",
            "CHECKPOINT",
        )
        return url

    def ids(self, count: int) -> Path:
        """A CSV file of `count` random ids, with the header `id`. Written in pieces: this process has to stay small."""
        path = self.folder / f"ids-{count}.csv"
        if not path.exists():
            draw = random.Random(SEED)
            with path.open("w") as file:
                file.write("id\n")
                for start in range(0, count, 10_000):
                    size = min(10_000, count - start)
                    file.writelines(f"{draw.randint(1, ITEMS)}\n" for _ in range(size))
        return path

    def peer(self, name: str) -> str:
        """A program of PostgreSQL's, of the server's version if it can be, or from PATH.

        Raises:
            Skipped: it is nowhere.
        """
        beside = self.server.binaries / name if self.server.binaries else None
        found = str(beside) if beside is not None and beside.exists() else shutil.which(name)
        if found is None:
            raise Skipped(f"{name} is not installed")
        return found

    def bulkq(self, *arguments: str | Path, build: str = OURS) -> list[str]:
        """The command of a bulkq run: progress off, everything else as users have it."""
        return [*self.builds[build], "run", *map(str, arguments), "--progress", "none"]

    def against_earlier(
        self, work: str, cost: Mapping[str, Cost], count: int = 0, *, at_least: float, aim: float
    ) -> Result | Skipped:
        """Compare this build with the earlier one."""
        if EARLIER not in cost:
            return Skipped("no earlier build: give --baseline PATH")
        ours, earlier = timed(OURS, cost[OURS], count), timed(EARLIER, cost[EARLIER], count)
        return faster(work, ours, earlier, at_least=at_least, aim=aim)

    def in_turn(self, sides: Mapping[str, Callable[[], Cost]], rounds: int | None = None) -> dict[str, Cost]:
        """Run each side once per round, in turn, so that both see the same weather; the median of each.

        Every other round goes the other way round: what a side leaves behind, as dirty pages, weighs on both.
        """
        costs: dict[str, list[Cost]] = {name: [] for name in sides}
        for number in range(rounds or self.rounds):
            for name in list(sides)[:: 1 if number % 2 == 0 else -1]:
                costs[name].append(sides[name]())
        return {name: median(every) for name, every in costs.items()}

    def timed(
        self, command: Sequence[str], *, says: str = "", output: Path | None = None, lines: int = 0, code: int = 0
    ) -> Cost:
        """Time a whole process.

        Args:
            command: program and arguments.
            says: text that its stdout or stderr must hold.
            output: file that it writes; removed before.
            lines: lines that `output` must have afterwards.
            code: with which it ends.

        Raises:
            Broken: it failed, or did not do all of its work.
        """
        if output is not None:
            output.unlink(missing_ok=True)
        log = self.folder / "said.log"
        environment = self.environment(command)
        with log.open("wb") as said:
            started = time.perf_counter()
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=ROOT, env=environment
            )
            _, status, usage = os.wait4(process.pid, 0)
            wall_s = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        text = log.read_text(errors="replace")
        if process.returncode != code or says not in text:
            raise Broken(f"{' '.join(map(str, command))} ended with {process.returncode}:\n{text[-2000:]}")
        if output is not None and (found := _count_lines(output)) != lines:
            raise Broken(f"{' '.join(map(str, command))} wrote {found} lines of {lines}")
        # Kilobytes on Linux, bytes on macOS.
        peak_bytes = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        return Cost(wall_s, peak_bytes, cpu_s=usage.ru_utime + usage.ru_stime)


def program() -> list[str]:
    """The installed `bulkq` of this environment, else `python -m bulkq`."""
    script = Path(sys.executable).with_name("bulkq")
    return [str(script)] if script.exists() else [sys.executable, "-m", "bulkq"]


def _count_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b""))
