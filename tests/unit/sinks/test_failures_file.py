"""`--failures FILE.jsonl`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import RefusedError
from bulkq.model import Batch, BatchResult, Failure, Outcome, Query, RunSummary, Status
from bulkq.policy.progress import Progress
from bulkq.sinks import FailureFile

if TYPE_CHECKING:
    from pathlib import Path

QUERY = Query("q", "select")
FAILURE = Failure(
    118, "customers.csv:119", "shop", "fix", {"id": 7, "pw": "***"}, Outcome.ROLLED_BACK, "23514", "no\nway", 1
)
LINE = (
    '{"n":118,"source":"customers.csv:119","target":"shop","query":"fix","params":{"id":7,"pw":"***"},'
    '"outcome":"rolled_back","sqlstate":"23514","message":"no\\nway","attempts":1}\n'
)


def result(*failures: Failure) -> BatchResult:
    """A batch that failed."""
    return BatchResult(Batch(0, 1, [()]), QUERY, "shop", (), [], [], ok=0, failures=failures)


def summary(exit_code: int) -> RunSummary:
    """Of a run that ended with `exit_code`."""
    return RunSummary("01kb4x", Status.FAILED, exit_code, "write", ("shop",))


@pytest.mark.parametrize("exit_code", [0, 1, 3])
def test_a_complete_run_leaves_the_file(tmp_path: Path, exit_code: int) -> None:
    """One line per failure, in the documented order of keys, at once in the partial."""
    path = tmp_path / "f.jsonl"
    observer = FailureFile(str(path))
    observer.started(Progress())
    observer.notice("hello")
    observer.batch_done(result())
    observer.batch_done(result(FAILURE, replace(FAILURE, sqlstate=None)))
    assert (tmp_path / "f.jsonl.partial").read_text().startswith(LINE)
    observer.finished(summary(exit_code))
    observer.close(complete=True)
    lines = path.read_text().splitlines(keepends=True)
    assert lines[0] == LINE
    assert json.loads(lines[1])["sqlstate"] is None


def test_without_failures_the_file_is_empty(tmp_path: Path) -> None:
    """It exists after every complete run."""
    FailureFile(str(tmp_path / "f")).finished(summary(0))
    assert (tmp_path / "f").read_bytes() == b""


@pytest.mark.parametrize("exit_code", [4, 5, 130, 143])
def test_an_incomplete_run_leaves_the_partial(tmp_path: Path, exit_code: int) -> None:
    """The name is for complete files only."""
    observer = FailureFile(str(tmp_path / "f"))
    with pytest.raises(RefusedError):
        FailureFile(str(tmp_path / "f"))
    observer.finished(summary(exit_code))
    assert [p.name for p in tmp_path.iterdir()] == ["f.partial"]
    again = FailureFile(str(tmp_path / "f"))
    assert len(again.notices) == 1
    again.discard()
    assert list(tmp_path.iterdir()) == []


def test_special_files_are_written_directly() -> None:
    """`--failures /dev/null` works."""
    observer = FailureFile("/dev/null")
    observer.batch_done(result(FAILURE))
    observer.finished(summary(1))
