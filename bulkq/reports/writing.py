"""From `--report FORMAT[:FILE]` to a file or stdout. Called by `bulkq.cli`."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bulkq.errors import OutputClosed, UsageError
from bulkq.reports.json_report import json_report
from bulkq.reports.text_report import text_report
from bulkq.sinks.files import FileOutput, cannot_write, is_special

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkq.model import RunSummary

FORMATS: dict[str, Callable[[RunSummary], str]] = {"json": json_report, "text": text_report, "terminal": text_report}


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """One `--report`: a key of `FORMATS`, and a file, or None for stdout."""

    format: str
    path: str | None = None


def parse_report(text: str) -> ReportRequest:
    """Understand `FORMAT` or `FORMAT:FILE`, before the run, so that its report does not fail after it.

    Raises:
        UsageError: an unknown format, no file after the colon, a folder that is not there.
    """
    name, colon, path = text.partition(":")
    if name not in FORMATS:
        near = get_close_matches(name, FORMATS, n=1)
        advice = f' (did you mean "{near[0]}"?)' if near else ""
        raise UsageError(f'--report "{name}" is unknown{advice}; choose from {", ".join(FORMATS)}, as in json:FILE')
    if not colon or path == "-":
        return ReportRequest(name)
    if not path:
        raise UsageError(f'--report "{text}" names no file; write {name}:FILE, or {name} for stdout')
    if Path(path).is_dir():
        raise UsageError(f'--report "{text}": "{path}" is a folder; name a file in it')
    if not Path(path).parent.is_dir():
        raise UsageError(f'--report "{text}": there is no folder "{Path(path).parent}"; make it first')
    return ReportRequest(name, path)


def write_report(request: ReportRequest, summary: RunSummary, stdout: BinaryIO) -> None:
    """Write the report, to a file in one step: readers see the old one or the whole new one.

    Raises:
        UsageError, RefusedError, StoppedError: the file cannot be opened, is being written, takes no more.
        OutputClosed: nobody reads stdout.
    """
    data = FORMATS[request.format](summary).encode("utf-8", "backslashreplace")
    if request.path is None:
        _write_stream(stdout, data)
    elif is_special(request.path):
        _write_special(request.path, data)
    else:
        output = FileOutput(request.path)
        output.append(data)
        output.close(complete=True)


def _write_stream(stdout: BinaryIO, data: bytes) -> None:
    try:
        stdout.write(data)
        stdout.flush()
    except BrokenPipeError as error:
        raise OutputClosed("stdout was closed by its reader") from error
    except OSError as error:
        raise cannot_write("stdout", error) from error


def _write_special(path: str, data: bytes) -> None:
    try:
        with Path(path).open("wb") as stream:
            stream.write(data)
    except OSError as error:
        raise cannot_write(path, error) from error
