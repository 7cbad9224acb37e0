"""End the program although a library still has a running statement or threads of its own.

Such threads can keep the process alive for ever, or crash it while the interpreter ends, with another exit code than the one that was said.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

TASKS = Path("/proc/self/task")
"""Where Linux lists the threads of a process."""


class Leftovers:
    """What libraries leave behind in this process: statements that still run, and threads."""

    def __init__(self) -> None:
        self.statements = 0
        """Statements that run on in threads of ours."""

        self.foreign = False
        """A library was used that the tests do not hold."""

    def must_end_at_once(self) -> bool:
        """Whether the interpreter cannot be trusted to end the process by itself."""
        return self.statements > 0 or (self.foreign and _other_threads())


def _other_threads() -> bool:
    """Whether there are threads that keep the process alive, or that are not Python's."""
    ours = threading.enumerate()
    if any(not thread.daemon and thread is not threading.main_thread() for thread in ours):
        return True
    try:
        return len(os.listdir(TASKS)) > len(ours)  # noqa: PTH208 - only their number counts
    except OSError:
        return True


LEFTOVERS = Leftovers()
