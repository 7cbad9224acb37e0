"""How many files of the package a command crosses before its first batch: what `benchmarks/flow.py` counts stays small."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REQUEST = {"run": (30, 40), "resume": (30, 40), "check": (30, 40), "plan": (30, 40)}
"""By command: files that the user's request enters, and its returns to them."""

STEERING = {"run": (41, 58), "resume": (47, 79), "check": (36, 70), "plan": (8, 9)}
"""By command: files of the rooms that steer, and returns to them. A new step of the lifecycle may raise it, or one that is imported late."""


@pytest.mark.parametrize("command", REQUEST)
def test_the_flow_of_a_command_stays_short(command: str) -> None:
    """From the parsed options to the first batch."""
    arguments = [sys.executable, "-m", "benchmarks.flow", "--json", command]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)[command]
    for way, bounds in (("request", REQUEST), ("steering", STEERING)):
        files, returns = bounds[command]
        assert found[f"{way}_files"] <= files, found["entered"]
        assert found[f"{way}_returns"] <= returns, found["entered"]
