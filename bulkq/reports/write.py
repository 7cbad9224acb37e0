"""Write the report of `--report FORMAT[:FILE]` to a file or a stream.

`FORMATS` is the registry: a format is a function from a summary to text. GitHub's is the one that goes to two places; see `write_report`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bulkq.errors import BulkqError, OutputClosed, UsageError
from bulkq.model.frozen_dataclass import frozen
from bulkq.sinks.file_output import FileOutput, cannot_write, is_special
from bulkq.text.message_parts import suggestion

if TYPE_CHECKING:
    from bulkq.model import RunSummary

Format = Callable[["RunSummary"], str]


def _made_by(module: str, name: str) -> Format:
    """A format whose module is imported on use, because most runs write no report."""

    def made(summary: RunSummary) -> str:
        made_by: Format = getattr(import_module(f"bulkq.reports.{module}"), name)
        return made_by(summary)

    return made


FORMATS: dict[str, Format] = {
    "text": _made_by("text_report", "text_report"),
    "terminal": _made_by("text_report", "text_report"),
    "json": _made_by("json_report", "json_report"),
    "html": _made_by("html", "html_report"),
    "junit": _made_by("junit", "junit_report"),
    "github": _made_by("github", "github_annotations"),
    "gitlab": _made_by("gitlab", "gitlab_report"),
    "sarif": _made_by("sarif", "sarif_report"),
    "tap": _made_by("tap", "tap_report"),
    "markdown": _made_by("markdown", "markdown_report"),
}

GITHUB = "github"


@frozen
class ReportRequest:
    """One `--report`: a key of `FORMATS`, and a file, or None for the stream of that format."""

    format: str
    path: str | None = None

    @property
    def to_stdout(self) -> bool:
        """Whether it stands where data stand. GitHub reads its commands from stderr too, so they go there."""
        return self.path is None and self.format != GITHUB


def parse_report(text: str, option: str = "--report") -> ReportRequest:
    """Understand `FORMAT` or `FORMAT:FILE`, before the run, so that its report does not fail after it.

    Raises:
        UsageError: an unknown format, no file after the colon, a folder that is not there.
    """
    name, colon, path = text.partition(":")
    if name not in FORMATS:
        raise UsageError(
            f'{option} "{name}" is unknown{suggestion(name, FORMATS)}: choose from {", ".join(FORMATS)}, as in json:FILE'
        )
    if not colon or path == "-":
        return ReportRequest(name)
    if not path:
        raise UsageError(f'{option} "{text}" names no file: write {name}:FILE, or {name} for stdout')
    if Path(path).is_dir():
        raise UsageError(f'{option} "{text}": "{path}" is a folder: give the path of a file')
    if not Path(path).parent.is_dir():
        raise UsageError(f'{option} "{text}": no folder "{Path(path).parent}": create it first')
    return ReportRequest(name, path)


def write_report(request: ReportRequest, summary: RunSummary, stdout: BinaryIO, stderr: BinaryIO | None = None) -> None:
    """Write the report, to a file in one step: readers see the old one or the whole new one.

    `github` without a file is annotations on `stderr` (None: `stdout`) and the job summary, appended to the file that
    `GITHUB_STEP_SUMMARY` names. With a file it is the annotations alone.

    Raises:
        UsageError, RefusedError, StoppedError: the file cannot be opened, is being written, takes no more.
        OutputClosed: the stream was closed by its reader.
    """
    text = FORMATS[request.format](summary)
    if request.to_stdout:
        from bulkq.reports.escape import escape_workflow_commands

        text = escape_workflow_commands(text)
    data = text.encode("utf-8", "backslashreplace")
    if request.path is None:
        if request.format == GITHUB:
            _append_job_summary(summary)
        if request.to_stdout or stderr is None:
            _write_stream("stdout", stdout, data)
        else:
            _write_stream("stderr", stderr, data)
    elif is_special(request.path):
        _write_special(request.path, data)
    else:
        output = FileOutput(request.path)
        try:
            output.append(data)
            output.flush()
        except BulkqError:
            output.discard()  # a piece of a report is worth nothing, and the disk may be full
            raise
        output.close(complete=True)


def _append_job_summary(summary: RunSummary) -> None:
    """One write at the end of the file: other commands of the step have put theirs before it."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    from bulkq.reports.github import job_summary

    try:
        with Path(path).open("ab") as stream:
            taken = stream.tell()
            data = job_summary(summary, taken).encode("utf-8", "backslashreplace")
            stream.write(b"\n\n" + data if taken and data else data)
    except OSError as error:
        raise cannot_write(path, error) from error


def _write_stream(name: str, stream: BinaryIO, data: bytes) -> None:
    try:
        stream.write(data)
        stream.flush()
    except BrokenPipeError as error:
        raise OutputClosed(f"{name} was closed by its reader") from error
    except OSError as error:
        raise cannot_write(name, error) from error


def _write_special(path: str, data: bytes) -> None:
    try:
        with Path(path).open("wb") as stream:
            stream.write(data)
    except OSError as error:
        raise cannot_write(path, error) from error
