"""Send requests to live runs of this user on this machine. Blocks."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

from bulkq.control import socket_folder
from bulkq.errors import StoppedError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT_S = 10.0
"""Seconds that an answer may take. The loop of a run answers within milliseconds unless its machine is very busy."""

LONGEST_REQUEST = 64 * 1024
"""Bytes of a request at most."""

MOST_BYTES = 16 * 1024 * 1024
"""Bytes of an answer at most."""


class RunGone(Exception):
    """No process listens at the socket of a run any more."""


def ask(path: Path, request: str, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """Send a request to the run that listens at `path`, and return its answer.

    Raises:
        RunGone: no process listens there. A socket that a dead process has left is removed.
        StoppedError: it does not answer.
        UsageError: the request is too long.
    """
    if len(request.encode()) >= LONGEST_REQUEST:
        raise UsageError(f"the request is longer than {LONGEST_REQUEST} bytes: send less")
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_s)
            _connect(connection, path)
            connection.sendall(request.encode() + b"\n")
            return _read(connection)
    except TimeoutError:
        raise StoppedError(
            f"run {path.parent.name} did not answer within {timeout_s:g}s: its process hangs or is stopped"
        ) from None
    except (ConnectionError, BrokenPipeError, ValueError):
        raise RunGone from None


def live_runs(state: Path | None) -> dict[str, Path]:
    """Return the sockets of the runs of this user that are alive, by run. Those that dead processes have left are removed."""
    found: dict[str, Path] = {}
    for run, path in socket_folder.sockets(state):
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(TIMEOUT_S)
                _connect(connection, path)
        except RunGone:
            continue
        except OSError:
            pass  # it is there, and does not answer now
        found.setdefault(run, path)
    return found


def _connect(connection: socket.socket, path: Path) -> None:
    try:
        connection.connect(str(path))
    except (ConnectionRefusedError, FileNotFoundError):
        socket_folder.remove_folder(path.parent)
        raise RunGone from None


def _read(connection: socket.socket) -> dict[str, Any]:
    """The answer, which is a line.

    Raises:
        ConnectionError, ValueError: there is none.
    """
    received = bytearray()
    while not received.endswith(b"\n"):
        part = connection.recv(65_536)
        received += part
        if not part or len(received) > MOST_BYTES:
            raise ConnectionResetError
    found = json.loads(received)
    if not isinstance(found, dict):
        raise ConnectionResetError
    return found
