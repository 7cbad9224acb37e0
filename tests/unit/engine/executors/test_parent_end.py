"""Processes that are stopped when their parent ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="prctl is of Linux")

CHILD = """
import os, signal
from bulkq.engine.executors.parent_end import {function} as function
function()
signal.signal(signal.SIGCONT, lambda *_: os._exit(0))
print(os.getpid(), flush=True)
signal.pause()
"""
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"


@pytest.mark.parametrize("function", ["end_with_parent", "wake_after_parent"])
def test_a_stopped_process_ends_after_its_parent(function: str) -> None:
    """It is killed, or goes on and ends by itself."""
    command = [sys.executable, "-c", PARENT, CHILD.format(function=function)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        os.kill(int(parent.stdout.readline()), signal.SIGSTOP)
        parent.kill()
        assert parent.stdout.read() == ""  # which the child holds open as long as it lives
