"""The child process of `--map`: call the user's function once per parameter set. Imports little, so that it starts fast."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterable
from importlib import import_module
from inspect import iscoroutinefunction
from io import TextIOWrapper
from multiprocessing import parent_process
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Row = dict[str, object]
    Answer = tuple[list[Row] | None, str]
    """The rows, or None and what went wrong."""

LONGEST_ERROR = 500
RETURNED = "returned "
"""How the words begin about an answer that has the wrong form. Those about an exception begin with its type."""

_loaded: dict[str, Callable[[list[Row]], object]] = {}


def begin_process(folder: str) -> None:
    """First in every process: modules are found where the command was typed, and signals are the parent's matter.

    What the function prints goes to stderr, line by line: stdout is for rows, and the parent writes them.
    """
    os.dup2(2, 1)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent drains
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = parent_process()
    if parent is not None:
        # Before `sys.path` changes, and along a way that this thread went once: when a thread meets a new file after such
        # a change, coverage.py forgets what other threads import (findings/coverage_forgets_modules_of_other_threads.sh).
        parent.join(0)
        threading.Thread(target=_end_with, args=(parent.join,), daemon=True).start()
    if folder not in sys.path:
        sys.path.insert(0, folder)


def _end_with(wait: Callable[[], None]) -> None:
    """Exit if the parent is gone: a killed parent cannot stop its children."""
    wait()
    os._exit(1)


def probe_function(spec: str) -> tuple[int, str]:
    """Import the function: the id of this process, and what is wrong with `MODULE:FUNCTION`, or ""."""
    try:
        _function(spec)
    except BaseException as error:  # noqa: BLE001 - whatever an import does, it is one line for the user
        return os.getpid(), _words(error)
    return os.getpid(), ""


def apply_function(spec: str, sets: list[list[Row]]) -> list[Answer]:
    """The function's answer for the rows of each set, in order; an exception is that set's answer."""
    function = _function(spec)
    return [_answer(function, rows) for rows in sets]


def _answer(function: Callable[[list[Row]], object], rows: list[Row]) -> Answer:
    try:
        answer = function(rows)
        if answer is None:
            return None, f"{RETURNED}None: return the rows, or an empty list"
        if not isinstance(answer, Iterable):
            return None, f"{RETURNED}{type(answer).__name__}: return a list of dicts"
        found = list(answer)
    except BaseException as error:  # noqa: BLE001 - it is the user's code, and its sys.exit is not our end
        return None, _words(error)
    for row in found:
        if not isinstance(row, dict):
            return None, f"{RETURNED}a row of type {type(row).__name__}: return dicts"
        if any(not isinstance(name, str) for name in row):
            return None, f"{RETURNED}a row with a column name that is not a str"
    return found, ""


def _function(spec: str) -> Callable[[list[Row]], object]:
    found = _loaded.get(spec)
    if found is None:
        module, _, path = spec.partition(":")
        value: object = import_module(module)
        for name in path.split("."):
            value = getattr(value, name)
        if not callable(value):
            raise TypeError(f"{path} is {type(value).__name__}, not a function")
        if iscoroutinefunction(value):
            raise TypeError(f"{path} is a coroutine function: use an ordinary function")
        found = _loaded[spec] = value
    return found


def _words(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:LONGEST_ERROR] if text else type(error).__name__
