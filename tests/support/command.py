"""bulkq as a user runs it: a process with an exit code, stdout and stderr."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import bulkq
from tests.support.forks import coverage_environment
from tests.support.servers import passwords

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.forks import Forks

STARTING = ("PYTHON", "LANG", "LC_", "LD_")
"""Variables that the interpreter, or the loader, reads when it starts: those processes are started, not forked."""

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that has ended."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """stdout as text."""
        return self.out.decode()

    @property
    def last(self) -> str:
        """The last line of stderr: the summary of a run."""
        return self.err.rstrip("\n").rpartition("\n")[2]

    @property
    def counts(self) -> dict[str, str]:
        """The `key=value` pairs of the last line of stderr."""
        return dict(part.split("=", 1) for part in self.last.split() if "=" in part)


class Cli:
    """Runs `python -m bulkq` in `folder`, without what this machine has set for bulkq or libpq."""

    def __init__(self, folder: Path, forks: Forks) -> None:
        """Home, ledger and configuration of the processes are in `folder`; `forks` makes those that nobody signals."""
        self.folder = folder
        self._forks = forks
        self._started: list[subprocess.Popen[bytes]] = []

    def __call__(
        self,
        *args: str | Path,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout_s: float = 60.0,
    ) -> Finished:
        """Run to the end. Everything that is still running after `timeout_s` is killed and fails the test."""
        if not any(name.startswith(STARTING) for name in env or ()):
            code, out, err = self._forks.run(
                [str(arg) for arg in args],
                stdin=stdin,
                environment=self.environment(env),
                folder=cwd or self.folder,
                timeout_s=timeout_s,
            )
            return Finished(code, out, err.decode(errors="replace"))
        done = subprocess.run(
            self._command(args),
            input=stdin,
            capture_output=True,
            check=False,
            cwd=cwd or self.folder,
            env=self._measured(env),
            timeout=timeout_s,
        )
        return Finished(done.returncode, done.stdout, done.stderr.decode(errors="replace"))

    async def run(
        self,
        *args: str | Path,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout_s: float = 60.0,
    ) -> Finished:
        """The same beside a running loop, which a proxy needs."""
        return await asyncio.to_thread(self.__call__, *args, stdin=stdin, env=env, cwd=cwd, timeout_s=timeout_s)

    def start(
        self, *args: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None, stdin: bool = False
    ) -> subprocess.Popen[bytes]:
        """Start and give the process, for signals. Whatever still runs when the test ends is killed."""
        process = subprocess.Popen(
            self._command(args),
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd or self.folder,
            env=self._measured(env),
        )
        self._started.append(process)
        return process

    async def finish(self, process: subprocess.Popen[bytes], timeout_s: float = 60.0) -> Finished:
        """Wait for the end of a started process without stopping the loop."""
        out, err = await asyncio.to_thread(process.communicate, timeout=timeout_s)
        return Finished(process.returncode, out, err.decode(errors="replace"))

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment of the processes, without coverage: it imports modules, which some tests count."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("BULKQ_", "PG", "XDG_", "COV"))}
        for name in ("NO_COLOR", "FORCE_COLOR", "CI", "GITHUB_ACTIONS", "COLUMNS"):
            kept.pop(name, None)
        # Not installed but run from the tree: the processes start in another folder and would not find the package.
        package = Path(bulkq.__file__).parents[1]
        path = {"PYTHONPATH": str(package)} if package == ROOT else {}
        home = {"HOME": str(self.folder), "XDG_STATE_HOME": str(self.folder / "state")}
        home["XDG_RUNTIME_DIR"] = os.environ["XDG_RUNTIME_DIR"]
        return kept | path | home | passwords.environment() | {"PYTHONUTF8": "1"} | dict(more or {})

    def _measured(self, more: Mapping[str, str] | None) -> dict[str, str]:
        return coverage_environment() | self.environment(more)

    def close(self) -> None:
        """Kill what still runs."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def _command(self, args: tuple[str | Path, ...]) -> list[str]:
        return [sys.executable, "-m", "bulkq", *map(str, args)]
