"""Runs that do not answer as they should."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bulkq.control import client, socket_folder
from bulkq.errors import StoppedError


def reply(data: bytes) -> str:
    """What a client says of a run that sends `data` and ends the connection."""
    with TemporaryDirectory(prefix="bq-") as folder, socket.socket(socket.AF_UNIX) as server:
        path = socket_folder.make_folder("01kb", Path(folder)) / socket_folder.SOCKET
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(100)
                connection.sendall(data)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            return str(client.ask(path, "status", 5.0))
        finally:
            thread.join()


def test_a_run_that_ends_meanwhile_is_gone() -> None:
    """An answer that is cut off is none, and one that is no JSON object neither."""
    assert reply(b'{"ok": true}\n') == "{'ok': True}"
    for data in (b"", b'{"ok"', b"ok\n", b"[1]\n"):
        with pytest.raises(client.RunGone):
            reply(data)


def test_a_process_that_hangs_is_named() -> None:
    """It is stopped, or its machine is very busy: the run is there, and does not answer."""
    with TemporaryDirectory(prefix="bq-") as folder, socket.socket(socket.AF_UNIX) as server:
        path = socket_folder.make_folder("01kb", Path(folder)) / socket_folder.SOCKET
        server.bind(str(path))
        server.listen()
        with pytest.raises(
            StoppedError, match=r"run 01kb did not answer within 0.05s: its process hangs or is stopped"
        ):
            client.ask(path, "status", 0.05)
        assert "01kb" in client.live_runs(Path(folder))
