"""`--failures FILE.jsonl`: a line per parameter set that did not end well or whose answer is lost. An observer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bulkq.sinks.file_output import FileOutput, Output, is_special
from bulkq.sinks.open_partial import EarlierOutput
from bulkq.sinks.stream_output import open_stream
from bulkq.text.json_text import json_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import BatchResult, Failure, RunSummary, SinkPosition
    from bulkq.policy.progress import Progress

REACHED_THE_END = frozenset({0, 1, 3})
"""Exit codes of a run that tried everything, however it went."""


def failure_line(failure: Failure) -> bytes:
    """The line of one failure; can be given to `-p` again."""
    found: dict[str, object] = {
        "n": failure.n,
        "source": failure.source,
        "target": failure.target,
        "query": failure.query,
        "params": failure.params,
        "outcome": failure.outcome.value,
        "sqlstate": failure.sqlstate,
        "message": failure.message,
        "attempts": failure.attempts,
    }
    if failure.key_range:
        found["range"] = failure.key_range
    line = json_object(found)
    return (line + "\n").encode("utf-8", "backslashreplace")


class FailureFile:
    """An `Observer` that writes failures as they come; every complete run leaves the file, perhaps empty."""

    def __init__(self, path: str, continue_at: int | None = None) -> None:
        """Open the partial; `continue_at` is the offset that an earlier process of the run left durable.

        Raises:
            UsageError: the folder does not exist or is not writable.
            RefusedError: a live run is writing this file; it is shorter than `continue_at`, or missing.
        """
        self._file: FileOutput | None = None
        self._kept = continue_at or 0
        self._output: Output
        if is_special(path):
            self._output = open_stream(path)
        else:
            self._output = self._file = FileOutput(path, None if continue_at is None else EarlierOutput(continue_at))
        self.notices = self._output.notices

    def started(self, progress: Progress) -> None:
        """Nothing to write yet."""

    def batch_done(self, result: BatchResult) -> None:
        """Write the failures of a batch; they are in the file when this returns.

        Raises:
            StoppedError: the file takes no more.
        """
        self.write((*result.failures, *result.unanswered))

    def write(self, failures: Sequence[Failure]) -> None:
        """Write these; they are in the file when this returns.

        Raises:
            StoppedError: the file takes no more.
        """
        if failures:
            self._output.append(b"".join(map(failure_line, failures)))
            if self._file is not None:
                self._file.flush()

    def told(self) -> set[tuple[str, str, int]]:
        """Target, query and number of the sets that an earlier process of the run has written to the file."""
        rows = [json.loads(line) for line in self._output.start(self._kept).splitlines()]
        return {(row["target"], row["query"], row["n"]) for row in rows}

    def notice(self, text: str) -> None:
        """Not for this file."""

    def finished(self, summary: RunSummary) -> None:
        """Give the file its name, if the run reached its end."""
        self.close(complete=summary.exit_code in REACHED_THE_END)

    def positions(self) -> tuple[SinkPosition, ...]:
        """See `Sink.positions`."""
        return self._output.positions()

    async def fsync(self) -> None:
        """See `Sink.fsync`."""
        await self._output.fsync()

    def close(self, *, complete: bool) -> None:
        """End without a summary; a second call does nothing."""
        if self._file is not None:
            self._file.close(complete=complete)
        else:
            self._output.discard()

    def discard(self) -> None:
        """Close as if it had never been opened: for a run that ended before its first statement."""
        self._output.discard()
