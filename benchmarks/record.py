"""A record of figures: results, the machine and the versions, as JSON."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import subprocess
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.bench import ROOT
from benchmarks.result import Broken, Result, Skipped
from tests.support.servers import mariadb

if TYPE_CHECKING:
    from benchmarks.bench import Bench

PACKAGES = ("bulkq", "asyncpg", "aiosqlite", "duckdb", "PyMySQL", "mysqlclient", "pyarrow", "connectorx")


class Record:
    """The results of one run of the benchmarks."""

    def __init__(self, bench: Bench, baseline_commit: str) -> None:
        self.bench = bench
        self.short = 0
        self._load = os.getloadavg()[0]
        self._baseline_commit = baseline_commit
        self._results: list[dict[str, Any]] = []
        self._skipped: list[dict[str, str]] = []

    def add(self, name: str, result: Result | Skipped | Broken) -> str:
        """Keep a result. Return its line."""
        if isinstance(result, Result):
            self._results.append({"row": name, **asdict(result)})
            self.short += not result.reached
            return str(result)
        broken = isinstance(result, Broken)
        self._skipped.append({"row": name, "reason": "a side failed" if broken else str(result)})
        self.short += broken
        return f"{'BROKEN' if broken else 'skipped'}: {result}"

    def write(self, path: Path) -> None:
        """Write all results so far; the file replaces an earlier one."""
        document = {
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "machine": describe_machine(),
            "load": round(self._load, 1),
            "versions": self._versions(),
            "rounds": self.bench.rounds,
            "scale": self.bench.scale,
            "results": self._results,
            "skipped": self._skipped,
        }
        path.write_text(json.dumps(document, indent=1, default=list) + "\n", encoding="utf-8")

    def _versions(self) -> dict[str, str]:
        found = {"commit": read_commit(), "Python": platform.python_version(), "SQLite": sqlite3.sqlite_version}
        if self.bench.baseline is not None:
            found["earlier build"] = self._baseline_commit
        if "server" in self.bench.__dict__:
            found["PostgreSQL"] = self.bench.server.version
        for package in PACKAGES:
            try:
                found[package] = version(package)
            except PackageNotFoundError:
                continue
        server = mariadb.version()
        return found | ({"MariaDB": server} if server else {})


def describe_machine() -> dict[str, str | int | float]:
    """Processor, cores, memory and system; no names that a user gave."""
    pages, page_bytes = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "memory_gb": round(pages * page_bytes / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _processor() -> str:
    """The model's name on Linux, else what Python knows."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor())


def read_commit() -> str:
    """The commit that is measured."""
    command = ["git", "rev-parse", "--short=7", "HEAD"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return said.stdout.strip() or "unknown"
