"""Waits until its stdin closes, then stops and removes what is left of a server.

keeper.py folder PATH       stop what the pid files in it name, remove it
keeper.py container ID      remove the container
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

PID_FILES = ("data/postmaster.pid", "server.pid")


def stop(pid: int) -> None:
    """SIGINT, and SIGKILL after five seconds: SIGINT is PostgreSQL's fast shutdown and ends PgBouncer as well; MariaDB does not hear it."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGINT)
        for _ in range(100):
            time.sleep(0.05)
            os.kill(pid, 0)
        os.kill(pid, signal.SIGKILL)


def remove_folder(folder: Path) -> None:
    """Stop the servers that a dead test run left in `folder`, then remove it."""
    for name in PID_FILES:
        with suppress(OSError, ValueError, IndexError):
            stop(int((folder / name).read_text().split()[0]))
    shutil.rmtree((folder / "data").resolve(), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def remove_container(name: str) -> None:
    """Remove the container if it is still there."""
    import docker

    with suppress(docker.errors.NotFound):
        docker.from_env().containers.get(name).remove(force=True, v=True)


if __name__ == "__main__":
    sys.stdin.read()
    kind, what = sys.argv[1:]
    if kind == "folder" and Path(what).exists():
        remove_folder(Path(what))
    elif kind == "container":
        remove_container(what)
