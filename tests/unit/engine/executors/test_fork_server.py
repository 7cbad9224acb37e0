"""The process that forks workers."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import forkserver, set_forkserver_preload

import pytest

pytest.importorskip("distributed")

from bulkq.engine.executors import fork_server


def test_it_starts_deaf_and_with_the_environment_of_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not where the system cannot fork; this process keeps its own environment, and hears Ctrl-C."""
    seen: list[tuple[str, str, bool]] = []

    def look() -> None:
        deaf = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
        seen.append((os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"], deaf))
        assert os.environ["PYTHONSAFEPATH"] == "1"  # no module of the current folder shadows one of Python

    monkeypatch.setattr(forkserver, "ensure_running", look)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with monkeypatch.context() as changed:
        changed.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
        fork_server.start_fork_server()
    assert seen == []
    try:
        fork_server.start_fork_server()
        assert forkserver._forkserver._preload_modules[0] == fork_server.BEGIN
        with ThreadPoolExecutor(1) as other:  # whose end would be that of the server
            other.submit(fork_server.start_fork_server).result()
        assert fork_server.BEGIN not in forkserver._forkserver._preload_modules
        seen.pop()
    finally:
        set_forkserver_preload([])
    assert seen == [("3", "1", True)]
    assert os.environ["OMP_NUM_THREADS"] == "3"
    assert "MKL_NUM_THREADS" not in os.environ
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


@pytest.mark.parametrize(("length", "method"), [(20, "forkserver"), (68, "forkserver"), (69, "spawn"), (300, "spawn")])
def test_a_temporary_folder_with_a_long_name_has_no_socket(
    monkeypatch: pytest.MonkeyPatch, length: int, method: str
) -> None:
    """Workers are then spawned."""
    monkeypatch.setattr(tempfile, "tempdir", "/" + "x" * (length - 1))
    assert fork_server.start_method() == method
