"""What is executed in the fork server before all else."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

ASK = """
import ctypes
import bulkq.engine.executors.fork_server_begin
number = ctypes.c_int()
ctypes.CDLL(None).prctl(2, ctypes.byref(number), 0, 0, 0)
print(number.value)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is of Linux")
def test_the_server_is_killed_with_its_parent() -> None:
    """Linux has been told so (PR_GET_PDEATHSIG)."""
    asked = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    assert int(asked.stdout) == signal.SIGKILL
