"""What every file promises to a resumed run: it ends byte for byte as if no process had ever been killed."""

from __future__ import annotations

import asyncio
import io
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkq.model import Batch, BatchResult, Column, Query
from bulkq.sinks import open_sink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.sinks.open import OpenedSink

PROGRAM = Path(__file__).parents[1] / "support" / "file_writer.py"
BATCHES = 600
QUERY = Query("users", "select id, name from users")
COLUMNS = (Column("id", "int8"), Column("name", "text"))
TEXTS = ("csv", "tsv", "json", "jsonl")
COLUMNAR = ("parquet", "arrow")
FORMATS = (*TEXTS, *COLUMNAR)

Rows = list[tuple[int, str | None]]

names = st.one_of(st.none(), st.sampled_from(["", "}", "]", '"\n', ",\n", "a\tb", "[\n", "é"]), st.text(max_size=5))
batches = st.lists(st.lists(st.tuples(st.integers(0, 999), names), max_size=4), max_size=8)


def opened(folder: str, name: str, continue_at: dict[str, int] | None = None, **more: object) -> OpenedSink:
    """The sink of format `name` in `folder`."""
    arguments: dict[str, object] = {
        "path": f"{folder}/out.{name}",
        "format": None,
        "include": (),
        "run": "r",
        "queries": [QUERY],
        "target": "t",
        "stdout": io.BytesIO(),
        "terminal": False,
        "continue_at": continue_at,
    }
    sink = open_sink(**{**arguments, **more})
    sink.describe(QUERY, COLUMNS)
    return sink


async def put(sink: OpenedSink, rows: Rows) -> None:
    """One batch."""
    values = list(zip(*rows, strict=True)) if rows else [[], []]
    result = BatchResult(Batch(0, 1, [()] * len(rows)), QUERY, "t", COLUMNS, values, range(len(rows)), ok=len(rows))
    payload, _ = sink.encode(result)
    await sink.write(payload)


async def uninterrupted(name: str, every: list[Rows]) -> bytes:
    """The file of a run that nobody killed."""
    with tempfile.TemporaryDirectory() as folder:
        sink = opened(folder, name)
        for rows in every:
            await put(sink, rows)
        await sink.close(complete=True)
        return Path(folder, f"out.{name}").read_bytes()


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=20, deadline=None)
@given(every=batches, cuts=st.lists(st.integers(0, 8), max_size=3), lost=batches, torn=st.binary(max_size=9))
async def test_any_cut_ends_in_the_same_bytes(
    name: str, every: list[Rows], cuts: list[int], lost: list[Rows], torn: bytes
) -> None:
    """Whatever stands behind the durable position is cut, and the rest is written as if it had never been there."""
    with tempfile.TemporaryDirectory() as folder:
        path, known, done = Path(folder, f"out.{name}"), None, 0
        for cut in sorted(min(cut, len(every)) for cut in cuts):
            sink = opened(folder, name, known)
            for rows in every[done:cut]:
                await put(sink, rows)
            done, known = cut, {p.path: p.offset for p in sink.positions()}
            await sink.fsync()
            for rows in lost:
                await put(sink, rows)
            await sink.close(complete=False)
            with Path(f"{path}.partial").open("ab") as stream:
                stream.write(torn)
        sink = opened(folder, name, known)
        assert not sink.finished
        for rows in every[done:]:
            await put(sink, rows)
        await sink.close(complete=True)
        assert path.read_bytes() == await uninterrupted(name, every)
        assert [p.name for p in Path(folder).iterdir()] == [path.name]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("rows", [0, 3])
async def test_killed_between_the_name_and_the_record_of_it(name: str, rows: int, tmp_path: Path) -> None:
    """The file is complete and nobody noted it: the resumed run has nothing to write and changes nothing."""
    sink = opened(str(tmp_path), name)
    await put(sink, [(n, "x") for n in range(rows)])
    before = sink.positions()
    await sink.close(complete=True)
    path = tmp_path / f"out.{name}"
    data = path.read_bytes()
    after = sink.positions()
    if rows == 0 and name in {
        "csv",
        "tsv",
        *COLUMNAR,
    }:  # a header that stands alone is kept, for nothing would write it again
        assert [position.offset for position in after] == [1 if name in COLUMNAR else len(data)]
    else:
        assert after == before
    for known in (before, after):
        for complete in (False, True):
            again = opened(str(tmp_path), name, {p.path: p.offset for p in known})
            assert again.finished == bool(known[0].offset)
            assert again.positions()[0].path == str(path)
            await again.close(complete=complete)
        assert path.read_bytes() == data
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", COLUMNAR)
async def test_positions_of_columnar_files_count_rows(name: str, tmp_path: Path) -> None:
    """A position is one more than the rows so far; a cut behind any of them moves it back, and stays durable."""
    sink = opened(str(tmp_path), name)
    offsets = [sink.mark()]
    for n in range(1, 4):
        await put(sink, [(n, "a"), (n, None)])
        offsets.append(sink.mark())
    assert offsets == [0, 3, 5, 7]
    for mark in (5, 0):
        sink.back_to(mark)
        assert [p.offset for p in sink.positions()] == [mark]
        await sink.fsync()
        await put(sink, [(9, "b")])
    await sink.close(complete=True)
    made = tmp_path / f"out.{name}"
    found = pq.read_table(made) if name == "parquet" else pa.ipc.open_file(made.read_bytes()).read_all()
    assert found.to_pylist() == [{"id": 9, "name": "b"}]


