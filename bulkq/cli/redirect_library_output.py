"""Reserve stdout for data: output of database libraries goes to stderr.

Some libraries print from Python, some from C. Data gets its own descriptor, and descriptor 1 becomes a copy of stderr.
"""

from __future__ import annotations

import io
import os
import sys
import threading

LIBRARIES = "bulkq "
"""Prefix of the names of threads that run library code, see `bulkq.drivers.threads`."""


class Stdout(io.TextIOWrapper):
    """Text stream on stdout. Output of threads that run library code goes to stderr."""

    def write(self, text: str) -> int:
        """Write `text` to stdout or stderr."""
        if sys.stderr is not None and threading.current_thread().name.startswith(LIBRARIES):
            return sys.stderr.write(text)
        return super().write(text)


def keep() -> None:
    """Reserve descriptor 1 for data, if stdout and stderr are open."""
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
    _replaced.append(stream)  # its deletion would close descriptor 1
    sys.stdout = sys.__stdout__ = made  # type: ignore[misc]


_replaced: list[object] = []
