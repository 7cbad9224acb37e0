"""The file of `--metrics`."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from bulkq.cli.display.metrics_file import MetricsFile, metrics_path
from bulkq.errors import UsageError
from bulkq.model import RunSummary, Status
from bulkq.model.counts import Counts
from bulkq.policy.progress import Progress

if TYPE_CHECKING:
    from pathlib import Path

DONE = RunSummary("01kb4x", Status.FAILED, 1, "read", ())


def started(file: MetricsFile) -> Progress:
    progress = Progress(run="01kb4x")
    progress.begin([10], 1.0, "2026-11-22T13:05:10.000+00:00")
    file.started(progress)
    return progress


def test_it_is_replaced_while_the_run_goes_on_and_at_the_end(tmp_path: Path) -> None:
    """A reader sees whole files only: the beginning, the middle, and what the run came to."""
    path, replaced, said = tmp_path / "bulkq.prom", threading.Event(), []
    file = MetricsFile(str(path), said.append, interval_s=0.01)
    progress = started(file)
    begun = path.stat().st_ino
    assert 'bulkq_sets_total{run="01kb4x",outcome="ok"} 0' in path.read_text()
    progress.counts = Counts(ok=7)
    for _ in range(500):
        if 'outcome="ok"} 7' in path.read_text():
            break
        replaced.wait(0.01)
    else:
        pytest.fail("it was not replaced")
    file.finished(DONE)
    assert path.stat().st_ino != begun
    assert 'bulkq_run_activity{run="01kb4x",activity="ended"} 1' in path.read_text()
    assert 'bulkq_run_exit_code{run="01kb4x"} 1' in path.read_text()
    assert [one.name for one in tmp_path.iterdir()] == ["bulkq.prom"]
    assert said == []


def test_a_file_that_cannot_be_written_is_one_notice(tmp_path: Path) -> None:
    """The folder is gone: the user is told once, and the run continues."""
    said: list[str] = []
    file = MetricsFile(str(tmp_path / "gone" / "bulkq.prom"), said.append, interval_s=0.01)
    started(file)
    file.finished(DONE)
    assert len(said) == 1
    assert said[0].endswith("cannot be written: No such file or directory: the run continues without it")


def test_a_run_that_does_not_begin_writes_nothing(tmp_path: Path) -> None:
    """An error before the start leaves the file of the last run."""
    file = MetricsFile(str(tmp_path / "bulkq.prom"), pytest.fail)
    file.close()
    file.finished(DONE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["-", "/dev/null", ".", "no/such/folder/x.prom"])
def test_what_is_no_file_is_refused(text: str) -> None:
    """A file is replaced, which must not happen to a device or a folder."""
    with pytest.raises(UsageError, match="--metrics"):
        metrics_path(text)


def test_the_path_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resumed run changes to the folder of the run that it continues."""
    monkeypatch.chdir(tmp_path)
    assert metrics_path("a.prom") == str(tmp_path / "a.prom")
    assert metrics_path(None) is None