@pytest.mark.parametrize("name", COLUMNAR)
async def test_a_complete_columnar_file_takes_more_rows(name: str, tmp_path: Path) -> None:
    """A target that was away comes back: its rows follow those of the complete file, as if the run had never ended."""
    whole = await uninterrupted(name, [[(1, "a")], [(2, None)]])
    sink = opened(str(tmp_path), name)
    await put(sink, [(1, "a")])
    await sink.close(complete=True)
    again = opened(str(tmp_path), name, {p.path: p.offset for p in sink.positions()})
    assert again.finished
    await put(again, [(2, None)])
    await again.close(complete=True)
    assert (tmp_path / f"out.{name}").read_bytes() == whole
    assert [p.name for p in tmp_path.iterdir()] == [f"out.{name}"]


@pytest.mark.parametrize("name", TEXTS)
async def test_positions_count_what_is_buffered_and_what_was_taken_back(name: str, tmp_path: Path) -> None:
    """A position is the end of the rows so far, in the file or not yet; a cut moves it back, and stays durable."""
    sink = opened(str(tmp_path), name)
    partial = tmp_path / f"out.{name}.partial"
    assert [(p.path, p.offset) for p in sink.positions()] == [(str(tmp_path / f"out.{name}"), 0)]
    await put(sink, [(1, "a")])
    mark = sink.mark()
    (first,) = sink.positions()
    assert first.offset == mark > partial.stat().st_size
    await sink.fsync()
    assert first.offset == partial.stat().st_size
    await put(sink, [(2, "half")])
    await sink.fsync()
    sink.back_to(mark)
    assert sink.positions() == (first,)
    await put(sink, [(2, "b")])
    await sink.fsync()
    assert partial.read_bytes().endswith(
        {"csv": b"2,b\n", "tsv": b"2\tb\n"}.get(name, b'"b"}' + b"\n" * (name == "jsonl"))
    )
    sink.discard()


def command_of(folder: Path, formats: Sequence[str]) -> list[str]:
    """The command that starts the program."""
    return [sys.executable, str(PROGRAM), str(folder), str(BATCHES), *formats]


async def run_to_the_end(folder: Path, formats: Sequence[str]) -> None:
    """Start the program once more and let it finish."""
    command = command_of(folder, formats)
    await asyncio.to_thread(subprocess.run, command, check=True, stdout=subprocess.DEVNULL)


def contents(folder: Path) -> dict[str, bytes]:
    """Every output by its name."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "state"}


def killed(folder: Path, formats: Sequence[str], lines: int, wait_s: float) -> bool:
    """Start the program, kill it `wait_s` after it has printed `lines` lines; whether it was still at it."""
    with subprocess.Popen(command_of(folder, formats), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(lines):
            process.stdout.readline()
        time.sleep(wait_s)  # no event marks the middle of a write
        process.kill()
        return process.wait() != 0


@pytest.mark.parametrize(("formats", "most"), [(TEXTS, 15), (("parquet",), 3), (("arrow",), 2)])
@pytest.mark.long
async def test_killed_again_and_again(formats: Sequence[str], most: int, tmp_path: Path) -> None:
    """SIGKILL at random moments, one process after the other: all files end as those of a run that nobody killed."""
    seed = int(os.environ.get("BULKQ_KILL_SEED", random.randrange(1 << 30)))
    print(f"BULKQ_KILL_SEED={seed}")
    chance = random.Random(seed)
    whole, pieces = tmp_path / "whole", tmp_path / "pieces"
    whole.mkdir()
    pieces.mkdir()
    await run_to_the_end(whole, formats)
    kills = 0
    for _ in range(most):
        kills += await asyncio.to_thread(killed, pieces, formats, chance.randrange(70), chance.uniform(0, 0.01))
    await run_to_the_end(pieces, formats)
    assert contents(pieces) == contents(whole)
    assert len(contents(whole)) == len(formats) + 1
    assert kills >= most // 2
