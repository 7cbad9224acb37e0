"""A Dask cluster of two worker processes for the session, started by its own commands on 127.0.0.1."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from tests.support.servers import passwords

if find_spec("distributed") is None:  # to import it takes a quarter of a second, in every process of the suite
    pytest.skip("the extra test has it", allow_module_level=True)

CODE = """
import sys
from distributed.cli.{0} import main
sys.argv = ["dask-{1}", *sys.argv[1:]]
main()
"""
START_S = 100


class DaskProcesses:
    """A scheduler and two workers, which their nannies start again."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        self.folder = folder
        self._started: list[subprocess.Popen[bytes]] = []
        self._start("dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
        self._start("dask_worker", self.address, *("--host", "127.0.0.1", "--nworkers", "2", "--nthreads", "1"))

    def _start(self, module: str, *words: str) -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("BULKQ_", "PG", "XDG_", "COV"))}
        environment = kept | passwords.environment()
        with (self.folder / f"{module}.log").open("wb") as log:
            code = CODE.format(module, module.partition("_")[2])
            extra = ["--dashboard-address", "127.0.0.1:0"]  # without it, both answer HTTP on all interfaces
            extra += ["--memory-limit", "0"] if module == "dask_worker" else []
            command = [sys.executable, "-c", code, *words, *extra]
            self._started.append(subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=self.folder))

    @property
    def workers(self) -> list[psutil.Process]:
        """The processes that execute."""
        with contextlib.suppress(psutil.Error):
            children = psutil.Process(self._started[1].pid).children()
            return [one for one in children if "spawn_main" in " ".join(one.cmdline())]
        return []

    def log(self) -> str:
        """What the workers have said."""
        return (self.folder / "dask_worker.log").read_text()

    def close(self) -> None:
        """End all of it."""
        for process in reversed(self._started):
            with contextlib.suppress(psutil.Error):
                for child in psutil.Process(process.pid).children(recursive=True):
                    child.kill()
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[DaskProcesses]:
    """The cluster; both workers are there, and find the password of the server's role in their environment."""
    assert postgres_url
    made = DaskProcesses(tmp_path_factory.mktemp("dask"))
    try:
        end_s = time.monotonic() + START_S
        while made.log().count("Registered to") < 2:
            assert time.monotonic() < end_s, made.log()
            time.sleep(0.1)
        yield made
    finally:
        made.close()
