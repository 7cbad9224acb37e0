"""How many files of the package a command crosses before its first batch: what `benchmarks/flow.py` counts stays small."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BOUNDS = {"run": (30, 40), "resume": (34, 55), "check": (26, 49), "plan": (7, 7)}
"""By command: files of the rooms that steer, and returns to them."""


@pytest.mark.parametrize("command", BOUNDS)
def test_the_flow_of_a_command_stays_short(command: str) -> None:
    """From the parsed options to the first batch."""
    arguments = [sys.executable, "-m", "benchmarks.flow", "--json", command]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)[command]
    files, returns = BOUNDS[command]
    assert found["steering_files"] <= files, found["entered"]
    assert found["steering_returns"] <= returns
