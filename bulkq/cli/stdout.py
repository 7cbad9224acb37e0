"""The program's stdout, which is for data: what a database library prints goes to stderr.

Some libraries print from Python, some from C. Data get a descriptor of their own, and descriptor 1 becomes stderr's.
"""

from __future__ import annotations

import io
import os
import sys
import threading

LIBRARIES = "bulkq "
"""How the names of threads begin in which libraries run, see `bulkq.drivers.threads`."""


class Stdout(io.TextIOWrapper):
    """Text for people and programs; what is printed in a thread of a library is passed on to stderr."""

    def write(self, text: str) -> int:
        """Write `text` where it belongs."""
        if sys.stderr is not None and threading.current_thread().name.startswith(LIBRARIES):
            return sys.stderr.write(text)
        return super().write(text)


def keep() -> None:
    """Keep descriptor 1 for data, where it is open and stderr is too."""
    stream = sys.stdout
    try:
        if sys.stderr is None or stream.fileno() != 1:
            return
        os.fstat(2)
        own = os.dup(1)
    except (OSError, ValueError, AttributeError):  # closed, or not a file
        return
    stream.flush()
    os.dup2(2, 1)
    made = Stdout(
        open(own, "wb"),  # noqa: PTH123, SIM115 - open as long as the process
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=bool(stream.line_buffering),
    )
    _replaced.append(stream)  # whose end would close descriptor 1
    sys.stdout = sys.__stdout__ = made  # type: ignore[misc]


_replaced: list[object] = []
