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
import posix
import select
import signal
import socket
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from fork_coverage import Follower  # beside this file, as the next
from large_pages import share_large_pages

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 1 << 20
"""Bytes of an order."""

REGISTER = atexit.register

ALSO = (
    *(f"sqlalchemy.dialects.postgresql.{name}" for name in ("asyncpg", "psycopg", "psycopg2")),
    *(f"sqlalchemy.dialects.mysql.{name}" for name in ("aiomysql", "pymysql")),
    *("sqlalchemy.dialects.sqlite.aiosqlite", "aiomysql", "duckdb", "duckdb_engine", "psycopg", "psycopg2", "pymysql"),
    *("ctypes.util", "email.parser", "encodings.idna", "sqlite3", "ssl"),
)
"""What commands import by name: libraries of databases, each a tenth of a second, and what those import late."""


def warm() -> None:
    """Import what commands import."""
    atexit.register = register_unless_duckdb  # type: ignore[assignment]
    import bulkq

    names = [module.name for module in pkgutil.walk_packages(bulkq.__path__, "bulkq.", onerror=lambda _: None)]
    for name in (*names, *ALSO):
        if not name.endswith("__main__"):
            with contextlib.suppress(ImportError):
                import_module(name)
    from bulkq import query

    for dialect in ("duckdb", "mysql", "postgres", "sqlite"):
        query.find_operands(query.inline("select 1 where :a = 1", dialect))  # imports the tokenizers and the parser
    gc.collect()
    gc.freeze()
    share_large_pages()


def register_unless_duckdb(function: Callable[..., object], *args: object, **named: object) -> object:
    """`atexit.register`, but DuckDB's cleanup in a child, which has not used it, would copy the memory of its library."""
    if getattr(function, "__name__", "") == "cleanup":
        return function
    return REGISTER(function, *args, **named)


def serve(path: str, follower: Follower) -> list[str] | None:
    """Take orders; in a child, the arguments of bulkq. None when whoever started us has gone."""
    callers: dict[int, socket.socket] = {}  # by the process ids of the children
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(path)
        listening.listen(16)
        print("ready", flush=True)
        while True:
            readable, _, _ = select.select([listening, woken], [], [])
            if woken in readable:
                os.read(woken, MOST)
                tell_ends(callers)
                continue
            connection, _ = listening.accept()
            data, streams, _, _ = socket.recv_fds(connection, MOST, 3)
            if not streams:
                return None
            while not data.endswith(b"\n"):
                data += connection.recv(MOST)
            pid = os.fork()
            if not pid:
                break
            callers[pid] = connection
            for stream in streams:
                os.close(stream)
            with contextlib.suppress(OSError):
                connection.sendall(b"%d\n" % pid)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number in (woken, waker):
        os.close(number)
    for other in (*callers.values(), connection):
        other.close()
    return become(data, streams, follower)


def tell_ends(callers: dict[int, socket.socket]) -> None:
    """Give the callers of children that have ended their status."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            with callers.pop(pid) as connection, contextlib.suppress(OSError):
                connection.sendall(b"%d\n" % status)


def become(data: bytes, streams: list[int], follower: Follower) -> list[str]:
    """Take on the streams, environment and folder of an order; its arguments."""
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
    follower.begin(followed=order["followed"])
    arguments: list[str] = order["arguments"]
    return arguments


def end(code: int, follower: Follower) -> None:
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
    follower.note()
    posix._exit(code)  # that of `os` would save what coverage saw


def _opened(number: int, mode: str) -> io.BufferedIOBase:
    return open(number, mode, closefd=False)  # type: ignore[return-value]


if __name__ == "__main__":
    sockets = sys.argv[1]
    follower = Follower(Path(sockets).parent)
    warm()
    follower.resume()
    arguments = serve(sockets, follower)
    if arguments is None:
        follower.gather()
    else:
        sys.argv = ["bulkq", *arguments]
        from bulkq.__main__ import main

        end(main(arguments), follower)
