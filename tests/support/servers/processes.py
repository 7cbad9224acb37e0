"""Server processes of the tests: a folder that an unprivileged account owns, and processes that end with the test run."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NOBODY = 65534
"""uid and gid of the account that servers run as when the tests run as root."""

MEMORY = Path("/dev/shm")
ROOM = 4 << 30
"""Bytes that must be free in `MEMORY`: a server takes a few hundred megabytes."""

KEEPER = Path(__file__).with_name("keeper.py")


class ServerFailed(RuntimeError):
    """A server did not start or stop; the message ends with its log."""


def as_root() -> bool:
    """Whether this process may (and for servers has to) change the account."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody listens on the port."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def wait_until(ready: Callable[[], bool], what: str, timeout_s: float = 30.0) -> None:
    """Look every 10 ms until `ready()`; ServerFailed after `timeout_s`."""
    end = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > end:
            raise ServerFailed(f"{what}: not within {timeout_s:.0f} s")
        time.sleep(0.01)


def room_in_memory() -> bool:
    """Whether there is a file system in memory for programs and data of the tests."""
    if not MEMORY.is_dir() or not os.access(MEMORY, os.W_OK):
        return False
    found = os.statvfs(MEMORY)
    return found.f_bavail * found.f_frsize >= ROOM and not found.f_flag & os.ST_NOEXEC


class Keeper:
    """A small process that cleans up when this one dies without doing so, even by SIGKILL: it sees its stdin close."""

    def __init__(self, kind: str, what: str) -> None:
        """Watch over a `folder` (path) or a `container` (id)."""
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(KEEPER), kind, what],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )

    def close(self) -> None:
        """Let it look once more and end."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(timeout=30)


class ServerFolder:
    """A temporary folder for one server and the processes started in it."""

    def __init__(self, name: str) -> None:
        """Make it, with a short path: a unix socket's is limited to 107 bytes."""
        self.path = Path(tempfile.mkdtemp(prefix=f"bulkq-{name}-", dir=_open_to_all()))
        self._keeper = Keeper("folder", str(self.path))
        self.give(self.path)

    def data(self) -> Path:
        """An empty folder `data` in it. It lies in memory where there is room: databases of a test are made and dropped by the file."""
        path = self.path / "data"
        if room_in_memory():
            path.symlink_to(tempfile.mkdtemp(prefix="bulkq-data-", dir=MEMORY))
        else:
            path.mkdir()
        self.give(path)
        return path

    def give(self, path: Path) -> None:
        """Make the server's account the owner."""
        if as_root():
            os.chown(path, NOBODY, NOBODY)

    def write(self, name: str, text: str) -> Path:
        """A file that the server may read."""
        path = self.path / name
        path.write_text(text)
        self.give(path)
        return path

    def run(self, command: Sequence[str | Path]) -> None:
        """Run a command to its end as the server's account; ServerFailed with its output when it fails."""
        done = subprocess.run(
            [*map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            cwd=self.path,
            env=clean_environment(),
            **_account(),
        )
        if done.returncode:
            raise ServerFailed(f"{command[0]} ended with {done.returncode}:\n{done.stdout}")

    def start(self, command: Sequence[str | Path], log: str) -> subprocess.Popen[bytes]:
        """Start a server as its account, in a session of its own: Ctrl-C is for pytest, which then stops the server."""
        with (self.path / log).open("ab") as out:
            return subprocess.Popen(
                [*map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=self.path,
                env=clean_environment(),
                start_new_session=True,
                **_account(),
            )

    def log(self, name: str, most: int = 3000) -> str:
        """The end of a log."""
        path = self.path / name
        return path.read_text(errors="replace")[-most:] if path.exists() else ""

    def close(self) -> None:
        """Remove the folder; the processes have been ended before."""
        shutil.rmtree((self.path / "data").resolve(), ignore_errors=True)
        shutil.rmtree(self.path, ignore_errors=True)
        self._keeper.close()


def end(process: subprocess.Popen[bytes], by: signal.Signals, timeout_s: float = 20.0) -> None:
    """Signal a process and wait for its end; SIGKILL when it takes longer than `timeout_s`."""
    if process.poll() is None:
        process.send_signal(by)
    try:
        process.wait(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=timeout_s)


def clean_environment() -> dict[str, str]:
    """This environment without what would steer a server or libpq."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_", "LANG"))} | {"LC_ALL": "C"}


class _Account(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def _account() -> _Account:
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if as_root() else {}


def _open_to_all() -> str:
    """The temporary folder; as root one that `nobody` can reach, which a private TMPDIR is not."""
    folder = tempfile.gettempdir()
    if not as_root():
        return folder
    here = Path(folder).resolve()
    closed = any(not p.stat().st_mode & 0o001 for p in (here, *here.parents))
    return "/tmp" if closed else folder
