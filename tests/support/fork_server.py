"""A process that has imported bulkq and forks another for every order: half a second of imports is paid once.

    python tests/support/fork_server.py SOCKET

A child is a process as any other, with a process id, streams, an environment and an exit code of its own.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import json
import os
import pkgutil
import signal
import socket
import sys
import threading
from importlib import import_module

MOST = 1 << 20
"""Bytes of an order."""

ALSO = (
    *(f"sqlalchemy.dialects.postgresql.{name}" for name in ("asyncpg", "psycopg", "psycopg2")),
    *(f"sqlalchemy.dialects.mysql.{name}" for name in ("aiomysql", "pymysql")),
    *("sqlalchemy.dialects.sqlite.aiosqlite", "aiomysql", "duckdb", "duckdb_engine", "psycopg", "psycopg2", "pymysql"),
    *("ctypes.util", "email.parser", "encodings.idna", "sqlite3", "ssl"),
)
"""What commands import by name: libraries of databases, each a tenth of a second, and what those import late."""


def warm() -> None:
    """Import what commands import."""
    import bulkq

    names = [module.name for module in pkgutil.walk_packages(bulkq.__path__, "bulkq.", onerror=lambda _: None)]
    for name in (*names, *ALSO):
        if not name.endswith("__main__"):
            with contextlib.suppress(ImportError):
                import_module(name)
    from bulkq import query

    for dialect in ("duckdb", "mysql", "postgres", "sqlite"):
        query.operands(query.inline("select 1 where :a = 1", dialect))  # imports the tokenizers and the parser
    save_coverage()
    gc.collect()
    gc.freeze()


def save_coverage() -> None:
    """Write what was measured so far, so that no child writes it again: the imports are most of what a child would save."""
    if "coverage" in sys.modules:
        from coverage import Coverage

        measured = Coverage.current()
        if measured is not None:
            measured.save()


def serve(path: str) -> list[str] | None:
    """Take orders; in a child, the arguments of bulkq. None when whoever started us has gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the processes that wait for the children
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(path)
        listening.listen(16)
        print("ready", flush=True)
        while True:
            connection, _ = listening.accept()
            first, streams, _, _ = socket.recv_fds(connection, MOST, 3)
            if not streams:
                return None
            if os.fork():
                connection.close()
                for stream in streams:
                    os.close(stream)
                continue
            break
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    return _order(connection, first, streams)


def _order(connection: socket.socket, data: bytes, streams: list[int]) -> list[str]:
    while not data.endswith(b"\n"):
        data += connection.recv(MOST)
    pid = os.fork()
    if pid:
        for stream in streams:
            os.close(stream)
        connection.sendall(b"%d\n" % pid)
        connection.sendall(b"%d\n" % os.waitpid(pid, 0)[1])
        os._exit(0)
    connection.close()
    order = json.loads(data)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    # As the interpreter opens them in UTF-8 mode.
    sys.stdin = sys.__stdin__ = io.TextIOWrapper(_opened(0, "rb"), "utf-8", "surrogateescape")  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = io.TextIOWrapper(_opened(1, "wb"), "utf-8", "surrogateescape")  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = io.TextIOWrapper(  # type: ignore[misc]
        _opened(2, "wb"), "utf-8", "backslashreplace", line_buffering=True
    )
    arguments: list[str] = order["arguments"]
    return arguments


def end(code: int) -> None:
    """End as the interpreter does, but leave the memory to the system.

    To free a thousand modules object by object copies the pages that the child shares, and takes as long as a short run.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            if not stream.closed:
                stream.flush()
        except OSError:
            code = 120  # https://docs.python.org/3/c-api/init.html#c.Py_FinalizeEx
    os._exit(code)


def _opened(number: int, mode: str) -> io.BufferedIOBase:
    return open(number, mode, closefd=False)  # type: ignore[return-value]


if __name__ == "__main__":
    warm()
    arguments = serve(sys.argv[1])
    if arguments is not None:
        sys.argv = ["bulkq", *arguments]
        from bulkq.__main__ import main

        end(main(arguments))
