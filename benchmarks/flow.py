"""How many files the flow of a command crosses before its first batch: `python -m benchmarks.flow [run resume check plan]`.

A profile hook on every thread sees each call of a function of `bulkq/`, from the first coroutine of the task (the options are
parsed by then) to the first attempt of a driver; `plan` has none and is followed to its end. Counted are

files    files in which a function was called,
returns  calls that lead from one file into another that was entered before,

three times: over the functions that are given the request of the user, one of its sections, or a value that holds it; over the rooms
that steer (`tasks`, `lifecycle`, `engine`), because a reader who follows the flow stops at the interface of every other room; and over
all rooms. Bodies of modules and classes and comprehensions do not count, nor does a coroutine that goes on behind an `await`.
"""

from __future__ import annotations

import dis
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import bulkq

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

ROOT = str(Path(bulkq.__file__).parent) + os.sep
OPTIMIZED = 0x1  # of functions; bodies of modules and classes lack it: https://docs.python.org/3/library/inspect.html#code-objects-bit-flags
COROUTINE = 0x80
RESUME_KIND, RESUME_START = 0x3, 0  # https://docs.python.org/3/library/dis.html#opcode-RESUME
INNER = frozenset({"<listcomp>", "<genexpr>", "<dictcomp>", "<setcomp>", "<lambda>"})
STEERING = ("tasks/", "lifecycle/", "engine/")
ATTEMPTS = frozenset({"attempt", "stream", "copy"})
COMMANDS = ("run", "resume", "check", "plan")
SETS = 3
SECTIONS = frozenset(
    {"Run", "QueryOptions", "SourceOptions", "TargetOptions", "LimitOptions", "SafetyOptions", "OutputOptions"}
)
"""The request, and its sections."""

HOLDERS = ("request", "run", "job", "opened", "looked", "recorded")
"""Attributes by which the values of a job's steps hold the request, or one another."""

HELD = 3
"""From a recorded run over its open run and its job to the request."""


@dataclass(slots=True)
class Counter:
    """Files entered, in their order, and returns to them."""

    files: dict[str, None] = field(default_factory=dict)
    returns: int = 0
    now: str = ""

    def enter(self, file: str) -> None:
        """Take note of a call in `file`."""
        if file != self.now:
            self.returns += file in self.files
            self.files[file] = None
            self.now = file


def _goes_on(frame: FrameType) -> bool:
    """Whether a coroutine or generator goes on behind an `await` or `yield`, which the hook sees as one more call of it."""
    at, code = frame.f_lasti, frame.f_code.co_code
    return at >= 0 and code[at] == dis.opmap["RESUME"] and code[at + 1] & RESUME_KIND != RESUME_START


def holds_request(value: object, depth: int = HELD) -> bool:
    """Whether `value` is the request, a section of it, or holds it in at most `depth` steps."""
    kind = type(value)
    if not kind.__module__.startswith("bulkq"):
        return False
    if kind.__module__ == "bulkq.model.run" and kind.__name__ in SECTIONS:
        return True
    slots = {name for base in kind.__mro__ for name in getattr(base, "__slots__", ())}
    held = [name for name in HOLDERS if name in slots or name in getattr(value, "__dict__", ())]
    return depth > 0 and any(holds_request(getattr(value, name, None), depth - 1) for name in held)


def _is_given_request(frame: FrameType) -> bool:
    code = frame.f_code
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return any(holds_request(frame.f_locals.get(name)) for name in names)


