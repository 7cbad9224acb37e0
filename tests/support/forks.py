"""Where `Cli` gets its processes: forked from one that has imported everything.

The whole suite has one such server for all its processes; otherwise each process of pytest that needs one has its own.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tests.support.servers.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCRIPT = Path(__file__).with_name("fork_server.py")


def coverage_environment() -> dict[str, str]:
    """The variables by which a process that is started is followed by coverage; none in a test that is not followed."""
    return {name: value for name, value in os.environ.items() if name.startswith("COV")}


@cache
def suite_coverage_environment() -> dict[str, str]:
    """The same of the whole suite, as it was when this was first called: before the first test."""
    return coverage_environment()


class Forks:
    """The server and its socket; started with the first order."""

    def __init__(self, folder: str = "") -> None:
        """A server whose socket is in `folder`, which another process starts and ends; "" for one of our own."""
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._starting = threading.Lock()

    def run(
        self,
        arguments: Sequence[str],
        *,
        stdin: bytes,
        environment: Mapping[str, str],
        folder: Path,
        timeout_s: float,
    ) -> tuple[int, bytes, bytes]:
        """A process of bulkq to its end: exit code (negative after a signal), stdout, stderr.

        Raises:
            subprocess.TimeoutExpired: it took longer, and was killed.
        """
        order = {
            "arguments": list(arguments),
            "environment": dict(environment),
            "folder": str(folder),
            "followed": coverage_environment() == suite_coverage_environment(),
        }
        pipes = [os.pipe() for _ in range(3)]
        ours = [pipes[0][1], pipes[1][0], pipes[2][0]]
        theirs = [pipes[0][0], pipes[1][1], pipes[2][1]]
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(self._path(environment))
            data = json.dumps(order).encode() + b"\n"
            sent = socket.send_fds(connection, [data], theirs)
            connection.sendall(data[sent:])
            for number in theirs:
                os.close(number)
            return _attend(connection, ours, stdin, arguments, timeout_s)

    def start(self, environment: Mapping[str, str]) -> str:
        """Start a server of our own, and do not wait for it: it imports for seconds. Its folder."""
        self._folder = tempfile.mkdtemp(prefix="bulkq-forks-")
        self._process = subprocess.Popen(
            [sys.executable, str(SCRIPT), f"{self._folder}/orders"],
            stdin=subprocess.DEVNULL,
            env={**environment, **suite_coverage_environment()},
        )
        return self._folder

    def close(self) -> None:
        """End our server, which then writes what coverage saw in its children; they have ended. A second call does nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.connect(f"{self._folder}/orders")
            process.wait(timeout=60)
        except (OSError, subprocess.TimeoutExpired):  # it still imports and has served nobody, or it hangs
            process.kill()
            process.wait()
        shutil.rmtree(self._folder)

    def _path(self, environment: Mapping[str, str]) -> str:
        with self._starting:
            if not self._folder:
                self.start(environment)
            path = f"{self._folder}/orders"
            wait_until(lambda: os.path.exists(path), "the fork server is not ready", 100)  # noqa: PTH110 - shorter
        return path


def _attend(
    connection: socket.socket, ours: Sequence[int], stdin: bytes, arguments: Sequence[str], timeout_s: float
) -> tuple[int, bytes, bytes]:
    answer = connection.makefile("rb")
    pid = int(answer.readline())
    found: dict[int, bytes] = {}
    work = [
        threading.Thread(target=_feed, args=(ours[0], stdin)),
        *(threading.Thread(target=_drain, args=(number, found)) for number in ours[1:]),
    ]
    for thread in work:
        thread.start()
    connection.settimeout(timeout_s)
    try:
        status = int(answer.readline())
    except TimeoutError:
        os.kill(pid, signal.SIGKILL)
        raise subprocess.TimeoutExpired(["bulkq", *arguments], timeout_s) from None
    finally:
        for thread in work:
            thread.join(10)
    return os.waitstatus_to_exitcode(status), found[ours[1]], found[ours[2]]


def _feed(number: int, data: bytes) -> None:
    stream: BinaryIO
    with suppress(BrokenPipeError), os.fdopen(number, "wb") as stream:
        stream.write(data)


def _drain(number: int, found: dict[int, bytes]) -> None:
    with os.fdopen(number, "rb") as stream:
        found[number] = stream.read()
