"""Where `Cli` gets its processes: forked from one that has imported everything. One for each process of pytest."""

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

    def __init__(self) -> None:
        self._folder = ""
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

    def close(self) -> None:
        """End the server, which then writes what coverage saw in its children; they have ended."""
        if self._process is None:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection, suppress(OSError):
            connection.connect(f"{self._folder}/orders")
        try:
            self._process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        shutil.rmtree(self._folder)

    def _path(self, environment: Mapping[str, str]) -> str:
        with self._starting:
            if self._process is None:
                self._folder = tempfile.mkdtemp(prefix="bulkq-forks-")
                self._process = subprocess.Popen(
                    [sys.executable, str(SCRIPT), f"{self._folder}/orders"],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    env={**environment, **suite_coverage_environment()},
                )
                assert self._process.stdout is not None
                assert self._process.stdout.readline() == b"ready\n"
        return f"{self._folder}/orders"


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
