"""Worker processes of this machine."""

from __future__ import annotations

import asyncio
import signal
import sys

import pytest

pytest.importorskip("distributed")

from bulkq.engine.executors import local_workers
from bulkq.errors import MissingDriver, TargetError

BLOCKED = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))"


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no masks of signals")
async def test_processes_that_are_started_do_not_receive_ctrl_c() -> None:
    """This process does, also while they start; results and errors pass."""
    here: list[bool] = []

    async def start() -> str:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", BLOCKED, stdout=asyncio.subprocess.PIPE)
        text, _ = await process.communicate()
        try:
            async with asyncio.timeout(0):
                await asyncio.sleep(5)
        except TimeoutError:
            return text.decode().strip()
        return ""

    async def look() -> None:
        while not here:
            await asyncio.sleep(0)
            here.append(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))

    async def deaf() -> object:
        return await local_workers.DeafSteps(start())

    found, _ = await asyncio.gather(deaf(), look())
    assert (found, here) == ("True", [False])


@pytest.mark.parametrize(
    ("reason", "words"), [("cannot allocate memory",) * 2, ("Status.starting", "a worker process ended")]
)
async def test_workers_that_do_not_start_are_one_line(reason: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason of the system; the words of a nanny say none."""

    async def refuse(**options: object) -> None:
        raise RuntimeError("Nanny failed to start.") from OSError(reason)

    monkeypatch.setattr(local_workers, "LocalCluster", refuse)
    with pytest.raises(TargetError, match=rf"the 2 workers of dask:local=2 did not start \({words}\)"):
        await local_workers.start_workers(2)


async def test_certificates_need_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """distributed alone does not install it: the error is the command that does."""
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(
        MissingDriver, match=r"dask:local=1 needs the package \"cryptography\": pip install 'bulkq\[dask\]'"
    ):
        await local_workers.start_workers(1)