class Trace:
    """The profile hook of one process."""

    def __init__(self, end: str) -> None:
        self.all, self.steering, self.request = Counter(), Counter(), Counter()
        self.rooms: set[str] = set()
        self._end = end
        self._begun = self._ended = False

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        """See one call; anything else is nothing to us."""
        code = frame.f_code
        if event != "call" or self._ended or not code.co_filename.startswith(ROOT):
            return
        file = code.co_filename[len(ROOT) :]
        if not code.co_flags & OPTIMIZED or code.co_name in INNER or _goes_on(frame):
            return
        self._begun = self._begun or (file.startswith(STEERING) and bool(code.co_flags & COROUTINE))
        if not self._begun:
            return
        self._ended = self._is_end(file, frame)
        if not self._ended:
            self.all.enter(file)
            if _is_given_request(frame):
                self.request.enter(file)
            if file.startswith(STEERING):
                self.steering.enter(file)
            else:
                self.rooms.add(file.partition("/")[0])

    def _is_end(self, file: str, frame: FrameType) -> bool:
        if self._end == "attempt":  # the preflight may ask a catalog as well
            engine = frame.f_back is not None and frame.f_back.f_code.co_filename.startswith(ROOT + "engine")
            return engine and file.startswith("drivers/") and frame.f_code.co_name in ATTEMPTS
        return file.startswith("cli/")

    def figures(self) -> dict[str, object]:
        """What was counted."""
        return {
            "request_files": len(self.request.files),
            "request_returns": self.request.returns,
            "files": len(self.all.files),
            "returns": self.all.returns,
            "steering_files": len(self.steering.files),
            "rooms": len(self.rooms),
            "steering_returns": self.steering.returns,
            "entered": list(self.all.files),
            "given": list(self.request.files),
        }


def traced(end: str, figures: str, arguments: Sequence[str]) -> int:
    """Run the program in this process with the hook; write what it counted to the file `figures`."""
    from bulkq.__main__ import main as program

    trace = Trace(end)
    threading.setprofile(trace)
    sys.setprofile(trace)
    try:
        return program(arguments)
    finally:
        sys.setprofile(None)
        Path(figures).write_text(json.dumps(trace.figures()))


def _bulkq(folder: Path, arguments: Sequence[str], *, end: str = "attempt") -> dict[str, object]:
    figures = folder / "figures.json"
    env = {**os.environ, "BULKQ_LEDGER": str(folder / "ledger.db"), "BULKQ_PROGRESS": "none"}
    command = [sys.executable, "-m", "benchmarks.flow", "--traced", end, str(figures), *arguments]
    done = subprocess.run(command, env=env, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    found: dict[str, object] = json.loads(figures.read_text())
    if not found["entered"]:
        raise RuntimeError(done.stderr)
    return found


def measure(command: str) -> dict[str, object]:
    """Count for one of `COMMANDS`, on SQLite."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        connection = sqlite3.connect(folder / "app.db")
        connection.execute("CREATE TABLE users (id integer PRIMARY KEY, name text)")
        connection.close()
        (folder / "ids.csv").write_text("id\n" + "\n".join(map(str, range(1, SETS + 1))) + "\n")
        (folder / "users.sql").write_text("-- name: users\nSELECT id, name FROM users WHERE id = :id;\n")
        (folder / "checks.sql").write_text("-- name: empty\n-- @expect empty\nSELECT 1 WHERE false;\n")
        # The first set fails and, with -x, ends the run, which can then go on.
        (folder / "fails.sql").write_text("-- name: fails\nSELECT json(iif(:id = '1', 'no', '2'));\n")
        where = ("-t", f"sqlite:///{folder / 'app.db'}")
        read = (*where, "-p", str(folder / "ids.csv"))
        output = ("-o", str(folder / "rows.csv"))
        if command == "run":
            return _bulkq(folder, ["run", str(folder / "users.sql"), *read, *output])
        if command == "resume":
            _bulkq(folder, ["run", str(folder / "fails.sql"), *read, *output, "-x", "-j", "1"])
            return _bulkq(folder, ["resume", "--last"])
        if command == "check":
            return _bulkq(folder, ["check", str(folder / "checks.sql"), *where])
        return _bulkq(folder, ["plan", "run", str(folder / "users.sql"), *read], end="cli")


def main(arguments: Sequence[str]) -> int:
    """Print a line for each command, or all figures as JSON (`--json`)."""
    wanted = [argument for argument in arguments if argument != "--json"] or COMMANDS
    if "--json" in arguments:
        print(json.dumps({command: measure(command) for command in wanted}))
        return 0
    print(f"{'':8} {'of the request':>15} {'of the rooms that steer':>24} {'of all rooms':>15}   files/returns")
    for command in wanted:
        found = measure(command)
        ways = [f"{found[f'{way}files']}/{found[f'{way}returns']}" for way in ("request_", "steering_", "")]
        print(f"{command:8} {ways[0]:>15} {ways[1]:>24} {ways[2]:>15}")
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--traced"]:
        sys.exit(traced(sys.argv[2], sys.argv[3], sys.argv[4:]))
    sys.exit(main(sys.argv[1:]))
