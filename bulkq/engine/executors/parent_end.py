"""What becomes of a process whose parent ends while it is stopped."""

from __future__ import annotations

import signal
import sys

PR_SET_PDEATHSIG = 1
"""See prctl(2). Forks do not inherit the setting. The parent is the thread that started the process."""


def end_with_parent() -> None:
    """Have Linux kill this process when its parent ends; elsewhere, do nothing.

    A fork server ends by itself when the processes of the run have ended, but not while it is stopped.
    """
    if sys.platform == "linux":
        _signal_at_end_of_parent(signal.SIGKILL)


def wake_after_parent() -> None:
    """Have Linux continue this process when its parent ends; elsewhere, do nothing.

    A worker ends by itself when the run is gone, and cancels its statements on the server. One that was stopped would never look, and keep
    its transactions and their locks.
    """
    if sys.platform == "linux":
        _signal_at_end_of_parent(signal.SIGCONT)


def _signal_at_end_of_parent(number: int) -> None:
    from ctypes import CDLL

    CDLL(None).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)  # where it is not allowed, it has no effect
