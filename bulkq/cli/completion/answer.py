"""Answer a question of a completion script: print the values, and never an error."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TYPE_CHECKING

from bulkq.cli.completion.shells import SHELLS, VARIABLE

if TYPE_CHECKING:
    import click


def answer(program: click.Command) -> int:
    """Print what `_BULKQ_COMPLETE` asks for: `SHELL_complete` for values, `SHELL_source` for the script.

    Returns:
        The exit code: 0, or 1 if the shell or the question is unknown. Errors are values that are not found.
    """
    shell, _, question = os.environ[VARIABLE].partition("_")
    if shell not in SHELLS or question not in {"complete", "source"}:
        return 1
    asked = SHELLS[shell](program, {}, "bulkq", VARIABLE)
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        text = asked.source() if question == "source" else _values(asked.complete)
    with contextlib.suppress(OSError, AttributeError):  # stdout is closed
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
    return 0


def _values(complete: object) -> str:
    assert callable(complete)
    try:
        return str(complete())
    except (Exception, SystemExit):  # noqa: BLE001 - a message would appear in the middle of the line that is typed
        return ""
