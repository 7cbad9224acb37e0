"""The process that `test_sinks_continued` kills: writes a known sequence to every kind of file, and where it stands.

    file_writer.py FOLDER BATCHES FORMAT...

In FOLDER: `out.csv` and so on, one for each format, `failures.jsonl`, and `state`, whose last whole line is what a
ledger would know: the batches that are done, and the offsets that were durable by then. Prints a line per batch.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from pathlib import Path

from bulkq.model import Batch, BatchResult, Column, Failure, Outcome, Query
from bulkq.sinks import FailureFile, open_sink

QUERY = Query("q", "select id, name")
COLUMNS = (Column("id", "int8"), Column("name", "text"))


def batch_result(index: int) -> BatchResult:
    """Batch `index` of the sequence: 0 to 40 rows, every seventh with a failure."""
    count = index * 7919 % 41
    ids = [index * 100 + row for row in range(count)]
    names = [f'name "{n}", ' + "é\n" * (n % 5) + "x" * (n * 31 % 200) for n in ids]
    failure = Failure(index, "", "t", "q", {}, Outcome.ROLLED_BACK, "22P02", "no" * index, 1)
    return BatchResult(
        Batch(index, 1, [()] * count),
        QUERY,
        "t",
        COLUMNS,
        [ids, names],
        range(count),
        ok=count,
        failures=(failure,) if index % 7 == 0 else (),
    )


def known(state: Path) -> tuple[int, dict[str, int]]:
    """The last line that was written whole: a process may have died in the middle of one, and the next ended it."""
    lines = state.read_bytes().splitlines() if state.exists() else []
    for line in reversed(lines):
        if line.endswith(b"}]"):
            done, offsets = json.loads(line)
            return done, offsets
    return 0, {}


class Writer:
    """What a run does to its outputs, in small."""

    def __init__(self, folder: Path, formats: list[str]) -> None:
        self.done, offsets = known(folder / "state")
        self.sinks = [
            open_sink(
                path=str(folder / f"out.{name}"),
                format=None,
                include=(),
                run="r",
                queries=[QUERY],
                target="t",
                stdout=io.BytesIO(),
                terminal=False,
                continue_at=offsets,
            )
            for name in formats
        ]
        failures = str(folder / "failures.jsonl")
        self.failures = FailureFile(failures, offsets.get(os.path.realpath(failures), 0))
        self.state = os.open(folder / "state", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(self.state, b"\n")

    async def note(self) -> None:
        """One group commit: what is done and where, then fsync, then the record of it."""
        outputs = [*self.sinks, self.failures]
        line = json.dumps([self.done, {p.path: p.offset for output in outputs for p in output.positions()}])
        for output in outputs:
            await output.fsync()
        os.write(self.state, line.encode() + b"\n")
        os.fsync(self.state)

    async def keep(self) -> None:
        """Note without end."""
        while True:
            await self.note()
            await asyncio.sleep(0)

    async def write(self, batches: int) -> None:
        """Go on from what is done; appends do not wait for the disk."""
        keeper = asyncio.create_task(self.keep())
        for index in range(self.done, batches):
            result = batch_result(index)
            for sink in self.sinks:
                payload, _ = sink.encode(result)
                await sink.write(payload)
            self.failures.batch_done(result)
            self.done = index + 1
            print(index, flush=True)
            await asyncio.sleep(0.0005)
        keeper.cancel()
        await asyncio.wait([keeper])
        await self.note()
        for sink in self.sinks:
            print("closing", flush=True)
            await sink.close(complete=True)
        self.failures.close(complete=True)


async def main() -> None:
    """Write it all."""
    await Writer(Path(sys.argv[1]), sys.argv[3:]).write(int(sys.argv[2]))


if __name__ == "__main__":
    asyncio.run(main())
